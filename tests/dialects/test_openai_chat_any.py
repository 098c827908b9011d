"""openai_chat: any legal answer. The official client's own types and its own accumulator are the judges."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from sluice.chat.content import Citation
from sluice.chat.events import (
    Channel,
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    FinishReason,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.fold import Answer, Choice
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Seal, SealKind
from sluice.chat.usage import Usage, believed
from sluice.dialects.openai_chat import OPENAI_CHAT
from tests.dialects.chunks import chunks_of, decode, encode, fold, frames_of

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
channels: st.SearchStrategy[Channel] = st.sampled_from(["text", "reasoning", "refusal"])
reasons: st.SearchStrategy[FinishReason] = st.sampled_from(
    ["stop", "length", "tool_calls", "content_filter", "refusal"]
)
kinds: st.SearchStrategy[SealKind] = st.sampled_from(["reasoning", "redacted", "call", "text"])
counts = st.integers(0, 2**40)
names = st.sampled_from(["", "c1", "m"])


@st.composite
def others(draw: st.DrawFn, choice: int) -> Event:
    """What only other dialects give, and names that come late."""
    match draw(st.integers(0, 5)):
        case 0 | 1:
            return Sealed(choice, Seal("dialect.x", draw(kinds), draw(texts)))
        case 2:
            url = draw(st.sampled_from(["", "https://a.example"]))
            return Cited(choice, Citation(url=url, title=draw(texts), start=draw(st.integers(-1, 9))))
        case 3:
            return Started(draw(names), draw(names))
        case 4:
            return Unrecognised("block:x")
        case _:
            return TextDelta(choice, draw(channels), "")


@st.composite
def answers(draw: st.DrawFn, *, foreign: bool = False) -> list[Event]:
    """A legal sequence of events: choices interleaved, channels and calls in any order."""
    events: list[Event] = [Started(draw(texts), draw(texts), draw(st.integers(1, 2**40)))]
    if foreign and draw(st.booleans()):
        events = []
    choices = draw(st.integers(1, 3))
    calls: dict[int, int] = {}
    for _ in range(draw(st.integers(0, 14))):
        choice = draw(st.integers(0, choices - 1))
        what = draw(st.integers(0, 8 if foreign else 4))
        if what in (0, 1):
            events.append(TextDelta(choice, draw(channels), draw(texts)))
        elif what == 2:
            calls[choice] = calls.get(choice, 0) + 1
            events.append(ToolCallStarted(choice, calls[choice] - 1, draw(texts), draw(texts)))
        elif what in (3, 4) and choice in calls:
            events.append(ToolCallDelta(choice, draw(st.integers(0, calls[choice] - 1)), draw(texts)))
        elif what > 4:
            events.append(draw(others(choice)))
    for choice in range(choices):
        reason = draw(reasons)
        events.append(ChoiceFinished(choice, reason, reason))
    if draw(st.booleans()):
        usage = Usage(input_tokens=draw(counts), output_tokens=draw(counts), cache_write_tokens=draw(counts))
        events.insert(draw(st.integers(0, len(events))) if foreign else len(events), Reported(believed(usage)))
    return [*events, Ended()]


def told(answer: Answer) -> object:
    """What a client of this dialect is told of an answer: each channel joined, calls with their ids, no seals. Whether
    a text that nobody said is empty or missing is not told; a refusal is a finish reason only if it has no words;
    calls that end with `stop` are believed to be calls."""

    def choice(one: Choice) -> object:
        nothing = "" if one.finish == "length" else "{}"
        calls = tuple((call.id, call.name, call.arguments or nothing) for call in one.tool_calls)
        words = (one.text or None, one.reasoning or None, one.refusal or None)
        refused = "stop" if one.refusal else "content_filter"
        finish = "tool_calls" if one.finish == "stop" and calls and not one.refusal else one.finish
        return one.index, words, calls, refused if one.finish == "refusal" else finish

    return answer.id, answer.model, answer.created, answer.usage, tuple(map(choice, answer.choices))


@settings(max_examples=150, deadline=None)
@given(answers())
def test_what_was_written_reads_as_the_same_answer(events: list[Event]) -> None:
    again = decode(*frames_of(encode(events, choices=3)))
    assert told(fold(again)) == told(fold(events))
    assert isinstance(again[-1], Ended)


@settings(max_examples=100, deadline=None)
@given(answers())
def test_streamed_and_whole_are_the_same_answer(events: list[Event]) -> None:
    whole = fold(OPENAI_CHAT.read_answer(OPENAI_CHAT.write_answer(fold(events), ChatRequest())))
    streamed = fold(decode(*frames_of(encode(events, choices=3))))
    assert told(whole) == told(streamed) == told(fold(events))


def accumulated(stream: bytes) -> dict[str, Any]:
    """What the official client makes of a stream."""
    state = ChatCompletionStreamState()
    for row in chunks_of(stream):
        state.handle_chunk(ChatCompletionChunk.model_validate(row, strict=True))
    snapshot: dict[str, Any] = json.loads(state.current_completion_snapshot.model_dump_json(exclude_unset=True))
    return snapshot


def call_of(call: dict[str, Any]) -> object:
    return call["id"], call["type"], call["function"]["name"], call["function"]["arguments"]


def comparable(completion: dict[str, Any]) -> list[object]:
    """The members of a message that count; of an annotation its place in the list goes, which deltas alone have."""
    choices = []
    for row in completion["choices"]:
        message = row["message"]
        choices.append(
            (
                row["index"],
                row["finish_reason"],
                *(message.get(name) or "" for name in ("content", "refusal", "reasoning_content")),
                [call_of(call) for call in message.get("tool_calls") or ()],
                [(note["type"], note["url_citation"]) for note in message.get("annotations") or ()],
            )
        )
    return [completion.get("usage"), choices]


@settings(max_examples=300, deadline=None)
@given(answers(foreign=True))
def test_the_official_client_accumulates_what_the_whole_answer_says(events: list[Event]) -> None:
    request = ChatRequest(choices=3, stream=True, wants_usage=True)
    encoder = OPENAI_CHAT.encoder(request)
    stream = b"".join([encoder.encode(event) for event in events])
    assert stream.endswith(b"data: [DONE]\n\n")
    whole = json.loads(OPENAI_CHAT.write_answer(fold(events), request))
    assert comparable(accumulated(stream)) == comparable(whole)


@settings(max_examples=60, deadline=None)
@given(answers())
def test_the_client_gets_the_names_that_the_answer_says_first(events: list[Event]) -> None:
    whole = json.loads(OPENAI_CHAT.write_answer(fold(events), ChatRequest()))
    snapshot = accumulated(encode(events, choices=3))
    assert [snapshot[name] for name in ("id", "model", "created")] == [whole[n] for n in ("id", "model", "created")]
