"""What judges let through of an answer: its events in, questions about their texts, and the events that may be seen.

A window is what a text has that can be judged: up to the end of its last sentence, or `rows.MAX_CHARACTERS` of one that
has none, or its rest once another part begins. A question has the windows of all choices; it is put to one judge after
the other, and nothing of it is seen before the last one's verdict. Each text is asked about once, with what went before
it beside it.

Guarantee: at most one question is open. Obeys: stream-life sections 6 and 10.6.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

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
from sluice.policies.guards import Judge
from sluice.policies.judges import Changed, JudgeFailed, Pass, Rejected, Verdict
from sluice.relay.actions import Ask
from sluice.relay.guarding import rejected, unjudged
from sluice.relay.rows import Row, Window
from sluice.relay.tally import Tally

_SILENT = frozenset(
    [
        *(
            "system_fingerprint",
            "service_tier",
            "provider",
            "type",
            "role",
            "completed_at",
            "tokenCount",
            "avgLogprobs",
        ),
        *("background", "store", "truncation", "parallel_tool_calls", "max_tool_calls"),
        *("temperature", "top_p", "top_logprobs"),
    ]
)
"""Members that no judge is asked about, as long as they are short: what served, and how."""
_SHORT = 64
"""Bytes."""


class Windows:
    """One answer."""

    __slots__ = ("_asked", "_ended", "_judges", "_open", "_question", "_rows", "_tally", "_texts", "_turn")

    def __init__(self, judges: Sequence[Judge], tally: Tally) -> None:
        """`judges`: at least one."""
        self._judges = judges
        self._tally = tally
        self._rows: dict[int, Row] = {}
        self._asked: list[Window] = []
        self._texts: list[str] = []
        """Theirs, as the judges so far let them through."""
        self._open: list[int] = []
        """Which of them the question is about: nobody is asked about nothing."""
        self._turn = 0
        """Which judge has the question."""
        self._ended: list[Event] = []
        """The end of the answer, which waits for its last window."""
        self._question: Ask | None = None

    def ask(self) -> Ask | None:
        """Return the question that is open: the same until it is answered. None = nothing has to be asked yet."""
        if self._question is None:
            self._form()
        return self._question

    def take(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return what may be seen at once."""
        out: list[Event] = []
        for event in events:
            _ROADS[type(event)](self, event, out)
        return self._tail(out)

    def answer(self, verdict: Verdict | JudgeFailed) -> Sequence[Event]:
        """Take the verdict on the open question; return what may be seen now.

        Raises:
            Blocked: the answer ends here.
        """
        question = self._question
        assert question is not None
        self._tally.checks += 1
        self._judge(question, verdict)
        out: list[Event] = []
        if not self._put(self._turn + 1):
            for window, text in zip(self._asked, self._texts, strict=True):
                out += window.row.let_through(window, text)
        return self._tail(out)

    # -- what is done with each kind of event -------------------------------------------------------------------------

    def _wait(self, event: Any, out: list[Event]) -> None:
        """It is a text of a choice, or stands beside one."""
        row = self._rows.get(event.choice)
        if row is None:
            row = self._rows[event.choice] = Row(event.choice)
        out += row.put(event)

    def _pass(self, event: Event, out: list[Event]) -> None:
        out.append(event)

    def _leftover(self, event: Leftover, out: list[Event]) -> None:
        """A judge is asked about texts, and nobody knows what other members are."""
        fields = {name: raw for name, raw in event.fields.items() if name in _SILENT and len(raw) <= _SHORT}
        if fields:
            out.append(Leftover(event.place, event.choice, fields))

    def _unrecognised(self, event: Unrecognised, out: list[Event]) -> None:
        if event.part is None:
            out.append(event)
        else:
            self._wait(event, out)

    def _end(self, event: Event, out: list[Event]) -> None:
        self._ended.append(event)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _form(self) -> None:
        """The next question, if there is something to ask."""
        self._asked = [window for _, row in sorted(self._rows.items()) for window in row.windows()]
        self._texts = [window.text for window in self._asked]
        self._put(0)

    def _put(self, turn: int) -> bool:
        """Put the question to the judge whose turn it is; return whether there is one, and something left to ask."""
        self._turn = turn
        self._open = [place for place, text in enumerate(self._texts) if text]
        if turn == len(self._judges) or not self._open:
            self._question = None
            return False
        rows = [self._asked[place].row for place in self._open]
        self._question = Ask(
            self._judges[turn],
            tuple(self._texts[place] for place in self._open),
            tuple(row.context.get(self._asked[place].key, "") for row, place in zip(rows, self._open, strict=True)),
            tuple(row.choice for row in rows),
        )
        return True

    def _judge(self, question: Ask, verdict: Verdict | JudgeFailed) -> None:
        """Let the verdict pass, or spell the texts as it says."""
        judge = question.judge
        if isinstance(verdict, Rejected):
            self._tally.hit(judge.name, "reject")
            raise rejected(judge, rejection=verdict.rejection)
        if isinstance(verdict, Changed) and len(verdict.texts) == len(question.texts):
            for place, text in zip(self._open, verdict.texts, strict=True):
                self._spell(judge, place, text)
        elif not isinstance(verdict, Pass):
            if not judge.fails_open:
                raise unjudged(judge)
            self._tally.failed_open += 1

    def _spell(self, judge: Judge, place: int, text: str) -> None:
        if text == self._texts[place]:
            return
        window = self._asked[place]
        if window.key[0] == "arguments" and not _replaces(window, text):
            self._tally.hit(judge.name, "reject")
            raise rejected(judge)
        self._tally.hit(judge.name, "mask")
        self._texts[place] = text

    def _tail(self, out: list[Event]) -> list[Event]:
        if self._ended and self.ask() is None:
            out += self._ended
            self._ended.clear()
        return out


def _replaces(window: Window, text: str) -> bool:
    """Whether a judge's text can stand for a call's arguments: all of them, and JSON. Half of them cannot be changed
    without looking at the other half."""
    if window.row.context.get(window.key):
        return False
    try:
        msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


_ROADS: Mapping[type, Callable[[Windows, Any, list[Event]], None]] = {
    Started: Windows._pass,
    TextDelta: Windows._wait,
    ToolCallStarted: Windows._wait,
    ToolCallDelta: Windows._wait,
    Sealed: Windows._wait,
    Cited: Windows._wait,
    ChoiceFinished: Windows._wait,
    Reported: Windows._pass,
    Leftover: Windows._leftover,
    Unrecognised: Windows._unrecognised,
    Ended: Windows._end,
    Failed: Windows._pass,
}
"""What is done with each kind of event; a kind that is not in here cannot pass."""
