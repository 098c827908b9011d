"""A fault of ours ends one exchange as `internal`, with a record and nothing left open, and no other with it."""

import pytest

from sluice.errors import Internal, UpstreamError
from sluice.gateway import answers
from sluice.policies.deadlines import Deadlines
from sluice.relay.actions import Action
from sluice.relay.outcome import Outcome
from sluice.relay.stream import StreamRelay
from tests.gateway.asking import ask
from tests.support.events import HELLO, WHOLE_STREAM, WORLD
from tests.support.http_answer import error_of
from tests.support.raw_client import STREAM, request
from tests.support.raw_upstream import LAST, Call, chunk, chunked_head, streamed
from tests.support.serving import Serving
from tests.support.world import World


class Broken(StreamRelay):
    """A relay with a fault of ours in one of its verbs."""

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        if b"world" in chunk:
            raise ZeroDivisionError("ours")
        return super().feed(chunk, now)


async def test_a_fault_in_the_relay_before_the_answer_is_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "StreamRelay", Broken)
    answer, serving = await ask(world, streamed(WORLD))
    assert (answer.status, error_of(answer).code) == (500, Internal.code)
    assert "ours" not in answer.body.decode()
    await internal(serving)


async def test_a_fault_in_the_relay_after_it_is_an_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "StreamRelay", Broken)

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head())
        await call.send_apart([chunk(HELLO), chunk(WORLD)])
        await call.gone()

    answer, serving = await ask(world, play)
    assert answer.body.startswith(HELLO)
    assert b'"internal_error"' in answer.body
    await internal(serving)


class Faulty(StreamRelay):
    """A relay that was ended by a fault, whatever it is told; `deaf` cannot even be cut."""

    deaf = False

    def eof(self, now: float) -> list[Action]:
        raise ZeroDivisionError("eof")

    def broke(self, error: UpstreamError, now: float) -> list[Action]:
        raise ZeroDivisionError("broke")

    def tick(self, now: float) -> list[Action]:
        raise ZeroDivisionError("tick")

    def client_gone(self, now: float) -> list[Action]:
        raise ZeroDivisionError("client_gone")

    def cut(self, outcome: Outcome, now: float) -> list[Action]:
        if self.deaf:
            raise ZeroDivisionError("cut")
        return super().cut(outcome, now)


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("verb", ["eof", "broke", "tick", "client_gone"])
async def test_a_fault_in_any_verb_ends_one_exchange_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, verb: str, deaf: bool
) -> None:
    monkeypatch.setattr(answers, "StreamRelay", Faulty)
    monkeypatch.setattr(Faulty, "deaf", deaf)

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(HELLO))
        if verb == "eof":
            call.send(LAST)
        elif verb == "broke":
            call.fin()
        await call.gone()

    clocks = Deadlines(idle_s=0.05 if verb == "tick" else 60.0)
    _, serving, client = await world.between(play, deadlines=clocks)
    client.send(request(STREAM))
    await client.read_until(HELLO)
    if verb == "client_gone":
        client.close()
    elif deaf:
        assert await client.rest() == b"\r\n", "cut after the chunk that was sent"
    else:
        assert b'"internal_error"' in await client.read_until(b"\r\n0\r\n\r\n")
    await internal(serving)


async def internal(serving: Serving) -> None:
    """The fault is in the log, the record says `internal`, and nothing is left open."""
    record = await serving.record()
    assert record.outcome == "internal"
    (fault,) = serving.heard.faults
    assert isinstance(fault, ZeroDivisionError)
    serving.heard.faults.clear()
    assert serving.pool.open_connections == serving.pool.resting_connections
    assert serving.heard.metrics.streams_active == 0


async def test_a_fault_before_the_relay_is_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(answers, "chat_relay", fail)
    answer, serving = await ask(world, streamed(*WHOLE_STREAM))
    assert (answer.status, error_of(answer).code) == (500, Internal.code)
    await internal(serving)


async def test_a_coding_that_nobody_can_read_is_502_and_leaves_nothing_open(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head("Content-Encoding: br"), chunk(b"\x0b\x02\x80"))
        await call.gone()

    answer, serving = await ask(world, play)
    assert (answer.status, error_of(answer).code) == (502, "upstream_protocol_error")
    assert (await serving.record()).outcome in ("upstream_error", "upstream_truncated")
    assert serving.pool.open_connections == 0
