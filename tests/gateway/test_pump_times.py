"""gateway/pump.py: what it notes of time, with a clock that the test sets."""

import zlib

import pytest

from sluice.gateway.pump import SAMPLED, Pump
from sluice.relay.outcome import Outcome
from sluice.relay.stream import StreamRelay
from sluice.wire.coding import decoder
from tests.gateway.test_pump import Client, Provider
from tests.relay.relays import DONE, PING, ROLE, STOP, mirror, text

OWN_S = 0.0003


class Stage:
    """A pump whose client takes OWN_S for each write, and the clock that shows it."""

    def __init__(self, *, packed: bool = False) -> None:
        self.now = 100.0
        self.relay: StreamRelay = mirror()
        self.provider, self.client = Provider(), Client()
        self.client.write = self._write  # type: ignore[method-assign]
        self.outcomes: list[Outcome] = []
        self.pump = Pump(
            self.relay,
            self.provider,
            self.client,
            clock=lambda: self.now,
            start_answer=lambda: None,
            reads_on=lambda: False,
            done=lambda outcome, last: self.outcomes.append(outcome),
            fault=lambda error: pytest.fail(str(error)),
            slow_reader_s=0.0,
            inflate=decoder(b"gzip") if packed else None,
        )
        self.pump.start()

    def _write(self, data: bytes) -> None:
        self.client.got += data
        self.now += OWN_S

    def say(self, data: bytes, at: float) -> None:
        self.now = 100.0 + at
        self.provider.says(data)

    def added(self) -> tuple[int, float]:
        facts = self.relay.meter.facts(streaming=True)
        return sum(facts.added_counts), facts.added_sum_s


async def test_one_event_in_sixteen_is_timed_the_first_after_the_beginning_among_them() -> None:
    stage = Stage()
    stage.say(ROLE, 0.1)
    stage.say(text("a"), 0.2)
    assert stage.added() == (0, 0.0)  # that was the beginning
    expected = 0
    for number in range(5 * SAMPLED):
        stage.say(text("b"), 0.3 + number)
        expected += number % SAMPLED == 0
        assert stage.added() == pytest.approx((expected, expected * OWN_S))


async def test_what_brings_nothing_to_the_client_is_not_timed() -> None:
    stage = Stage()
    stage.say(ROLE + text("a"), 0.1)
    for number in range(SAMPLED):
        stage.say(text("b")[: number + 1][-1:], 1.0)
    assert stage.added() == (0, 0.0)


async def test_a_packed_answer_is_timed_too() -> None:
    stage, packer = Stage(packed=True), zlib.compressobj(wbits=31)
    for at, said in ((0.1, ROLE + text("a")), (0.2, text("b"))):
        stage.say(packer.compress(said) + packer.flush(zlib.Z_SYNC_FLUSH), at)
    assert stage.added() == pytest.approx((1, OWN_S))


async def test_a_silence_while_the_client_does_not_read_is_no_stall_and_the_providers_own_is_one() -> None:
    stage = Stage()
    stage.say(ROLE + text("a"), 0.1)
    stage.say(text("b"), 0.2)
    stage.now = 100.3
    stage.pump.client_paused()
    stage.now = 130.0
    stage.pump.client_resumed()
    stage.say(text("c"), 30.1)
    assert stage.relay.meter.facts(streaming=True).stalls == 0
    stage.say(text("d"), 150.0)
    assert stage.relay.meter.facts(streaming=True).stalls == 1


async def test_the_silence_before_an_end_counts_unless_the_client_was_not_reading() -> None:
    for paused, stalls in ((False, 1), (True, 0)):
        stage = Stage()
        stage.say(ROLE + text("a"), 0.1)
        stage.say(text("b"), 0.2)
        if paused:
            stage.pump.client_paused()
        stage.now = 160.0
        stage.pump.client_gone()
        assert [outcome.kind for outcome in stage.outcomes] == ["client_gone"]
        assert stage.relay.meter.facts(streaming=True).stalls == stalls


async def test_pings_do_not_end_a_stall() -> None:
    stage = Stage()
    stage.say(ROLE + text("a"), 0.1)
    stage.say(text("b"), 0.2)
    for second in range(1, 8):
        stage.say(PING, float(second))
    stage.say(STOP + DONE, 8.2)
    facts = stage.relay.meter.facts(streaming=True)
    assert [facts.stalls, facts.stalled_s] == pytest.approx([1, 8.0])
