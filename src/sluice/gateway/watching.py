"""What is under way at this moment, for people to look at. Built when somebody asks, and never on a stream's way.

Reads the exchanges and changes nothing of them. Says nothing of what was asked or answered, and no credential.
Cost, measured on one core: 3.5 milliseconds at 2,000 streams, of which 200 rows are 0.5.
"""

from collections.abc import Iterator
from operator import itemgetter
from typing import Literal

import msgspec

from sluice.gateway.exchange import Exchange, Phase
from sluice.gateway.gateway import Gateway
from sluice.gateway.outbound import Groups, backends
from sluice.policies.health import Standing

SHOWN = 200
"""Rows. Where there are more exchanges, half of the rows are those that have been silent for the longest time, and half
are the newest."""
MAX_TARGETS = 400
_BEGAN, _HEARD = itemgetter(0), itemgetter(1)
MAX_CHARS = 120
"""Of a name that a client chose."""


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange that is under way. Times are seconds."""

    key: str
    """No other exchange has it."""
    id: str
    """As the log says it; two exchanges may have the same, of their provider."""
    phase: Phase
    """See `Exchange.phase`."""
    age_s: float
    quiet_s: float
    """Since its last token; without one, since its request was here."""
    ttft_s: float | None = None
    tokens: int = 0
    """Pieces that carried something."""
    tokens_per_s: float | None = None
    """Since the first token; None = there are not two."""
    bytes: int = 0
    """Of the answer, to the client."""
    streaming: bool = False
    method: str = ""
    path: str = ""
    route: str = ""
    rule: str = ""
    model: str = ""
    provider: str = ""
    target: str = ""
    endpoint: str = ""
    worker: int = 0
    """0 = there is only one process."""


class TargetNow(msgspec.Struct, frozen=True, kw_only=True):
    """How a target does. `rests_s`: seconds until it may be asked again; None = it may be asked as ever."""

    backend: str
    group: int
    """From 0, in order of priority."""
    name: str
    provider: str
    model: str
    endpoint: str
    state: Literal["open", "resting", "half-open"]
    rests_s: float | None
    success: float
    """Moving average of success, 0 to 1."""
    latency_s: float | None
    """Moving average to the head of an answer."""
    failures: int
    """In a row."""
    pending: int
    score: float
    worker: int = 0


def look(gateway: Gateway, now: float) -> tuple[dict[Phase, int], list[Flight]]:
    """Return how many exchanges are in each phase, and at most SHOWN of them, the oldest first. O(n log n)."""
    counts: dict[Phase, int] = {}
    seen: list[tuple[float, float, Exchange]] = []
    for exchange in gateway.exchanges:  # each is touched once: where there are many, memory is what costs
        account, phase = exchange.account, exchange.phase
        counts[phase] = counts.get(phase, 0) + 1
        began, relay = account.request.received_at, account.relay
        seen.append((began, (relay.meter.last_token if relay is not None else 0.0) or began, exchange))
    seen.sort(key=_BEGAN)
    if len(seen) > SHOWN:
        silent = sorted(seen, key=_HEARD)[: SHOWN // 2]
        taken = {id(row[2]) for row in silent}
        newest = [row for row in seen[-SHOWN:] if id(row[2]) not in taken][SHOWN // 2 - SHOWN :]
        seen = sorted(silent + newest, key=_BEGAN)
    return counts, [_flight(exchange, now) for _, _, exchange in seen]


def passed_on(gateway: Gateway, since: float) -> tuple[int, list[float]]:
    """Return how many pieces of answers the exchanges under way have passed on, and of the streams whose first token
    came after `since` (monotonic) how many seconds that took. O(exchanges), 0.1 us each."""
    total, first_s = 0, []
    for exchange in gateway.exchanges:
        account = exchange.account
        if account.relay is not None:
            meter = account.relay.meter
            total += meter.tokens
            if meter.first_token is not None and meter.first_token > since and account.streaming:
                first_s.append(meter.first_token - account.request.received_at)
    return total, first_s


def targets(gateway: Gateway, now: float) -> list[TargetNow]:
    """Return how the targets of the plan in use do, each backend once; at most MAX_TARGETS."""
    found: list[TargetNow] = []
    active = gateway.active
    for name, groups in {backend.name: active.groups(backend, "chat") for backend in backends(active.plan)}.items():
        found += _targets(name, groups, now)
        if len(found) >= MAX_TARGETS:
            break
    return found[:MAX_TARGETS]


def _targets(backend: str, groups: Groups, now: float) -> Iterator[TargetNow]:
    for number, group in enumerate(groups):
        for outbound in group:
            target = outbound.target
            health: Standing = outbound.health.standing(now)
            yield TargetNow(
                backend=backend,
                group=number,
                name=target.name,
                provider=target.provider.telemetry_name,
                model=target.model,
                endpoint=outbound.label,
                state=health.state,
                rests_s=health.rests_s,
                success=round(health.success, 3),
                latency_s=None if health.latency_s is None else round(health.latency_s, 4),
                failures=health.failures,
                pending=health.pending,
                score=round(health.score, 3),
            )


def _flight(exchange: Exchange, now: float) -> Flight:
    account, request = exchange.account, exchange.account.request
    route, provider, target, endpoint = account.whom
    meter = None if account.relay is None else account.relay.meter
    first = meter.first_token if meter is not None and account.streaming else None
    last = 0.0 if meter is None else meter.last_token
    return Flight(
        key=account.identity.span_id,
        id=account.request_id[:MAX_CHARS],
        phase=exchange.phase,
        age_s=round(now - request.received_at, 3),
        quiet_s=round(now - (last or request.received_at), 3),
        ttft_s=None if first is None else round(first - request.received_at, 4),
        tokens=0 if first is None or meter is None else meter.tokens,
        tokens_per_s=None if first is None or meter is None or last <= first else _rate(meter.tokens - 1, last - first),
        bytes=0 if meter is None else meter.bytes_to_client,
        streaming=account.streams,
        method=request.method[:MAX_CHARS],
        path=request.path[:MAX_CHARS],
        route=route.route,
        rule=route.route_rule,
        model=account.request_model[:MAX_CHARS],
        provider=provider,
        target=target,
        endpoint=endpoint,
    )


def _rate(tokens: int, seconds: float) -> float:
    return round(tokens / seconds, 2)
