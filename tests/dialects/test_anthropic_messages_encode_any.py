"""anthropic_messages/encode.py: any legal answer, read by the official client."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

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
from sluice.chat.seal import Seal, SealKind
from sluice.chat.usage import Usage, believed
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from tests.dialects.messages_events import (
    REQUEST,
    Json,
    OfficialClient,
    content_of,
    decode,
    encode,
    fold,
    plain,
    rows_of,
)

ORIGIN = "dialect.anthropic_messages"
STOP = ChoiceFinished(0, "stop", "stop")
CALLS = ChoiceFinished(0, "tool_calls", "tool_calls")
CLIENT = OfficialClient()


texts = st.text(max_size=5)
channels: st.SearchStrategy[Channel] = st.sampled_from(["text", "reasoning", "refusal"])
reasons: st.SearchStrategy[FinishReason] = st.sampled_from(
    ["stop", "length", "tool_calls", "content_filter", "refusal"]
)
kinds: st.SearchStrategy[SealKind] = st.sampled_from(["reasoning", "redacted", "call", "text"])
counts = st.integers(0, 2**40)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.builds(json.dumps, st.dictionaries(texts, values, max_size=3), ensure_ascii=st.booleans())
argument_texts = st.one_of(objects, objects, objects.map(lambda text: text[:-1]), st.just(""), texts)
seals = st.builds(Seal, st.sampled_from([ORIGIN, "dialect.gemini"]), kinds, st.text(min_size=1, max_size=5))
citations = st.builds(
    Citation, url=texts, title=texts, quote=texts, start=st.integers(-1, 5), document=st.integers(-1, 2)
)
usages = st.builds(
    Usage, input_tokens=counts, output_tokens=counts, cache_read_tokens=counts, reasoning_tokens=st.integers(0, 9)
).map(believed)


@st.composite
def calls(draw: st.DrawFn, index: int) -> list[Event]:
    """A call and its arguments in pieces."""
    text = draw(argument_texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    start = ToolCallStarted(0, index, draw(st.sampled_from(["", f"call_{index}", f"toolu_{index}"])), draw(texts))
    return [start, *(ToolCallDelta(0, index, piece) for piece in pieces)]


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """A legal sequence of events: channels in turns, calls interleaved, usage and names at any time or never."""
    other = st.one_of(
        st.builds(TextDelta, st.just(0), channels, texts),
        st.builds(TextDelta, st.just(0), channels, texts),
        st.builds(Sealed, st.just(0), seals),
        st.builds(Cited, st.just(0), citations),
        st.builds(Reported, usages),
        st.builds(TextDelta, st.just(1), channels, texts),
        st.just(Unrecognised("block:x")),
    )
    lanes = [draw(calls(index)) for index in range(draw(st.integers(0, 3)))]
    lanes.append(draw(st.lists(other, max_size=8)))
    started: list[Event] = [Started(draw(texts), draw(texts))] if draw(st.booleans()) else []
    events = list(started)
    while any(lanes):
        lane = draw(st.sampled_from([lane for lane in lanes if lane]))
        events.append(lane.pop(0))
    if any(isinstance(event, TextDelta) and event.choice == 1 for event in events):
        events.append(ChoiceFinished(1, "stop", "stop"))
    events.append(ChoiceFinished(0, draw(reasons), draw(texts), draw(st.none() | texts)))
    if draw(st.booleans()):
        events.append(Reported(draw(usages)))
    return [*events, *(started if draw(st.booleans()) else []), Ended()]


LATE: list[Event] = [
    ToolCallStarted(0, 0, "t", "f"),
    TextDelta(0, "text", "held"),
    Sealed(0, Seal(ORIGIN, "redacted", "x")),
    STOP,
    Ended(),
]
BEHIND: list[Event] = [
    ToolCallStarted(0, 0, "t0", "f"),
    TextDelta(0, "reasoning", "held behind the first"),
    ToolCallStarted(0, 1, "t1", "g"),
    ToolCallDelta(0, 0, "{}"),
    TextDelta(0, "reasoning", "held behind the second"),
    ToolCallDelta(0, 1, "{}"),
    CALLS,
    Ended(),
]


@settings(max_examples=400, deadline=None)
@given(answers())
@example(LATE)
@example(BEHIND)
def test_the_official_client_accumulates_what_the_whole_answer_says(events: list[Event]) -> None:
    stream = encode(events)
    streamed = plain(CLIENT.stream(stream))
    body = ANTHROPIC_MESSAGES.write_answer(fold(events), REQUEST)
    assert streamed == plain(CLIENT.create(body))
    assert json.loads(body).keys() >= {"id", "type", "role", "model", "content", "stop_reason", "usage"}


@settings(max_examples=200, deadline=None)
@given(answers())
def test_the_order_is_legal_whatever_comes(events: list[Event]) -> None:
    rows = rows_of(encode(events))
    assert [row["type"] for row in rows[:1] + rows[-2:]] == ["message_start", "message_delta", "message_stop"]
    inner = rows[1:-2]
    is_open, index = False, -1
    for row in inner:
        if row["type"] == "content_block_start":
            assert not is_open
            is_open, index = True, index + 1
        elif row["type"] == "content_block_stop":
            assert is_open
            is_open = False
        else:
            assert row["type"] == "content_block_delta"
            assert is_open
        assert row["index"] == index
    assert not is_open


@settings(max_examples=200, deadline=None)
@given(answers())
def test_what_was_written_reads_as_the_same_message(events: list[Event]) -> None:
    again = decode(encode(events))
    assert isinstance(again[-1], Ended)
    assert joined(plain(CLIENT.stream(encode(again)))) == joined(plain(CLIENT.stream(encode(events))))


def joined(message: Json) -> Json:
    """Texts that follow each other are one text to the vocabulary: a refusal beside a text, to this API, is two."""
    content: list[Json] = []
    for block in content_of(message):
        if content and block["type"] == content[-1]["type"] == "text":
            cited = [*content[-1].get("citations", []), *block.get("citations", [])]  # type: ignore[misc]
            both = {"type": "text", "text": f"{content[-1]['text']}{block['text']}"}
            content[-1] = both | ({"citations": cited} if cited else {})
        else:
            content.append(block)
    return message | {"content": content}
