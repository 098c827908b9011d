"""openai_chat/decode.py and errors.py: what cannot be read, and what says that the provider failed."""

import json

import pytest

from sluice.chat.events import (
    Ended,
    Failed,
    Started,
    TextDelta,
)
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import BadRequest, Internal, ProtocolError, Refused, SluiceError, TimedOut
from sluice.wire.sse import Frame
from tests.dialects.chunks import chunk, data, decode

STARTED = Started("c1", "m", 7)


@pytest.mark.parametrize("raw", [b"[DONE]", b" [DONE] ", b"[DONE]\n", b"[DONE]\n{}", b"[DONE] bye"])
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
    assert decode(data({"created": 10**30, "choices": [{}]}))[0] == Started("", "", 10**30)
    assert decode(data({"created": 1.75, "choices": [{}]}))[0] == Started("", "", 1)


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        ({"message": "x", "type": "invalid_request_error"}, 400, "x"),
        ({"message": "x", "type": "authentication_error"}, 401, "x"),
        ({"message": "x", "type": "permission_error"}, 403, "x"),
        ({"message": "x", "type": "not_found_error"}, 404, "x"),
        ({"message": "x", "type": "rate_limit_error"}, 429, "x"),
        ({"message": "x", "type": "overloaded_error"}, 529, "x"),
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


@pytest.mark.parametrize("spoilt", [{"created": "now"}, {"choices": {}}, {"usage": []}, {"choices": [{"delta": 5}]}])
def test_an_error_beside_what_cannot_be_read_is_one_all_the_same(spoilt: dict[str, object]) -> None:
    """Passed on as it came it would be a failure for the client, with what the provider quotes of our credentials, and
    none in the record."""
    (event,) = decode(data({"error": {"message": "x", "type": "rate_limit_error"}, **spoilt}))
    assert isinstance(event, Failed)
    assert (event.error.status, str(event.error)) == (429, "x")


@pytest.mark.parametrize("cut", [rb"\ud83d", b"\xf0\x9f", rb"\ude00" + b"x" * 100_000])
@pytest.mark.parametrize(
    ("before", "behind", "name"),
    [
        (b'{"error": {"message": "too many ', b'", "type": "rate_limit_error"}, "choices": []}', ""),
        (b'{"message": "too many ', b'", "type": "rate_limit_error"}', "error"),
        (b'{"object": "error", "message": "too many ', b'", "type": "rate_limit_error"}', ""),
    ],
)
def test_an_error_whose_words_were_cut_in_half_is_the_same_error(
    before: bytes, behind: bytes, name: str, cut: bytes
) -> None:
    """In the midst of a character, as JavaScript cuts it; clients read that."""
    (event,) = decode(Frame(b"", before + cut + behind, name))
    assert isinstance(event, Failed)
    assert event.error.status == 429
    assert str(event.error).startswith("too many \ufffd")


def test_an_event_that_is_an_error_by_its_name_is_one_whatever_it_says() -> None:
    (event,) = decode(Frame(b"", b"out of memory", "error"))
    assert isinstance(event, Failed)
    assert event.error.status == 502


def test_a_member_that_says_that_there_is_no_error_is_none_beside_what_cannot_be_read() -> None:
    with pytest.raises(ProtocolError):
        decode(data({"error": None, "choices": {}}))


@pytest.mark.parametrize(("native", "status"), [("error", 502), ("insufficient_system_resource", 503)])
def test_a_finish_reason_that_is_an_error_is_a_failure(native: str, status: int) -> None:
    (_, event) = decode(chunk({}, finish=native))
    assert isinstance(event, Failed)
    assert event.error.status == status
    answer = {"choices": [{"message": {"content": "a"}, "finish_reason": native}]}
    assert [type(event) for event in OPENAI_CHAT.read_answer(json.dumps(answer).encode())] == [Failed]


@pytest.mark.parametrize(
    ("raw", "name", "status"),
    [
        (b'{"object": "error", "message": "x", "type": "rate_limit_error", "code": 429}', "", 429),
        (b'{"type": "error", "message": "x"}', "", 502),
        (b'{"message": "x", "code": 404}', "error", 404),
        (b'{"type": "error", "error": {"message": "x", "type": "overloaded_error"}}', "error", 529),
    ],
)
def test_an_event_that_is_an_error_by_itself_or_by_its_name(raw: bytes, name: str, status: int) -> None:
    (event,) = decode(Frame(b"", raw, name))
    assert isinstance(event, Failed)
    assert (event.error.status, str(event.error)) == (status, "x")
    if not name:
        assert [type(event) for event in OPENAI_CHAT.read_answer(raw)] == [Failed]


# -- words for clients -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "type_", "written", "word"),
    [
        (400, "invalid_request_error", 400, "invalid_request_error"),
        (401, None, 401, "authentication_error"),
        (403, "PERMISSION_DENIED", 403, "permission_error"),
        (404, "ResourceNotFoundException", 404, "not_found_error"),
        (413, "request_too_large", 413, "invalid_request_error"),
        (429, None, 429, "rate_limit_error"),
        (429, "RESOURCE_EXHAUSTED", 429, "rate_limit_error"),
        (429, "insufficient_quota", 429, "insufficient_quota"),
        (422, "BadRequestError", 422, "BadRequestError"),
        (500, "server_error", 500, "server_error"),
        (500, "api_error", 500, "api_error"),
        (529, "overloaded_error", 503, "api_error"),
    ],
)
def test_the_type_is_the_providers_own_if_it_is_one_of_this_dialect_else_it_follows_the_status(
    status: int, type_: str | None, written: int, word: str
) -> None:
    error = Refused("x", status=status, code="c", type=type_)
    assert OPENAI_CHAT.error_status(error) == written
    assert json.loads(OPENAI_CHAT.write_error(error))["error"] == {
        "message": "x",
        "type": word,
        "param": None,
        "code": "c",
    }


@pytest.mark.parametrize("error", [BadRequest("x", param="a"), TimedOut("idle"), Internal("x")])
def test_our_own_words_are_ours(error: SluiceError) -> None:
    written = json.loads(OPENAI_CHAT.write_error(error))["error"]
    assert (written["type"], written["code"], written["param"]) == (error.type, error.code, error.param)
    assert OPENAI_CHAT.error_status(error) == error.status


def test_the_param_that_a_provider_names_is_told() -> None:
    refused = OPENAI_CHAT.read_error(400, b'{"error": {"message": "x", "param": "messages[0]"}}')
    assert json.loads(OPENAI_CHAT.write_error(refused))["error"]["param"] == "messages[0]"
    assert OPENAI_CHAT.read_error(400, b'{"error": {"message": "x", "param": 5}}').param is None
