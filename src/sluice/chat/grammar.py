"""The legal order of an answer's events, as one table. It is the judge of completeness: `Grammar.complete`.

                 │ Started │ delta │ ChoiceFinished │ Reported │ Ended  │ Failed
    ─────────────┼─────────┼───────┼────────────────┼──────────┼────────┼────────
    waiting      │ open    │ open  │ open           │ waiting  │   ✗    │ failed
    open         │ open    │ open  │ open           │ open     │ ended* │ failed
    ended        │   ✗     │   ✗   │   ✗            │   ✗      │   ✗    │   ✗
    failed       │   ✗     │   ✗   │   ✗            │   ✗      │   ✗    │   ✗

    * only if a choice was seen and each choice that was opened is finished: a terminator alone is no evidence
      (stream-life 10.1).
    A delta (text, tool call, seal, citation) of a finished choice is illegal. Started again is legal: providers repeat
    their name, and Azure says it late.

Pure and mutable: one Grammar per answer.
"""

from typing import Final, Literal

from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.errors import ProtocolError

State = Literal["waiting", "open", "ended", "failed"]

_DELTA: Final = "delta"
_KIND: dict[type, str] = {
    Started: "Started",
    TextDelta: _DELTA,
    ToolCallStarted: _DELTA,
    ToolCallDelta: _DELTA,
    Sealed: _DELTA,
    Cited: _DELTA,
    Leftover: "Reported",
    Reported: "Reported",
    Unrecognised: "Reported",
    ChoiceFinished: "ChoiceFinished",
    Ended: "Ended",
    Failed: "Failed",
}
_NEXT: dict[tuple[State, str], State] = {
    ("waiting", "Started"): "open",
    ("waiting", _DELTA): "open",
    ("waiting", "ChoiceFinished"): "open",
    ("waiting", "Reported"): "waiting",
    ("waiting", "Failed"): "failed",
    ("open", "Started"): "open",
    ("open", _DELTA): "open",
    ("open", "ChoiceFinished"): "open",
    ("open", "Reported"): "open",
    ("open", "Ended"): "ended",
    ("open", "Failed"): "failed",
}


class Grammar:
    """Follow one answer and refuse what no answer may do. Cost: one set look-up for the common delta."""

    __slots__ = ("_finished", "_open", "complete", "state")

    def __init__(self) -> None:
        self.state: State = "waiting"
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self.complete = False
        """The provider gave its terminal evidence: every choice finished, then the terminator."""

    def advance(self, event: Event) -> None:
        """Take the next event.

        Raises:
            ProtocolError: it is illegal in this state; the state is unchanged.
        """
        kind = type(event)
        if kind is TextDelta or kind is ToolCallDelta or kind is ToolCallStarted:
            choice: int = event.choice  # type: ignore[union-attr]  # the three kinds of delta have one
            if choice not in self._open or self.state != "open":
                self._delta(choice)
        else:
            self._other(event)

    def _delta(self, choice: int) -> None:
        if choice in self._finished:
            raise ProtocolError(f"a delta of choice {choice} came after its finish reason")
        self._move(_DELTA)
        self._open.add(choice)

    def _other(self, event: Event) -> None:
        kind = type(event)
        if isinstance(event, ChoiceFinished):
            if event.choice in self._finished:
                raise ProtocolError(f"choice {event.choice} finished twice")
            self._move("ChoiceFinished")
            self._open.discard(event.choice)
            self._finished.add(event.choice)
        elif isinstance(event, Sealed | Cited):
            self._delta(event.choice)
        elif kind is Ended and (self._open or not self._finished):
            raise ProtocolError("the terminator came before a finish reason")
        else:
            self._move(_KIND[kind])

    def _move(self, kind: str) -> None:
        target = _NEXT.get((self.state, kind))
        if target is None:
            raise ProtocolError(f"{kind} is not legal when the answer is {self.state}")
        self.state = target
        self.complete = target == "ended"
