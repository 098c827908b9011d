"""Bytes of plain HTTP, passed on unread: static backends, and provider addresses that no dialect covers.

The only evidence of completeness is HTTP's own framing. The first byte commits.
"""

from sluice.errors import TimedOut, UpstreamError
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Action, End, Send
from sluice.relay.clocks import NEVER, Clocks
from sluice.relay.meter import Meter
from sluice.relay.outcome import CLIENT_GONE, COMPLETED, Outcome
from sluice.relay.relay import Said
from sluice.relay.tally import UNGUARDED, GuardFacts
from sluice.relay.terms import TERMS, Terms


class OpaqueRelay:
    """One body. See `Relay` for the caller's obligations. A failure after the first byte can only cut the
    connection."""

    __slots__ = ("_ended", "clocks", "committed", "meter", "said")

    def __init__(self, *, terms: Terms = TERMS) -> None:
        self.clocks = Clocks(terms)
        self.clocks.got_token = True  # this clock is for streams
        self._ended = False
        self.committed = False
        self.meter = Meter(terms.started_at)
        self.said = Said()

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        if self._ended or not chunk:
            return []
        meter = self.meter
        if meter.first_byte is None:
            meter.first_byte = now
        meter.bytes_from_provider += len(chunk)
        meter.bytes_to_client += len(chunk)
        self.clocks.heard = now
        self.committed = True
        return [Send(chunk)]

    def eof(self, now: float) -> list[Action]:
        return self.cut(COMPLETED, now)

    def broke(self, error: UpstreamError, now: float) -> list[Action]:
        return self.cut(Outcome("timeout" if isinstance(error, TimedOut) else "upstream_truncated", error), now)

    def client_gone(self, now: float) -> list[Action]:
        return self.cut(CLIENT_GONE, now)

    def resume(self, verdict: Verdict | JudgeFailed, now: float) -> list[Action]:
        return []  # it asks nothing

    def read_on(self, now: float) -> bool:
        return False

    def cut(self, outcome: Outcome, now: float) -> list[Action]:
        if self._ended:
            return []
        self._ended = True
        return [End(outcome)]

    def tick(self, now: float) -> list[Action]:
        expired = None if self._ended else self.clocks.expired(now)
        return [] if expired is None else self.cut(Outcome("timeout", expired), now)

    @property
    def guards(self) -> GuardFacts:
        return UNGUARDED

    @property
    def deadline(self) -> float:
        return NEVER if self._ended else self.clocks.deadline
