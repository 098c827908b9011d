"""The guards of one answer as one machine: its events in, those that a client may see out.

    events ──► text rules ──► judges ──► until all of it is here, where a rule wants that ──► seen

Guarantee: nothing is seen that a guard has not let through; and once a guard has ended the answer, nothing at all.
"""

from collections.abc import Sequence

from sluice.chat.events import ChoiceFinished, Ended, Event, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.dialects.dialect import Shape
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Ask
from sluice.relay.guarding import Blocked, Guarding
from sluice.relay.screen import Screen
from sluice.relay.tally import GuardFacts, Tally
from sluice.relay.windows import Windows


class Guard:
    """One answer. Every verb that takes something raises `Blocked` if the answer ends there, and is the last one
    then."""

    __slots__ = ("_kept", "_open", "_screen", "_tally", "_windows", "carried", "complete")

    def __init__(self, guarding: Guarding, *, shape: Shape, streams: bool) -> None:
        """`shape`: of the client's dialect. Not `streams`: all events of the answer are given at once."""
        self._tally = tally = Tally()
        texts, judges = guarding.texts, guarding.judges
        self._screen = Screen(texts, tally, shape, streams=streams) if texts is not None else None
        self._windows = Windows(judges, tally) if judges else None
        self._kept: list[Event] | None = [] if texts is not None and texts.buffers else None
        self._open: dict[int, bool] = {}
        """Choices of which something was seen: whether they go on."""
        self.carried = False
        """Something was let through that counts as a token."""
        self.complete = False
        """The end of the answer was let through."""

    def take(self, events: Sequence[Event], now: float) -> Sequence[Event]:
        """Return what may be seen of the next events, and of what was held before them."""
        if self._screen is not None:
            try:
                events = self._screen.take(events, now)
            except Blocked as blocked:
                raise self._ended(blocked) from None
        if self._windows is not None:
            events = self._windows.take(events)
        if (
            self.carried
            and self._kept is None
            and len(events) == 1
            and type(only := events[0]) is TextDelta
            and self._open.get(only.choice)
        ):
            return events  # more of what something was seen of: nothing has to be noted
        return self._seen(events)

    def answer(self, verdict: Verdict | JudgeFailed) -> Sequence[Event]:
        """Take the verdict on the open question."""
        assert self._windows is not None
        try:
            return self._seen(self._windows.answer(verdict))
        except Blocked as blocked:
            raise self._ended(blocked) from None

    def broken_off(self, now: float) -> Sequence[Event]:
        """The answer goes no further, and why is for others to say: return what was held and may be seen. What no
        judge has let through may not."""
        if self._screen is None or self._windows is not None or self._kept is not None:
            return ()
        try:
            return self._screen.finish(now)
        except Blocked as blocked:
            return blocked.seen

    def ending(self) -> list[Event]:
        """Return the legal end of an answer that a guard has ended."""
        choices = [choice for choice, goes_on in sorted(self._open.items()) if goes_on] or [0] * (not self._open)
        return [*(ChoiceFinished(choice, "content_filter", "") for choice in choices), Ended()]

    def ask(self) -> Ask | None:
        """Return the question that is open: the same until it is answered. None = nothing has to be asked yet."""
        return None if self._windows is None else self._windows.ask()

    @property
    def keeps(self) -> bool:
        """All of the answer is held until its end has come."""
        return self._kept is not None

    def facts(self) -> GuardFacts:
        return self._tally.facts()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _ended(self, blocked: Blocked) -> Blocked:
        """Note who ended the answer. What was let through before may be seen unless it has to be judged yet."""
        self._tally.blocked_by = blocked.guard
        judged = self._windows is None and self._kept is None
        blocked.seen = self._seen(blocked.seen) if judged else ()
        return blocked

    def _seen(self, events: Sequence[Event]) -> Sequence[Event]:
        if self._kept is not None:
            self._kept += events
            if not (events and type(events[-1]) is Ended):
                return ()
            events, self._kept = self._kept, None
        for event in events:
            kind = type(event)
            if kind is TextDelta or kind is ToolCallDelta or kind is ToolCallStarted:
                self._open[event.choice] = True  # type: ignore[union-attr]  # these kinds have one
                self.carried = self.carried or kind is not TextDelta or bool(event.text)  # type: ignore[union-attr]  # its kind was asked for
            elif kind is ChoiceFinished:
                self._open[event.choice] = False  # type: ignore[union-attr]  # its kind was asked for
            elif kind is Ended:
                self.complete = True
        return events
