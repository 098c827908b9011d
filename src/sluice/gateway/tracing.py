"""What a sampled exchange notes of its way: plain values, no library, nothing per chunk.

An exchange that is not sampled has no `Trace`, and asks for one only where it would note something. Steps nest: one
that begins inside another has it as its parent.
Obeys: W3C Trace Context Level 1, section 3.2 (read 2026-11-21).
"""

from collections.abc import Awaitable, Sequence
from types import TracebackType
from typing import Final, Literal, TypeVar

from msgspec.structs import replace

from sluice.errors import ClientError, InBandFailure, Refused, SluiceError
from sluice.gateway.identity import Identity, span_id
from sluice.gateway.limits_ports import ServiceGone
from sluice.gateway.ports import Clock, Request
from sluice.gateway.tracing_beside import Beside
from sluice.policies.judges import JudgeFailed
from sluice.policies.observing import Tracing
from sluice.relay.outcome import Outcome
from sluice.relay.record import SpanFacts, StreamFacts, TraceFacts

Kind = Literal["attempt", "guard", "auth", "limit"]
T = TypeVar("T")
Fact = tuple[str, str | int | float | bool]
Event = tuple[str, float, tuple[Fact, ...]]

TRACEPARENT: Final = b"traceparent"
CANCELLED: Final = "cancelled"
"""Of a step whose end nobody waited for."""
_NOBODYS = frozenset(["client_gone", "slow_reader", "drained", "shed", "limited", "blocked"])
"""Outcomes that are no failure of whom was asked."""


class Step:
    """One thing that an exchange waits for. Enter it at once, and leave it in whatever way: it is noted then."""

    __slots__ = ("_began", "_kind", "_name", "_parent", "_trace", "endpoint", "error_code", "facts", "id", "result")

    def __init__(self, trace: "Trace", kind: Kind, name: str, endpoint: str) -> None:
        self._trace, self._kind, self._name, self._parent = trace, kind, name, trace.inside
        self._began = trace.clock()
        self.id = trace.inside = span_id()
        self.endpoint = endpoint
        """Of who is asked; empty = nobody outside is."""
        self.result = "Allow"
        """What came of it, unless it raises."""
        self.error_code = ""
        self.facts: tuple[Fact, ...] = ()

    @property
    def traceparent(self) -> bytes:
        """The header for who is asked."""
        return self._trace.traceparent(self.id)

    def __enter__(self) -> "Step":
        self._trace.under_way.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self.error_code = _code(error)
            if self.result == "Allow":
                self.result = "Reject" if isinstance(error, ClientError) else "Failed"
        if self in self._trace.under_way:
            self.leave(self._trace.clock())

    def leave(self, now: float) -> None:
        """Note it, as far as it has come."""
        trace = self._trace
        trace.under_way.remove(self)
        trace.inside = self._parent
        trace.note(
            SpanFacts(
                kind=self._kind,
                name=self._name,
                span_id=self.id,
                parent_id=self._parent,
                began_s=self._began - trace.zero,
                ended_s=now - trace.zero,
                endpoint=self.endpoint,
                result=self.result,
                error_code=self.error_code,
                facts=self.facts,
            )
        )


class Trace:
    """One sampled exchange's. Mutable, owned by its Account."""

    __slots__ = (
        *("_asked", "_identity", "_next", "_parent_id", "_spans", "_state", "_status", "_tracing"),
        *("clock", "ended_at", "inside", "scheme", "template", "under_way", "zero"),
    )

    def __init__(self, tracing: Tracing, identity: Identity, state: str, received_at: float, clock: Clock) -> None:
        self._tracing, self._identity, self._state = tracing, identity, state
        self._parent_id = identity.parent_id
        self._spans: list[SpanFacts] = []
        self._next = ""
        """Span id of the attempt that is drafted."""
        self._asked: SpanFacts | None = None
        """The attempt under way, as far as it is known."""
        self._status = 0
        self.clock, self.zero = clock, received_at
        self.under_way: list[Step] = []
        self.inside = ""
        """Span id of the step that the exchange is in; empty = it is in none."""
        self.template = ""
        """The path of the match that led here."""
        self.scheme = "http"
        self.ended_at = 0.0
        """When the answer of who was asked had ended; 0 = it has not."""

    def traceparent(self, span: str) -> bytes:
        """The header that names a span of this exchange as the parent."""
        return f"00-{self._identity.trace_id}-{span}-{self._identity.flags}".encode()

    def step(self, kind: Kind, name: str, endpoint: str = "") -> Step:
        """Return what is to be entered now: `with trace.step(...)`."""
        return Step(self, kind, name, endpoint)

    async def around(self, kind: Kind, name: str, waits: Awaitable[T]) -> T:
        """Wait for something, as one step."""
        with self.step(kind, name):
            return await waits

    def note(self, span: SpanFacts) -> None:
        self._spans.append(span)

    def beside(self, kind: Literal["mirror", "agent"], name: str, began_at: float, endpoint: str = "") -> Beside:
        """Return a span that lives by itself, in this exchange. `began_at`: now, in seconds since 1970."""
        return Beside(self._tracing, self._identity, self._state, kind, name, (began_at, self.clock), endpoint)

    # -- attempts -----------------------------------------------------------------------------------------------------

    def ahead(self) -> bytes:
        """Return the header for an attempt that is about to be drafted: its own span is the parent of what its target
        does."""
        self._next = span_id()
        return self.traceparent(self._next)

    def sent_by(self, request: Request) -> Request:
        """Return a request to plain HTTP as it is sent now: everything but its parent crosses."""
        return under(request, self.ahead())

    def asks(self, name: str, endpoint: str, facts: tuple[Fact, ...]) -> None:
        """What was drafted is sent now."""
        self._status = 0
        now = self.clock() - self.zero
        self._asked = SpanFacts(
            kind="attempt",
            name=name,
            span_id=self._next or span_id(),
            began_s=now,
            ended_s=now,
            endpoint=endpoint,
            facts=facts,
        )

    def answered(self, status: int) -> None:
        """The head of the answer is here."""
        self._status = status

    def ended(self, outcome: Outcome, now: float) -> None:
        """The attempt under way, if there is one, ended so."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        error, self._next = outcome.error, ""
        failed = outcome.kind != "completed" and outcome.kind not in _NOBODYS
        code = "" if not failed or error is None else _status_or_code(error)
        ended_at, self.ended_at = self.ended_at or now, 0.0
        self._spans.append(
            replace(
                asked,
                ended_s=min(now, ended_at) - self.zero,
                status=self._status,
                result=outcome.kind,
                error_code=code or (str(self._status) if self._status >= 400 else ""),
            )
        )

    # -- telling ------------------------------------------------------------------------------------------------------

    def facts(self, outcome: Outcome, stream: StreamFacts, now: float) -> TraceFacts:
        """Return what was noted. Nothing is noted after it."""
        self.ended(outcome, now)
        for step in reversed(self.under_way[:]):  # nobody waits for it any more, and it has not heard of that
            step.error_code = step.error_code or CANCELLED
            step.result = "Failed"
            step.leave(now)
        over_s = now - self.zero  # what was cancelled may have ended a moment later
        ends = (span if span.ended_s <= over_s else replace(span, ended_s=over_s) for span in self._spans)
        spans = sorted(ends, key=lambda span: span.began_s)
        events: list[Event] = []
        if stream.first_token_s is not None:
            events.append(("gen_ai.first_token", stream.first_token_s, ()))
        events += [("stream.stall", at, (("stream.stall.duration", lasted_s),)) for at, lasted_s in stream.stalled_at]
        if outcome.kind == "blocked":
            events.append(_block(spans, over_s))
        return TraceFacts(
            tracing=self._tracing,
            parent_id=self._parent_id,
            state=self._state,
            template=self.template,
            scheme=self.scheme,
            spans=tuple(spans),
            events=tuple(events),
        )


def under(request: Request, traceparent: bytes) -> Request:
    """Return a request with another parent."""
    others = tuple(field for field in request.headers if field[0] != TRACEPARENT)
    return replace(request, headers=(*others, (TRACEPARENT, traceparent)))


def _block(spans: Sequence[SpanFacts], over_s: float) -> Event:
    """Return when a guard ended the exchange: at its look at the request, or else when it cut the answer."""
    looks = [span.ended_s for span in spans if span.kind == "guard" and span.error_code and not span.parent_id]
    asked = [span.ended_s for span in spans if span.kind == "attempt"]
    if looks and not (asked and asked[-1] > looks[-1]):
        return "guardrail.block", looks[-1], (("guardrail.phase", "request"),)
    return "guardrail.block", asked[-1] if asked else over_s, (("guardrail.phase", "response"),)


def _code(error: BaseException) -> str:
    """What ended a step, as a word."""
    if isinstance(error, SluiceError):
        return error.code
    if isinstance(error, JudgeFailed):
        return "judge_failed"
    if isinstance(error, ServiceGone):
        return "rate_limit_service_gone"
    return "internal" if isinstance(error, Exception) else CANCELLED


def _status_or_code(error: SluiceError) -> str:
    """What ended an attempt: the status that its target gave (HTTP's conventions for clients), or a word."""
    return str(error.status) if isinstance(error, Refused | InBandFailure) else error.code
