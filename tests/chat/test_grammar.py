"""chat/grammar.py: every state against every kind of event, written down a second time and by hand."""

import pytest

from sluice.chat.content import Citation
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
from sluice.chat.grammar import Grammar
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.errors import InBandFailure, ProtocolError

STARTED = Started("c", "m")
TEXT = TextDelta(0, "text", "a")
CALL = ToolCallStarted(0, 0, "t", "f")
ARGS = ToolCallDelta(0, 0, "{}")
STOP = ChoiceFinished(0, "stop", "stop")
USAGE = Reported(Usage())
EXTRA = Leftover("", 0, {})
SEALED = Sealed(0, Seal("dialect.x", "reasoning", "proof"))
CITED = Cited(0, Citation(url="https://a"))
ODD = Unrecognised("event:x")
END = Ended()
FAILED = Failed(InBandFailure("x"))

KINDS: dict[str, Event] = {
    "Started": STARTED,
    "TextDelta": TEXT,
    "ToolCallStarted": CALL,
    "ToolCallDelta": ARGS,
    "Sealed": SEALED,
    "Cited": CITED,
    "ChoiceFinished": STOP,
    "Reported": USAGE,
    "Leftover": EXTRA,
    "Unrecognised": ODD,
    "Ended": END,
    "Failed": FAILED,
}
ROADS: dict[str, list[Event]] = {
    "waiting": [],
    "reported": [USAGE],
    "started": [STARTED],
    "choice open": [TEXT],
    "choice finished": [TEXT, STOP],
    "finished unopened": [STOP],
    "two open": [TEXT, TextDelta(1, "text", "b")],
    "one of two finished": [TEXT, TextDelta(1, "text", "b"), STOP],
    "ended": [TEXT, STOP, END],
    "failed": [TEXT, FAILED],
}
COLUMNS = ["Started", "TextDelta", "ChoiceFinished", "Reported", "Ended", "Failed"]
LIKE = {
    **dict.fromkeys(["ToolCallStarted", "ToolCallDelta", "Sealed", "Cited"], "TextDelta"),
    **dict.fromkeys(["Leftover", "Unrecognised"], "Reported"),
}
"""Kinds that share a column with another one."""
#                        Started  delta   Finish  Report     Ended    Failed
EXPECTED: dict[str, list[str]] = {
    "waiting":             ["open", "open", "open", "waiting", "✗",     "failed"],
    "reported":            ["open", "open", "open", "waiting", "✗",     "failed"],
    "started":             ["open", "open", "open", "open",    "✗",     "failed"],
    "choice open":         ["open", "open", "open", "open",    "✗",     "failed"],
    "choice finished":     ["open", "✗",    "✗",    "open",    "ended", "failed"],
    "finished unopened":   ["open", "✗",    "✗",    "open",    "ended", "failed"],
    "two open":            ["open", "open", "open", "open",    "✗",     "failed"],
    "one of two finished": ["open", "✗",    "✗",    "open",    "✗",     "failed"],
    "ended":               ["✗"] * 6,
    "failed":              ["✗"] * 6,
}  # fmt: skip
CASES = [
    pytest.param(road, kind, row[COLUMNS.index(LIKE.get(kind, kind))], id=f"{road}-{kind}")
    for road, row in EXPECTED.items()
    for kind in KINDS
]


@pytest.mark.parametrize(("road", "kind", "wanted"), CASES)
def test_every_event_in_every_state(road: str, kind: str, wanted: str) -> None:
    grammar = Grammar()
    for event in ROADS[road]:
        grammar.advance(event)
    before = grammar.state
    if wanted == "✗":
        with pytest.raises(ProtocolError):
            grammar.advance(KINDS[kind])
        assert grammar.state == before
    else:
        grammar.advance(KINDS[kind])
        assert grammar.state == wanted
    assert grammar.complete is (grammar.state == "ended")


def test_an_event_that_was_refused_leaves_no_trace() -> None:
    grammar = Grammar()
    for event in (TEXT, STOP):
        grammar.advance(event)
    for refused in (TEXT, STOP):
        with pytest.raises(ProtocolError):
            grammar.advance(refused)
    grammar.advance(END)
    assert grammar.complete


def test_each_choice_finishes_for_itself() -> None:
    grammar = Grammar()
    for event in (TEXT, TextDelta(1, "text", "b"), STOP, TextDelta(1, "text", "c"), ChoiceFinished(1, "stop", "stop")):
        grammar.advance(event)
    grammar.advance(END)
    assert grammar.complete


def test_the_message_names_state_and_event() -> None:
    grammar = Grammar()
    grammar.advance(FAILED)
    with pytest.raises(ProtocolError, match="Started is not legal when the answer is failed"):
        grammar.advance(STARTED)
