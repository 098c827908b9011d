"""relay/stream.py: commit, truncation, errors, limits: the promises of stream-life 1, 2 and 10 as playbooks."""

from collections.abc import Callable

import pytest

from sluice.errors import ProtocolError, TimedOut, Truncated, Unavailable
from sluice.relay.outcome import COMPLETED, Outcome
from sluice.relay.relay import Relay
from sluice.relay.stream import StreamRelay
from sluice.relay.terms import Terms
from sluice.testing.playbook import Playbook, broke, client_gone, cut, end, eof, feed, send, tick
from tests.relay.relays import (
    DONE,
    ONE_ERROR,
    PING,
    ROLE,
    STOP,
    USAGE,
    after,
    chunk,
    folded,
    frame,
    mirror,
    run,
    terms,
    text,
    translate,
)

# -- commit ------------------------------------------------------------------------------------------------------------


def test_role_frames_and_pings_are_held_until_the_first_token() -> None:
    playbook = Playbook(mirror()) >> feed(PING) >> feed(ROLE) >> feed(PING)
    playbook >> feed(text("a")) << send(PING + ROLE + PING + text("a"))
    playbook >> feed(PING) << send(PING)
    playbook >> feed(STOP) << send(STOP) >> feed(DONE) << send(DONE) << end("completed")
    playbook.run()


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "a"},
        {"reasoning_content": "a"},
        {"reasoning": "a"},
        {"refusal": "a"},
        {"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]},
        {"function_call": {"name": "f", "arguments": ""}},
    ],
)
def test_a_token_of_any_channel_commits(delta: dict[str, object]) -> None:
    relay = mirror()
    (Playbook(relay) >> feed(ROLE) >> feed(chunk(delta)) << send(ROLE + chunk(delta))).run()
    assert relay.committed


@pytest.mark.parametrize(
    "delta", [{}, {"content": ""}, {"content": None}, {"reasoning_content": ""}, {"tool_calls": []}]
)
def test_a_delta_that_carries_nothing_does_not_commit(delta: dict[str, object]) -> None:
    (Playbook(mirror()) >> feed(ROLE) >> feed(chunk(delta)) >> broke(Truncated("x")) << end("upstream_truncated")).run()


@pytest.mark.parametrize("sink", [mirror, translate, folded])
@pytest.mark.parametrize(
    ("tail", "kind", "status"),
    [
        (b"data: {broken\n\n", "upstream_error", 502),
        (b"<html>Bad Gateway</html>\n\n", "upstream_truncated", 502),
        (b'data: {"error": {"message": "x", "type": "rate_limit_error"}}\n\n', "upstream_error", 429),
        (b'data: {"error": {"message": "x", "code": 503}}\n\n', "upstream_error", 503),
        (chunk(finish="error"), "upstream_error", 502),
        (DONE, "upstream_truncated", 502),
        (STOP, "upstream_truncated", 502),
        (b"", "upstream_truncated", 502),
        (PING, "upstream_truncated", 502),
    ],
)
def test_a_failure_before_the_first_token_sends_nothing(
    sink: Callable[[], Relay], tail: bytes, kind: str, status: int
) -> None:
    got, outcome = run(sink(), [PING, ROLE, tail])
    assert got == b""
    assert outcome is not None
    assert outcome.kind == kind
    assert outcome.error is not None
    assert outcome.error.status == status


@pytest.mark.parametrize("sink", [mirror, translate])
def test_a_first_token_that_comes_with_a_failure_does_not_commit(sink: Callable[[], Relay]) -> None:
    assert run(sink(), [ROLE + chunk({"content": "a"}, finish="error")])[0] == b""


@pytest.mark.parametrize("size", [100, 1000])
def test_what_is_held_is_bounded_and_then_committed(size: int) -> None:
    relay = mirror(terms=terms(max_buffer_bytes=size))
    ping = b": " + b"x" * 47 + b"\n"
    held = b""
    while len(held) + len(ping) <= size:
        assert relay.feed(ping, 1.0) == []
        held += ping
    (Playbook(relay) >> feed(ping) << send(held + ping) >> eof() << ONE_ERROR << end("upstream_truncated")).run()


# -- errors inside the stream ------------------------------------------------------------------------------------------

FAILURE = frame({"error": {"message": "out of memory", "type": "server_error", "code": None}})


@pytest.mark.parametrize("sink", [mirror, translate])
def test_an_error_event_after_commit_is_told_once_and_ends_the_stream(sink: Callable[[], StreamRelay]) -> None:
    relay = sink()
    relay.feed(ROLE + text("a"), 1.0)
    (Playbook(relay) >> feed(FAILURE + STOP + DONE) << ONE_ERROR << end("upstream_error") >> feed(DONE) >> eof()).run()


def test_frames_before_the_error_in_the_same_read_are_sent_before_it() -> None:
    playbook = Playbook(mirror()) >> feed(text("a") + text("b") + FAILURE)
    (playbook << after(text("a") + text("b")) << end("upstream_error", code="upstream_in_band_error")).run()


def test_a_half_event_is_never_sent_before_the_error() -> None:
    playbook = Playbook(mirror()) >> feed(text("a") + b'data: {"cho') << send(text("a"))
    (playbook >> broke(Truncated("reset")) << ONE_ERROR << end("upstream_truncated")).run()


def test_a_malformed_event_after_commit_is_mirrored_and_counted() -> None:
    relay = mirror()
    bad = b'data: {"choices": 5}\n\n'
    playbook = Playbook(relay) >> feed(text("a")) << send(text("a")) >> feed(bad) << send(bad)
    (playbook >> feed(STOP + DONE) << send(STOP + DONE) << end("completed")).run()
    assert relay.meter.malformed == 1


def test_a_malformed_event_is_a_failure_where_events_are_written_anew() -> None:
    relay = translate()
    relay.feed(text("a"), 1.0)
    (Playbook(relay) >> feed(b"data: nonsense\n\n") << ONE_ERROR << end("upstream_error")).run()


def test_an_event_out_of_order_after_commit_is_mirrored_and_counted() -> None:
    relay = mirror()
    late = text("late")
    playbook = Playbook(relay) >> feed(text("a") + STOP) << send(text("a") + STOP) >> feed(late) << send(late)
    (playbook >> feed(DONE) << send(DONE) << end("completed")).run()
    assert relay.meter.malformed == 1


def test_an_event_out_of_order_is_a_failure_where_events_are_written_anew() -> None:
    relay = translate()
    relay.feed(text("a") + STOP, 1.0)
    (Playbook(relay) >> feed(text("late")) << ONE_ERROR << end("upstream_error", code="upstream_protocol_error")).run()


# -- usage, choices ----------------------------------------------------------------------------------------------------


def test_usage_that_only_we_asked_for_is_noted_and_hidden() -> None:
    relay = mirror(hide_usage=True)
    said = text("a") + STOP
    (Playbook(relay) >> feed(said) << send(said) >> feed(USAGE) >> feed(DONE) << send(DONE) << end("completed")).run()
    assert relay.said.usage is not None
    assert (relay.said.usage.input_tokens, relay.said.usage.output_tokens) == (3, 5)


def test_usage_is_hidden_although_the_provider_never_names_its_model() -> None:
    nameless = frame({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    said = frame({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]})
    assert run(mirror(hide_usage=True), [said, nameless, DONE]) == (said + DONE, COMPLETED)


def test_usage_that_nobody_can_read_is_hidden_too() -> None:
    spoilt = frame({"id": "c", "choices": [], "usage": []})
    said = text("a") + STOP
    assert run(mirror(hide_usage=True), [said, spoilt, DONE]) == (said + DONE, COMPLETED)
    assert run(mirror(), [said, spoilt, DONE]) == (said + spoilt + DONE, COMPLETED)


def test_usage_beside_something_else_is_not_hidden() -> None:
    last = frame({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}})
    first = frame({"choices": []})
    assert run(mirror(hide_usage=True), [first, text("a"), last, DONE]) == (first + text("a") + last + DONE, COMPLETED)


def test_usage_that_the_client_asked_for_is_shown() -> None:
    assert run(mirror(), [text("a"), STOP, USAGE, DONE])[0] == text("a") + STOP + USAGE + DONE
    assert b'"usage":{"prompt_tokens":3' in run(translate(wants_usage=True), [text("a"), STOP, USAGE, DONE])[0]
    assert b"usage" not in run(translate(), [text("a"), STOP, USAGE, DONE])[0]


def test_two_choices_may_interleave() -> None:
    frames = [ROLE, text("a"), text("b", choice=1), text("c"), chunk(finish="length", choice=1), STOP, DONE]
    relay = mirror()
    assert run(relay, frames) == (b"".join(frames), COMPLETED)
    assert relay.said.finish_reason == "stop"  # of the first choice, whoever finishes first


# -- limits ------------------------------------------------------------------------------------------------------------


def test_an_oversized_event_ends_the_stream_after_what_was_whole() -> None:
    relay = mirror(terms=terms(max_event_bytes=300))
    playbook = Playbook(relay) >> feed(text("a") + b"data: " + b"x" * 400) << after(text("a"))
    (playbook << end("upstream_error", code="upstream_event_too_large") >> feed(b"x")).run()
    assert run(mirror(terms=terms(max_event_bytes=300)), [b"data: " + b"x" * 400])[0] == b""


def test_a_folded_answer_is_bounded() -> None:
    relay = folded(terms=Terms(max_whole_bytes=len(ROLE) + 10))
    assert relay.feed(ROLE, 1.0) == []
    (Playbook(relay) >> feed(text("a")) << end("upstream_error", code="upstream_protocol_error")).run()


# -- ends that others decide -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sink", [mirror, translate, folded])
def test_a_client_that_goes_is_sent_nothing_more(sink: Callable[[], StreamRelay]) -> None:
    relay = sink()
    relay.feed(ROLE + text("a"), 1.0)
    (Playbook(relay) >> client_gone() << end("client_gone") >> feed(text("b")) >> eof() >> tick()).run()
    assert relay.deadline == float("inf")


def test_a_cut_is_told_in_band_after_commit_and_not_before() -> None:
    drained = Outcome("drained", Unavailable("the server is going down"))
    relay = mirror()
    relay.feed(text("a"), 1.0)
    (Playbook(relay) >> cut(drained) << ONE_ERROR << end("drained", code="unavailable", status=503)).run()
    (Playbook(mirror()) >> feed(ROLE) >> cut(drained) << end("drained") >> cut(drained)).run()
    (Playbook(mirror()) >> cut(Outcome("client_gone")) << end("client_gone")).run()


def test_a_break_is_a_truncation_or_the_clock_that_caused_it() -> None:
    (Playbook(mirror()) >> broke(ProtocolError("bad chunk")) << end("upstream_truncated")).run()
    (Playbook(mirror()) >> broke(TimedOut("total")) << end("timeout", code="timeout_total", status=504)).run()
