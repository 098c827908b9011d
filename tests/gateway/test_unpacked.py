"""gateway/unpacked.py: what came compressed is handed over a little at a time, and waits for who does not want more."""

import asyncio
import gzip
import zlib
from typing import cast

import pytest

from sluice.errors import ProtocolError, SluiceError, Truncated, UpstreamError
from sluice.gateway.ports import UpstreamStream
from sluice.gateway.unpacked import TURN_BYTES, Unpacked
from sluice.net.server import WRITE_HIGH_BYTES
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from sluice.wire.coding import Inflate
from tests.gateway.test_pump import Provider
from tests.support.events import DONE, ROLE, STOP, delta
from tests.support.raw_client import STREAM, RawClient, request
from tests.support.raw_upstream import LAST, Call, Play, chunk, chunked_head
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

BIG = bytes(range(256)) * (20 * TURN_BYTES // 256)


class Receiver:
    """Who takes what was unpacked, and may have had enough after some of it."""

    def __init__(self) -> None:
        self.got = b""
        self.pieces = 0
        self.end: SluiceError | str = ""
        self.enough_bytes = 1 << 60
        self.answer: Unpacked | None = None

    def body(self, data: bytes) -> None:
        assert not self.end
        self.got += data
        self.pieces += 1
        if len(self.got) >= self.enough_bytes and self.answer is not None:
            self.answer.pause()

    def eof(self) -> None:
        assert not self.end
        self.end = "eof"

    def broke(self, error: UpstreamError) -> None:
        assert not self.end
        self.end = error


class Stage:
    """A provider, its answer unpacked, and who takes it."""

    def __init__(self, *, enough_bytes: int = 1 << 60) -> None:
        self.provider, self.receiver = Provider(), Receiver()
        self.answer = Unpacked(cast(UpstreamStream, self.provider), Inflate())
        self.receiver.enough_bytes = enough_bytes
        self.receiver.answer = self.answer
        self.answer.attach(self.receiver)

    def eof(self) -> None:
        self.answer.eof()


async def test_a_little_is_handed_over_at_once_and_its_end_too() -> None:
    stage = Stage()
    stage.provider.says(gzip.compress(b"a little"))
    assert (stage.receiver.got, stage.receiver.pieces, stage.provider.reading) == (b"a little", 1, True)
    assert not stage.answer.in_line
    stage.eof()
    assert stage.receiver.end == "eof"


async def test_much_is_handed_over_in_turns_of_the_loop_and_the_provider_waits_for_it() -> None:
    stage = Stage()
    stage.provider.says(gzip.compress(BIG))
    stage.eof()
    seen = [len(stage.receiver.got)]
    while not stage.receiver.end:
        assert not stage.provider.reading
        assert stage.answer.in_line, "nobody has fallen silent"
        await asyncio.sleep(0)
        seen.append(len(stage.receiver.got))
    assert max(after - before for before, after in zip([0, *seen], seen, strict=False)) <= TURN_BYTES
    assert (stage.receiver.got, stage.receiver.end) == (BIG, "eof")
    assert not stage.answer.in_line


async def test_a_provider_that_waited_for_its_own_bytes_is_read_on() -> None:
    stage = Stage()
    stage.provider.says(gzip.compress(BIG))
    assert not stage.provider.reading
    await until(lambda: stage.provider.reading)
    assert stage.receiver.got == BIG


async def test_who_has_had_enough_gets_no_more_until_it_asks_for_it() -> None:
    stage = Stage(enough_bytes=1)
    stage.provider.says(gzip.compress(BIG))
    stage.provider.says(gzip.compress(b"what was on its way"))
    stage.eof()
    await asyncio.sleep(0.01)
    assert (len(stage.receiver.got), stage.receiver.end) == (TURN_BYTES, "")
    assert not stage.answer.in_line, "whoever has paused it knows whose silence it is"
    for _ in range(len(BIG) // TURN_BYTES + 1):
        before = len(stage.receiver.got)
        stage.answer.resume()
        assert len(stage.receiver.got) == before, "not from inside the call: an end would close who calls"
        await asyncio.sleep(0)
        assert len(stage.receiver.got) - before <= TURN_BYTES
        assert not stage.provider.reading
    assert stage.receiver.got == BIG + b"what was on its way"
    stage.answer.resume()
    await until(lambda: stage.receiver.end == "eof")


async def test_a_pause_and_its_end_in_one_turn_change_nothing() -> None:
    stage = Stage()
    stage.provider.says(gzip.compress(BIG))
    stage.answer.pause()
    stage.answer.resume()
    await until(lambda: stage.provider.reading)
    assert stage.receiver.got == BIG


@pytest.mark.parametrize("at", [1, 2 * TURN_BYTES])
async def test_a_connection_that_breaks_breaks_behind_what_came_before_it(at: int) -> None:
    stage = Stage(enough_bytes=at)
    error = Truncated("the connection broke")
    stage.provider.says(gzip.compress(BIG)[:-20])
    stage.answer.broke(error)
    await asyncio.sleep(0.01)
    assert stage.receiver.end == ""
    stage.receiver.enough_bytes = 1 << 60
    stage.answer.resume()
    await until(lambda: stage.receiver.end is error)
    assert BIG.startswith(stage.receiver.got)
    assert len(stage.receiver.got) > len(BIG) // 2


async def test_bytes_that_nobody_can_unpack_break_it_once() -> None:
    stage = Stage()
    stage.provider.says(b"no gzip")
    assert isinstance(stage.receiver.end, ProtocolError)
    stage.provider.says(b"nor this")
    stage.eof()


async def test_an_answer_whose_packing_has_no_end_is_truncated() -> None:
    stage = Stage()
    stage.provider.says(gzip.compress(b"a little")[:-4])
    stage.eof()
    assert isinstance(stage.receiver.end, Truncated)
    assert stage.receiver.got == b"a little"


@pytest.mark.parametrize("paused", [False, True])
async def test_once_closed_nothing_more_comes(paused: bool) -> None:
    stage = Stage(enough_bytes=1 if paused else 1 << 60)
    stage.provider.says(gzip.compress(BIG))
    stage.eof()
    stage.answer.close(complete=False)
    stage.provider.says(b"the rest")
    await asyncio.sleep(0.01)
    assert (len(stage.receiver.got), stage.receiver.end, stage.provider.closed) == (TURN_BYTES, "", False)
    assert not stage.answer.in_line


# -- with a client -----------------------------------------------------------------------------------------------------

EVENT = delta(content="word " * 1000)
EVENTS = 3000
FLOOD = ROLE + EVENT * EVENTS + STOP + DONE
"""15 MiB, packed in one read. The kernel takes 3 of them from us."""
SMALL = 4096
"""Of the client's receive buffer."""


def flood(*, end: bytes = LAST) -> Play:
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(FLOOD) + packer.flush()

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head("Content-Encoding: gzip"), chunk(packed if end else packed[:-100]), end)
        if not end:
            call.fin()
        await call.gone()

    return play


async def not_reading(world: World, serving: Serving) -> RawClient:
    client = await world.client(serving, receive_buffer=SMALL)
    client.stop_reading()
    client.send(request(STREAM))
    await until(lambda: any(exchange.phase == "slow_client" for exchange in serving.gateway.exchanges))
    return client


def buffered(serving: Serving) -> int:
    """Bytes that wait for the one client."""
    (connection,) = serving._port.connections
    return connection.transport.get_write_buffer_size()


async def test_what_waits_for_a_client_that_does_not_read_is_bounded(world: World) -> None:
    """One read filled its buffer with all that it unpacked to."""
    _, serving, idle = await world.between(flood(), deadlines=Deadlines(idle_s=0.1), streaming=Streaming())
    idle.close()
    await until(lambda: serving.open_clients == 0)
    client = await not_reading(world, serving)
    await asyncio.sleep(0.3)
    assert WRITE_HIGH_BYTES < buffered(serving) < WRITE_HIGH_BYTES + 2 * TURN_BYTES
    assert serving.records == [], "what waits here is no silence of the provider"
    client.read_on()
    assert (await client.answer()).body == FLOOD
    record = await serving.record()
    assert (record.outcome, record.stream.bytes_to_client) == ("completed", len(FLOOD))


async def test_it_is_cut_when_it_takes_nothing_for_too_long(world: World) -> None:
    _, serving, _ = await world.between(flood(), streaming=Streaming(slow_reader_s=0.2), deadlines=Deadlines(idle_s=0))
    await not_reading(world, serving)
    record = await serving.record()
    assert (record.outcome, record.reason) == ("slow_reader", "SlowReader")
    assert record.stream.bytes_to_client < len(FLOOD) // 2, "of what was sent, not of what was kept"
    await until(lambda: serving.pool.open_connections == serving.pool.resting_connections)


async def test_when_it_leaves_its_exchange_is_over_and_nothing_is_kept(world: World) -> None:
    _, serving, _ = await world.between(flood(), deadlines=Deadlines(idle_s=0))
    client = await not_reading(world, serving)
    client.reset()
    assert (await serving.record()).outcome == "client_gone"
    await until(lambda: not serving.gateway.exchanges)


async def test_when_it_leaves_the_rest_is_read_all_the_same_where_the_policy_says_so(world: World) -> None:
    reads_on = Streaming(on_disconnect="continue")
    _, serving, _ = await world.between(flood(), streaming=reads_on, deadlines=Deadlines(idle_s=0))
    client = await not_reading(world, serving)
    client.reset()
    record = await serving.record()
    assert (record.outcome, record.finish_reason) == ("client_gone", "stop")


async def test_a_body_that_breaks_off_is_truncated_behind_all_that_came(world: World) -> None:
    _, serving, _ = await world.between(flood(end=b""), deadlines=Deadlines(idle_s=0))
    client = await not_reading(world, serving)
    await asyncio.sleep(0.1)
    assert serving.records == []
    client.read_on()
    body = (await client.answer()).body
    assert body.count(EVENT) > EVENTS // 2
    assert b'"upstream_truncated"' in body
    assert b"[DONE]" not in body
    assert (await serving.record()).outcome == "upstream_truncated"
