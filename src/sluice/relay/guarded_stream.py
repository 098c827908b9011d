"""A stream whose answer is looked at before its client sees it.

As `StreamRelay`, but for these: the commit point is the first token that the guards let through; a guard may end the
answer, before the commit point with the status that its operator chose, after it legally in the client's dialect; and
the relay may `Ask`, and has the provider wait until it is answered. The clocks of the provider's end run as ever: what
the guards hold is no sign that it is slow, nor is its silence one that they hold something for too long. Obeys:
stream-life sections 6, 10.4 and 10.6.
"""

from sluice.dialects.dialect import Shape, StreamDecoder
from sluice.errors import ProtocolError, SluiceError, UpstreamError
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Action, Ask
from sluice.relay.guard import Guard
from sluice.relay.guarded_sink import Guarded
from sluice.relay.guarding import Blocked, Guarding
from sluice.relay.outcome import Outcome, OutcomeKind
from sluice.relay.sinks import Sink
from sluice.relay.stream import StreamRelay
from sluice.relay.tally import GuardFacts
from sluice.relay.terms import TERMS, Terms
from sluice.wire.frames import FrameDecoder


class GuardedStream(StreamRelay):
    """One stream. See `Relay` for the caller's obligations."""

    __slots__ = ("_asked", "_asks", "_guard", "_guarded", "_keeps", "_over")

    def __init__(
        self,
        guarding: Guarding,
        *,
        wire: FrameDecoder,
        decoder: StreamDecoder,
        sink: Sink,
        shape: Shape,
        terms: Terms = TERMS,
    ) -> None:
        """`sink` makes bytes of events, of this `shape`: the provider's own bytes are never passed on."""
        self._guard = Guard(guarding, shape=shape, streams=True)
        self._guarded = Guarded(self._guard, sink)
        super().__init__(wire=wire, decoder=decoder, sink=self._guarded, terms=terms)
        self._asks = bool(guarding.judges)
        self._keeps = self._guard.keeps  # until it has ended
        self._asked: Ask | None = None
        self._over = False
        """The provider has said all, and the end of it waits for a verdict."""

    @property
    def guards(self) -> GuardFacts:
        return self._guard.facts()

    # -- the provider -------------------------------------------------------------------------------------------------

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        if self._over:
            return []
        self._guarded.now = now
        try:
            actions = StreamRelay.feed(self, chunk, now)  # `super()` would cost as much again, for each chunk
        except Blocked as blocked:
            return self._block(blocked, now)
        if self._keeps and not self._ended and self.meter.bytes_from_provider > self._terms.max_whole_bytes:
            too_large = ProtocolError("the provider's answer is too large to be held until all of it was looked at")
            return actions + self._fail("upstream_error", too_large)
        return self._then(actions) if self._asks else actions

    def eof(self, now: float) -> list[Action]:
        if self._over:
            return []
        self._guarded.now = now
        try:
            return self._then(super().eof(now))
        except Blocked as blocked:
            return self._block(blocked, now)

    def broke(self, error: UpstreamError, now: float) -> list[Action]:
        return [] if self._over else super().broke(error, now)

    # -- the client, the judges and the clock -------------------------------------------------------------------------

    def read_on(self, now: float) -> bool:
        return not self._over and super().read_on(now)

    def resume(self, verdict: Verdict | JudgeFailed, now: float) -> list[Action]:
        if self._ended or self._gone or self._asked is None:
            return []
        self.clocks.answered(now)
        self._guarded.now = now
        try:
            self._write(self._guarded.write(self._guard.answer(verdict)))
        except Blocked as blocked:
            return self._block(blocked, now)
        return self._go_on(now)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _close(self, now: float) -> list[Action]:
        if self._over:
            return []
        try:
            return super()._close(now)
        except Blocked as blocked:
            return self._block(blocked, now)

    def _carries(self) -> bool:
        return self._guard.carried

    def _complete(self, now: float) -> list[Action]:
        if self._gone or self._guard.complete:
            return super()._complete(now)
        self._over = True
        return self._flush(now) if self.committed else []

    def _fail(self, kind: OutcomeKind, error: SluiceError) -> list[Action]:
        if self.committed and not self._gone:
            self._write(self._guarded.write(self._guard.broken_off(self._guarded.now)))
        return super()._fail(kind, error)

    def _write(self, data: bytes) -> None:
        if data:
            self._ready.append(data)

    def _go_on(self, now: float) -> list[Action]:
        """Something was let through without a frame."""
        if self._carries() and self._sink.streams:
            self.committed = self.clocks.opened = True
        if self._over and self._guard.complete:
            return self._complete(now)
        return self._then(self._flush(now) if self.committed else [])

    def _then(self, actions: list[Action]) -> list[Action]:
        """Ask what has to be asked now."""
        if not self._asks or self._ended or self._gone:
            return actions
        if (question := self._guard.ask()) is not self._asked:
            self._asked = question
            if question is not None:
                self.clocks.ask()
                actions.append(question)
        return actions

    def _block(self, blocked: Blocked, now: float) -> list[Action]:
        """A guard ends the answer: either as a legal one, or as an error."""
        outcome = Outcome("blocked", blocked.error)
        if not self.committed:
            return self._end(outcome)
        if not blocked.legal:
            return super()._fail(outcome.kind, blocked.error)
        self._write(self._guarded.write(blocked.seen))
        self._write(self._guarded.write(self._guard.ending()))
        return [*self._flush(now), *self._end(outcome)]
