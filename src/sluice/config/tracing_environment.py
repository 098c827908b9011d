"""What the environment says of tracing: over what files say of the process's collector, as it is for addresses.

PURE. A policy of a Gateway that names a collector of its own keeps it. What is left of OpenTelemetry's variables
(headers, time-out, compression, certificates, batches, resource attributes) its SDK reads by itself. No value is
repeated in a message: it may hold a credential.
Obeys: compat-agentgateway 3.4; OpenTelemetry, environment variables and OTLP exporter (read 2026-11-21).
"""

from collections.abc import Mapping
from math import inf
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from sluice.config.faults import Faults, Place
from sluice.config.frozen import Frozen
from sluice.config.plan import Plan
from sluice.config.tracing_policy import endpoint_url
from sluice.policies.observing import Tracing

OWN: Final = "OTLP_ENDPOINT"
"""As agentgateway names it."""
BASE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
PROTOCOLS: Final[Mapping[str, Literal["grpc", "http"]]] = {"grpc": "grpc", "http/protobuf": "http", "http": "http"}
_SAMPLERS: Final[Mapping[str, tuple[str, str]]] = {
    "always_on": ("true", "true"),
    "always_off": ("false", "false"),
    "traceidratio": ("{}", "{}"),
    "parentbased_always_on": ("true", "true"),
    "parentbased_always_off": ("false", "true"),
    "parentbased_traceidratio": ("{}", "true"),
}
"""OTEL_TRACES_SAMPLER -> random and client sampling; `{}` is OTEL_TRACES_SAMPLER_ARG."""


class _Wish(Frozen):
    """What the environment says; None = nothing."""

    endpoint: str | None = None
    path: str | None = None
    protocol: Literal["grpc", "http"] | None = None
    sampling: tuple[str, str] | None = None


def traced(plan: Plan, env: Mapping[str, str], faults: Faults) -> Plan:
    """Return the plan with what the environment says of tracing."""
    said = plan.observing.tracing
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER", "") == "none":
        return _with(plan, said, None)
    wish = _wish(env, faults)
    if said is None and wish.endpoint is None:
        return plan
    tracing = _over(Tracing(endpoint="") if said is None else said, wish)
    _try_exporter(env, tracing.protocol, faults)
    if not tracing.endpoint and not faults:
        place = Place("configuration", path="config.tracing.otlpEndpoint")
        faults.add(place, "it is not said where spans go", f"a URL, here or in {BASE}")
    return _with(plan, said, tracing)


def _with(plan: Plan, before: Tracing | None, tracing: Tracing | None) -> Plan:
    """Return the plan with another tracing of the process, for all listeners that have no other."""
    if before == tracing:
        return plan
    replace = msgspec.structs.replace
    listeners = tuple(
        replace(one, observing=replace(one.observing, tracing=tracing))
        if one.observing is not None and one.observing.tracing == before
        else one
        for one in plan.listeners
    )
    return replace(plan, observing=replace(plan.observing, tracing=tracing), listeners=listeners)


def _over(tracing: Tracing, wish: _Wish) -> Tracing:
    random_sampling, client_sampling = wish.sampling or (tracing.random_sampling, tracing.client_sampling)
    return msgspec.structs.replace(
        tracing,
        endpoint=tracing.endpoint if wish.endpoint is None else wish.endpoint,
        path=tracing.path if wish.path is None else wish.path,
        protocol=wish.protocol or tracing.protocol,
        random_sampling=random_sampling,
        client_sampling=client_sampling,
    )


def _wish(env: Mapping[str, str], faults: Faults) -> _Wish:
    endpoint = path = None
    name = next((name for name in (OWN, TRACES, BASE) if env.get(name, "").strip()), "")
    if name:
        try:
            endpoint = endpoint_url(env[name])
        except ValueError as error:
            faults.add(Place("environment", path=name), str(error), "as http://collector:4317")
    if endpoint is not None and name == TRACES:  # the whole URL, as OpenTelemetry has it
        parts = urlsplit(endpoint)
        endpoint, path = f"{parts.scheme}://{parts.netloc}", parts.path or "/"
    return _Wish(endpoint=endpoint, path=path, protocol=_protocol(env, faults), sampling=_sampling(env, faults))


def _try_exporter(env: Mapping[str, str], protocol: str, faults: Faults) -> None:
    """Look at what the SDK reads by itself: it would fall over it, or go its own way in silence."""
    packs = ("none", "gzip") if protocol == "grpc" else ("none", "gzip", "deflate")
    for which in ("OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"):
        if (text := env.get(f"{which}TIMEOUT", "").strip()) and not _is_time(text):
            faults.add(Place("environment", path=f"{which}TIMEOUT"), "it is no time", "seconds, such as 10")
        if (text := env.get(f"{which}COMPRESSION", "").strip().lower()) and text not in packs:
            faults.add(Place("environment", path=f"{which}COMPRESSION"), "no such compression", " or ".join(packs))
    for name in ("SCHEDULE_DELAY", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"):
        text = env.get(f"OTEL_BSP_{name}", "").strip()
        if text and not (text.isascii() and text.isdigit() and int(text)):
            faults.add(Place("environment", path=f"OTEL_BSP_{name}"), "it is no whole number above 0")


def _is_time(text: str) -> bool:
    try:
        return 0.0 < float(text) < inf
    except ValueError:
        return False


def _protocol(env: Mapping[str, str], faults: Faults) -> Literal["grpc", "http"] | None:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if word := env.get(name, "").strip():
            if word not in PROTOCOLS:
                faults.add(Place("environment", path=name), "no such protocol is served", "grpc or http/protobuf")
            return PROTOCOLS.get(word)
    return None


def _sampling(env: Mapping[str, str], faults: Faults) -> tuple[str, str] | None:
    word = env.get("OTEL_TRACES_SAMPLER", "").strip()
    if not word:
        return None
    if word not in _SAMPLERS:
        faults.add(Place("environment", path="OTEL_TRACES_SAMPLER"), "no such sampler", ", ".join(_SAMPLERS))
        return None
    share = env.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1"
    try:
        valid = 0.0 <= float(share) <= 1.0
    except ValueError:
        valid = False
    if not valid:
        faults.add(Place("environment", path="OTEL_TRACES_SAMPLER_ARG"), "it is no share from 0 to 1")
    random_sampling, client_sampling = _SAMPLERS[word]
    return random_sampling.format(share), client_sampling.format(share)
