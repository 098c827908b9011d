"""What layers say about who may ask, to the Access of a rule.

PURE. Of each kind the strongest layer wins whole; rules of authorization of all layers add up. Guarantee: what does not
resolve (a Secret, a Service) never opens a door: keys, a key set or a service that cannot be found fail every request
that needs them. Obeys: compat-agentgateway 2.5.
"""

from collections.abc import Callable, Iterable

import msgspec

from sluice.config.access_api import (
    AccessSettings,
    ApiKeySettings,
    AuthorizationSettings,
    BasicSettings,
    EnterpriseSettings,
    JwtProvider,
    JwtSettings,
    RemoteKeys,
)
from sluice.config.access_enterprise_api import AuthConfig
from sluice.config.access_external import ExternalReader, Where
from sluice.config.access_keys import KeyReader, distinct
from sluice.config.access_parts import inline_keys, keys_at, passwords, place_of, remote_keys
from sluice.config.conditions import check_condition
from sluice.config.faults import Faults, Path
from sluice.config.layers import Said
from sluice.config.objects import Objects
from sluice.config.references import Unresolved, Values
from sluice.config.service_url import server_of
from sluice.policies.access import OPEN, Access, merged
from sluice.policies.api_key import ApiKey, ApiKeys
from sluice.policies.authorization import Authorization
from sluice.policies.basic_auth import Basic
from sluice.policies.jwt import Issuer, Jwt
from sluice.policies.location import BASIC, BEARER, Location
from sluice.policies.server import Source

HTPASSWD = ".htaccess"
"""The entry of a Secret that holds a password file (compat 2.5)."""
MODES = {"Strict": "strict", "Optional": "optional", "Permissive": "permissive"}


class AccessReader:
    """Reads them for all rules of a configuration. Rules that stand under the same layers share one Access."""

    def __init__(self, objects: Objects, values: Values, where: Where, faults: Faults) -> None:
        """`where` finds the endpoint of a reference of an object of a namespace, or raises Unresolved."""
        self._objects, self._values, self._where, self._faults = objects, values, where, faults
        self._keys = KeyReader(objects, values, faults)
        self._made: dict[int, tuple[object, Access]] = {}
        self._merged: dict[tuple[int, ...], Access] = {}
        self.notes: list[str] = []
        """Sentences about what does not resolve."""

    def access(self, layers: Iterable[Said[AccessSettings]]) -> Access:
        """Return what layers, the weakest first, come to."""
        made = [one for one in map(self._one, layers) if one != OPEN]
        key = tuple(id(one) for one in made)
        if key not in self._merged:
            self._merged[key] = merged(*reversed(made))
        return self._merged[key]

    def _one(self, said: Said[AccessSettings]) -> Access:
        known = self._made.get(id(said.settings))
        if known is None:
            settings = said.settings
            api_keys = None
            if settings.api_key_authentication is not None:
                api_keys = self._api_keys(settings.api_key_authentication, said)
            elif settings.ent_ext_auth is not None:
                api_keys = self._enterprise(settings.ent_ext_auth, said)
            external = ExternalReader(said.place, ("extAuth",), self._faults, self.notes, self._where, said.namespace)
            access = Access(
                jwt=None if settings.jwt_authentication is None else self._jwt(settings.jwt_authentication, said),
                basic=None
                if settings.basic_authentication is None
                else self._basic(settings.basic_authentication, said),
                api_keys=api_keys,
                external=() if settings.ext_auth is None else external.read(settings.ext_auth),
                authorization=self._authorization(settings.authorization, said),
            )
            known = self._made[id(said.settings)] = (said.settings, access)
        return known[1]

    # -- tokens -------------------------------------------------------------------------------------------------------

    def _jwt(self, spec: JwtSettings, said: Said[AccessSettings]) -> Jwt:
        path: Path = ("jwtAuthentication",)
        issuers = [self._issuer(item, said, (*path, "providers", i)) for i, item in enumerate(spec.providers)]
        location = place_of(spec.location, BEARER, said.place, (*path, "location"), self._faults)
        return msgspec.convert({"mode": MODES[spec.mode], "issuers": issuers, "location": location}, Jwt)

    def _issuer(self, spec: JwtProvider, said: Said[AccessSettings], path: Path) -> Issuer:
        keys = Source(path=spec.jwks.file or "")
        if spec.jwks.inline is not None:
            keys = inline_keys(spec.jwks.inline, said.place, (*path, "jwks", "inline"), self._faults)
        elif spec.jwks.remote is not None:
            keys = self._remote(spec.jwks.remote, said, (*path, "jwks", "remote"))
        required = spec.jwt_validation_options.required_claims
        return Issuer(issuer=spec.issuer, audiences=spec.audiences or (), keys=keys, required=required)

    def _remote(self, spec: RemoteKeys, said: Said[AccessSettings], path: Path) -> Source:
        cache_s = Source().cache_s if spec.cache_duration is None else float(spec.cache_duration)
        if spec.url is not None:
            return remote_keys(spec.url, cache_s, said.place, (*path, "url"), self._faults)
        assert spec.backend_ref is not None
        target = f"/{(spec.jwks_path or '').removeprefix('/')}"
        if not target.isascii() or not target.isprintable() or " " in target:
            self._faults.add(said.place(*path, "jwksPath"), "expected a path, perhaps with a query")
        try:
            return Source(
                server=server_of(self._where(spec.backend_ref, said.namespace)), target=target, cache_s=cache_s
            )
        except Unresolved as error:
            self.notes.append(f"Tokens cannot be verified: {error}.")
            return Source(missing=str(error))

    # -- keys and passwords -------------------------------------------------------------------------------------------

    def _api_keys(self, spec: ApiKeySettings, said: Said[AccessSettings]) -> ApiKeys:
        def read() -> list[ApiKey]:
            if spec.secret_ref is not None:
                return self._keys.of_secret(said.namespace, spec.secret_ref.name)
            if spec.secret_selector is not None:
                return self._keys.of_selected(said.namespace, spec.secret_selector.match_labels)
            assert spec.config_map_selector is not None
            return self._keys.of_config_maps(said.namespace, spec.config_map_selector.match_labels)

        places = keys_at(spec.location, said.place, ("apiKeyAuthentication", "location"), self._faults)
        keys, missing = self._read(read)
        return msgspec.convert(
            {"mode": MODES[spec.mode], "keys": keys, "locations": places, "missing": missing}, ApiKeys
        )

    def _enterprise(self, spec: EnterpriseSettings, said: Said[AccessSettings]) -> ApiKeys | None:
        reference = spec.auth_config_ref
        namespace = reference.namespace or said.namespace
        resource = self._objects.get(AuthConfig, namespace, reference.name)
        auth = None if resource is None else resource.body.spec.configs[0].api_key_auth
        if auth is None:
            missing = f"AuthConfig {namespace}/{reference.name} with `apiKeyAuth` not found"
            self.notes.append(f"Nobody is let in: {missing}.")
            return ApiKeys(missing=missing)
        keys, missing = self._read(lambda: self._keys.of_auth_config(namespace, auth))
        return ApiKeys(keys=keys, locations=(Location(name=auth.header_name.lower()),), missing=missing)

    def _read(self, read: Callable[[], list[ApiKey]]) -> tuple[tuple[ApiKey, ...], str]:
        """Return the keys, and why they cannot be had."""
        try:
            return distinct(read()), ""
        except Unresolved as error:
            self.notes.append(f"Nobody is let in by an API key: {error}.")
            return (), str(error)

    def _basic(self, spec: BasicSettings, said: Said[AccessSettings]) -> Basic:
        path: Path = ("basicAuthentication",)
        users = Source()
        if spec.users is not None:
            users = passwords(spec.users, said.place, (*path, "users"), self._faults)
        elif spec.secret_ref is not None:
            try:
                text = self._values.secret(said.namespace, spec.secret_ref.name, HTPASSWD).reveal()
                users = passwords(text.split("\n"), said.place, (*path, "secretRef"), self._faults)
            except Unresolved as error:
                self.notes.append(f"No password is right: {error}.")
                users = Source(missing=str(error))
        location = place_of(spec.location, BASIC, said.place, (*path, "location"), self._faults)
        realm = spec.realm or Basic(users=users).realm
        return msgspec.convert({"mode": MODES[spec.mode], "realm": realm, "users": users, "location": location}, Basic)

    # -- rules --------------------------------------------------------------------------------------------------------

    def _authorization(self, spec: AuthorizationSettings | None, said: Said[AccessSettings]) -> Authorization:
        if spec is None:
            return Authorization()
        rules = spec.policy.match_expressions
        path: Path = ("authorization", "policy", "matchExpressions")
        for index, text in enumerate(rules):
            check_condition(text, said.place(*path, index), self._faults)
        return msgspec.convert({spec.action.lower(): rules}, Authorization)
