"""relay/whole.py and relay/opaque.py, and the sink that makes a whole answer of a stream."""

import json

import pytest

from sluice.errors import TimedOut, Truncated
from sluice.relay.outcome import COMPLETED, Outcome
from sluice.relay.terms import Terms
from sluice.testing.cuts import every_single_cut, one_byte_at_a_time
from sluice.testing.playbook import Playbook, broke, client_gone, cut, end, eof, feed, send
from tests.relay.relays import ALL, DONE, HELLO, ROLE, STOP, USAGE, chunk, folded, opaque, run, text, whole

ANSWER = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    },
    indent=1,
).encode()


def test_a_whole_answer_is_passed_on_as_it_came_and_not_before_it_is_whole() -> None:
    for pieces in [*every_single_cut(ANSWER), one_byte_at_a_time(ANSWER)]:
        relay = whole()
        assert [relay.feed(piece, 1.0) for piece in pieces] == [[]] * len(pieces)
        assert not relay.committed
        (Playbook(relay) >> eof() << send(ANSWER) << end("completed") >> eof() >> feed(b"x") >> client_gone()).run()
        assert relay.committed
    assert relay.said.usage is not None
    assert (relay.said.model, relay.said.finish_reason, relay.said.usage.total_tokens) == ("m", "stop", 8)
    assert (relay.meter.bytes_from_provider, relay.meter.bytes_to_client) == (len(ANSWER), len(ANSWER))
    assert relay.meter.first_byte == 1.0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 502),
        (b"null", 502),
        (b"[]", 502),
        (b"{}", 502),
        (b"<html>502</html>", 502),
        (ANSWER[:-1], 502),
        (ANSWER + b"x", 502),
        (b"[" * 100_000, 502),
        (b'{"choices": [{"message": {"content": "\xff"}}]}', 502),
        (b'{"error": {"message": "x", "type": "overloaded_error"}}', 529),
        (b'{"error": "x"}', 502),
        (b'{"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "error"}]}', 502),
        (b'{"choices": []}', 502),
        (b'{"choices": [{"index": 0, "finish_reason": "stop"}, {"index": 0, "finish_reason": "stop"}]}', 502),
    ],
)
@pytest.mark.parametrize("as_stream", [False, True])
def test_a_body_that_is_no_answer_is_a_status_and_nothing_of_it_is_sent(
    body: bytes, status: int, as_stream: bool
) -> None:
    got, outcome = run(whole(as_stream=as_stream), [body])
    assert got == b""
    assert outcome is not None
    assert outcome.kind == "upstream_error"
    assert outcome.error is not None
    assert outcome.error.status == status


def test_a_whole_answer_is_bounded() -> None:
    terms = Terms(max_whole_bytes=len(ANSWER))
    assert run(whole(terms=terms), [ANSWER]) == (ANSWER, COMPLETED)
    relay = whole(terms=terms)
    (Playbook(relay) >> feed(ANSWER) >> feed(b" ") << end("upstream_error", status=502) >> feed(b" ") >> eof()).run()


def test_a_whole_answer_that_breaks_off() -> None:
    for make in (whole, opaque):
        (Playbook(make()) >> broke(Truncated("reset")) << end("upstream_truncated") >> broke(Truncated("x"))).run()
        (Playbook(make()) >> broke(TimedOut("idle")) << end("timeout", status=504)).run()
        (Playbook(make()) >> client_gone() << end("client_gone") >> client_gone()).run()
        drained = Outcome("drained", Truncated("x"))
        (Playbook(make()) >> cut(drained) << end("drained") >> cut(drained)).run()


def test_a_whole_answer_as_a_stream_is_whole_frames_with_a_terminator() -> None:
    got, outcome = run(whole(as_stream=True), [ANSWER])
    assert outcome == COMPLETED
    assert got.endswith(DONE)
    again, _ = run(folded(), [got])
    assert json.loads(again)["choices"] == json.loads(ANSWER)["choices"]
    assert json.loads(again)["usage"]["total_tokens"] == 8


def test_a_whole_answer_written_anew_says_the_same() -> None:
    relay = ALL["whole, written anew"]()
    got, outcome = run(relay, [ANSWER])
    assert outcome == COMPLETED
    want = json.loads(ANSWER)
    assert {name: value for name, value in json.loads(got).items() if name != "usage"} == {
        name: value for name, value in want.items() if name != "usage"
    }
    assert relay.meter.bytes_to_client == len(got)


def test_plain_http_is_passed_on_byte_for_byte_and_its_end_is_the_evidence() -> None:
    relay = opaque()
    playbook = Playbook(relay) >> feed(b"") >> feed(b"a") << send(b"a") >> feed(b"b") << send(b"b")
    (playbook >> eof() << end("completed") >> feed(b"c") >> eof()).run()
    assert relay.committed
    assert (relay.meter.first_byte, relay.meter.bytes_from_provider, relay.meter.bytes_to_client) == (0.0, 2, 2)
    assert not opaque().committed


# -- folded ------------------------------------------------------------------------------------------------------------


def test_a_stream_is_folded_into_one_answer_that_leaves_at_its_end() -> None:
    relay = folded()
    for piece in (ROLE, text("Hel"), text("lo"), STOP, USAGE):
        assert relay.feed(piece, 1.0) == []
    got, outcome = run(relay, [DONE])
    assert outcome == COMPLETED
    body = json.loads(got)
    assert body["choices"] == json.loads(ANSWER)["choices"]
    assert (body["object"], body["usage"]["completion_tokens"]) == ("chat.completion", 5)


def test_a_folded_answer_without_its_evidence_is_a_status() -> None:
    assert run(folded(), [HELLO[: -len(DONE)]])[0] == b""
    (Playbook(folded()) >> feed(text("a")) >> feed(DONE) << end("upstream_truncated", status=502)).run()
    (Playbook(folded()) >> feed(text("a") + STOP) >> feed(text("b")) << end("upstream_error", status=502)).run()


def test_the_same_answer_streamed_and_whole_is_the_same() -> None:
    call = {"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}
    streamed, _ = run(folded(), [ROLE + chunk({"tool_calls": [call]}) + chunk(finish="tool_calls") + DONE])
    whole_body = b'{"id":"c1","created":7,"model":"m","choices":[{"message":{"tool_calls":[{"id":"t","function":'
    whole_body += b'{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}'
    again, _ = run(whole(as_stream=True), [whole_body])
    assert json.loads(run(folded(), [again])[0]) == json.loads(streamed)
    assert json.loads(streamed)["choices"][0]["message"]["content"] is None
