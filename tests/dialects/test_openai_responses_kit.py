"""What the tests of this dialect share: frames, folds, the official client, a strict replica of Codex's rules, and any
legal answer."""

import json
from collections.abc import Iterable
from typing import cast, get_args

import httpx2
import openai
from hypothesis import strategies as st
from openai.types.responses import ParsedResponse, ResponseStreamEvent
from pydantic import BaseModel

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
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Seal, SealKind
from sluice.chat.usage import Usage, believed
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.wire.sse import Frame, SseDecoder

Row = dict[str, object]
REQUEST = OPENAI_RESPONSES.read_request(b'{"model": "m", "input": "hi", "stream": true}')


def obj(value: object) -> dict[str, object]:
    """A JSON object, for the type checker."""
    assert isinstance(value, dict)
    return cast(dict[str, object], value)


def rows(value: object) -> list[dict[str, object]]:
    """A JSON array of objects."""
    assert isinstance(value, list)
    return [obj(row) for row in value]


def data(value: object) -> Frame:
    """A frame that holds this JSON."""
    raw = json.dumps(value).encode()
    return Frame(b"data: " + raw + b"\n\n", raw)


def decode(*events: object, keep: bool = False) -> list[Event]:
    """The events of a stream that begins with these."""
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=keep)
    return [event for row in events for event in decoder.decode(data(row))]


def encode(events: Iterable[Event], request: ChatRequest = REQUEST) -> bytes:
    """The stream that a client gets."""
    encoder = OPENAI_RESPONSES.encoder(request)
    return b"".join([encoder.encode(event) for event in events])


def frames_of(stream: bytes) -> list[Frame]:
    decoder = SseDecoder()
    frames = decoder.feed(stream)
    assert b"".join(frame.raw for frame in frames) == stream
    return frames


def events_of(stream: bytes) -> list[Row]:
    """The JSON of each event; its name has to be its type."""
    found = []
    for frame in frames_of(stream):
        row = obj(json.loads(frame.data or b""))
        assert frame.event == row["type"]
        found.append(row)
    return found


def fold(events: Iterable[Event]) -> Answer:
    """The answer of a legal stream."""
    machine, grammar = Fold(), Grammar()
    for event in events:
        grammar.advance(event)
        machine.add(event)
    return machine.answer()


# -- the official client ----------------------------------------------------------------------------------------------


def client(body: bytes, *, status: int = 200, kind: str = "text/event-stream") -> openai.OpenAI:
    """The official client, with an answer that is already there."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": kind}, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://127.0.0.1/v1", http_client=transport, max_retries=0)


def accumulated(stream: bytes) -> ParsedResponse[None]:
    """What the official client makes of a stream that succeeds."""
    with client(stream).responses.stream(model="m", input="hi") as running:
        return running.get_final_response()


def without_parsed(value: object) -> object:
    """The client's own additions taken out."""
    if isinstance(value, dict):
        return {k: without_parsed(v) for k, v in value.items() if k not in ("parsed", "parsed_arguments")}
    return [without_parsed(v) for v in value] if isinstance(value, list) else value


TYPED: dict[object, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(ResponseStreamEvent)[0])
}
"""The official model of each event, by its type."""


# -- Codex ------------------------------------------------------------------------------------------------------------

TERMINAL = ("response.completed", "response.incomplete", "response.failed")
DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "summary",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}
NEEDED = {
    "message": {"id", "role", "content", "status"},
    "reasoning": {"id", "summary"},
    "function_call": {"id", "call_id", "name", "arguments"},
    "custom_tool_call": {"id", "call_id", "name", "input"},
}


def codex(stream: bytes) -> Row:
    """Read a whole stream by Codex's rules, stricter than Codex itself, and return the last response object.

    Each delta belongs to the one item that is open; each item is added and done; what was done is what its deltas
    said, and what the last event repeats; a completed response has an id and usage that can be counted.
    """
    events = events_of(stream)
    assert [row["sequence_number"] for row in events] == list(range(len(events)))
    assert [row["type"] for row in events[:2]] == ["response.created", "response.in_progress"]
    assert [row["type"] in TERMINAL for row in events] == [False] * (len(events) - 1) + [True]
    done: list[Row] = []
    active: Row | None = None
    told = ""
    for row in events[2:-1]:
        if row["type"] == "response.output_item.added":
            assert active is None
            active, told = obj(row["item"]), ""
            assert NEEDED[str(active["type"])] <= set(active)
            assert row["output_index"] == len(done)
            continue
        assert active is not None
        if row["type"] == "response.output_item.done":
            item = obj(row["item"])
            assert (item["id"], item["type"], row["output_index"]) == (active["id"], active["type"], len(done))
            assert shown(item) == told
            done.append(item)
            active = None
            continue
        assert (row["item_id"], row["output_index"]) == (active["id"], len(done))
        if row["type"] in DELTAS:
            assert row["delta"] != ""
            told += str(row["delta"])
    last = obj(events[-1]["response"])
    assert active is None
    assert last["output"] == done
    assert last["id"] == obj(events[0]["response"])["id"] != ""
    if last["usage"] is not None:
        usage = obj(last["usage"])
        assert isinstance(obj(usage["input_tokens_details"])["cached_tokens"], int)
        assert isinstance(obj(usage["output_tokens_details"])["reasoning_tokens"], int)
        assert isinstance(usage["total_tokens"], int)
    return last


def shown(item: Row) -> str:
    """All text of an item."""
    if item["type"] == "function_call":
        return str(item["arguments"])
    if item["type"] == "custom_tool_call":
        return str(item["input"])
    parts = rows(item["summary"] if item["type"] == "reasoning" else item["content"])
    return "".join(str(part.get("text", part.get("refusal"))) for part in parts)


# -- any legal answer -------------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"), max_size=6)
names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=5)
channels: st.SearchStrategy[Channel] = st.sampled_from(["text", "reasoning", "refusal"])
kinds: st.SearchStrategy[SealKind] = st.sampled_from(["reasoning", "redacted", "call", "text"])
reasons: st.SearchStrategy[FinishReason] = st.sampled_from(
    ["stop", "length", "tool_calls", "content_filter", "refusal"]
)
counts = st.integers(0, 2**40)
objects = st.dictionaries(texts, st.one_of(texts, st.integers(0, 9), st.lists(texts, max_size=2)), max_size=3)


@st.composite
def pieces(draw: st.DrawFn) -> list[str]:
    """A tool's arguments, cut anywhere; sometimes the end is missing."""
    text = json.dumps(draw(objects), ensure_ascii=draw(st.booleans())) + draw(st.sampled_from(["", "", " \n"]))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return parts if draw(st.integers(0, 4)) else parts[:-1]


@st.composite
def citations(draw: st.DrawFn) -> Citation:
    return Citation(
        url=draw(st.sampled_from(["", "https://example.com/a"])),
        title=draw(texts),
        start=draw(st.integers(-1, 9)),
        end=draw(st.integers(-1, 9)),
        document=draw(st.integers(-1, 2)),
    )


@st.composite
def answers(draw: st.DrawFn, tool_names: tuple[str, ...] = ("f", "g")) -> list[Event]:
    """A legal sequence of events of choice 0: channels alternate, calls interleave, seals and citations anywhere."""
    started: list[Event] = [Started(draw(names), draw(names), draw(st.integers(1, 2**31)))]
    beginning = [[], started, [Started("", ""), *started], [Started("", "m")]]
    events: list[Event] = list(draw(st.sampled_from(beginning)))
    waiting: dict[int, list[str]] = {}
    calls = 0
    for _ in range(draw(st.integers(0, 12))):
        match draw(st.integers(0, 6)):
            case 0 | 1:
                events.append(TextDelta(0, draw(channels), draw(texts)))
            case 2:
                events.append(ToolCallStarted(0, calls, draw(names), draw(st.sampled_from(tool_names))))
                waiting[calls] = draw(pieces())
                calls += 1
            case 3 | 4 if any(waiting.values()):
                index = draw(st.sampled_from([index for index, rest in waiting.items() if rest]))
                events.append(ToolCallDelta(0, index, waiting[index].pop(0)))
            case 5:
                origin = draw(st.sampled_from(["dialect.openai_responses", "dialect.other"]))
                events.append(Sealed(0, Seal(origin, draw(kinds), draw(names), draw(texts))))
            case _:
                events.append(draw(st.one_of(st.just(Unrecognised("x")), citations().map(lambda c: Cited(0, c)))))
    if draw(st.booleans()):
        events += [ToolCallDelta(0, index, "".join(rest)) for index, rest in waiting.items()]
    reason = draw(reasons)
    tail: list[Event] = [ChoiceFinished(0, reason, reason)]
    if draw(st.booleans()):
        usage = Usage(input_tokens=draw(counts), output_tokens=draw(counts), cache_read_tokens=draw(counts))
        tail.insert(draw(st.integers(0, 1)), Reported(believed(usage)))
    return [*events, *tail, Ended()]
