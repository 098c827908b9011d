"""A stream without its own evidence of success is never a success: cut at every byte (stream-life 10.1)."""

from collections.abc import Callable, Iterable

import pytest

from sluice.errors import Truncated
from sluice.relay.outcome import COMPLETED
from sluice.relay.stream import StreamRelay
from sluice.testing.cuts import every_single_cut, every_size, one_byte_at_a_time
from sluice.testing.playbook import Playbook, at, broke, client_gone, end, eof, feed, send, tick
from tests.relay.relays import (
    DONE,
    HELLO,
    ONE_ERROR,
    PING,
    RECORDED,
    ROLE,
    STOP,
    folded,
    is_one_error,
    mirror,
    result,
    run,
    text,
    translate,
)


def whole_frames(data: bytes) -> bytes:
    return data[: data.rfind(b"\n\n") + 2] if b"\n\n" in data else b""


@pytest.mark.parametrize("how", ["eof", "broke"])
def test_a_recorded_stream_cut_at_every_byte_is_never_a_success(how: str) -> None:
    committed_at = RECORDED.index(b'"You"')
    for at_byte in range(len(RECORDED)):
        relay = mirror()
        actions = relay.feed(RECORDED[:at_byte], 1.0)
        actions += relay.eof(1.0) if how == "eof" else relay.broke(Truncated("reset"), 1.0)
        got, outcome = result(actions)
        assert outcome is not None
        assert outcome.kind == "upstream_truncated"
        frames = whole_frames(RECORDED[:at_byte])
        if len(frames) < committed_at:
            assert got == b""
        else:
            assert got.startswith(frames)
            assert is_one_error(got[len(frames) :])


@pytest.mark.parametrize("cutting", [every_single_cut, every_size, lambda data: [one_byte_at_a_time(data)]])
def test_a_whole_recorded_stream_is_passed_on_byte_for_byte(cutting: Callable[[bytes], Iterable[list[bytes]]]) -> None:
    for pieces in cutting(RECORDED):
        assert run(mirror(hide_usage=True), pieces) == (RECORDED, COMPLETED)


@pytest.mark.parametrize("sink", [translate, folded])
def test_no_cut_changes_what_is_written_anew(sink: Callable[[], StreamRelay]) -> None:
    want = run(sink(), [RECORDED])
    assert want[1] == COMPLETED
    for pieces in [*list(every_single_cut(RECORDED))[::7], one_byte_at_a_time(RECORDED), *every_size(RECORDED)]:
        assert run(sink(), pieces) == want


@pytest.mark.parametrize("sink", [translate, folded])
def test_a_truncated_stream_is_a_failure_in_every_form(sink: Callable[[], StreamRelay]) -> None:
    for at_byte in range(0, len(RECORDED), 11):
        got, outcome = run(sink(), [RECORDED[:at_byte]])
        assert outcome is not None
        assert outcome.kind == "upstream_truncated"
        assert b"[DONE]" not in got
        assert b'"finish_reason":"stop"' not in got or at_byte > RECORDED.index(b'"finish_reason":"stop"')


def test_done_without_a_finish_reason_is_truncated() -> None:
    playbook = Playbook(mirror()) >> feed(text("a")) << send(text("a"))
    (playbook >> feed(DONE) << ONE_ERROR << end("upstream_truncated", code="upstream_truncated")).run()


def test_done_when_only_one_of_two_choices_finished_is_truncated() -> None:
    both = text("a") + text("b", choice=1) + STOP
    (Playbook(mirror()) >> feed(both) << send(both) >> feed(DONE) << ONE_ERROR << end("upstream_truncated")).run()


def test_a_finish_reason_without_done_is_truncated() -> None:
    said = text("a") + STOP
    (Playbook(mirror()) >> feed(said) << send(said) >> eof() << ONE_ERROR << end("upstream_truncated")).run()


def test_an_answer_without_a_token_is_complete_all_the_same() -> None:
    (Playbook(mirror()) >> feed(ROLE + STOP) >> feed(DONE) << send(ROLE + STOP + DONE) << end("completed")).run()


def test_bytes_after_the_terminator_are_ignored() -> None:
    for tail in (b"data: more\n\n", PING, b"junk"):
        playbook = Playbook(mirror()) >> feed(HELLO + tail) << send(HELLO) << end("completed")
        (playbook >> feed(tail) >> eof() >> broke(Truncated("x")) >> at(9e9) >> tick() >> client_gone()).run()


def test_a_crlf_stream_leaves_event_by_event() -> None:
    playbook = Playbook(mirror())
    for event in (text("a"), text("b"), STOP):
        crlf = event.replace(b"\n", b"\r\n")
        playbook >> feed(crlf) << send(crlf)
    done = DONE.replace(b"\n", b"\r\n")
    (playbook >> feed(done) << send(done) << end("completed")).run()
