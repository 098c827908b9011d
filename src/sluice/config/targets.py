"""What an operator said of a provider, in whatever form, to a Target of the Plan.

PURE. Manifests, the short form, AgentgatewayModel and the environment all come through here, so that an address, a path
or a credential means the same in each of them.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from sluice.config.addresses import base_url
from sluice.config.frozen import Frozen
from sluice.config.plan import Endpoint, Target, Tls
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import OwnClocks
from sluice.policies.health import Health
from sluice.policies.shaping import NO_SHAPING, Shaping
from sluice.providers.credential import CloudAuth, Credential, HeaderPlacement, Placement, Secret
from sluice.providers.provider import Provider, Served, chosen, filled, names_in
from sluice.registry import Registry

LOOPBACK = "127.0.0.1"
TLS_PORT = 443
"""The one port where TLS is spoken without being asked for."""

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_ENDS = {
    "/chat/completions": "dialect.openai_chat",
    "/responses": "dialect.openai_responses",
    "/messages": "dialect.anthropic_messages",
    ":rawPredict": "dialect.anthropic_messages",
    ":generateContent": "dialect.gemini",
    "/converse": "dialect.bedrock_converse",
}
"""How a path that an operator gives tells the dialect that is spoken there."""
_STREAM_PATHS = {
    ":generateContent": ":streamGenerateContent?alt=sse",
    ":rawPredict": ":streamRawPredict",
    "/converse": "/converse-stream",
}


class Missing(ValueError):
    """A variable of the row has no value. `variable` is the row's name for it."""

    def __init__(self, provider: Provider, variable: str) -> None:
        super().__init__(f"the provider {provider.key} needs {_words(provider, variable)}")
        self.variable = variable


class TargetSpec(Frozen):
    """All that an operator may say. Empty or None = the provider's row decides.

    Where it is: `endpoint`, else `base_url`, else `host` and `port`, else the row's host. `tls` says how TLS is spoken;
    without it the row, the URL's scheme or port 443 decide whether it is.
    """

    name: str
    provider: Provider
    model: str = ""
    default_model: str = ""
    strips: str = ""
    endpoint: Endpoint | None = None
    base_url: str = ""
    host: str = ""
    port: int = 0
    tls: Tls | None = None
    base_path: str | None = None
    """`pathPrefix`."""
    path: str = ""
    """The whole path of a chat request. Its end tells the dialect, else it is the row's first."""
    formats: tuple[Served, ...] = ()
    """What is served, in place of the row's."""
    paths: Mapping[str, str] = {}
    """Of operations, in place of the row's, one by one."""
    variables: Mapping[str, str] = {}
    """By the row's names for them."""
    credential: Secret | None = None
    passthrough: bool = False
    placement: Placement | None = None
    credentials: tuple[Credential, ...] = ()
    cloud: CloudAuth | None = None
    ai: AiPolicy = AiPolicy()
    clocks: OwnClocks | None = None
    health: Health = Health()
    shaping: Shaping = NO_SHAPING


def make_target(spec: TargetSpec) -> Target:
    """Return the target of what an operator said.

    Raises:
        Missing: a variable of the row has no value; the message names the settings that would give it one.
        ValueError: something else is missing, or an address cannot be used. The message repeats no value.
    """
    variables = _variables(spec.provider, spec.variables)
    provider = chosen(spec.provider, variables)
    if spec.paths:
        provider = msgspec.structs.replace(provider, paths={**provider.paths, **spec.paths})
    endpoint, base_path = _place(spec, provider, variables)
    if any(segment in (".", "..") for segment in f"{base_path or ''}/{spec.path}".split("/")):
        raise ValueError("a path cannot hold a segment `.` or `..`")
    rows, chat_path = _rows(spec, spec.formats or provider.serves)
    if not rows:
        raise ValueError("it is not said which formats the provider speaks")
    templates = [provider.base_path if base_path is None else base_path, provider.query]
    _complete(spec.provider, variables, [*templates, *(row.path for row in rows if not chat_path)])
    return Target(
        name=spec.name,
        provider=provider,
        endpoint=endpoint,
        endpoints=_elsewhere(spec, provider, variables),
        model=spec.model,
        default_model=spec.default_model,
        strips=spec.strips,
        chat_path=chat_path,
        base_path=base_path,
        serves=rows if rows != provider.serves else (),
        variables=variables,
        ai=spec.ai,
        cloud=spec.cloud if spec.credential is None and not spec.passthrough else None,
        credential=_bare(spec),
        passthrough=spec.passthrough,
        placement=spec.placement,
        credentials=spec.credentials,
        clocks=spec.clocks,
        health=spec.health,
        shaping=spec.shaping,
    )


def served_provider(registry: Registry, word: str) -> Provider | None:
    """Return the row that a word of configuration means, whatever its case; None if this version has none."""
    word = word.lower()
    for provider in providers(registry):
        if word == provider.key or word in provider.aliases:
            return provider
    return None


def providers(registry: Registry) -> list[Provider]:
    """Return all rows, by their keys."""
    return [registry.get(module_id, Provider) for module_id in registry.ids("provider")]


def settings(provider: Provider, said: Mapping[str, str | None]) -> dict[str, str]:
    """Return the values of a row's variables, from settings by their names in files.

    Raises:
        ValueError: a setting is not one of this provider's.
    """
    names = {word: variable.name for variable in provider.variables for word in variable.settings}
    values = {}
    for word, value in said.items():
        if value is None:
            continue
        if word not in names:
            raise ValueError(f"`{word}` is not a setting of the provider {provider.key}")
        values[names[word]] = value
    return values


def own_endpoint(provider: Provider, tls: Tls | None = None) -> Endpoint:
    """Return where a provider is when the operator does not say; a row without a host is the provider of this
    process, at port 0.
    """
    if not provider.host:
        return Endpoint(host=LOOPBACK, port=0)
    return Endpoint(host=provider.host, port=provider.port, tls=tls or (Tls() if provider.tls else None))


def endpoint_at(host: str, port: int, tls: Tls | None = None) -> Endpoint:
    """Return an endpoint that an operator gave by host and port; TLS is spoken when asked for, or at port 443."""
    return Endpoint(host=host.strip("[]"), port=port, tls=tls or (Tls() if port == TLS_PORT else None))


def model_for(target: Target, asked: str) -> str:
    """Return the model that a target is asked for, given the client's name of it after all aliases."""
    return target.model or asked.removeprefix(target.strips) or target.default_model


def _variables(provider: Provider, said: Mapping[str, str]) -> dict[str, str]:
    known = {variable.name: variable.default for variable in provider.variables}
    return {name: value for name, value in {**known, **said}.items() if value}


def _place(spec: TargetSpec, provider: Provider, variables: Mapping[str, str]) -> tuple[Endpoint, str | None]:
    """Return the endpoint, and what replaces the base path."""
    if spec.endpoint is not None:
        return spec.endpoint, spec.base_path
    if spec.base_url:
        endpoint, path = base_url(spec.base_url)
        if spec.tls is not None and endpoint.tls is not None:
            endpoint = msgspec.structs.replace(endpoint, tls=spec.tls)
        return endpoint, _base_path(provider, path) if spec.base_path is None else spec.base_path
    if spec.host:
        return endpoint_at(spec.host, spec.port or provider.port, spec.tls), spec.base_path
    if not provider.host and provider.port:
        raise ValueError(f"the provider {provider.key} needs an address: host and port, or a base URL")
    _complete(provider, variables, [provider.host])
    return own_endpoint(msgspec.structs.replace(provider, host=_host(provider, variables)), spec.tls), spec.base_path


def _elsewhere(spec: TargetSpec, provider: Provider, variables: Mapping[str, str]) -> dict[str, Endpoint]:
    """Return where operations are that have a host of their own, as long as nobody says where the provider is."""
    if spec.endpoint is not None or spec.base_url or spec.host:
        return {}
    rows = [row for row in provider.operations if row.host]
    _complete(spec.provider, variables, [row.host for row in rows])
    hosts = {row.operation: _host(msgspec.structs.replace(provider, host=row.host), variables) for row in rows}
    return {
        operation: own_endpoint(msgspec.structs.replace(provider, host=host), spec.tls)
        for operation, host in hosts.items()
    }


def _base_path(provider: Provider, path: str) -> str:
    if provider.base_url_ends is None:
        return path
    end = next((end for end in provider.base_url_ends if path.endswith(end)), "")
    return path.removesuffix(end) + provider.base_path


def _host(provider: Provider, variables: Mapping[str, str]) -> str:
    for name in names_in(provider.host):
        value = variables[name]
        if not (_HOST if provider.host == f"{{{name}}}" else _LABEL).fullmatch(value):
            raise ValueError(f"{_words(provider, name)} goes into a host name and holds what a host name cannot")
    return filled(provider.host, variables)


def _rows(spec: TargetSpec, rows: tuple[Served, ...]) -> tuple[tuple[Served, ...], str]:
    """Return the rows that are left when an operator gives the path, and that path, if it is one for all requests."""
    if not spec.path or not rows:
        return rows, ""
    path = "/" + quote(spec.path, safe="/:%@!$&'()*+,;=~{}")
    end = next((end for end in _ENDS if path.endswith(end)), "")
    dialect = _ENDS.get(end, rows[0].dialect)
    row = next((row for row in rows if row.dialect == dialect), rows[0])
    streams = _STREAM_PATHS.get(end)
    one = msgspec.structs.replace(
        row,
        path=path,
        stream_path="" if streams is None else path.removesuffix(end) + streams,
        models=("*",),
        not_models=(),
    )
    return (one,), path[1:] if streams is None and "{" not in path else ""


def _complete(provider: Provider, variables: Mapping[str, str], templates: list[str]) -> None:
    known = {variable.name for variable in provider.variables}
    for template in templates:
        for name in sorted(names_in(template) & known):
            if name not in variables:
                raise Missing(provider, name)


def _words(provider: Provider, name: str) -> str:
    words = next((item.settings for item in provider.variables if item.name == name), ())
    return " or ".join(f"`{word}`" for word in words) or f"`{name}`"


def _bare(spec: TargetSpec) -> Secret | None:
    """Secrets are often written for the usual header, `Bearer ...`: where a row has another header the prefix goes."""
    usual = HeaderPlacement()
    if spec.credential is None or spec.placement is not None or spec.provider.placement.prefix == usual.prefix:
        return spec.credential
    return Secret(usual.bare(spec.credential))
