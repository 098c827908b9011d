"""`llm.policies` of the short form, as far as it is about who may ask, to the Access of its rules.

PURE. The short form holds no objects: keys stand in it, or their digests; key sets and password files may be files.
Obeys: compat-agentgateway 1.7 and 3.1.
"""

from sluice.config.access_api import MIN_CACHE_S
from sluice.config.access_external import ExternalReader, lower
from sluice.config.access_keys import Entry, one_key
from sluice.config.access_parts import inline_keys, keys_at, passwords, place_of, remote_keys
from sluice.config.access_short_api import (
    DenyWithStatus,
    ShortAccessSettings,
    ShortApiKeys,
    ShortAuthorization,
    ShortBasic,
    ShortExternal,
    ShortHttp,
    ShortIssuer,
    ShortJwt,
    ShortKeys,
    ShortRule,
)
from sluice.config.conditions import Placing, check_condition
from sluice.config.faults import Faults, Path
from sluice.config.service_url import server_at
from sluice.policies.access import Access
from sluice.policies.api_key import ApiKey, ApiKeys
from sluice.policies.authorization import Authorization
from sluice.policies.basic_auth import Basic
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.jwt import Issuer, Jwt
from sluice.policies.location import BASIC, BEARER
from sluice.policies.server import Server, Source


def short_access(spec: ShortAccessSettings, place: Placing, faults: Faults, notes: list[str]) -> Access:
    """Return what `llm.policies` says; `place` begins there. `notes` gets sentences for the banner."""
    return Access(
        jwt=None if spec.jwt_auth is None else _jwt(spec.jwt_auth, place, faults, notes),
        basic=None if spec.basic_auth is None else _basic(spec.basic_auth, place, faults),
        api_keys=None if spec.api_key is None else _api_keys(spec.api_key, place, faults),
        external=() if spec.ext_authz is None else (_external(spec.ext_authz, place, faults, notes),),
        authorization=short_authorization(spec.authorization, place, ("authorization",), faults),
    )


def short_authorization(spec: ShortAuthorization | None, place: Placing, path: Path, faults: Faults) -> Authorization:
    """Return rules; those of a model too, where `path` leads to them."""
    rules: dict[str, list[str]] = {"allow": [], "deny": [], "require": []}
    for index, rule in enumerate(spec.rules if spec is not None else ()):
        said = {"allow": rule} if isinstance(rule, str) else _said(rule)
        for kind, text in said.items():
            steps = (*path, "rules", index) if isinstance(rule, str) else (*path, "rules", index, kind)
            check_condition(text, place(*steps), faults)
            rules[kind].append(text)
    return Authorization(allow=tuple(rules["allow"]), deny=tuple(rules["deny"]), require=tuple(rules["require"]))


def _said(rule: ShortRule) -> dict[str, str]:
    found = {"allow": rule.allow, "deny": rule.deny, "require": rule.require}
    return {kind: text for kind, text in found.items() if text is not None}


def _jwt(spec: ShortJwt, place: Placing, faults: Faults, notes: list[str]) -> Jwt:
    path: Path = ("jwtAuth",)
    if spec.mode is None:
        notes.append("`jwtAuth` has no `mode`: requests without a token pass, as with `mode: optional`.")
    if spec.issuer is not None and spec.jwks is not None:
        options = spec.jwt_validation_options
        one = ShortIssuer(issuer=spec.issuer, audiences=spec.audiences, jwks=spec.jwks, jwt_validation_options=options)
        issuers: tuple[Issuer, ...] = (_issuer(one, place, path, faults),)
    else:
        rows = enumerate(spec.providers)
        issuers = tuple(_issuer(item, place, (*path, "providers", i), faults) for i, item in rows)
    location = place_of(spec.location, BEARER, place, (*path, "location"), faults)
    return Jwt(mode=spec.mode or "optional", issuers=issuers, location=location)


def _issuer(spec: ShortIssuer, place: Placing, path: Path, faults: Faults) -> Issuer:
    return Issuer(
        issuer=spec.issuer,
        audiences=spec.audiences or (),
        keys=_keys(spec.jwks, place, (*path, "jwks"), faults),
        required=spec.jwt_validation_options.required_claims,
    )


def _keys(spec: str | ShortKeys, place: Placing, path: Path, faults: Faults) -> Source:
    if isinstance(spec, str):
        return inline_keys(spec, place, path, faults)
    if spec.file is not None:
        return Source(path=spec.file)
    cache_s = Source().cache_s if spec.cache_duration is None else float(spec.cache_duration)
    if cache_s < MIN_CACHE_S:
        faults.add(place(*path, "cacheDuration"), "`cacheDuration` is 5m at least")
    return remote_keys(spec.url or "", cache_s, place, (*path, "url"), faults)


def _api_keys(spec: ShortApiKeys, place: Placing, faults: Faults) -> ApiKeys:
    keys: list[ApiKey] = []
    for index, item in enumerate(spec.keys):
        entry = Entry(key=item.key, key_hash=item.key_hash, metadata=item.metadata, allowed_models=item.allowed_models)
        key = one_key(item.name or "", entry, place("apiKey", "keys", index), faults)
        if key is not None and any(key.digest == other.digest for other in keys):
            faults.add(place("apiKey", "keys", index), "this key stands here twice: the second entry would never hold")
        elif key is not None:
            keys.append(key)
    return ApiKeys(
        mode=spec.mode,
        keys=tuple(keys),
        locations=keys_at(spec.location, place, ("apiKey", "location"), faults),
    )


def _basic(spec: ShortBasic, place: Placing, faults: Faults) -> Basic:
    path: Path = ("basicAuth",)
    if isinstance(spec.htpasswd, str):
        users = passwords(spec.htpasswd.split("\n"), place, (*path, "htpasswd"), faults)
    else:
        users = Source(path=spec.htpasswd.file)
    location = place_of(spec.authorization_location, BASIC, place, (*path, "authorizationLocation"), faults)
    return Basic(mode=spec.mode, realm=spec.realm or Basic().realm, users=users, location=location)


def _external(spec: ShortExternal, place: Placing, faults: Faults, notes: list[str]) -> ExternalAuth:
    path: Path = ("extAuthz",)
    reader = ExternalReader(place, path, faults, notes)
    http = spec.protocol.http or ShortHttp()
    way: Path = (*path, "protocol", "http")
    for name, text in {"path": http.path, "body": http.body, "redirect": http.redirect}.items():
        reader.check(text, (*way, name))
    for name, text in http.add_request_headers.items():
        reader.check(text, (*way, "addRequestHeaders", name))
    for name, text in http.metadata.items():
        reader.check(text, (*way, "metadata", name), answers=True)
    reader.check_names(http.include_response_headers, (*way, "includeResponseHeaders"), answers=False)
    reader.check_names(http.add_request_headers, (*way, "addRequestHeaders"), answers=False)
    usual = ExternalAuth(server=None)
    body, status = spec.include_request_body, spec.failure_mode
    service = ExternalAuth(
        server=_server(spec, reader, place, path, faults),
        timeout_s=usual.timeout_s if spec.timeout is None else float(spec.timeout),
        path=http.path or "",
        body=http.body or "",
        redirect=http.redirect or "",
        body_bytes=0 if body is None else body.max_request_bytes,
        partial_body=body is not None and body.allow_partial_message,
        request_headers=lower(spec.include_request_headers) or usual.request_headers,
        add_headers=tuple((name.lower(), text) for name, text in http.add_request_headers.items()),
        to_provider=lower(http.include_response_headers),
        metadata=tuple(http.metadata.items()),
        fails_open=status == "allow",
        failure_status=status.deny_with_status if isinstance(status, DenyWithStatus) else usual.failure_status,
        cache=None if spec.cache is None else reader.cache(spec.cache, (*path, "cache")),
    )
    reader.note_cover(service, spec.cache, (*path, "cache", "key"))
    return service


def _server(spec: ShortExternal, reader: ExternalReader, place: Placing, path: Path, faults: Faults) -> Server | None:
    if spec.url is not None:
        return reader.at(spec.url, (*path, "url"))
    try:
        return server_at(spec.host or "")
    except ValueError as error:
        faults.add(place(*path, "host"), str(error))
        return None
