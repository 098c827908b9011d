"""Whatever legal order of events comes: the official client reads the stream, and what it reads adds up to the whole
answer."""

import json
from collections.abc import Sequence
from typing import Any

from google.genai import types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    FinishReason,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.dialects.gemini import GEMINI
from tests.dialects.gemini import Json, answered, chunks_of, decode_bytes, encode, fold, joined, streamed

texts = st.text(st.characters(codec="utf-8"), max_size=8)
arguments = st.dictionaries(texts, st.integers() | texts | st.lists(st.none() | texts, max_size=2), max_size=3)
REASONS: list[FinishReason] = ["stop", "length", "tool_calls", "content_filter"]
counts = st.integers(0, 50)
usages = st.builds(Usage, input_tokens=counts, output_tokens=st.integers(50, 99), reasoning_tokens=counts)
seals = st.one_of(
    st.builds(Seal, st.just("dialect.gemini"), st.sampled_from(["reasoning", "call", "text"]), st.just("AAEC")),
    st.builds(Seal, st.just("dialect.x"), st.sampled_from(["reasoning", "redacted"]), texts),
)


@st.composite
def calls(draw: st.DrawFn, choice: int, index: int) -> list[Event]:
    """A call and its arguments in pieces, perhaps none, perhaps cut off."""
    text = draw(st.just("") | arguments.map(json.dumps))
    at = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    pieces = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]
    if draw(st.integers(0, 9)) == 0:
        pieces = pieces[:-1]
    started = ToolCallStarted(choice, index, f"id{index}", draw(st.sampled_from(["f", "g.h"])))
    return [started, *[ToolCallDelta(choice, index, piece) for piece in pieces]]


@st.composite
def tracks(draw: st.DrawFn, choice: int) -> list[list[Event]]:
    """What one choice says, as runs of events that keep their order."""
    words = st.builds(TextDelta, st.just(choice), st.sampled_from(["text", "reasoning", "refusal"]), texts)
    cites = st.builds(
        Cited,
        st.just(choice),
        st.builds(Citation, url=texts, title=texts, start=st.integers(-1, 4), end=st.integers(-1, 9)),
    )
    sealed = st.builds(Sealed, st.just(choice), seals)
    runs: list[list[Event]] = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from("wwwsc"), max_size=6))):
        if kind == "c":
            runs.append(draw(calls(choice, index)))
        else:
            runs.append(draw(st.lists(words | cites if kind == "w" else sealed, max_size=3)))
    return _renumbered(runs)


def _renumbered(runs: list[list[Event]]) -> list[list[Event]]:
    """Calls count from 0."""
    started = [run[0].index for run in runs if run and isinstance(run[0], ToolCallStarted)]
    numbers = {index: number for number, index in enumerate(started)}

    def one(event: Event) -> Event:
        match event:
            case ToolCallStarted():
                return ToolCallStarted(event.choice, numbers[event.index], event.id, event.name)
            case ToolCallDelta():
                return ToolCallDelta(event.choice, numbers[event.index], event.arguments)
            case _:
                return event

    return [[one(event) for event in run] for run in runs]


@st.composite
def answers(draw: st.DrawFn, *, interleaved: bool) -> list[Event]:
    """A legal and complete stream of up to three choices. Calls of one choice interleave with the rest of it only if
    asked."""
    queues: list[list[Event]] = []
    for choice in range(draw(st.integers(1, 3))):
        runs = draw(tracks(choice))
        reason = draw(st.sampled_from(REASONS))
        end = ChoiceFinished(choice, reason, reason)
        mixed = draw(_merged(runs)) if interleaved else [event for run in runs for event in run]
        queues.append([*mixed, end])
    body = draw(_merged(queues))
    for extra in draw(st.lists(st.builds(Started, texts, texts) | st.builds(Reported, usages), max_size=3)):
        body.insert(draw(st.integers(0, len(body))), extra)
    return [*body, Ended()]


@st.composite
def _merged(draw: st.DrawFn, queues: Sequence[list[Event]]) -> list[Event]:
    """Several sequences as one that keeps the order of each."""
    rest = [list(queue) for queue in queues if queue]
    merged: list[Event] = []
    while rest:
        queue = rest[draw(st.integers(0, len(rest) - 1))]
        merged.append(queue.pop(0))
        rest = [queue for queue in rest if queue]
    return merged


def _whole(events: list[Event]) -> types.GenerateContentResponse:
    return answered(GEMINI.write_answer(fold(events), ChatRequest()))


def _ends(chunks: list[types.GenerateContentResponse]) -> tuple[Any, str | None, str | None]:
    last = chunks[-1]
    return last.usage_metadata, last.model_version, last.response_id


SETTINGS = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@SETTINGS
@given(answers(interleaved=False))
def test_a_stream_adds_up_to_the_whole_answer(events: list[Event]) -> None:
    chunks = streamed(encode(events))
    whole = _whole(events)
    assert joined(chunks) == joined([whole])
    assert _ends(chunks) == _ends([whole])


@SETTINGS
@given(answers(interleaved=True))
def test_interleaved_calls_add_up_too(events: list[Event]) -> None:
    chunks, whole = streamed(encode(events)), _whole(events)
    assert {at: _contents(row) for at, row in joined(chunks).items()} == {
        at: _contents(row) for at, row in joined([whole]).items()
    }
    assert _ends(chunks) == _ends([whole])


def _contents(row: Json) -> Json:
    """Text, thoughts, calls and signatures, each in their order."""
    parts = row["parts"]
    return {
        "text": "".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        "thoughts": "".join(part["text"] for part in parts if part.get("thought")),
        "calls": [part["function_call"] for part in parts if "function_call" in part],
        "signatures": sorted(part["thought_signature"] for part in parts if "thought_signature" in part),
        "finish": row["finish"],
    }


@SETTINGS
@given(answers(interleaved=True))
def test_every_chunk_is_what_a_chat_of_the_official_client_keeps(events: list[Event]) -> None:
    for chunk in chunks_of(encode(events)):
        assert chunk["candidates"]
        for candidate in chunk["candidates"]:
            assert candidate["content"]["role"] == "model"
            assert candidate["content"]["parts"]
            assert all(part != {} for part in candidate["content"]["parts"])


@SETTINGS
@given(answers(interleaved=True))
def test_an_array_holds_the_same_chunks(events: list[Event]) -> None:
    assert json.loads(encode(events, "json_array")) == chunks_of(encode(events))


@SETTINGS
@given(answers(interleaved=True))
def test_what_is_written_can_be_read_by_the_same_dialect(events: list[Event]) -> None:
    again = decode_bytes([encode(events)])
    if not any(isinstance(event, Failed) for event in again):  # a call that is no JSON is reported as one
        assert again[-1] == Ended()
        assert [choice.index for choice in fold(again).choices] == [choice.index for choice in fold(events).choices]
