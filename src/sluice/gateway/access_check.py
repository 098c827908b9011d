"""The policies of identity of one route, one after the other: token, basic, API key, external authorization, rules.

Obeys: labs 2.3 (the order) and section 6 (401 for who asks, 403 for what they may), compat-agentgateway 1.7.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

import msgspec

from sluice.errors import BadRequest, Forbidden, PolicyUnavailable, Unauthenticated
from sluice.gateway.access_basic import Passwords, Turns
from sluice.gateway.access_external import ExternalCheck
from sluice.gateway.access_jwt import KeysMissing, Tokens
from sluice.gateway.access_sources import Clock, Kept
from sluice.gateway.ports import Request, Upstream
from sluice.gateway.scene import request_facts
from sluice.gateway.tracing import Trace
from sluice.policies import basic_auth, jwks
from sluice.policies.access import Access
from sluice.policies.api_key import ApiKey, KeyRing
from sluice.policies.authorization import EVERYBODY, Rules
from sluice.policies.jwt import Refused, is_token
from sluice.policies.location import Ambiguous, Location, found, without
from sluice.policies.principal import NOBODY, Principal
from sluice.policies.scene import ASKED, Scene
from sluice.policies.server import Source
from sluice.policies.value import Value
from sluice.providers.credential import Secret
from sluice.wire.http1 import Header

T = TypeVar("T")

_BEARER: Header = (b"www-authenticate", b"Bearer")
_IDS = ("id", "sub", "user", "username")
"""Of what an external authorization said: who it takes the client for."""


class Surroundings(Protocol):
    """What all routes share."""

    upstream: Upstream
    clock: Clock
    wall: Callable[[], float]
    turns: Turns
    issued: Callable[[bytes], ApiKey | None]

    def kept(self, source: Source, read: Callable[[bytes], T]) -> Kept[T]:
        """Return the keeper of a text."""
        ...


class Admitted(msgspec.Struct, frozen=True):
    """A request that may go on."""

    principal: Principal
    request: Request
    """What goes on."""
    to_client: tuple[Header, ...] = ()
    """Headers for the answer."""


class Check:
    """The policies of one route, compiled."""

    def __init__(self, world: Surroundings, access: Access) -> None:
        self._access = access
        self._tokens = self._passwords = self._keys = None
        if access.jwt is not None:
            self._tokens = Tokens(access.jwt, lambda issuer: world.kept(issuer.keys, jwks.read), world.wall)
        if access.basic is not None:
            users = world.kept(access.basic.users, basic_auth.read)
            self._passwords = Passwords(users, world.turns, world.clock)
        if access.api_keys is not None:
            self._keys = KeyRing(access.api_keys.keys, world.issued)
            self._said_of_keys = frozenset(name for key in access.api_keys.keys for name, _ in key.headers)
        self._external = [ExternalCheck(one, world.upstream, world.clock, world.wall) for one in access.external]
        self._rules = Rules(access.authorization) if access.authorization != EVERYBODY else None
        places = [policy.location for policy in (access.jwt, access.basic) if policy is not None]
        places += access.api_keys.locations if access.api_keys is not None else ()
        self._values = {place.name: Value(place.name, sees=ASKED) for place in places if place.kind == "expression"}

    async def run(
        self, request: Request, scene: Scene, scheme: str, known: Principal, trace: Trace | None = None
    ) -> Admitted:
        """Let a request in; see `AccessControl.check`."""
        on_its_way = _OnItsWay(request, scene, known, self._values)
        try:
            await self._token(on_its_way)
            await self._password(on_its_way)
            self._key(on_its_way)
        except Ambiguous as error:
            raise BadRequest(f"{error}; a credential is sent once") from None
        await self._ask(on_its_way, trace)
        request = on_its_way.request()
        scene.learn("request", request_facts(request, scheme))
        if self._rules is not None and not self._rules.permit(scene):
            raise Forbidden("authorization failed")
        return Admitted(on_its_way.principal, request, on_its_way.to_client)

    async def _token(self, way: "_OnItsWay") -> None:
        policy = self._access.jwt
        if policy is None or self._tokens is None:
            return
        token, before = way.credential(policy.location), way.original.credential
        if token is None and before is not None and is_token(before.reveal()):
            token = before.reveal()  # an earlier phase verified it and took it off
        other = self._access.api_keys is not None and policy.mode != "strict"
        if token is None or (other and not is_token(token)):  # both may stand in the same header
            if policy.mode == "strict":
                raise _unproven("no bearer token found")
            return
        try:
            verified = await self._tokens.verify(token)
        except Refused as error:
            if policy.mode == "permissive":
                return
            raise _unproven(str(error)) from None
        except KeysMissing:
            if policy.mode == "permissive":
                return
            raise PolicyUnavailable("the keys of the token's issuer cannot be had", reason="JwtAuth") from None
        subject = verified.claims.get("sub")
        way.knows(Principal(kind="jwt", id=subject if isinstance(subject, str) else "", claims=verified.claims))
        way.takes_off(policy.location, token)
        way.scene.learn("jwt", verified.claims)

    async def _password(self, way: "_OnItsWay") -> None:
        policy = self._access.basic
        if policy is None or self._passwords is None:
            return
        realm = policy.realm.replace("\\", "\\\\").replace('"', '\\"')
        challenge: Header = (
            b"www-authenticate",
            f'Basic realm="{realm}", charset="UTF-8"'.encode("latin-1", "replace"),
        )
        encoded = way.credential(policy.location)
        if encoded is None:
            if policy.mode == "strict":
                text = "basic authentication failure: no basic authentication credentials found"
                raise Unauthenticated(text, reason="BasicAuth", headers=(challenge,))
            return
        given = basic_auth.credentials(encoded)
        try:
            right = given is not None and await self._passwords.are_right(*given)
        except LookupError:
            raise PolicyUnavailable("the users cannot be had", reason="BasicAuth") from None
        if given is None or not right:
            text = "basic authentication failure: invalid credentials"
            raise Unauthenticated(text, reason="BasicAuth", headers=(challenge,))
        way.knows(Principal(kind="basic", id=given[0]))
        way.takes_off(policy.location, None)
        way.scene.learn("basicAuth", {"username": given[0]})

    def _key(self, way: "_OnItsWay") -> None:
        policy = self._access.api_keys
        if policy is None or self._keys is None:
            return
        way.says(self._said_of_keys, ())
        presented = [(place, text) for place in policy.locations if (text := way.credential(place)) is not None]
        known = [(place, text, key) for place, text in presented if (key := self._keys.find(text)) is not None]
        for place, text, _ in known:  # wherever one stands, it goes no further
            way.takes_off(place, text)
        if known:
            self._is(known[0][2], way)
            return
        before = way.original.credential  # an earlier phase verified it and took it off
        if before is not None and (key := self._keys.find(before.reveal())) is not None:
            self._is(key, way)
        elif presented and policy.missing and policy.mode != "permissive":
            raise PolicyUnavailable("the API keys cannot be had", reason="APIKeyAuth")
        elif policy.mode == "strict" or (policy.mode == "optional" and presented):
            why = "invalid credentials" if presented else "no API Key found"
            raise Unauthenticated(f"api key authentication failure: {why}", reason="APIKeyAuth", headers=(_BEARER,))

    def _is(self, key: ApiKey, way: "_OnItsWay") -> None:
        way.knows(Principal(kind="api_key", id=key.id, metadata=key.metadata, allowed_models=key.allowed_models))
        way.says((), key.headers)
        way.scene.learn("apiKey", {"key_id": key.id, "name": key.id, **key.metadata})

    async def _ask(self, way: "_OnItsWay", trace: Trace | None) -> None:
        for policy in self._access.external:
            way.says(policy.to_provider, ())
        check = next((check for check in self._external if check.is_asked(way.scene)), None)
        if check is None:
            return
        said = await check.check(way.original, way.scene, trace)
        way.says((), [(name.decode("latin-1"), value.decode("latin-1")) for name, value in said.to_provider])
        way.to_client = said.to_client
        way.scene.learn("extauthz", said.metadata)
        name = next((said.metadata[each] for each in _IDS if isinstance(said.metadata.get(each), str)), "")
        way.knows(Principal(kind="external", id=str(name), metadata=said.metadata))


class _OnItsWay:
    """A request between the policies: what was found out about it, and what is left of it."""

    def __init__(self, request: Request, scene: Scene, known: Principal, values: Mapping[str, Value]) -> None:
        self.original = request
        self.scene = scene
        self._values = values
        self.principal = known
        self.to_client: tuple[Header, ...] = ()
        self._headers, self._query = request.headers, request.query
        self._credential = request.credential
        self._added = request.added

    def credential(self, location: Location) -> str | None:
        """Return what stands at a location, None if nothing does.

        Raises:
            Ambiguous: something stands there twice.
        """
        if location.kind != "expression":
            return found(location, self._headers, self._query)
        try:
            value = self._values[location.name].value(self.scene)
        except LookupError:
            return None
        return value if isinstance(value, str) and value else None

    def takes_off(self, location: Location, credential: str | None) -> None:
        """Take a credential off that was verified; the first one is the client's for whoever wants it passed on."""
        self._headers, self._query = without((location,), self._headers, self._query)
        if self._credential is None and credential is not None:
            self._credential = Secret(credential)

    def knows(self, who: Principal) -> None:
        """Say who asks: the first policy that proves it gives the name, the others what they know besides."""
        known = self.principal
        if known == NOBODY:
            self.principal = who
            return
        self.principal = msgspec.structs.replace(
            known,
            claims=known.claims or who.claims,
            metadata={**known.metadata, **who.metadata},
            allowed_models=known.allowed_models or who.allowed_models,
        )

    def says(self, names: Iterable[str], headers: Iterable[tuple[str, str]]) -> None:
        """Add headers that a policy says on its own authority; what the client says under these names is dropped, and
        under those that a backend of CGI's kind takes for them (RFC 3875 4.1.18 makes `-` a `_`)."""
        own = {name.encode("latin-1").replace(b"_", b"-") for name in names}
        self._headers = tuple(field for field in self._headers if field[0].replace(b"_", b"-") not in own)
        self._added += tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)

    def request(self) -> Request:
        """Return the request as it goes on."""
        return msgspec.structs.replace(
            self.original,
            headers=(*self._headers, *self._added),
            query=self._query,
            credential=self._credential,
            added=self._added,
        )


def _unproven(why: str) -> Unauthenticated:
    return Unauthenticated(f"authentication failure: {why}", reason="JwtAuth", headers=(_BEARER,))
