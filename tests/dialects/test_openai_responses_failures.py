"""openai_responses/decode.py and errors.py: what cannot be read, and what says that the provider failed."""

from contextlib import suppress
from itertools import pairwise

import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Failed,
    Reported,
    TextDelta,
    Unrecognised,
)
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.errors import ProtocolError, Truncated
from sluice.wire.sse import Frame
from tests.dialects.test_openai_responses_kit import (
    TYPED,
    Row,
    client,
    data,
    decode,
    events_of,
    obj,
)
from tests.dialects.test_openai_responses_said import (
    COUNTED,
    HEAD,
    USAGE,
    added,
    completed,
    ev,
    text_delta,
)

# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "status", "code", "message"),
    [
        (
            ev("failed", response={"error": {"code": "rate_limit_exceeded", "message": "x"}}),
            429,
            "rate_limit_exceeded",
            "x",
        ),
        (ev("failed", response={"error": {"code": "server_error", "message": "x"}}), 502, "server_error", "x"),
        (ev("failed", response={"error": None}), 502, "upstream_in_band_error", None),
        (ev("failed"), 502, "upstream_in_band_error", None),
        (ev("error", code="invalid_prompt", message="x", param=None), 400, "invalid_prompt", "x"),
        (ev("error", error={"type": "authentication_error", "message": "x"}), 401, "upstream_in_band_error", "x"),
        (ev("error", code=529, message="x"), 529, "529", "x"),
        (ev("error", error=["odd"]), 502, "upstream_in_band_error", None),
        ({"error": {"type": "permission_error", "message": "x"}}, 403, "upstream_in_band_error", "x"),
        ({"error": "out of memory"}, 502, "upstream_in_band_error", "out of memory"),
        (completed(status="failed", error={"code": "slow_down", "message": "x"}), 503, "slow_down", "x"),
        (completed(status="cancelled"), 502, "upstream_in_band_error", None),
    ],
)
def test_errors_inside_the_stream_in_each_shape(event: Row, status: int, code: str, message: str | None) -> None:
    (failed,) = [found for found in decode(event) if not isinstance(found, Reported)]
    assert isinstance(failed, Failed)
    expected = message or "the provider reported an error inside its answer"
    assert (failed.error.status, failed.error.code, str(failed.error)) == (status, code, expected)


def test_a_failure_reports_what_was_used() -> None:
    events = decode(ev("failed", response={"usage": USAGE, "error": {"message": "x"}}))
    assert events[0] == Reported(COUNTED)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"<html>",
        b"{}",
        b'{"object": "chat.completion.chunk", "choices": []}',
        b'{"type": 5}',
        b'{"type": "response.output_text.delta", "delta": 5}',
        b'{"type": "response.output_text.delta", "delta": "\xff"}',
        b'{"type": "response.output_text.delta", "delta": "\\ud83d"}',
        b'{"type": "response.output_item.done", "item": []}',
        b'{"type": "response.created"}',
        b'{"type": "response.created", "response": {"created_at": 1e999}}',
        b'{"type": "response.future", "x": "\\ud83d"}',
        b"[" * 100_000,
        b'{"type": "response.future", "x": ' + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("keep", [False, True])
def test_what_cannot_be_read_is_a_protocol_error_and_the_decoder_goes_on(raw: bytes, keep: bool) -> None:
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=keep)
    with pytest.raises(ProtocolError):
        decoder.decode(Frame(b"", raw))
    assert list(decoder.decode(data(text_delta("a")))) == [TextDelta(0, "text", "a")]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'{"type": "response.completed", "response": {"output": [5]}}', ""),
        (b'{"type": "response.completed", "response": {"output": "what"}}', ""),
        (b'{"type": "response.completed", "response": 5}', ""),
        (b'{"type": "response.completed"}', ""),
        (b'{"type": "response.incomplete", "response": {"output": {}}, "sequence_number": "7"}', ""),
        (b"{", "response.completed"),
        (b"[]", "response.failed"),
        (b"", "error"),
    ],
)
def test_an_end_that_cannot_be_read_is_a_failure_if_nothing_came_before_it(raw: bytes, name: str, keep: bool) -> None:
    """A client would take it for the end: it must not be passed on, as what is only malformed is."""
    (failed,) = OPENAI_RESPONSES.decoder(keep_leftovers=keep).decode(Frame(b"", raw, name))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ProtocolError)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("row", "spoilt"),
    [
        (ev("completed", response={"usage": {"input_tokens": "3"}, "output": []}), ["response:usage"]),
        (
            ev("completed", response={"usage": [], "output": "what", "id": "resp_1"}),
            ["response:output", "response:usage"],
        ),
        (ev("completed", response=5), ["response:output"]),
        (ev("completed"), ["response:output"]),
        (ev("completed", response={"status": "completed"}, sequence_number="7", text=[]), []),
    ],
)
def test_an_answer_that_came_ends_by_the_kind_of_its_last_event(row: Row, spoilt: list[str], keep: bool) -> None:
    events = decode(text_delta("a"), row, keep=keep)
    assert [event.what for event in events if isinstance(event, Unrecognised)] == spoilt
    assert [(event.reason, type(last)) for event, last in pairwise(events) if isinstance(event, ChoiceFinished)] == [
        ("stop", Ended)
    ]
    assert not any(isinstance(event, Reported) for event in events)


def test_a_failure_that_cannot_be_read_is_one_all_the_same() -> None:
    (failed,) = decode(ev("failed", response={"usage": "3", "error": {"message": "x", "code": "rate_limit_exceeded"}}))
    assert isinstance(failed, Failed)
    assert (str(failed.error), failed.error.status) == ("x", 429)
    (failed,) = decode({"type": "error", "message": "y", "code": [], "sequence_number": "0"})
    assert isinstance(failed, Failed)
    assert str(failed.error) == "y"


@pytest.mark.parametrize("cut", [rb"\ud83d", b"\xf0\x9f", rb"\ude00" + b"x" * 100_000])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (b'{"type":"error","code":"rate_limit_exceeded","message":"too many ', b'"}'),
        (b'{"error":{"code":"rate_limit_exceeded","message":"too many ', b'"}}'),
        (
            b'{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"too many ',
            b'"}}}',
        ),
    ],
)
def test_an_error_whose_words_were_cut_in_half_is_the_same_error(before: bytes, behind: bytes, cut: bytes) -> None:
    (failed,) = OPENAI_RESPONSES.decoder(keep_leftovers=False).decode(Frame(b"", before + cut + behind))
    assert isinstance(failed, Failed)
    assert failed.error.status == 429
    assert str(failed.error).startswith("too many \ufffd")


@pytest.mark.parametrize(
    ("last", "number"),
    [
        ({"type": "error", "message": "x", "sequence_number": 0}, 3),
        ({"type": "error", "message": "x", "sequence_number": 3}, 3),
        ({"type": "error", "message": "x"}, 3),
        (ev("completed", response={}, sequence_number=3), 3),
        (text_delta("b") | {"sequence_number": 1}, 3),
        (text_delta("b") | {"sequence_number": 9}, 10),
        (text_delta("b"), 4),
        (ev("future", delta={}, sequence_number=1), 3),
        (ev("future", delta={}, sequence_number=5), 6),
        (ev("output_text.delta", delta=5, sequence_number=3), 4),
        (ev("output_item.done", item=[], sequence_number=3), 4),
    ],
)
def test_our_own_failure_is_numbered_beyond_all_that_was_passed_on(last: Row, number: int) -> None:
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=False)
    for count in range(3):
        decoder.decode(data(text_delta("a") | {"sequence_number": count}))
    with suppress(ProtocolError):
        decoder.decode(data(last))
    (failed,) = events_of(decoder.failure(Truncated("cut")))
    assert failed["sequence_number"] == number


def test_our_own_failure_continues_what_the_provider_sent() -> None:
    head = HEAD | {"tools": [], "parallel_tool_calls": True, "tool_choice": "auto", "metadata": {"k": "v"}}
    sent = [
        ev("created", response=head, sequence_number=0),
        ev("in_progress", response=head, sequence_number=1),
        added(0, type="message", id="msg_1", content=[], role="assistant", status="in_progress")
        | {"sequence_number": 2},
    ]
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=False)
    for row in sent:
        decoder.decode(data(row))
    written = decoder.failure(Truncated("cut\noff"))
    (last,) = events_of(written)
    assert (last["type"], last["sequence_number"]) == ("response.failed", 3)
    response = obj(last["response"])
    assert (response["id"], response["status"], response["metadata"]) == ("resp_1", "failed", {"k": "v"})
    assert response["error"] == {"code": "upstream_truncated", "message": "cut\noff"}
    stream = b"".join(data(row).raw for row in sent) + written
    with (
        client(stream).responses.stream(model="m", input="hi") as running,
        pytest.raises(RuntimeError, match="completed"),
    ):
        running.get_final_response()


@pytest.mark.parametrize("head", [None, ev("created", response={"id": "r"})])
def test_our_own_failure_before_and_without_numbers(head: Row | None) -> None:
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=False)
    if head is not None:
        decoder.decode(data(head))
    (last,) = events_of(decoder.failure(Truncated("cut")))
    assert last["sequence_number"] == (0 if head is None else 1)
    assert obj(last["response"])["status"] == "failed"
    if head is None:
        last["response"] = obj(last["response"]) | {"error": None}  # the code is ours, and not in the official list
        assert TYPED[last["type"]].model_validate(last, strict=True)
