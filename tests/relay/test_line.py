"""relay/line.py: what a client reads as one text is looked at as one, whatever stands between its pieces; what waits
behind something held keeps its place."""

from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.policies.guard_text import TextGuards
from sluice.policies.guards import TextRules
from sluice.relay.line import MAX_WAITING
from tests.dialects.test_pairs import CLIENTS
from tests.relay.guarded import EMAIL, ORDERED, SECRET, answer, calls, machine, says, seen

RULES = (SECRET, EMAIL, TextRules(builtins=("credit_card",)))
GUARDS = TextGuards(RULES)
PIECES = ["SECRET-", "SEC", "RET-", "12", "34", " ", "x. ", "a@", "b.cd", "4111 1111 ", "1111 1111", "名", ""]
CHANNELS = st.sampled_from(["text", "text", "reasoning", "refusal"])
texts: st.SearchStrategy[Event] = st.builds(TextDelta, st.just(0), CHANNELS, st.sampled_from(PIECES))
"""The values of a text come in pieces of it that other parts stand between."""
seals = st.sampled_from(["redacted", "text", "reasoning"]).map(lambda kind: Sealed(0, Seal("o", kind, "QUJD")))  # type: ignore[arg-type]
others: st.SearchStrategy[Event] = st.sampled_from(
    [Reported(Usage()), Started("", "m"), Cited(0, Citation(url="https://a.example", start=0, end=1))]
)
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def interleaved(draw: st.DrawFn, beside: st.SearchStrategy[Event]) -> list[Event]:
    """An answer in which channels, calls and what stands beside them take turns."""
    events: list[Event] = [Started("a1", "m", 7)]
    called = 0
    for what in draw(st.lists(st.sampled_from("tttttcb"), max_size=14)):
        if what == "c":
            events += calls("f", '{"a":', '"b"}', index=called)
            called += 1
        else:
            events.append(draw(beside if what == "b" else texts))
    return [*events, ChoiceFinished(0, "tool_calls" if called else "stop", "x"), Ended()]


def meant(events: list[Event], *, refuses: bool, ordered: bool) -> dict[str, str]:
    """What a client may read of each channel: the rules' result for all that it reads as one text."""
    said = {"text": "", "refusal": "", "reasoning": ""}
    for event in events:
        if isinstance(event, TextDelta) and event.channel != "reasoning":
            said[event.channel if refuses else "text"] += event.text
    found = {channel: GUARDS.whole(text).text for channel, text in said.items()}
    thoughts = "".join(e.text for e in events if isinstance(e, TextDelta) and e.channel == "reasoning")
    found["reasoning"] = "".join(map(looked_at, parts(events))) if ordered else looked_at(thoughts)
    return {channel: text for channel, text in found.items() if text}


def looked_at(text: str) -> str:
    return GUARDS.whole(text).text


def parts(events: list[Event]) -> list[str]:
    """The reasoning, part by part: other parts end one."""
    told = [
        event
        for event in events
        if isinstance(event, ToolCallStarted | Cited) or (isinstance(event, TextDelta) and event.text)
    ]
    rows = groupby(told, lambda event: isinstance(event, TextDelta) and event.channel == "reasoning")
    return ["".join(e.text for e in row if isinstance(e, TextDelta)) for thinks, row in rows if thinks]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("client", CLIENTS)
@SETTINGS
@given(events=interleaved(others | st.just(Sealed(0, Seal("o", "text", "QUJD")))))
def test_what_each_client_reads_as_one_is_what_the_whole_text_gives(
    client: str, streams: bool, events: list[Event]
) -> None:
    dialect, reader = CLIENTS[client]
    shape = dialect.facts.shape
    guard = machine(*RULES, shape=shape, streams=streams)
    out = seen(events, guard) if streams else list(guard.take(events, 1.0))
    encoder = dialect.encoder(reader.request)
    heard, called = reader.said(reader.streamed(b"".join([encoder.encode(event) for event in out])))
    words = {channel: text for channel, text in heard.items() if text}
    assert words == meant(events, refuses=reader.refuses, ordered=shape.ordered)
    assert [name for name, _ in called] == [e.name for e in events if isinstance(e, ToolCallStarted)]


@pytest.mark.parametrize("client", CLIENTS)
@SETTINGS
@given(events=interleaved(others | seals))
def test_no_seal_lets_a_value_through(client: str, events: list[Event]) -> None:
    dialect, reader = CLIENTS[client]
    encoder = dialect.encoder(reader.request)
    out = seen(events, machine(*RULES, shape=dialect.facts.shape))
    heard, _ = reader.said(reader.streamed(b"".join([encoder.encode(event) for event in out])))
    checked = [heard.get("text", ""), heard.get("refusal", "")]
    checked += [heard.get("reasoning", "")] if not dialect.facts.shape.ordered else []
    for text in checked:
        told = text.replace("<", "S")  # what a mask stands for began with a letter: behind a number it still does
        assert looked_at(told) == told


@SETTINGS
@given(events=interleaved(others | seals))
def test_where_parts_have_an_order_it_stays_unless_a_value_crosses_them(events: list[Event]) -> None:
    """Whatever is held: every character of these leaves at the end."""
    rule = TextRules(patterns=("[^!]+!",), max_hold_bytes=1 << 20)
    assert places(seen(events, machine(rule, shape=ORDERED))) == places(events)


def places(events: list[Event]) -> list[object]:
    """The events but for how texts are cut; names and counts come anywhere."""
    row: list[object] = []
    for event in events:
        if isinstance(event, TextDelta):
            if row and isinstance(row[-1], list) and row[-1][0] == event.channel:
                row[-1][1] += event.text
            elif event.text:
                row.append([event.channel, event.text])
        elif isinstance(event, ToolCallDelta):
            row.append(event.arguments) if event.arguments else None
        elif not isinstance(event, Reported | Started):
            row.append(event)
    return row


# -- an order is not waited for without end ----------------------------------------------------------------------------


def test_what_waits_for_too_long_or_is_too_much_goes_before_what_is_held() -> None:
    thoughts = [TextDelta(0, "reasoning", "hm")] * 3
    guard = machine(SECRET, shape=ORDERED)
    assert guard.take(says("a SECRET-"), 1.0) == says("a ")
    assert guard.take([*calls("f", "{}"), thoughts[0]], 1.5) == []
    call = ToolCallDelta(0, 0, " ")
    assert guard.take([call], 3.6) == [*calls("f", "{}"), thoughts[0], call]
    assert guard.take([thoughts[0], *says("1234 b")], 3.7) == [thoughts[0], *says("<masked> b")]
    guard = machine(SECRET, shape=ORDERED)
    assert guard.take([*says("a SECRET-"), thoughts[0]], 1.0) == says("a ")
    assert guard.take([thoughts[0]], 3.6) == [TextDelta(0, "reasoning", "hmhm")]  # what thinks for long is seen to
    guard = machine(SECRET, shape=ORDERED)
    guard.take(says("a SECRET-"), 1.0)
    long = calls("f", '"' + "x" * MAX_WAITING)
    assert guard.take(long, 1.0) == long
    assert guard.take([ChoiceFinished(0, "stop", "stop")], 1.0)[0] == TextDelta(0, "text", "SECRET-")


def test_a_whole_answer_keeps_its_order_whatever_its_length() -> None:
    events = answer(*says("a SECRET-"), *calls("f", '"' + "x" * MAX_WAITING + '"'))
    guard = machine(SECRET, shape=ORDERED, streams=False)
    assert guard.take(events, 1.0) == [events[0], *says("a ", "SECRET-"), *events[2:]]
