"""The legal order of events: one table, and the machine that keeps it.

A log begins with `run.started`, ends with exactly one terminal event, and brackets close in any order but never while
something stands open inside them: a message not before its text, reasoning and calls, the run not before everything.
At an `interrupt` calls whose arguments are whole may stand open: the run that resumes opens them again and has their
results. Whoever ends a run asks `Brackets.closing` what must be said first, so that every path closes what is open:
success, failure, cancellation, a clock.
"""

from typing import Final, NamedTuple

from sluice.runs.events import (
    TERMINAL,
    Event,
    MessageFinished,
    MessageStarted,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TextDelta,
    TextFinished,
    TextStarted,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolOutputDelta,
    ToolStarted,
    type_of,
)


class OrderError(Exception):
    """An event that may not stand here: a fault of whoever wrote it, named with its type and identifier."""


class _Rule(NamedTuple):
    """What an event does to the bracket of its `id`."""

    kind: str
    """`step`, `message`, `text`, `reasoning`, `tool`, or `input`: the arguments of a tool call, inside `tool`."""
    does: str
    """`open`, `inside` or `close`."""


RULES: Final[dict[type, _Rule]] = {
    StepStarted: _Rule("step", "open"),
    StepFinished: _Rule("step", "close"),
    MessageStarted: _Rule("message", "open"),
    MessageFinished: _Rule("message", "close"),
    TextStarted: _Rule("text", "open"),
    TextDelta: _Rule("text", "inside"),
    TextFinished: _Rule("text", "close"),
    ReasoningStarted: _Rule("reasoning", "open"),
    ReasoningDelta: _Rule("reasoning", "inside"),
    ReasoningFinished: _Rule("reasoning", "close"),
    ToolStarted: _Rule("tool", "open"),
    ToolInputDelta: _Rule("input", "inside"),
    ToolInput: _Rule("input", "close"),
    ToolOutputDelta: _Rule("tool", "inside"),
    ToolOutput: _Rule("tool", "close"),
    ToolFailed: _Rule("tool", "close"),
}
"""Events that are not here may stand anywhere between the first and the last."""

_RANK = {"message": 1, "step": 2}
_IN_MESSAGE = frozenset({"text", "reasoning", "tool"})


class Open(NamedTuple):
    """A bracket that stands open."""

    kind: str
    id: str


class Brackets:
    """What stands open in one log. Give it each event in order."""

    __slots__ = ("_ended", "_inputs", "_messages", "_open", "_seq")

    def __init__(self) -> None:
        self._seq = 0
        self._ended = False
        self._open: dict[Open, str] = {}
        """In the order of their opening, and the message each belongs to."""
        self._messages: dict[str, int] = {}
        """How many brackets stand open in each open message. A tool call counts until its arguments are whole: its
        result comes after the message."""
        self._inputs: set[str] = set()
        """Tool calls whose arguments are not whole."""

    def step(self, event: Event) -> None:
        """Take the next event.

        Raises:
            OrderError: it may not stand here; nothing is changed.
        """
        rule = RULES.get(type(event))
        if self._ended or event.seq != self._seq + 1 or (self._seq == 0) != isinstance(event, RunStarted):
            raise OrderError(f"{type_of(event)} as number {event.seq} after {self._seq}")
        if rule is not None:
            self._take(rule, event)
        elif isinstance(event, TERMINAL):
            waiting = isinstance(event, RunFinished) and event.outcome == "interrupt"
            if left := self.closing(waiting=waiting):
                raise OrderError(f"{type_of(event)} while {left[0].kind} {left[0].id!r} stands open")
            self._ended = True
        self._seq = event.seq

    def _take(self, rule: _Rule, event: Event) -> None:
        name: str = event.id  # type: ignore[union-attr]  # each event of the table has one
        if rule.kind == "input":
            if name not in self._inputs:
                raise OrderError(f"{type_of(event)} of {name!r}, whose arguments are not awaited")
            if rule.does == "close":
                self._inputs.discard(name)
                self._messages[self._open[Open("tool", name)]] -= 1
            return
        bracket = Open(rule.kind, name)
        if (bracket in self._open) == (rule.does == "open"):
            state = "already open" if rule.does == "open" else "not open"
            raise OrderError(f"{type_of(event)} of {name!r}, which is {state}")
        if rule.does == "open":
            self._enter(bracket, event)
        elif rule.does == "close":
            self._leave(bracket, event)
        elif rule.kind == "tool" and name in self._inputs:
            raise OrderError(f"{type_of(event)} of {name!r} before its arguments are whole")

    def _enter(self, bracket: Open, event: Event) -> None:
        message = ""
        if bracket.kind in _IN_MESSAGE:
            message = event.message_id  # type: ignore[union-attr]  # what stands in a message names it
            if message not in self._messages:
                raise OrderError(f"{type_of(event)} in the message {message!r}, which is not open")
            self._messages[message] += 1
        elif bracket.kind == "message":
            self._messages[bracket.id] = 0
        self._open[bracket] = message
        if bracket.kind == "tool":
            self._inputs.add(bracket.id)

    def _leave(self, bracket: Open, event: Event) -> None:
        if bracket.kind == "message":
            if self._messages[bracket.id]:
                raise OrderError(f"{type_of(event)} of {bracket.id!r} while something in it stands open")
            del self._messages[bracket.id]
        elif bracket.kind == "tool":
            if bracket.id in self._inputs:
                if isinstance(event, ToolOutput):
                    raise OrderError(f"{type_of(event)} of {bracket.id!r} before its arguments are whole")
                self._inputs.discard(bracket.id)
                self._messages[self._open[bracket]] -= 1
        elif bracket.kind in _IN_MESSAGE:
            self._messages[self._open[bracket]] -= 1
        del self._open[bracket]

    @property
    def ended(self) -> bool:
        """Whether the terminal event was taken."""
        return self._ended

    def closing(self, *, waiting: bool = False) -> list[Open]:
        """Return what stands open, in an order in which it may be closed: the last opened first, messages after what
        is in them, steps last. With `waiting` without the calls whose arguments are whole."""
        inner = [name for name in self._open if not (waiting and name.kind == "tool" and name.id not in self._inputs)]
        inner.reverse()
        return sorted(inner, key=lambda bracket: _RANK.get(bracket.kind, 0))
