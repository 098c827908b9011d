"""relay/rows.py: what of a choice's texts can be judged, and in which order it leaves."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.content import Citation
from sluice.chat.events import ChoiceFinished, Cited, Event, TextDelta, ToolCallDelta, ToolCallStarted, Unrecognised
from sluice.relay.rows import CONTEXT_CHARACTERS, MAX_CHARACTERS, Row
from tests.relay.guarded import calls, says, spoken

END = ChoiceFinished(0, "stop", "stop")


def ready(*events: Event) -> list[str]:
    """The texts of the windows, once these events have come."""
    row = Row(0)
    for event in events:
        assert row.put(event) == [] or event is events[0]
    return [window.text for window in row.windows()]


def test_a_window_ends_with_a_sentence_in_any_script() -> None:
    assert ready(*says("How ar", "e you")) == []
    for mark in ".!?\n。！？":
        assert ready(*says("How", f" so{mark} And")) == [f"How so{mark}"]
    assert ready(*says("One. Two. Three")) == ["One. Two."]
    assert ready(*says("One.", "Two", "3.", "Four")) == ["One.Two3."]


def test_a_text_without_sentences_is_judged_piece_by_piece() -> None:
    words = "word " * (MAX_CHARACTERS // 5 - 1)
    assert ready(*says(words, "more")) == []
    assert ready(*says(words, "and more ", "and")) == [f"{words}and more "]


def test_a_text_is_whole_once_something_else_begins() -> None:
    others: list[Event] = [
        TextDelta(0, "reasoning", "hm"),
        ToolCallDelta(0, 0, "{}"),
        ToolCallStarted(0, 0, "c", "f"),
        END,
    ]
    for other in others:
        assert ready(*says("no end"), other)[:1] == ["no end"]
    assert ready(*says("no end"), TextDelta(0, "reasoning", "")) == []


def test_arguments_are_judged_whole_or_by_size_for_they_have_no_sentences() -> None:
    assert ready(*calls("f", '{"a.b!":', '"c."')) == ["f"]
    assert ready(*calls("f", '{"a.b!":', '"c."}'), *calls("g", "{}", index=1)) == ["f", '{"a.b!":"c."}', "g"]
    assert ready(*calls("f", "x" * MAX_CHARACTERS, "y"))[1] == "x" * MAX_CHARACTERS


def test_what_holds_no_text_waits_only_for_what_is_before_it() -> None:
    row = Row(0)
    empty = TextDelta(0, "text", "")
    assert row.put(empty) == [empty]
    assert row.put(says("a.")[0]) == []
    assert row.put(TextDelta(0, "reasoning", "")) == []
    (window,) = row.windows()
    assert row.put(END) == []
    assert row.let_through(window, "a.") == [*says("a."), END]
    assert row.put(END) == [END]


def test_what_is_let_through_unchanged_is_the_pieces_as_they_came() -> None:
    logprobs = msgspec.Raw(b"{}")
    pieces: list[Event] = [TextDelta(0, "text", "Well, ", logprobs), TextDelta(0, "text", "yes. No", logprobs)]
    row = Row(0)
    for piece in pieces:
        row.put(piece)
    (window,) = row.windows()
    assert row.let_through(window, window.text) == [pieces[0], *says("yes.")]  # half a piece has no probabilities
    assert row.context == {("text", 0): "Well, yes."}


def test_what_was_changed_is_one_piece_and_nothing_is_none() -> None:
    rows: list[tuple[Event, str, list[Event]]] = [
        (TextDelta(0, "text", "a."), "b", [TextDelta(0, "text", "b")]),
        (TextDelta(0, "text", "a."), "", []),
        (ToolCallDelta(0, 1, "{}"), '{"b":1}', [ToolCallDelta(0, 1, '{"b":1}')]),
        (ToolCallDelta(0, 1, "{}"), "", []),
        (ToolCallStarted(0, 1, "c", "f"), "g", [ToolCallStarted(0, 1, "c", "g")]),
        (Cited(0, Citation(url="https://a", title="t", quote="q", start=1)), "x", []),
        (Unrecognised("x", 0, msgspec.Raw(b'{"code":"print(1)"}')), "x", []),
    ]
    for event, text, wanted in rows:
        row = Row(0)
        row.put(event)
        row.put(END)
        (window,) = row.windows()
        assert row.let_through(window, text) == [*wanted, END]


def test_a_part_of_the_providers_own_is_judged_by_its_texts_and_alone() -> None:
    row = Row(0)
    parts = [Unrecognised("x", 0, msgspec.Raw(b'{"type":"t","id":"i","code":"a","data":"AAAA"}')) for _ in range(2)]
    picture = Unrecognised("x", 0, msgspec.Raw(b'{"inlineData":{"mimeType":"image/png","data":"AAAA"}}'))
    assert row.put(picture) == [picture]
    for part in parts:
        assert row.put(part) == []
    row.put(END)
    windows = list(row.windows())
    assert [window.text for window in windows] == ["type\nid\ncode\na\ndata"] * 2
    assert row.let_through(windows[0], "changed") == []
    assert row.let_through(windows[1], windows[1].text) == [parts[1], END]


def test_the_context_is_bounded_and_each_text_has_its_own() -> None:
    row = Row(0)
    row.put(says("a" * 500 + ".")[0])
    row.put(TextDelta(0, "reasoning", "b."))
    for window in list(row.windows()):
        row.let_through(window, window.text)
    assert row.context == {("text", 0): "a" * (CONTEXT_CHARACTERS - 1) + ".", ("reasoning", 0): "b."}


@given(st.lists(st.sampled_from(["a. b", "c", "!", "d\n", "。"])), st.lists(st.booleans()))
def test_each_character_leaves_once_and_in_order_whenever_it_is_judged(texts: list[str], when: list[bool]) -> None:
    row = Row(0)
    out: list[Event] = []
    asked = 0
    for place, text in enumerate(texts):
        out += row.put(says(text)[0])
        if place < len(when) and when[place]:
            for window in list(row.windows()):
                asked += len(window.text)
                out += row.let_through(window, window.text)
    out += row.put(END)
    for window in list(row.windows()):
        asked += len(window.text)
        out += row.let_through(window, window.text)
    assert spoken(out) == "".join(texts)
    assert asked == len("".join(texts))
    assert out[-1] == END
