"""A span that is in no record: of a copy that nobody waits for, of an agent's run."""

from typing import Literal

from sluice.gateway.identity import Identity, span_id
from sluice.gateway.ports import Clock
from sluice.policies.observing import Tracing
from sluice.relay.record import BesideFacts, SpanFacts

Fact = tuple[str, str | int | float | bool]


class Beside:
    """One under way, inside the exchange of an identity. Mutable; call `ended` once."""

    __slots__ = (
        *("_began", "_began_at", "_clock", "_identity", "_kind", "_name", "_state", "_tracing"),
        *("endpoint", "id", "status"),
    )

    def __init__(
        self,
        tracing: Tracing,
        identity: Identity,
        state: str,
        kind: Literal["mirror", "agent"],
        name: str,
        began: tuple[float, Clock],
        endpoint: str = "",
    ) -> None:
        """An agent's run has the client's span as its parent, another has the exchange's. `began`: now, in seconds
        since 1970, and the clock that runs from here."""
        self._tracing, self._identity, self._state, self._kind, self._name = tracing, identity, state, kind, name
        self._began_at, self._clock = began
        self._began = self._clock()
        self.id = span_id()
        self.endpoint = endpoint
        self.status = 0
        """HTTP status of who was asked; 0 = none yet."""

    @property
    def traceparent(self) -> bytes:
        """The header for who is asked."""
        return f"00-{self._identity.trace_id}-{self.id}-{self._identity.flags}".encode()

    def ended(self, result: str, error_code: str = "", facts: tuple[Fact, ...] = ()) -> BesideFacts:
        """Return what is told of it. `error_code`: empty = nothing went wrong."""
        own, identity = self._kind == "agent", self._identity
        return BesideFacts(
            tracing=self._tracing,
            trace_id=identity.trace_id,
            state=self._state,
            began_at=self._began_at,
            parent_is_remote=own,
            span=SpanFacts(
                kind=self._kind,
                name=self._name,
                span_id=self.id,
                parent_id=identity.parent_id if own else identity.span_id,
                began_s=0.0,
                ended_s=self._clock() - self._began,
                endpoint=self.endpoint,
                status=self.status,
                result=result,
                error_code=error_code or (str(self.status) if self.status >= 400 else ""),
                facts=facts,
            ),
        )
