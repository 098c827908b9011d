"""relay/clocks.py within the relays: each clock by itself, what resets it and what does not."""

from collections.abc import Callable

import pytest

from sluice.policies.deadlines import Deadlines
from sluice.relay.clocks import NEVER, Clocks
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.testing.playbook import Playbook, at, client_gone, end, eof, feed, send, send_that, tick
from tests.relay.relays import HELLO, PING, ROLE, chunk, folded, mirror, opaque, text, whole

ANY = send_that("an error event", lambda data: data.startswith(b'data: {"error":'))


def test_the_first_token_clock_runs_from_the_request_and_only_a_token_stops_it() -> None:
    relay = mirror(terms=Terms(deadlines=Deadlines(first_token_s=10, idle_s=0)))
    playbook = Playbook(relay) >> at(9) >> feed(PING) >> feed(ROLE) >> feed(chunk({"content": ""})) >> tick()
    (playbook >> at(10) >> tick() << end("timeout", code="timeout_first_token", status=504) >> tick()).run()

    relay = mirror(terms=Terms(deadlines=Deadlines(first_token_s=10, idle_s=0)))
    reasoning = chunk({"reasoning": "hm"})
    (Playbook(relay) >> at(9.9) >> feed(reasoning) << send(reasoning) >> at(99) >> tick()).run()
    assert relay.deadline == NEVER


def test_the_idle_clock_runs_from_the_last_event_and_pings_do_not_reset_it() -> None:
    relay = mirror(terms=Terms(deadlines=Deadlines(idle_s=5)))
    assert relay.deadline == 5
    playbook = Playbook(relay) >> at(4) >> feed(text("a")) << send(text("a")) >> at(8) >> feed(PING) << send(PING)
    playbook >> feed(b"data: unfinished") >> at(8.9) >> tick()
    (playbook >> at(9) >> tick() << ANY << end("timeout", code="timeout_idle")).run()
    assert relay.deadline == NEVER


def test_the_total_clock_runs_from_the_request_whatever_comes() -> None:
    relay = mirror(terms=Terms(deadlines=Deadlines(idle_s=0, total_s=7)))
    playbook = Playbook(relay) >> at(6.9) >> feed(text("a")) << send(text("a")) >> tick()
    (playbook >> at(7) >> tick() << ANY << end("timeout", code="timeout_total", status=504)).run()


def test_the_widest_of_the_clocks_that_ran_out_is_named() -> None:
    clocks = Clocks(
        Terms(deadlines=Deadlines(first_token_s=3, idle_s=3, total_s=3), started_at=0.0, asked_at=0.0, now=0.0)
    )
    assert [getattr(clocks.expired(now), "phase", None) for now in (2.9, 3.0)] == [None, "total"]
    clocks = Clocks(Terms(deadlines=Deadlines(first_token_s=3, idle_s=3)))
    assert getattr(clocks.expired(3.0), "phase", None) == "first_token"


def test_a_clock_that_is_off_never_runs_out() -> None:
    clocks = Clocks(Terms(deadlines=Deadlines(idle_s=0)))
    assert clocks.deadline == NEVER
    assert clocks.expired(1e12) is None


def test_the_request_may_have_begun_long_before_the_providers_head_came() -> None:
    clocks = Clocks(
        Terms(deadlines=Deadlines(first_token_s=5, idle_s=2, total_s=9), started_at=100.0, asked_at=100.0, now=104.0)
    )
    assert clocks.deadline == 105.0
    clocks.got_token = True
    assert clocks.deadline == 106.0
    clocks.heard = 108.0
    assert clocks.deadline == 109.0


EARLY: dict[str, Callable[[], Relay]] = {
    "mirror": lambda: mirror(terms=Terms(deadlines=Deadlines(first_token_s=3, idle_s=2, total_s=9))),
    "folded": lambda: folded(terms=Terms(deadlines=Deadlines(first_token_s=3, idle_s=2, total_s=9))),
    "whole": lambda: whole(terms=Terms(deadlines=Deadlines(first_token_s=3, idle_s=2, total_s=9))),
    "opaque": lambda: opaque(terms=Terms(deadlines=Deadlines(first_token_s=3, idle_s=2, total_s=9))),
}


@pytest.mark.parametrize("name", EARLY)
def test_the_deadline_only_moves_later_and_a_tick_before_it_does_nothing(name: str) -> None:
    relay, before = EARLY[name](), 0.0
    for step in range(20):
        now = step * 0.1
        relay.feed(HELLO[step * 5 : step * 5 + 5], now)
        assert relay.deadline >= before
        before = relay.deadline
        assert relay.tick(min(now, before - 0.001)) == []
    relay.client_gone(2.0)
    assert relay.deadline == NEVER
    assert relay.tick(1e9) == []


@pytest.mark.parametrize("make", [whole, opaque])
def test_answers_that_are_no_streams_have_idle_and_total(make: Callable[..., Relay]) -> None:
    relay = make(terms=Terms(deadlines=Deadlines(first_token_s=1, idle_s=5)))
    relay.feed(b"{", 4.0)
    assert relay.deadline == 9
    (Playbook(relay) >> at(8.9) >> tick() >> at(9) >> tick() << end("timeout", code="timeout_idle") >> eof()).run()
    total = make(terms=Terms(deadlines=Deadlines(idle_s=0, total_s=2)))
    (Playbook(total) >> at(2) >> tick() << end("timeout", code="timeout_total") >> client_gone()).run()


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\r\n\t "])
def test_white_space_is_how_a_whole_answer_pings(blank: bytes) -> None:
    relay = whole(terms=Terms(deadlines=Deadlines(idle_s=5)))
    relay.feed(b"{", 1.0)
    relay.feed(blank, 4.0)
    assert relay.deadline == 6
    relay.feed(blank + b'"id"' + blank, 5.0)
    assert relay.deadline == 10


def test_while_somebody_has_to_be_asked_the_providers_silence_is_ours_and_the_rest_goes_on() -> None:
    deadlines = Deadlines(idle_s=5, total_s=60)
    clocks = Clocks(Terms(deadlines=deadlines, keep_alive=PING), beats=True)
    clocks.ask()
    assert clocks.deadline == 15.0  # of a keep-alive
    clocks.pause()
    assert clocks.deadline == 60.0
    clocks.resume(20.0)
    assert clocks.expired(30.0) is None
    assert clocks.beat(35.0)
    clocks.answered(40.0)
    assert clocks.deadline == 45.0
    assert clocks.expired(45.0) is not None


def test_of_an_answer_that_is_read_on_nobody_is_asked() -> None:
    clocks = Clocks(Terms(deadlines=Deadlines(idle_s=5)))
    clocks.ask()
    clocks.read_on(10.0)
    assert clocks.deadline == 15.0
