"""An answer in one JSON body that is looked at before its client sees it: as `WholeRelay`, and written anew from what
the guards let through. Nothing was sent before, so a guard that ends it does so with the status its operator chose."""

from collections.abc import Callable, Sequence

from sluice.chat.events import Event
from sluice.dialects.dialect import Shape
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Action
from sluice.relay.guard import Guard
from sluice.relay.guarding import Blocked, Guarding
from sluice.relay.tally import GuardFacts
from sluice.relay.terms import TERMS, Terms
from sluice.relay.whole import AnswerReader, WholeRelay


class GuardedWhole(WholeRelay):
    """One JSON answer. See `Relay` for the caller's obligations."""

    __slots__ = ("_guard", "_seen")

    def __init__(
        self,
        guarding: Guarding,
        *,
        dialect: AnswerReader,
        rewrite: Callable[[Sequence[Event]], bytes],
        shape: Shape,
        streams: bool = False,
        keep_leftovers: bool = False,
        terms: Terms = TERMS,
    ) -> None:
        """`shape`: of what `rewrite` writes."""
        super().__init__(dialect=dialect, rewrite=rewrite, streams=streams, keep_leftovers=keep_leftovers, terms=terms)
        self._guard = Guard(guarding, shape=shape, streams=False)
        self._seen: list[Event] | None = None
        """What was let through so far, once all of the answer is here."""

    @property
    def guards(self) -> GuardFacts:
        return self._guard.facts()

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        return super().feed(chunk, now) if self._seen is None else []

    def eof(self, now: float) -> list[Action]:
        return super().eof(now) if self._seen is None else []

    def read_on(self, now: float) -> bool:
        return self._seen is None and super().read_on(now)

    def resume(self, verdict: Verdict | JudgeFailed, now: float) -> list[Action]:
        if self._ended:
            return []
        self.clocks.answered(now)
        return self._let_through(lambda: self._guard.answer(verdict), now)

    def _pass_on(self, body: bytes, events: Sequence[Event], now: float) -> list[Action]:
        self._seen = []
        return self._let_through(lambda: self._guard.take(events, now), now)

    def _let_through(self, look: Callable[[], Sequence[Event]], now: float) -> list[Action]:
        assert self._seen is not None
        try:
            self._seen += look()
        except Blocked as blocked:
            return self._end("blocked", blocked.error)
        if self._guard.complete:
            return super()._pass_on(b"", self._seen, now)
        self.clocks.ask()
        question = self._guard.ask()
        assert question is not None  # what is not complete waits for one
        return [question]
