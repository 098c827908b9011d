"""relay.transcript: what the client was given, word by word, and never more than its bound."""

import json

import pytest

from sluice.chat.events import Event, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import Truncated
from sluice.relay.relay import Relay
from sluice.relay.sinks import Folded, Mirror, Sink, Translate, as_answer
from sluice.relay.stream import StreamRelay
from sluice.relay.terms import Terms
from sluice.relay.transcript import CUT, MAX_CHARS, MAX_PARTS, Noted, Transcript
from sluice.relay.whole import WholeRelay
from sluice.wire.sse import SseDecoder
from tests.relay.relays import DONE, HELLO, OFF, ROLE, STOP, chunk, frame, run, text

ANSWER = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    }
).encode()


def given(*events: Event) -> Transcript:
    transcript = Transcript()
    transcript.add(events)
    transcript.given = True
    return transcript


def listened(kind: str) -> tuple[Relay, Transcript]:
    """A relay of chat completions, and what notes its answer."""
    transcript = Transcript()
    terms = Terms(deadlines=OFF, transcript=transcript)
    if kind.startswith("whole"):
        rewrite = as_answer(OPENAI_CHAT, ChatRequest()) if kind == "whole, written anew" else None
        return WholeRelay(dialect=OPENAI_CHAT, rewrite=rewrite, terms=terms), transcript
    decoder = OPENAI_CHAT.decoder(keep_leftovers=False)
    sink: Sink = Mirror(decoder, hide_usage=True)
    if kind == "translate":
        sink = Translate(OPENAI_CHAT.encoder(ChatRequest(stream=True)))
    elif kind == "folded":
        sink = Folded(OPENAI_CHAT, ChatRequest())
    return StreamRelay(wire=SseDecoder(), decoder=decoder, sink=Noted(sink, transcript), terms=terms), transcript


STREAMS = ("mirror", "translate")


@pytest.mark.parametrize("kind", [*STREAMS, "folded", "whole", "whole, written anew"])
def test_it_says_what_the_client_was_given(kind: str) -> None:
    relay, transcript = listened(kind)
    run(relay, [ANSWER if kind.startswith("whole") else HELLO])
    assert transcript.completion() == ["Hello"]
    with pytest.raises(LookupError):
        transcript.tool_calls()


@pytest.mark.parametrize("kind", STREAMS)
def test_of_a_stream_that_broke_off_it_says_what_was_sent_until_then(kind: str) -> None:
    relay, transcript = listened(kind)
    run(relay, [ROLE, text("Hel"), text("lo")], eof=False)
    relay.broke(Truncated("gone"), 2.0)
    assert transcript.completion() == ["Hello"]


@pytest.mark.parametrize("kind", STREAMS)
def test_what_comes_after_the_client_has_left_was_not_said(kind: str) -> None:
    relay, transcript = listened(kind)
    relay.feed(ROLE + text("Hel"), 1.0)
    assert relay.read_on(1.0)
    run(relay, [text("lo"), STOP, DONE])
    assert transcript.completion() == ["Hel"]


@pytest.mark.parametrize("kind", ["folded", "whole", "whole, written anew"])
def test_a_whole_answer_whose_client_has_left_was_not_said(kind: str) -> None:
    relay, transcript = listened(kind)
    relay.feed(ANSWER[:5] if kind.startswith("whole") else ROLE, 1.0)
    assert relay.read_on(1.0)
    run(relay, [ANSWER[5:] if kind.startswith("whole") else text("Hello") + STOP + DONE])
    with pytest.raises(LookupError):
        transcript.completion()


@pytest.mark.parametrize("kind", ["folded", "whole"])
def test_an_answer_that_never_came_whole_said_nothing(kind: str) -> None:
    relay, transcript = listened(kind)
    relay.feed(ANSWER[:-5] if kind == "whole" else ROLE + text("Hello"), 1.0)
    relay.broke(Truncated("gone"), 2.0)
    with pytest.raises(LookupError):
        transcript.completion()


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_that_failed_before_its_first_token_said_nothing(kind: str) -> None:
    relay, transcript = listened(kind)
    run(relay, [ROLE, frame({"error": {"message": "overloaded"}})])
    with pytest.raises(LookupError):
        transcript.completion()


def test_each_choice_has_a_text_and_calls_come_decoded() -> None:
    relay, transcript = listened("mirror")
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"city": "Pa', 'ris"}')]
    calls = [chunk({"tool_calls": [each]}, choice=1) for each in (call, *pieces)]
    run(relay, [ROLE, text("b", 2), text("a"), *calls, text("!", 2), STOP, chunk(finish="stop", choice=1)])
    assert transcript.completion() == ["a", "", "b!"]
    assert transcript.tool_calls() == [{"id": "call_1", "name": "look", "arguments": {"city": "Paris"}}]


def test_reasoning_is_not_kept_and_a_refusal_is() -> None:
    transcript = given(TextDelta(0, "reasoning", "hidden"), TextDelta(0, "refusal", "I will not."))
    assert transcript.completion() == ["I will not."]
    with pytest.raises(LookupError):
        given(TextDelta(0, "reasoning", "hidden")).completion()


@pytest.mark.parametrize(
    ("arguments", "decoded"), [("", {}), ('{"a": [1]}', {"a": [1]}), ('{"a', '{"a'), ("NaN", "NaN")]
)
def test_arguments_that_are_no_json_stay_text(arguments: str, decoded: object) -> None:
    transcript = given(ToolCallStarted(0, 0, "x", "f"), ToolCallDelta(0, 0, arguments))
    assert transcript.tool_calls() == [{"id": "x", "name": "f", "arguments": decoded}]


@pytest.mark.parametrize("size", [1, 7, 4096, 10 << 20])
def test_of_ten_mebibytes_it_keeps_its_bound_and_says_that_it_was_cut(size: int) -> None:
    transcript = Transcript()
    transcript.given = True
    piece = TextDelta(0, "text", "x" * size)
    for _ in range(max(1, min(10 << 20, 3 * MAX_CHARS) // size)):
        transcript.add([piece])
    assert transcript.completion() == ["x" * MAX_CHARS + CUT]


def test_the_bound_is_of_all_choices_and_calls_together() -> None:
    half = MAX_CHARS // 2
    transcript = given(
        TextDelta(0, "text", "a" * half),
        ToolCallStarted(1, 0, "i", "f"),
        ToolCallDelta(1, 0, "b" * MAX_CHARS),
        TextDelta(0, "text", "more"),
    )
    assert transcript.completion() == ["a" * half, ""]
    assert transcript.tool_calls()[0]["arguments"] == "b" * (half - 2) + CUT


def test_a_name_without_end_does_not_break_the_bound() -> None:
    transcript = given(ToolCallStarted(0, 0, "i" * (10 << 20), "f" * (10 << 20)), ToolCallDelta(0, 0, "{}"))
    assert len(json.dumps(transcript.tool_calls(), ensure_ascii=False)) < 2 * MAX_CHARS + 100


def test_no_more_parts_are_kept_than_there_is_room_for() -> None:
    many: list[Event] = [ToolCallStarted(0, index, f"i{index}", "f") for index in range(3 * MAX_PARTS)]
    late: list[Event] = [ToolCallDelta(0, 3 * MAX_PARTS - 1, "{}"), TextDelta(9, "text", "x")]
    transcript = given(*many, *late)
    assert len(transcript.tool_calls()) == MAX_PARTS
    with pytest.raises(LookupError):
        transcript.completion()


def test_text_is_kept_as_it_came_line_ends_among_it() -> None:
    assert given(TextDelta(0, "text", "a\r\nb\rc\n"), TextDelta(0, "text", "é漢🎉")).completion() == [
        "a\r\nb\rc\né漢🎉"
    ]
