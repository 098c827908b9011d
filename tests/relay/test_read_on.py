"""A client has left, and its answer is read on for what it reports at its end: nothing is sent, the bounds hold."""

import pytest

from sluice.chat.usage import Usage
from sluice.errors import Truncated
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import OnDisconnect, Streaming
from sluice.relay.outcome import CLIENT_GONE
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from tests.relay.relays import DONE, OFF, ROLE, STOP, USAGE, folded, mirror, opaque, result, text, translate, whole
from tests.relay.test_whole import ANSWER


def terms(
    on_disconnect: OnDisconnect = "drain", *, drain_s: float = 30, drain_tokens: int = 4, idle_s: float = 0
) -> Terms:
    streaming = Streaming(on_disconnect=on_disconnect, drain_s=drain_s, drain_tokens=drain_tokens)
    return Terms(deadlines=Deadlines(idle_s=idle_s), streaming=streaming)


@pytest.mark.parametrize("make", [mirror, translate, folded])
def test_what_the_provider_reports_after_the_client_left_is_in_the_record(make: type[Relay]) -> None:
    relay: Relay = make(terms=terms())
    relay.feed(ROLE + text("Hel"), 1.0)
    assert relay.read_on(2.0)
    assert relay.feed(text("lo"), 3.0) == []
    assert result(relay.feed(STOP + USAGE + DONE, 4.0)) == (b"", CLIENT_GONE)
    assert relay.said.usage == Usage(input_tokens=3, output_tokens=5)
    assert relay.said.finish_reason == "stop"


def test_a_whole_answer_too() -> None:
    relay = whole(terms=terms())
    assert relay.read_on(0.0)
    assert relay.feed(ANSWER, 1.0) == []
    assert result(relay.eof(1.0)) == (b"", CLIENT_GONE)
    assert relay.said.usage is not None


def test_before_the_first_token_too_and_what_was_held_is_not_sent() -> None:
    relay = mirror(terms=terms())
    relay.feed(ROLE, 1.0)
    assert relay.read_on(2.0)
    assert result(relay.feed(text("a") + STOP + USAGE + DONE, 3.0)) == (b"", CLIENT_GONE)


def test_time_bounds_it() -> None:
    relay = mirror(terms=terms(drain_s=30))
    relay.feed(ROLE + text("a"), 1.0)
    relay.read_on(2.0)
    assert relay.deadline == 32.0
    assert relay.tick(31.9) == []
    assert result(relay.tick(32.0)) == (b"", CLIENT_GONE)
    assert relay.feed(DONE, 33.0) == []


def test_tokens_bound_it() -> None:
    relay = mirror(terms=terms(drain_tokens=3))
    relay.feed(ROLE + text("a") + text("b"), 1.0)
    relay.read_on(2.0)
    assert relay.feed(text("c") + text("d"), 3.0) == []
    assert result(relay.feed(text("e"), 3.0)) == (b"", CLIENT_GONE)


def test_to_go_on_to_the_end_has_neither_bound() -> None:
    relay = mirror(terms=terms("continue", drain_s=1, drain_tokens=1))
    relay.feed(ROLE + text("a"), 1.0)
    relay.read_on(2.0)
    assert relay.tick(1000.0) == []
    assert relay.feed(text("b") * 50, 1000.0) == []
    assert result(relay.feed(STOP + DONE, 1001.0)) == (b"", CLIENT_GONE)


def test_zero_is_no_bound() -> None:
    relay = mirror(terms=terms(drain_s=0, drain_tokens=0))
    relay.feed(ROLE + text("a"), 1.0)
    relay.read_on(2.0)
    assert relay.tick(1e6) == []
    assert relay.feed(text("b") * 50, 1e6) == []


def test_a_provider_that_fails_then_changes_nothing_about_who_left_first() -> None:
    for fail in (lambda relay: relay.broke(Truncated("x"), 3.0), lambda relay: relay.eof(3.0)):
        relay = mirror(terms=terms())
        relay.feed(ROLE + text("a"), 1.0)
        relay.read_on(2.0)
        assert result(fail(relay)) == (b"", CLIENT_GONE)


def test_the_other_clocks_go_on() -> None:
    relay = mirror(terms=terms(idle_s=5))
    relay.feed(ROLE + text("a"), 1.0)
    relay.read_on(2.0)
    assert relay.deadline == 7.0
    assert result(relay.tick(7.0)) == (b"", CLIENT_GONE)


def test_what_reports_nothing_is_not_read_on_and_what_has_ended_neither() -> None:
    assert not opaque(terms=terms()).read_on(1.0)
    relay = mirror(terms=Terms(deadlines=OFF))
    relay.feed(text("a") + STOP + DONE, 0.0)
    assert not relay.read_on(1.0)
