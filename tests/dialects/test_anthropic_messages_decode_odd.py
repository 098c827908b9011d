"""anthropic_messages/decode.py: what is not known, what fails, what is broken."""

import msgspec
import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    Leftover,
    Started,
    Unrecognised,
)
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.dialect import PING
from sluice.errors import ProtocolError, Truncated
from tests.dialects.messages_events import (
    STREAMS,
    block,
    decode,
    end,
    event,
    fold,
    frames_of,
    piece,
    start,
    words,
)

STARTED = Started("msg_1", "claude-x")


def test_what_is_unknown_is_named_and_nothing_breaks() -> None:
    chunks = [
        start(),
        block(0, "hologram", {"type": "hologram_delta", "x": 1}),
        block(1, "text", {"type": "colour_delta"}, words("a"), text=""),
        event("weather", sun=True),
        end(),
    ]
    events = decode(*chunks)
    named = [event.what for event in events if isinstance(event, Unrecognised)]
    assert named == ["block:hologram", "delta:colour_delta", "event:weather"]
    assert fold(events).choices[0].text == "a"


def test_a_type_that_only_the_events_name_says() -> None:
    data = event("message_stop").replace(b'{"type": "message_stop"}', b"{}")
    assert data.endswith(b"data: {}\n\n")
    assert decode(data) == [Ended()]


def test_leftovers_are_kept_only_when_asked_for() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1}
    stream = start(usage, container={"id": "c"}, diagnostics=None) + end(context_management={"x": 1})
    kept = [event for event in decode(stream, keep=True) if isinstance(event, Leftover)]
    assert [(event.place, set(event.fields)) for event in kept] == [("", {"container"}), ("", {"context_management"})]
    assert msgspec.json.decode(kept[0].fields["container"]) == {"id": "c"}
    assert not any(isinstance(event, Leftover) for event in decode(stream))


# -- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("rate_limit_error", 429),
        ("overloaded_error", 529),
        ("api_error", 502),
        ("timeout_error", 502),
        ("a novelty", 502),
    ],
)
def test_an_error_event_has_the_status_of_its_type(kind: str, status: int) -> None:
    (failed,) = decode(event("error", error={"type": kind, "message": "m"}))
    assert isinstance(failed, Failed)
    assert (failed.error.status, str(failed.error), failed.error.type) == (status, "m", kind)


@pytest.mark.parametrize(
    "raw",
    [
        b'event: error\ndata: {"type":"error"}\n\n',
        b"event: error\ndata: upstream connect error\n\n",
        b'event: error\ndata: {"message":"m"}\n\n',
        b'data: {"error":{"message":"m","code":500}}\n\n',
        b'data: {"error":"m"}\n\n',
        b'data: {"type":"error","error":{"message":7}}\n\n',
    ],
)
def test_errors_of_any_shape_are_failures(raw: bytes) -> None:
    (failed,) = decode(raw)
    assert isinstance(failed, Failed)
    assert failed.error.status == 502
    assert str(failed.error)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"null",
        b"[]",
        b"",
        b"<html>",
        b'{"type":"content_block_delta","index":"0"}',
        b'{"type":"content_block_delta","index":0}',
        b'{"type":"content_block_delta","index":9,"delta":{"type":"thinking_delta","thinking":"a"}}',
        b'{"type":"content_block_start","index":0}',
        b'{"type":"content_block_stop","index":3}',
        b'{"type":"message_start"}',
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"\xff"}}',
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"\\ud800"}}',
        b'{"type":"content_block_start","content_block":{"type":"tool_use","input":{"a":"\xff"}}}',
        b'{"type":' + b"[" * 100_000,
    ],
)
def test_what_is_no_event_of_the_api_is_a_protocol_error_and_the_decoder_goes_on(data: bytes) -> None:
    decoder = ANTHROPIC_MESSAGES.decoder(keep_leftovers=True)
    (frame,) = frames_of(b"data: " + data + b"\n\n")
    with pytest.raises(ProtocolError):
        decoder.decode(frame)
    events: list[Event] = [event for frame in frames_of(start(), end()) for event in decoder.decode(frame)]
    assert events == [STARTED, ChoiceFinished(0, "stop", "end_turn"), Ended()]


@pytest.mark.parametrize(
    "raw",
    [
        event("ping"),
        b'data: {"type":"ping"}\n\n',
        b"event: keepalive\ndata: {}\n\n",
        b"event: ping\ndata: 2026-11-21\n\n",
        b'event: ping\ndata: {"index":"x"}\n\n',
    ],
)
def test_a_ping_is_one_by_its_type_or_its_name(raw: bytes) -> None:
    (frame,) = frames_of(raw)
    assert ANTHROPIC_MESSAGES.decoder(keep_leftovers=True).decode(frame) is PING
    assert PING == []


def test_what_goes_on_of_a_block_without_a_word_here_has_no_event_and_is_no_ping() -> None:
    decoder = ANTHROPIC_MESSAGES.decoder(keep_leftovers=False)
    tool = {"type": "server_tool_use", "id": "s", "name": "code_execution", "input": {}}
    opened = event("content_block_start", index=0, content_block=tool)
    more = event("content_block_delta", index=0, delta=piece("x = 1"))
    for frame in frames_of(start(), opened):
        decoder.decode(frame)
    (frame,) = frames_of(more)
    assert (events := decoder.decode(frame)) == []
    assert events is not PING


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("delta", "stop", "spoilt"),
    [
        (b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}', b'"index":"x"', ["message_stop:index"]),
        (b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}', b'"delta":5', ["message_stop:delta"]),
        (
            b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":"9"}}',
            b'"usage":[]',
            ["message_delta:usage", "message_stop:usage"],
        ),
    ],
)
def test_a_message_stops_by_the_type_of_its_last_event(
    delta: bytes, stop: bytes, spoilt: list[str], keep: bool
) -> None:
    events = decode(start(), b"data: " + delta + b'\n\ndata: {"type":"message_stop",' + stop + b"}\n\n", keep=keep)
    assert [event.what for event in events if isinstance(event, Unrecognised)] == spoilt
    rest = [event for event in events if not isinstance(event, Unrecognised)]
    assert rest == [STARTED, ChoiceFinished(0, "stop", "end_turn"), Ended()]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"5", b'{"\xff":1,"index":"x"}'])
def test_an_end_that_is_no_object_is_a_failure(data: bytes) -> None:
    """The official client takes it for the end by its name: it must not be passed on, as what is only malformed is."""
    (failed,) = decode(b"event: message_stop\ndata: " + data + b"\n\n")
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ProtocolError)


def test_an_error_beside_what_cannot_be_read_is_told() -> None:
    *_, failed = decode(b'data: {"type":"error","error":{"type":"overloaded_error","message":"x"},"index":"0"}\n\n')
    assert isinstance(failed, Failed)
    assert (str(failed.error), failed.error.status) == ("x", 529)


@pytest.mark.parametrize("cut", [rb"\ud83d", b"\xf0\x9f", rb"\ude00" + b"x" * 100_000])
@pytest.mark.parametrize("name", [b"", b"event: error\n"])
@pytest.mark.parametrize("kind", [b"", b'"type":"error",'])
def test_an_error_whose_words_were_cut_in_half_is_the_same_error(name: bytes, kind: bytes, cut: bytes) -> None:
    raw = b"{" + kind + b'"error":{"type":"rate_limit_error","message":"too many ' + cut + b'"}}'
    (failed,) = decode(name + b"data: " + raw + b"\n\n")
    assert isinstance(failed, Failed)
    assert failed.error.status == 429
    assert str(failed.error).startswith("too many \ufffd")


def test_a_delta_that_cannot_be_read_is_no_error_because_it_says_that_there_is_none() -> None:
    raw = rb'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud83d"},"error":""}'
    with pytest.raises(ProtocolError):
        decode(b"data: " + raw + b"\n\n")


@pytest.mark.parametrize(
    "data", [b'{"type":"message_delta","delta":5}', b'{"type":"message_delta","delta":{"stop_reason":5}}']
)
def test_a_reason_that_cannot_be_read_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(start(), b"data: " + data + b"\n\n")


def test_a_block_that_is_opened_twice_is_a_protocol_error() -> None:
    opened = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    with pytest.raises(ProtocolError, match="block 0 twice"):
        decode(start(), opened, opened)


def test_a_failure_may_follow_anything_that_was_mirrored() -> None:
    written = ANTHROPIC_MESSAGES.decoder(keep_leftovers=False).failure(Truncated("cut"))
    assert written == b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut"}}\n\n'
    stream = STREAMS["text"]
    for cut in range(0, len(stream), 7):
        whole = b"".join(frame.raw for frame in frames_of(stream[:cut]))
        assert isinstance(decode(whole + written)[-1], Failed)
