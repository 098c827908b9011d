"""relay/stream.py: a client is told of one end, whatever is wrong with the provider's: no success before a failure.

The last event of an answer that was passed on so far is spoilt, member by member. The official clients take it for the
end by its type, or do not read it at all; so does a mirror.
"""

import json
from collections.abc import Iterator

import pytest

from sluice.chat.usage import Usage
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.dialect import Dialect
from sluice.dialects.gemini import GEMINI
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.policies.streaming import Streaming
from sluice.relay.outcome import COMPLETED
from sluice.relay.sinks import Mirror
from sluice.relay.stream import StreamRelay
from sluice.relay.terms import Terms
from sluice.wire.sse import SseDecoder
from tests.relay.relays import DONE, OFF, ROLE, STOP, frame, mirror, run, text, translate

Json = dict[str, object]
BAD: tuple[object, ...] = (None, 5, -1, 10**30, 1.5, "x", "3", True, [], [5], {}, {"a": 1})


def event(row: Json) -> bytes:
    return b"event: " + str(row["type"]).encode() + b"\n" + frame(row)


def mirrored(dialect: Dialect, *, held: int = 256 << 10) -> StreamRelay:
    decoder = dialect.decoder(keep_leftovers=False)
    terms = Terms(deadlines=OFF, streaming=Streaming(max_buffer_bytes=held))
    return StreamRelay(wire=SseDecoder(), decoder=decoder, sink=Mirror(decoder, hide_usage=False), terms=terms)


def spoilt(row: Json, depth: int = 3) -> Iterator[Json]:
    """The same with one member wrong, or gone, at any depth."""
    for name, value in row.items():
        if name == "type":
            continue
        yield {key: row[key] for key in row if key != name}
        for bad in BAD:
            yield row | {name: bad}
        if isinstance(value, dict) and depth:
            for inner in spoilt(value, depth - 1):
                yield row | {name: inner}
        if isinstance(value, list) and value and isinstance(value[0], dict) and depth:
            for inner in spoilt(value[0], depth - 1):
                yield row | {name: [inner]}


ITEM = {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
CREATED = {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "model": "m"}}
SAID = {
    "type": "response.output_text.delta",
    "sequence_number": 1,
    "output_index": 0,
    "content_index": 0,
    "delta": "Hi",
}
USAGE = {"input_tokens": 3, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 1}}
RESPONSE = {"id": "r", "model": "m", "created_at": 7, "output": [ITEM], "usage": USAGE, "error": None}
RESPONSES = event(CREATED) + event(SAID)
MESSAGES = b"".join(
    map(
        event,
        (
            {"type": "message_start", "message": {"id": "m", "model": "c"}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        ),
    )
)
REASON = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
ALL_THERE = {"index": 0, "delta": {"type": "x", "text": "y"}, "usage": {"output_tokens": 1}, "message": {"content": []}}


def ends(got: bytes) -> list[str]:
    """The ends that a client is told of, in the words of its dialect."""
    found = []
    for part in SseDecoder().feed(got):
        if part.data == b"[DONE]":
            found.append("[DONE]")
            continue
        row = json.loads(part.data or b"{}")
        if row.get("error") and "type" not in row:
            found.append("error")
        elif row.get("type") in ("message_stop", "error") or row.get("type", "")[9:] in _ENDS:
            found.append(row["type"])
        candidates = row["candidates"] if isinstance(row.get("candidates"), list) else []
        found += ["finishReason" for each in candidates if isinstance(each, dict) and each.get("finishReason")]
    return found


_ENDS = ("completed", "incomplete", "failed", "cancelled")


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete"])
def test_a_response_has_one_end_however_its_last_event_is_spoilt(kind: str) -> None:
    whole = {"type": kind, "sequence_number": 2, "output_index": 0, "response": RESPONSE | {"status": kind[9:]}}
    for row in spoilt(whole):
        relay = mirrored(OPENAI_RESPONSES)
        sent = RESPONSES + event(row)
        response = row.get("response")
        if isinstance(response, dict) and response.get("error") and response.get("status") == "failed":
            continue
        assert run(relay, [sent]) == (sent, COMPLETED), row
        assert ends(sent) == [kind]


def test_what_a_last_event_does_not_tell_is_unknown() -> None:
    row = {"type": "response.completed", "response": RESPONSE | {"usage": USAGE | {"input_tokens": "3"}}}
    relay = mirrored(OPENAI_RESPONSES)
    assert run(relay, [RESPONSES, event(row)])[1] == COMPLETED
    assert relay.said.usage is None
    assert relay.said.finish_reason == "stop"
    assert relay.said.unrecognised == {"response:usage": 1}
    assert relay.meter.malformed == 0


@pytest.mark.parametrize("kind", ["response.failed", "response.cancelled", "error"])
def test_a_failure_is_told_once_however_it_is_spoilt(kind: str) -> None:
    response = RESPONSE | {"status": "failed", "error": {"code": "server_error", "message": "x"}}
    whole = {"type": kind, "sequence_number": 2, "response": response, "code": "server_error", "message": "x"}
    for row in spoilt(whole):
        got, outcome = run(mirrored(OPENAI_RESPONSES), [RESPONSES, event(row)])
        assert got.startswith(RESPONSES)
        assert ends(got) == ["response.failed"], row
        assert outcome is not None
        assert outcome.kind == "upstream_error", row


def test_a_message_has_one_end_however_its_last_events_are_spoilt() -> None:
    for row in spoilt({"type": "message_stop"} | ALL_THERE):
        sent = MESSAGES + event(REASON) + event(row)
        assert run(mirrored(ANTHROPIC_MESSAGES), [sent]) == (sent, COMPLETED), row
    for row in spoilt(REASON | {"index": 0}):
        sent = MESSAGES + event(row) + event({"type": "message_stop"})
        got, outcome = run(mirrored(ANTHROPIC_MESSAGES), [sent])
        delta = row.get("delta")
        told = isinstance(delta, dict) and delta.get("stop_reason") in ("end_turn", "x", "3")
        assert ends(got) == (["message_stop"] if told else ["error"]), row
        assert (outcome == COMPLETED) is told


def test_a_chunk_of_gemini_with_a_finish_reason_ends_well_or_is_not_passed_on() -> None:
    begun = frame({"candidates": [{"content": {"parts": [{"text": "Hi"}]}}], "modelVersion": "g"})
    parts = [{"text": "Hi", "thought": False, "functionCall": {"name": "f", "args": {}}}]
    row = {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 3, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}]}
    whole = {"candidates": [row], "usageMetadata": usage, "promptFeedback": {}, "modelVersion": "g"}
    for each in spoilt(whole, depth=6):
        sent = begun + frame(each)
        got, outcome = run(mirrored(GEMINI), [sent])
        if outcome == COMPLETED:
            assert got == sent, each
        else:
            assert ends(got) == ["error"], each
    counts = whole | {"usageMetadata": {"promptTokenCount": "3"}}
    assert run(mirrored(GEMINI), [begun + frame(counts)]) == (begun + frame(counts), COMPLETED)


CHAT_USAGE: Json = {
    "prompt_tokens": 30,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
CALL = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
DELTA = {"role": "assistant", "content": "!", "refusal": None, "tool_calls": [CALL]}
CHOICE = {"index": 0, "delta": DELTA, "logprobs": None, "finish_reason": "stop"}
LAST: Json = {"id": "c1", "object": "chunk", "created": 7, "model": "m", "choices": [CHOICE], "usage": CHAT_USAGE}


def test_a_chunk_of_chat_with_a_finish_reason_ends_well_or_is_not_passed_on() -> None:
    for each in spoilt(LAST, depth=6):
        sent = ROLE + text("Hi") + frame(each) + DONE
        got, outcome = run(mirror(), [sent])
        if outcome == COMPLETED:
            assert got == sent, each
            assert ends(got) == ["[DONE]"]
        else:
            assert ends(got) == ["error"], each
            assert frame(each) not in got or not finished(each), each


def finished(row: Json) -> bool:
    """Whether a client is told that the first choice has finished."""
    choices = row.get("choices")
    rows = choices if isinstance(choices, list) else []
    return any(each.get("finish_reason") for each in rows if isinstance(each, dict) and each.get("index", 0) == 0)


def test_the_usage_of_a_chat_spoils_no_chunk_of_it() -> None:
    for usage in spoilt({"usage": CHAT_USAGE}):
        for row in (LAST | usage, LAST | {"choices": []} | usage):
            sent = ROLE + text("Hi") + (frame(row) if row["choices"] else STOP + frame(row)) + DONE
            relay = mirror()
            assert run(relay, [sent]) == (sent, COMPLETED), row
            assert relay.meter.malformed == 0
            assert run(mirror(), [ROLE + text("Hi") + frame(LAST | usage) + STOP + DONE])[1] == COMPLETED


@pytest.mark.parametrize(
    ("spoilt_one", "known"),
    [
        ({"prompt_tokens_details": []}, Usage(input_tokens=30, output_tokens=5, reasoning_tokens=2)),
        ({"completion_tokens_details": "x"}, Usage(input_tokens=30, output_tokens=5, cache_read_tokens=20)),
        (
            {"prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": "x"}, "completion_tokens_details": []},
            Usage(input_tokens=30, output_tokens=5, cache_read_tokens=20),
        ),
        ({"prompt_tokens": "30"}, None),
        ({"cached_tokens": []}, None),
    ],
)
def test_what_is_billed_is_what_can_be_read(spoilt_one: Json, known: Usage | None) -> None:
    relay = mirror()
    last = frame(LAST | {"usage": CHAT_USAGE | spoilt_one})
    assert run(relay, [ROLE + text("Hi") + last + DONE])[1] == COMPLETED
    assert relay.said.usage == known
    assert relay.said.finish_reason == "tool_calls"
    assert relay.said.unrecognised == {"chunk:usage": 1}
    got, outcome = run(translate(wants_usage=True), [ROLE + text("Hi") + last + DONE])
    assert (ends(got), outcome) == (["[DONE]"], COMPLETED)


def test_a_choice_that_has_finished_may_repeat_it_unreadably() -> None:
    sent = ROLE + text("Hi") + STOP + frame(LAST | {"created": "now"}) + DONE
    relay = mirror()
    assert run(relay, [sent]) == (sent, COMPLETED)
    assert relay.meter.malformed == 1


@pytest.mark.parametrize(
    ("dialect", "said", "last"),
    [
        (OPENAI_RESPONSES, RESPONSES, b"event: response.completed\ndata: {\n\n"),
        (OPENAI_RESPONSES, RESPONSES, b"event: response.completed\ndata: []\n\n"),
        (OPENAI_RESPONSES, RESPONSES, b"event: response.failed\ndata: now\n\n"),
        (ANTHROPIC_MESSAGES, MESSAGES + event(REASON), b"event: message_stop\ndata: {\n\n"),
        (ANTHROPIC_MESSAGES, MESSAGES + event(REASON), b"event: message_stop\ndata: stop\n\n"),
    ],
)
def test_an_end_that_is_no_object_is_a_failure_and_not_passed_on(dialect: Dialect, said: bytes, last: bytes) -> None:
    relay = mirrored(dialect)
    got, outcome = run(relay, [said, last])
    assert got.startswith(said)
    assert len(ends(got)) == 1
    assert last not in got
    assert outcome is not None
    assert (outcome.kind, relay.meter.malformed) == ("upstream_error", 1)


@pytest.mark.parametrize("output", ["what", [5], None])
def test_an_answer_that_only_its_last_event_has_must_be_readable_there(output: object) -> None:
    """Committed by its length, so that a client has seen something."""
    last = event({"type": "response.completed", "response": {"id": "r", "model": "m", "output": output, "usage": "x"}})
    filler = b": " + b"x" * 2000 + b"\n\n"
    relay = mirrored(OPENAI_RESPONSES, held=1024)
    got, outcome = run(relay, [event(CREATED) + filler, last])
    assert got.startswith(event(CREATED) + filler)
    good = output is None
    assert ends(got) == ["response.completed" if good else "response.failed"]
    assert (outcome == COMPLETED) is good
    waiting = mirrored(OPENAI_RESPONSES)
    got, outcome = run(waiting, [event(CREATED), last])
    assert (got, outcome == COMPLETED) == ((event(CREATED) + last, True) if good else (b"", False))


@pytest.mark.parametrize("done", [b"data: [DONE]\ndata: {}\n\n", b"data: [DONE] bye\n\n", b"data:[DONE]\n\n"])
def test_what_the_official_client_takes_for_the_end_of_a_completion_is_it(done: bytes) -> None:
    sent = ROLE + text("Hi") + STOP
    assert run(mirror(), [sent, done]) == (sent + done, COMPLETED)
    got, outcome = run(mirror(), [ROLE + text("Hi"), done, DONE])
    assert got.startswith(ROLE + text("Hi"))
    assert done not in got
    assert ends(got) == ["error"]
    assert outcome is not None
    assert outcome.kind == "upstream_truncated"


def test_the_number_of_a_failure_follows_all_that_was_passed_on() -> None:
    third = event(SAID | {"sequence_number": 2})
    last: Json = {"type": "error", "sequence_number": 0, "code": "server_error", "message": "x", "param": None}
    got, _ = run(mirrored(OPENAI_RESPONSES), [RESPONSES + third, event(last)])
    numbers = [json.loads(each.data or b"")["sequence_number"] for each in SseDecoder().feed(got)]
    assert numbers == [0, 1, 2, 3]
