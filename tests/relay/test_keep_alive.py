"""A client who waits is told that somebody is there: after silence, at the borders of events, never as a token."""

import msgspec
import pytest

from sluice.errors import Truncated
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from sluice.relay.clocks import NEVER
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.testing.playbook import Playbook, at, broke, end, eof, feed, send, tick
from sluice.wire.sse import BOM
from tests.relay.relays import DONE, OFF, PING, ROLE, STOP, folded, mirror, result, text, translate, whole

BEAT = b": keep-alive\n\n"
WAITS = Terms(deadlines=OFF, streaming=Streaming(keep_alive_s=5, commit_after_s=10), keep_alive=BEAT)


def test_nothing_is_said_before_a_failure_could_have_had_its_status() -> None:
    relay = mirror(terms=WAITS)
    assert relay.deadline == 10
    playbook = Playbook(relay) >> at(9.9) >> tick() >> at(10) >> tick() << send(BEAT) >> tick()
    (playbook >> at(14.9) >> tick() >> at(15) >> tick() << send(BEAT)).run()


def test_a_kept_alive_answer_has_not_begun_yet_and_may_still_come_from_another_provider() -> None:
    relay = translate(terms=WAITS)
    playbook = Playbook(relay) >> feed(ROLE) >> at(10) >> tick() << send(BEAT)
    (playbook >> broke(Truncated("cut off")) << end("upstream_truncated")).run()
    assert not relay.committed


def test_silence_is_counted_from_what_was_sent_last_not_from_what_the_provider_says() -> None:
    hello = text("Hi")
    playbook = Playbook(mirror(terms=WAITS)) >> at(1) >> feed(hello) << send(hello) >> at(5.9) >> tick()
    playbook = playbook >> at(6) >> tick() << send(BEAT) >> at(9) >> feed(PING) << send(PING) >> at(11) >> tick()
    (playbook >> at(14) >> tick() << send(BEAT) >> feed(STOP + DONE) << send(STOP + DONE) << end("completed")).run()


def test_an_event_is_never_torn_by_a_keep_alive() -> None:
    whole_event = text("Hello")
    playbook = (
        Playbook(mirror(terms=WAITS)) >> feed(ROLE + text("a")) << send(ROLE + text("a")) >> feed(whole_event[:9])
    )
    (playbook >> at(5) >> tick() << send(BEAT) >> feed(whole_event[9:]) << send(whole_event)).run()


def test_an_open_answer_goes_on_from_the_keep_alives_before_it() -> None:
    opened = msgspec.structs.replace(WAITS, started_at=0.0, asked_at=20.0, now=21.0, opened=True)
    relay = mirror(terms=opened)
    assert relay.deadline == 5, "the last one was sent by somebody else: one more does no harm"


def test_a_keep_alive_is_no_sign_of_life_of_the_provider_and_no_token() -> None:
    terms = msgspec.structs.replace(WAITS, deadlines=Deadlines(idle_s=12))
    relay = mirror(terms=terms)
    playbook = Playbook(relay) >> at(10) >> tick() << send(BEAT) >> at(12) >> tick()
    (playbook << end("timeout", code="timeout_idle")).run()
    assert (relay.meter.tokens, relay.meter.chunks) == (0, 0)
    assert relay.meter.first_token is None


def test_a_client_that_does_not_read_is_not_written_to() -> None:
    relay = mirror(terms=WAITS)
    relay.feed(text("a"), 1.0)
    relay.clocks.pause()
    assert relay.deadline == NEVER
    assert relay.tick(99.0) == []
    relay.clocks.resume(100.0)
    assert relay.deadline == 105.0


def test_only_streams_are_kept_alive() -> None:
    for relay in (folded(terms=WAITS), whole(terms=WAITS)):
        assert relay.deadline == NEVER
        assert relay.tick(60.0) == []


def test_a_provider_that_answers_a_stream_as_a_whole_is_waited_for_as_visibly() -> None:
    relay = whole(as_stream=True, terms=WAITS)
    (Playbook(relay) >> at(10) >> tick() << send(BEAT) >> eof() << end("upstream_error")).run()


@pytest.mark.parametrize("terms", [WAITS, Terms(deadlines=OFF, keep_alive=b""), Terms(deadlines=OFF)])
def test_after_the_end_nothing_is_said(terms: Terms) -> None:
    relay: Relay = mirror(terms=terms)
    relay.feed(text("a") + STOP + DONE, 0.0)
    assert relay.deadline == NEVER
    assert relay.tick(1000.0) == []


def test_no_keep_alives_where_there_is_nothing_to_say_or_nobody_wants_them() -> None:
    for terms in (
        Terms(deadlines=OFF, keep_alive=b""),
        Terms(deadlines=OFF, keep_alive=BEAT, streaming=Streaming(keep_alive_s=0)),
    ):
        assert mirror(terms=terms).deadline == NEVER
        assert result(mirror(terms=terms).tick(1e6)) == (b"", None)


@pytest.mark.parametrize("before", [b"", BOM + ROLE])
def test_a_byte_order_mark_behind_a_keep_alive_is_left_out(before: bytes) -> None:
    """There it would be part of the first event's first line, and that event be lost."""
    relay = mirror(terms=WAITS)
    playbook = Playbook(relay) >> feed(before) >> at(10) >> tick() << send(BEAT)
    rest = text("a") if before else BOM + text("a")
    (playbook >> feed(rest) << send((before + rest).removeprefix(BOM)) >> feed(text("b")) << send(text("b"))).run()
    untouched = Playbook(mirror(terms=WAITS)) >> feed(BOM + text("a")) << send(BOM + text("a"))
    untouched.run()
