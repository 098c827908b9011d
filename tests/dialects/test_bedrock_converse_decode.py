"""bedrock_converse/decode.py: what ConverseStream sends, regular and not."""

import base64

import pytest

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.dialects.dialect import Dialect
from sluice.errors import ProtocolError
from sluice.testing.cuts import every_single_cut, one_byte_at_a_time
from sluice.wire.event_stream import EventStreamDecoder
from sluice.wire.sse import Frame
from tests.dialects import converse as c

DIALECT: Dialect = BEDROCK_CONVERSE
OWN = "dialect.bedrock_converse"
STARTED = Started("", "")
REPORTED = Reported(Usage(input_tokens=10, output_tokens=5))

STREAM = b"".join(
    [
        c.BEGIN,
        c.delta(0, reasoningContent={"text": "Let me"}),
        c.delta(0, reasoningContent={"text": " see."}),
        c.delta(0, reasoningContent={"signature": "EqQB"}),
        c.stop(0),
        c.delta(1, text="Né "),
        c.delta(1, text="🙂"),
        c.stop(1),
        c.tool(2, "tooluse_a", "weather"),
        c.delta(2, toolUse={"input": ""}),
        c.delta(2, toolUse={"input": '{"city":'}),
        c.delta(2, toolUse={"input": '"Rome"}'}),
        c.stop(2),
        c.end("tool_use"),
        c.METADATA,
    ]
)
EVENTS: list[Event] = [
    STARTED,
    TextDelta(0, "reasoning", "Let me"),
    TextDelta(0, "reasoning", " see."),
    Sealed(0, Seal(OWN, "reasoning", "EqQB")),
    TextDelta(0, "text", "Né "),
    TextDelta(0, "text", "🙂"),
    ToolCallStarted(0, 0, "tooluse_a", "weather"),
    ToolCallDelta(0, 0, '{"city":'),
    ToolCallDelta(0, 0, '"Rome"}'),
    ChoiceFinished(0, "tool_calls", "tool_use"),
    REPORTED,
    Ended(),
]


def test_reasoning_text_and_a_call() -> None:
    assert c.legal(c.decode(STREAM)) == EVENTS


def test_no_cut_changes_the_events() -> None:
    for pieces in [*every_single_cut(STREAM), one_byte_at_a_time(STREAM)]:
        wire, decoder = EventStreamDecoder(), DIALECT.decoder(keep_leftovers=True)
        events = [e for piece in pieces for frame in wire.feed(piece) for e in decoder.decode(frame)]
        assert events == EVENTS


def test_a_stream_cut_off_anywhere_is_no_complete_answer() -> None:
    frames = c.frames_of(STREAM)
    for count in range(len(frames) - 2):
        decoder = DIALECT.decoder(keep_leftovers=False)
        events = [e for frame in frames[:count] for e in decoder.decode(frame)]
        assert Ended() not in [*events, *decoder.finish()]


def test_the_reason_alone_is_no_evidence() -> None:
    decoder = DIALECT.decoder(keep_leftovers=False)
    events = [e for frame in c.frames_of(STREAM)[:-1] for e in decoder.decode(frame)]
    assert events == EVENTS[:-2]
    assert list(decoder.finish()) == []


def test_the_end_is_said_once() -> None:
    decoder = DIALECT.decoder(keep_leftovers=False)
    events = [e for frame in c.frames_of(STREAM + c.METADATA) for e in decoder.decode(frame)]
    assert [*events, *decoder.finish()].count(Ended()) == 1


def test_usage_that_comes_before_the_reason_ends_nothing() -> None:
    assert c.decode(c.BEGIN, c.delta(text="a"), c.METADATA)[-1] == REPORTED


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_reasons(native: str, reason: str) -> None:
    assert c.decode(c.BEGIN, c.delta(text="a"), c.end(native))[-1] == ChoiceFinished(0, reason, native)  # type: ignore[arg-type]


def test_every_reason_of_the_api_has_a_word() -> None:
    shape = c.service().shape_for("StopReason")
    assert set(shape.enum) == set(DIALECT.facts.finish_read)


def test_a_message_stop_without_a_reason_is_the_end_of_a_turn() -> None:
    assert c.decode(c.BEGIN, c.event("messageStop"))[-1] == ChoiceFinished(0, "stop", "")


@pytest.mark.parametrize("native", ["end_turn", "something_new"])
def test_models_that_call_a_tool_and_do_not_say_so(native: str) -> None:
    events = c.decode(c.BEGIN, c.tool(0), c.delta(0, toolUse={"input": "{}"}), c.stop(0), c.end(native))
    assert events[-1] == ChoiceFinished(0, "tool_calls", native)


def test_which_stop_sequence_was_met() -> None:
    end = c.end("stop_sequence", additionalModelResponseFields={"stop_sequence": "###"})
    assert c.decode(c.BEGIN, end)[-1] == ChoiceFinished(0, "stop", "stop_sequence", "###")


@pytest.mark.parametrize("native", ["malformed_model_output", "malformed_tool_use"])
def test_an_answer_that_the_model_spoilt_has_failed(native: str) -> None:
    events = c.decode(c.BEGIN, c.delta(text="a"), c.end(native), c.METADATA)
    failed = next(event for event in events if isinstance(event, Failed))
    assert (failed.error.status, failed.error.code) == (502, native)
    assert native in str(failed.error)
    assert Ended() not in events


def test_a_frame_without_data_is_nothing() -> None:
    assert DIALECT.decoder(keep_leftovers=False).decode(Frame(b"", None)) == []


def test_empty_texts_are_no_tokens() -> None:
    assert c.decode(c.BEGIN, c.delta(text=""), c.delta(0, reasoningContent={"text": ""})) == [STARTED]


def call(*more: bytes, stop: bool = True, reason: str = "tool_use") -> list[Event]:
    return c.decode(c.BEGIN, c.tool(0), *more, *([c.stop(0)] if stop else []), c.end(reason))


@pytest.mark.parametrize("deltas", [[], [c.delta(0, toolUse={"input": ""})]])
@pytest.mark.parametrize("stop", [True, False])
def test_a_call_without_arguments_has_empty_ones(deltas: list[bytes], stop: bool) -> None:
    wanted = [ToolCallDelta(0, 0, "{}")] if stop else []
    assert call(*deltas, stop=stop)[2:-1] == wanted


def test_a_call_that_the_bound_cut_off_before_its_arguments_has_none() -> None:
    assert call(reason="max_tokens")[2:] == [ChoiceFinished(0, "length", "max_tokens")]


def test_a_call_without_arguments_is_complete_as_soon_as_the_model_goes_on() -> None:
    events = c.decode(c.BEGIN, c.tool(0), c.stop(0), c.tool(1, "t2", "g"), c.end("max_tokens"))
    assert events[1:-1] == [
        ToolCallStarted(0, 0, "t1", "f"),
        ToolCallDelta(0, 0, "{}"),
        ToolCallStarted(0, 1, "t2", "g"),
    ]
    assert c.decode(c.BEGIN, c.tool(0), c.stop(0), c.delta(1, text="a"))[2] == ToolCallDelta(0, 0, "{}")


def test_calls_are_counted_from_0_whatever_their_blocks() -> None:
    events = c.decode(c.BEGIN, c.tool(3, "a"), c.tool(7, "b"), c.delta(7, toolUse={"input": "{"}))
    assert events[1:] == [
        ToolCallStarted(0, 0, "a", "f"),
        ToolCallStarted(0, 1, "b", "f"),
        ToolCallDelta(0, 1, "{"),
    ]


def test_arguments_of_no_call_break_the_protocol() -> None:
    with pytest.raises(ProtocolError, match="block 4"):
        c.decode(c.BEGIN, c.delta(4, toolUse={"input": "{"}))


def test_a_signature_in_pieces_is_one_seal() -> None:
    pieces = [c.delta(0, reasoningContent={"signature": piece}) for piece in ("Eq", "", "QB")]
    for after in (c.stop(0), c.delta(1, text="a"), c.tool(1), c.end()):
        assert c.decode(c.BEGIN, *pieces, after)[1] == Sealed(0, Seal(OWN, "reasoning", "EqQB"))
    assert c.decode(c.BEGIN, *pieces) == [STARTED]


def test_signatures_of_two_blocks_are_two_seals() -> None:
    one, two = (c.delta(index, reasoningContent={"signature": "s"}) for index in (0, 1))
    assert c.decode(c.BEGIN, one, two, c.stop(1)).count(Sealed(0, Seal(OWN, "reasoning", "s"))) == 2


def test_redacted_reasoning_keeps_its_bytes() -> None:
    data = base64.b64encode(b"opaque?").decode()
    assert c.decode(c.delta(0, reasoningContent={"redactedContent": data}), c.stop(0)) == [
        Sealed(0, Seal(OWN, "redacted", data))
    ]


def test_redacted_reasoning_in_pieces_is_joined_as_bytes() -> None:
    pieces = [base64.b64encode(piece).decode() for piece in (b"o", b"paq", b"ue")]
    deltas = [c.delta(0, reasoningContent={"redactedContent": piece}) for piece in pieces]
    joined = base64.b64encode(b"opaque").decode()
    assert c.decode(*deltas, c.stop(0)) == [Sealed(0, Seal(OWN, "redacted", joined))]


def test_redacted_reasoning_that_is_no_base64_is_joined_as_it_is() -> None:
    deltas = [c.delta(0, reasoningContent={"redactedContent": piece}) for piece in ("a", "é")]
    assert c.decode(*deltas, c.stop(0)) == [Sealed(0, Seal(OWN, "redacted", "aé"))]


@pytest.mark.parametrize(
    ("wire", "citation"),
    [
        ({"location": {"web": {"url": "https://a.b", "domain": "a.b"}}}, Citation(url="https://a.b")),
        ({"source": "https://s", "title": "T"}, Citation(url="https://s", title="T")),
        ({"source": "shelf 4"}, Citation()),
        (
            {"title": "D", "sourceContent": [{"text": "a"}, {"text": "b"}]},
            Citation(title="D", quote="ab"),
        ),
        ({"location": {"documentChar": {"documentIndex": 0, "start": 3, "end": 9}}}, Citation(document=0)),
        ({"location": {"documentPage": {"documentIndex": 2}}}, Citation(document=2)),
        ({"location": {"documentChunk": {"documentIndex": 1}}}, Citation(document=1)),
        ({"location": {"searchResultLocation": {"searchResultIndex": 1}}}, Citation()),
        ({}, Citation()),
    ],
)
def test_citations(wire: c.Json, citation: Citation) -> None:
    assert c.decode(c.delta(0, text="a"), c.delta(0, citation=wire))[1:] == [Cited(0, citation)]


@pytest.mark.parametrize(
    ("messages", "what"),
    [
        ([c.event("somethingNew", a=1)], "event:somethingNew"),
        ([c.start(0, image={"format": "png"}), c.delta(0, image={"source": {"bytes": ""}})], "block:image"),
        ([c.start(0, toolResult={"toolUseId": "x"}), c.delta(0, toolResult=[{"text": "a"}])], "block:toolResult"),
        ([c.tool(0, type="server_tool_use"), c.delta(0, toolUse={"input": "{}"}), c.stop(0)], "block:server_tool_use"),
        ([c.delta(0, hologram={})], "delta:hologram"),
    ],
)
def test_what_is_unknown_is_said_once(messages: list[bytes], what: str) -> None:
    assert c.decode(c.BEGIN, *messages) == [STARTED, Unrecognised(what)]
