"""Which exchanges are traced: a share of those that come without a sampled trace, and of those that come with one.

Guarantee: the share is drawn from the trace id itself, so that all replicas, and all gateways on one way, choose the
same traces; and the flag that goes on says whether the exchange has spans.
Obeys: W3C Trace Context Level 1, sections 3 and 4; W3C Baggage; OpenTelemetry, trace SDK, TraceIdRatioBased (read
2026-11-21).
"""

from typing import Final

import msgspec

from sluice.config.plan import Listener, Plan
from sluice.gateway.identity import Identity
from sluice.gateway.ports import Clock, Request
from sluice.gateway.scene import scene_of
from sluice.gateway.tracing import Trace
from sluice.policies.observing import Tracing
from sluice.policies.scene import ASKED
from sluice.policies.value import Value
from sluice.wire.http1 import Header

CARRIED: Final = frozenset([b"tracestate", b"baggage"])
"""Headers about the client's trace that go on as they came."""
_STATE: Final = b"tracestate"
_SAMPLED = 1
_DRAWN: Final = 16
"""Of a trace id the digits from here: whoever makes ids makes these by chance."""
ALL, NONE = "g", ""


class Tracers:
    """Who is traced under one plan."""

    def __init__(self, tracing: Tracing | None, listeners: dict[int, Tracing | None]) -> None:
        """`tracing`: what the plan says; `listeners`: by identity, what those say that speak for themselves."""
        self._usual = None if tracing is None else _Sampler(tracing)
        self._own = {key: None if said is None else _Sampler(said) for key, said in listeners.items()}

    @property
    def by_listener(self) -> bool:
        """Which listener a request belongs to makes a difference."""
        return bool(self._own)

    def begin(
        self, request: Request, identity: Identity, listener: Listener | None, clock: Clock
    ) -> tuple[Request, Identity, Trace | None]:
        """Return the request with what it carries on of its client's trace, its names with the right flag, and where to
        note its way if it is sampled. Cost: 0.3 us if it is not and its client sent no trace."""
        sampler = self._own.get(id(listener), self._usual) if self._own else self._usual
        if sampler is None:
            return request, identity, None
        trail: tuple[Header, ...] = ()
        if identity.parent_id:
            for name, _ in request.headers:
                if name in CARRIED:
                    trail = tuple(field for field in request.headers if field[0] in CARRIED)
                    request = msgspec.structs.replace(request, trail=trail)
                    break
        sampled = sampler.takes(request, identity)
        flags = "01" if sampled else "00"
        if flags != identity.flags:
            identity = msgspec.structs.replace(identity, flags=flags)
        if not sampled:
            return request, identity, None
        state = b",".join(value for name, value in trail if name == _STATE).decode("latin-1")
        return request, identity, Trace(sampler.tracing, identity, state, request.received_at, clock)


def tracers_of(plan: Plan) -> Tracers | None:
    """Return who is traced under a plan; None = nobody."""
    own = {id(each): each.observing.tracing for each in plan.listeners if each.observing is not None}
    if plan.observing.tracing is None and not any(own.values()):
        return None
    return Tracers(plan.observing.tracing, own)


class _Sampler:
    """One `Tracing`: of what share of the exchanges it wants to see spans."""

    __slots__ = ("_of_clients", "_of_others", "tracing")

    def __init__(self, tracing: Tracing) -> None:
        self.tracing = tracing
        self._of_clients, self._of_others = _share(tracing.client_sampling), _share(tracing.random_sampling)

    def takes(self, request: Request, identity: Identity) -> bool:
        by_client = identity.parent_id != "" and int(identity.flags, 16) & _SAMPLED
        bound = self._of_clients if by_client else self._of_others
        if type(bound) is Value:
            bound = _bound(_came_to(bound, request))
        return identity.trace_id[_DRAWN:] < bound  # type: ignore[operator]  # no Value any more


def _share(text: str) -> str | Value:
    """What is said of sampling: the bound of a share if it is one, else the expression."""
    if text in ("true", "false"):
        return _bound(float(text == "true"))
    try:
        return _bound(float(text))
    except ValueError:
        return Value(text, sees=ASKED)


def _bound(share: float) -> str:
    """The first trace that is not taken: the last digits of its id, or what is less, or more, than any digits."""
    if not 0.0 < share < 1.0:
        return ALL if share >= 1.0 else NONE
    return f"{int(share * (1 << 64)):016x}"


def _came_to(expression: Value, request: Request) -> float:
    """What an expression says of a request; one that fails, or says neither a truth nor a number, takes none."""
    try:
        value = expression.value(scene_of(request))
    except LookupError:
        return 0.0
    return float(value) if isinstance(value, bool | int | float) else 0.0
