"""openai_responses/answer.py and errors.py: whole answers, and errors as whole bodies."""

import json

import msgspec
import openai
import pytest
from hypothesis import given, settings

from sluice.chat.content import Text
from sluice.chat.events import ChoiceFinished, Ended, Event, Failed, Leftover, Started, TextDelta
from sluice.chat.fold import Answer, Choice
from sluice.chat.grammar import Grammar
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.errors import (
    BadRequest,
    InBandFailure,
    ModelNotFound,
    ProtocolError,
    Refused,
    SluiceError,
    TimedOut,
    Unavailable,
)
from tests.dialects.test_openai_responses_kit import (
    REQUEST,
    answers,
    client,
    encode,
    fold,
    frames_of,
    obj,
    rows,
)
from tests.dialects.test_openai_responses_said import HEAD, USAGE, call, message, reasoning


def body(*output: object, **members: object) -> bytes:
    whole = HEAD | {"status": "completed", "output": list(output), "usage": USAGE, "error": None} | members
    return json.dumps(whole).encode()


def read(raw: bytes, *, keep: bool = False) -> list[Event]:
    events = list(OPENAI_RESPONSES.read_answer(raw, keep_leftovers=keep))
    grammar = Grammar()
    for event in events:
        grammar.advance(event)
    assert grammar.complete or isinstance(events[-1], Failed)
    return events


@settings(max_examples=100, deadline=None)
@given(answers())
def test_a_whole_answer_reads_as_the_events_of_its_stream(events: list[Event]) -> None:
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=False)
    streamed = [event for frame in frames_of(encode(events)) for event in decoder.decode(frame)]
    whole = read(OPENAI_RESPONSES.write_answer(fold(events), REQUEST))
    assert fold(whole) == fold(streamed)


def test_the_official_client_reads_a_whole_answer() -> None:
    answer = Answer(id="c1", model="m", created=7, choices=(Choice(index=0, parts=(Text(text="hé"),), finish="stop"),))
    written = OPENAI_RESPONSES.write_answer(answer, REQUEST)
    got = client(written, kind="application/json").responses.create(model="m", input="hi")
    assert (got.id, got.output_text, got.status, got.created_at) == ("resp_c1", "hé", "completed", 7)


def test_logprobs_go_to_the_texts_they_belong_to() -> None:
    pieces = [msgspec.Raw(json.dumps({"content": [{"token": token, "logprob": 0}]}).encode()) for token in "abc"]
    events: list[Event] = [
        TextDelta(0, "text", "a", pieces[0]),
        TextDelta(0, "text", "b", pieces[1]),
        TextDelta(0, "reasoning", "r"),
        TextDelta(0, "text", "c", pieces[2]),
        ChoiceFinished(0, "stop", "stop"),
        Ended(),
    ]
    written = obj(json.loads(OPENAI_RESPONSES.write_answer(fold(events), REQUEST)))
    parts = [rows(item["content"])[0] for item in rows(written["output"]) if item["type"] == "message"]
    assert [[row["token"] for row in rows(part["logprobs"])] for part in parts] == [["a", "b"], ["c"]]


def test_the_answer_repeats_the_request_and_the_provider_s_own_members() -> None:
    events = read(body(message("a"), service_tier="priority"), keep=True)
    assert Leftover("", 0, {"service_tier": msgspec.Raw(b'"priority"')}) in events
    written = obj(json.loads(OPENAI_RESPONSES.write_answer(fold(events), REQUEST)))
    assert (written["service_tier"], written["store"]) == ("priority", False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b"{}",
        b'{"output": 5}',
        b'{"output": [5]}',
        b'{"output": [{"type": "message", "content": "x"}]}',
        b'{"output": [{"type": "message", "content": [5]}]}',
        b'{"choices": []}',
        b'{"output": [], "status": "queued"}',
        b'{"output": [], "status": "in_progress"}',
        b'{"output": [], "id": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_a_protocol_error(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        OPENAI_RESPONSES.read_answer(raw)


@pytest.mark.parametrize(
    ("members", "status", "message"),
    [
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "x"}}, 429, "x"),
        ({"status": "failed"}, 502, "the provider reported an error inside its answer"),
        ({"status": "cancelled"}, 502, "the provider reported an error inside its answer"),
        ({"error": {"type": "authentication_error", "message": "x"}}, 401, "x"),
        ({"error": "x"}, 502, "x"),
    ],
)
def test_an_error_under_a_status_of_200_has_failed(members: dict[str, object], status: int, message: str) -> None:
    (failed,) = read(body(**members))
    assert isinstance(failed, Failed)
    assert (failed.error.status, str(failed.error)) == (status, message)


def test_all_items_of_an_answer_are_read() -> None:
    unknown = {"type": "web_search_call", "id": "ws"}
    got = read(body(reasoning("a", "b", encrypted_content="s"), unknown, message("x"), call('{"a":1}')))
    assert isinstance(got[-1], Ended)
    (choice,) = fold(got).choices
    assert (choice.reasoning, choice.text, choice.finish) == ("a\n\nb", "x", "tool_calls")
    assert [(use.id, use.name, use.arguments) for use in choice.tool_calls] == [("t", "f", '{"a":1}')]
    assert got[0] == Started("resp_1", "m", 7)


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "message", "code"),
    [
        (b'{"error": {"message": "x", "type": "t", "code": "c"}}', "x", "c"),
        (b'{"error": {"message": "x", "code": 5}}', "x", "5"),
        (b'{"error": "x"}', "x", "upstream_refused"),
        (b'{"message": "x"}', "x", "upstream_refused"),
        (b'{"detail": "x"}', "x", "upstream_refused"),
        (b"{}", "the provider answered with status 500", "upstream_refused"),
        (b"", "the provider answered with status 500 and no body", "upstream_refused"),
        (b"<html>" + b"y" * 5000, "<html>" + "y" * 1018, "upstream_refused"),
        (b"\xff", "\ufffd", "upstream_refused"),
        (b"[" * 100_000, "[" * 1024, "upstream_refused"),
    ],
)
def test_a_provider_s_error_in_any_shape(raw: bytes, message: str, code: str) -> None:
    error = OPENAI_RESPONSES.read_error(500, raw)
    assert (error.status, str(error), error.code) == (500, message, code)


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (BadRequest("x", param="a"), 400, "invalid_request_error"),
        (ModelNotFound("x"), 404, "invalid_request_error"),
        (Refused("x", status=400, type="INVALID_ARGUMENT"), 400, "invalid_request_error"),
        (Refused("x", status=401), 401, "authentication_error"),
        (Refused("x", status=401, type="invalid_request_error"), 401, "invalid_request_error"),
        (Refused("x", status=403, type="PERMISSION_DENIED"), 403, "permission_error"),
        (Refused("x", status=404, type="not_found"), 404, "not_found_error"),
        (Refused("x", status=429, type="invalid_request_error"), 429, "rate_limit_error"),
        (Refused("x", status=429, type="insufficient_quota"), 429, "insufficient_quota"),
        (Refused("x", status=529, type="overloaded_error"), 503, "server_error"),
        (Refused("x", status=500, type="invalid_request_error"), 500, "server_error"),
        (Unavailable("x"), 503, "api_error"),
        (TimedOut("idle"), 504, "api_error"),
        (InBandFailure("x", status=529), 503, "api_error"),
    ],
)
def test_an_error_s_word_follows_its_status(error: SluiceError, status: int, word: str) -> None:
    written = obj(obj(json.loads(OPENAI_RESPONSES.write_error(error)))["error"])
    assert OPENAI_RESPONSES.error_status(error) == status
    assert written == {"message": str(error), "type": word, "param": error.param, "code": error.code}


def test_the_official_client_raises_what_was_written() -> None:
    raw = OPENAI_RESPONSES.write_error(Refused("slow \ud83d down", status=429, code="c"))
    with pytest.raises(openai.RateLimitError) as raised:
        client(raw, status=429, kind="application/json").responses.create(model="m", input="hi")
    assert raised.value.code == "c"


def test_models_are_listed_as_openai_does() -> None:
    listed = client(OPENAI_RESPONSES.write_models([("m", "o")]), kind="application/json").models.list()
    assert [(row.id, row.owned_by, row.object) for row in listed] == [("m", "o", "model")]
