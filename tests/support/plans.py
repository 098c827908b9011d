"""Plans for tests, built from values: a route per address, no file in between."""

from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

import msgspec

from sluice.config.plan import (
    AiBackend,
    Backend,
    Endpoint,
    Entry,
    HttpBackend,
    Limits,
    Listener,
    ListenerTls,
    Match,
    ModelRoute,
    PathMatch,
    Plan,
    Rule,
    Target,
    Tls,
    WeightedBackend,
)
from sluice.policies.access import Access
from sluice.policies.admission import Admission
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.policies.mirroring import Mirror
from sluice.policies.retry import Retry
from sluice.policies.shaping import Shaping
from sluice.policies.streaming import Streaming
from sluice.providers.credential import HeaderPlacement, Secret
from sluice.providers.openai import OPENAI

KEY = "sk-canary-7d41f0c2"
"""The credential of every target here: it may be seen by the provider and by nobody else."""


def here(port: int, *, tls: Tls | None = None, host: str = "127.0.0.1") -> Endpoint:
    return Endpoint(host=host, port=port, tls=tls)


def ai(
    endpoint: Endpoint | int,
    name: str = "openai",
    *,
    model: str = "",
    chat_path: str = "",
    base_path: str | None = None,
    key: str | None = KEY,
    passthrough: bool = False,
    placement: HeaderPlacement | None = None,
) -> AiBackend:
    """A backend of one target that speaks OpenAI chat."""
    target = Target(
        name=name,
        provider=OPENAI,
        endpoint=here(endpoint) if isinstance(endpoint, int) else endpoint,
        model=model,
        chat_path=chat_path,
        base_path=base_path,
        credential=None if key is None else Secret(key),
        passthrough=passthrough,
        placement=placement,
    )
    return AiBackend(name=f"test/{name}", groups=((target,),))


def static(endpoint: Endpoint | int, name: str = "static") -> HttpBackend:
    """A backend of plain HTTP."""
    return HttpBackend(name=f"test/{name}", endpoint=here(endpoint) if isinstance(endpoint, int) else endpoint)


class RuleMembers(TypedDict, total=False):
    """What a rule may say besides its backends."""

    deadlines: Deadlines
    streaming: Streaming
    retry: Retry
    error_format: Literal["json", "text"]
    access: Access
    shaping: Shaping
    ai: AiPolicy
    mirrors: tuple[Mirror[Backend], ...]


def route(path: str, *backends: Backend | None, weights: Sequence[int] = (), **members: Unpack[RuleMembers]) -> Entry:
    """A route to backends of these weights, 1 each if none are given."""
    shares = weights or [1] * len(backends)
    weighted = tuple(WeightedBackend(weight=w, backend=b) for w, b in zip(shares, backends, strict=True))
    return Entry(
        hostname="",
        match=Match(path=PathMatch(value=path)),
        route=f"test{path.replace('/', '-')}",
        rule=Rule(name="0", backends=weighted, **members),
    )


def plan(
    *entries: Entry,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    admission: Admission = Admission(),  # noqa: B008 - frozen
    tls: ListenerTls | None = None,
) -> Plan:
    """A plan of one listener; its port is filled in by whoever listens."""
    listener = Listener(name="http", gateway="test/gateway", port=0, tls=tls, entries=entries)
    return Plan(listeners=(listener,), limits=limits, admission=admission)


def to_provider(
    port: int | Endpoint,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    admission: Admission = Admission(),  # noqa: B008 - frozen
    backend: Backend | None = None,
    **members: Unpack[RuleMembers],
) -> Plan:
    """What most tests need: one provider under `/openai`, `/v1/chat/completions` (by model) and `/v1/models`."""
    chosen = backend or ai(port)
    by_model = msgspec.structs.replace(
        route("/v1/chat/completions", **members), answer="by_model", route="test/by-model"
    )
    entries = (by_model, route("/v1/models", chosen), route("/openai", chosen, **members))
    whole = plan(*entries, limits=limits, admission=admission)
    if isinstance(chosen, HttpBackend):
        return whole
    return msgspec.structs.replace(whole, models=(ModelRoute(pattern="*", backend=chosen),))


def listening_on(whole: Plan, port: int) -> Plan:
    """The same plan with the port that its listener got."""
    listeners = tuple(msgspec.structs.replace(listener, port=port) for listener in whole.listeners)
    return msgspec.structs.replace(whole, listeners=listeners)
