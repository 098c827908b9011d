"""Tracing, read: where spans go, of which exchanges there are any, what is in them.

PURE. A URL or a header may hold a secret, so no message repeats one. What the environment says stands over `config`:
`tracing_environment`. Obeys: compat-agentgateway 3.3, labs A001 and 5.2.
"""

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from sluice.config.addresses import host_port
from sluice.config.expressions import Placing
from sluice.config.faults import Faults, Place
from sluice.config.guard_api import ServiceTarget
from sluice.config.layers import Said
from sluice.config.plan import Endpoint
from sluice.config.references import Unresolved
from sluice.config.tracing_api import Sampling, ShortTracing, TracingSettings, TracingSpec
from sluice.policies.observing import Fields, Tracing
from sluice.policies.scene import ASKED, VARIABLES
from sluice.policies.value import Value

GRPC_PORT, HTTP_PORT = 4317, 4318
Finding = Callable[[ServiceTarget, str], Endpoint]
"""Resolves a reference of a namespace, or raises Unresolved."""
PATH: Final = Tracing(endpoint="").path
_SHARES: Final = "true, false, a share from 0 to 1, or an expression over the request that comes to one of them"
_TEXT: Final = """such as `'"production"'`: a text stands in quotes of its own"""
_VALUE: Final = 'such as `request.headers["x-user"]`; a text of its own stands in quotes'


# -- files ------------------------------------------------------------------------------------------------------------


def of_spec(spec: TracingSpec | None, place: Placing, faults: Faults) -> Tracing | None:
    """Return what `config.tracing` says; its endpoint is empty where only the environment can tell."""
    if spec is None:
        return None
    endpoint = ""
    if spec.otlp_endpoint is not None:
        endpoint = _url(spec.otlp_endpoint, place("otlpEndpoint"), faults)
    return Tracing(
        endpoint=endpoint,
        protocol=spec.otlp_protocol or "grpc",
        path=spec.path or PATH,
        headers=tuple(spec.headers.items()),
        random_sampling=_sampling(spec.random_sampling, "false", place("randomSampling"), faults),
        client_sampling=_sampling(spec.client_sampling, "true", place("clientSampling"), faults),
        add=_tried(spec.fields.add.items(), lambda name, _: place("fields", "add", name), faults),
        remove=spec.fields.remove,
        resources=_tried(spec.resources.items(), lambda name, _: place("resources", name), faults, sees=()),
    )


def of_short(spec: ShortTracing, place: Placing, faults: Faults) -> Tracing:
    """Return what `frontendPolicies.tracing` says."""
    host = spec.host or ""
    try:
        name, port = host_port(host, GRPC_PORT if spec.protocol == "grpc" else HTTP_PORT)
        host = Endpoint(host=name, port=port).label
    except ValueError:
        faults.add(place("host"), "expected `host:port`", "`config.tracing.otlpEndpoint` takes a URL")
    return Tracing(
        endpoint=f"http://{host}",
        protocol=spec.protocol,
        path=spec.path or PATH,
        random_sampling=_sampling(spec.random_sampling, "false", place("randomSampling"), faults),
        client_sampling=_sampling(spec.client_sampling, "true", place("clientSampling"), faults),
        add=_tried(spec.attributes.items(), lambda name, _: place("attributes", name), faults),
        remove=spec.remove,
        resources=_tried(spec.resources.items(), lambda name, _: place("resources", name), faults, sees=()),
    )


def of_settings(said: Said[TracingSettings], endpoint: Finding, faults: Faults) -> Tracing | None:
    """Return what `frontend.tracing` of a policy says; None = its collector is not there."""
    spec, place = said.settings, said.place
    attributes = spec.attributes
    added = () if attributes is None else tuple((item.name, item.expression) for item in attributes.add)
    resources = tuple((item.name, item.expression) for item in spec.resources)
    found = Tracing(
        endpoint="",
        protocol="grpc" if spec.protocol == "GRPC" else "http",
        path=spec.path or PATH,
        random_sampling=_sampling(spec.random_sampling, "false", place("randomSampling"), faults),
        client_sampling=_sampling(spec.client_sampling, "true", place("clientSampling"), faults),
        add=_tried(added, lambda _, i: place("attributes", "add", i, "expression"), faults),
        remove=() if attributes is None else attributes.remove,
        resources=_tried(resources, lambda _, i: place("resources", i, "expression"), faults, sees=()),
    )
    try:
        where = endpoint(spec.backend_ref, said.namespace)
    except Unresolved as error:
        faults.add(place("backendRef"), str(error), "spans go to a Service, or to a static AgentgatewayBackend")
        return None
    scheme = "http" if where.tls is None else "https"
    return msgspec.structs.replace(found, endpoint=f"{scheme}://{where.label}")


def _sampling(said: Sampling | None, default: str, place: Place, faults: Faults) -> str:
    """Return what is said of sampling as the Plan has it: `true`, `false`, a number or an expression."""
    if said is None:
        return default
    text = str(said).lower() if isinstance(said, bool) else str(said).strip()
    if text in ("true", "false"):
        return text
    try:
        share = float(text)
    except ValueError:
        try:
            Value(text, sees=ASKED)
        except ValueError as error:
            faults.add(place, str(error), _SHARES)
        return text
    if not 0.0 <= share <= 1.0:
        faults.add(place, f"{text} is no share", _SHARES)
    return text


def _tried(
    fields: Iterable[tuple[str, str]],
    place: Callable[[str, int], Place],
    faults: Faults,
    *,
    sees: Iterable[str] = VARIABLES,
) -> Fields:
    """Return names and expressions, each tried; `place` tells where the one of a name and a number stands."""
    found: dict[str, str] = {}
    named = tuple(sees)
    for number, (name, text) in enumerate(fields):
        try:
            Value(text, sees=named)
        except ValueError as error:
            if named or not str(error).startswith("there is no"):
                faults.add(place(name, number), str(error), _VALUE)
            else:
                faults.add(place(name, number), "a resource is of the process: no request is known there", _TEXT)
        if name in found:
            faults.add(place(name, number), f"`{name}` stands twice")
        found[name] = text
    return tuple(found.items())


def _url(text: str, place: Place, faults: Faults) -> str:
    try:
        return endpoint_url(text)
    except ValueError as error:
        faults.add(place, str(error), "as http://collector:4317")
        return ""


def endpoint_url(text: str) -> str:
    """Return where a collector is, as a URL without a slash at its end; `host:port` is spoken to without TLS.

    Raises:
        ValueError: it is no such URL; the message does not repeat it.
    """
    text = text.strip()
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
        parts = urlsplit("")
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("expected an http or https URL")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a collector's URL holds no credentials, query or fragment; `headers` holds credentials")
    return url.rstrip("/")
