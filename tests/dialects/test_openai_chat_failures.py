"""openai_chat/decode.py and errors.py: what cannot be read, and what says that the provider failed."""

import pytest

from sluice.chat.events import (
    Ended,
    Failed,
    Started,
    TextDelta,
)
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import ProtocolError
from sluice.wire.sse import Frame
from tests.dialects.chunks import chunk, data, decode

STARTED = Started("c1", "m", 7)


@pytest.mark.parametrize("raw", [b"[DONE]", b" [DONE] ", b"[DONE]\n"])
def test_the_terminator(raw: bytes) -> None:
    assert decode(Frame(b"", raw)) == [Ended()]


def test_a_frame_without_data_is_no_event() -> None:
    assert decode(Frame(b": ping\n", None)) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[done]",
        b'"x"',
        b"<html>",
        b'{"choices": {}}',
        b'{"choices": [5]}',
        b'{"choices": [{"index": "0"}]}',
        b'{"choices": [{"delta": {"content": 5}}]}',
        b'{"choices": [{"delta": {"content": "\xff"}}]}',
        b'{"choices": [{"delta": {"content": "\\ud83d"}}]}',
        b'{"created": 1e999}',
        b"[" * 100_000,
        b'{"x": ' + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("keep", [False, True])
def test_what_cannot_be_read_is_a_protocol_error_and_the_decoder_goes_on(raw: bytes, keep: bool) -> None:
    decoder = OPENAI_CHAT.decoder(keep_leftovers=keep)
    with pytest.raises(ProtocolError):
        decoder.decode(Frame(b"", raw))
    assert decoder.decode(chunk({"content": "a"})) == [STARTED, TextDelta(0, "text", "a")]


def test_a_name_that_is_not_utf8_is_an_error_only_where_names_are_kept() -> None:
    frame = Frame(b"", b'{"model": "m", "\xff": 1}')
    assert decode(frame) == [Started("", "m")]
    with pytest.raises(ProtocolError):
        decode(frame, keep=True)


def test_numbers_beyond_64_bits_are_numbers() -> None:
    assert decode(data({"created": 10**30}))[0] == Started("", "", 10**30)
    assert decode(data({"created": 1.75}))[0] == Started("", "", 1)


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        ({"message": "x", "type": "invalid_request_error"}, 400, "x"),
        ({"message": "x", "type": "authentication_error"}, 401, "x"),
        ({"message": "x", "type": "permission_error"}, 403, "x"),
        ({"message": "x", "type": "not_found_error"}, 404, "x"),
        ({"message": "x", "type": "rate_limit_error"}, 429, "x"),
        ({"message": "x", "type": "overloaded_error"}, 503, "x"),
        ({"message": "x", "type": "server_error"}, 502, "x"),
        ({"message": "x", "type": None, "code": "rate_limit_exceeded"}, 429, "x"),
        ({"message": "x", "code": 429}, 429, "x"),
        ({"message": "x", "code": "529"}, 529, "x"),
        ({"message": "x", "code": 200}, 502, "x"),
        ({"message": "x", "code": 600}, 502, "x"),
        ({"message": "x", "code": "9" * 5000}, 502, "x"),
        ({"message": "x", "code": "٤٢٩"}, 502, "x"),
        ({"message": "x", "code": 1.5, "param": ["a"]}, 502, "x"),
        ({"message": "x", "param": 5, "type": "rate_limit_error"}, 429, "x"),
        ("out of memory", 502, "out of memory"),
        ({}, None, ""),
        ("", None, ""),
        (False, None, ""),
        (None, None, ""),
        ({"code": None}, 502, "the provider reported an error inside its answer"),
        (["x"], 502, "the provider reported an error inside its answer"),
        (True, 502, "the provider reported an error inside its answer"),
        ({"message": 5}, 502, "the provider reported an error inside its answer"),
    ],
)
def test_an_error_inside_the_stream_in_each_shape(error: object, status: int | None, message: str) -> None:
    events = decode(data({"model": "m", "error": error, "choices": []}))
    if status is None:
        assert events == [Started("", "m")]
        return
    (event,) = events
    assert isinstance(event, Failed)
    assert (event.error.status, str(event.error)) == (status, message)


def test_the_finish_reason_error_is_a_failure() -> None:
    (_, event) = decode(chunk({}, finish="error"))
    assert isinstance(event, Failed)
    assert event.error.status == 502
