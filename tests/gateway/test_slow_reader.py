"""A client that does not read: its provider is paused, its time runs, and whoever takes a byte has it anew."""

import asyncio
from typing import cast

import pytest

from sluice.gateway.ports import ClientStream
from sluice.gateway.slow_reader import SlowReader
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from tests.support.events import HELLO, ROLE, completion
from tests.support.raw_client import CHAT, STREAM, RawClient, request
from tests.support.raw_upstream import Call, Play, chunk, chunked_head, sized
from tests.support.waiting import until
from tests.support.world import World

SMALL = 4096
"""Of the client's receive buffer: the kernel makes it somewhat larger."""
PIECE = HELLO * 200
BIG = completion("x" * (8 << 20))


class Kernel:
    """A client's connection, as far as a watch looks at it."""

    def __init__(self, unread: int) -> None:
        self.left = unread

    def unread(self) -> int:
        return self.left


def given_up_at(timeout_s: float, taken_at: dict[float, int], *, unread: int = 1000) -> float:
    """When a watch that begins at 0 gives up a client that takes so many bytes at these seconds (negative: gets)."""
    client = Kernel(unread)
    watch, now = SlowReader(timeout_s, cast(ClientStream, client), 0.0), 0.0
    while not watch.given_up(now):
        assert now < watch.deadline, "or its owner would look for ever"
        for at in [at for at in taken_at if at <= watch.deadline]:
            client.left -= taken_at.pop(at)
        now = watch.deadline
    return now


def test_whoever_takes_nothing_is_given_up_when_the_time_is_over() -> None:
    assert given_up_at(60.0, {}) == 60.0


@pytest.mark.parametrize("at", [0.2, 14.0, 15.0, 31.0, 59.9])
def test_whoever_takes_a_byte_has_its_time_anew_and_hardly_more(at: float) -> None:
    assert at + 60.0 <= given_up_at(60.0, {at: 1}) <= at + 75.0


def test_bytes_that_came_later_hide_none_that_are_taken() -> None:
    assert given_up_at(60.0, {1.0: -500, 40.0: 300}) == 45.0 + 60.0


def endless(call_ended: asyncio.Event) -> Play:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE))
        try:
            while True:
                call.send(chunk(PIECE))
                await call.writer.drain()
        finally:
            call_ended.set()

    return play


async def not_reading(client: RawClient) -> None:
    client.send(request(STREAM))
    await client.read_until(HELLO)
    client.stop_reading()


async def test_a_client_that_takes_nothing_is_cut_and_its_provider_closed(world: World) -> None:
    ended = asyncio.Event()
    upstream = await world.upstream(endless(ended))
    serving = await world.gateway(upstream.port, streaming=Streaming(slow_reader_s=0.2), deadlines=Deadlines(idle_s=0))
    client = await world.client(serving, receive_buffer=SMALL)
    await not_reading(client)
    record = await serving.record()
    assert (record.outcome, record.status, record.reason) == ("slow_reader", 499, "SlowReader")
    assert record.duration_s >= 0.2
    await asyncio.wait_for(ended.wait(), 5)
    await until(lambda: serving.pool.open_connections == 0)


async def test_our_own_pause_is_no_silence_of_the_provider(world: World) -> None:
    ended = asyncio.Event()
    upstream = await world.upstream(endless(ended))
    serving = await world.gateway(
        upstream.port, streaming=Streaming(slow_reader_s=0.5), deadlines=Deadlines(idle_s=0.1)
    )
    client = await world.client(serving, receive_buffer=SMALL)
    await not_reading(client)
    record = await serving.record()
    assert record.outcome == "slow_reader", "and not an idle time-out of a provider that was not read"


async def test_whoever_reads_a_little_now_and_then_is_not_cut(world: World) -> None:
    ended = asyncio.Event()
    upstream = await world.upstream(endless(ended))
    serving = await world.gateway(
        upstream.port, streaming=Streaming(slow_reader_s=0.3), deadlines=Deadlines(idle_s=0.2)
    )
    client = await world.client(serving, receive_buffer=SMALL)
    await not_reading(client)
    for _ in range(12):
        await asyncio.sleep(0.1)
        client.read_on()
        await client.reader.read(32 << 10)
        client.stop_reading()
    assert serving.heard.records == []
    client.close()
    await serving.record()


async def test_an_answer_is_over_when_its_client_has_it_and_not_before(world: World) -> None:
    upstream = await world.upstream(sized(BIG))
    serving = await world.gateway(upstream.port, streaming=Streaming(slow_reader_s=0))
    client = await world.client(serving, receive_buffer=SMALL)
    client.stop_reading()
    client.send(request(CHAT))
    await until(lambda: serving.pool.resting_connections == 1 or bool(serving.heard.records))
    await asyncio.sleep(0.1)
    assert serving.heard.records == []
    assert len(serving.gateway.exchanges) == 1
    client.read_on()
    assert (await client.answer()).body == BIG
    assert (await serving.record()).outcome == "completed"
    assert not serving.gateway.exchanges


async def test_who_leaves_before_the_last_byte_has_left_was_not_answered(world: World) -> None:
    upstream = await world.upstream(sized(BIG))
    serving = await world.gateway(upstream.port)
    client = await world.client(serving, receive_buffer=SMALL)
    client.stop_reading()
    client.send(request(CHAT))
    await until(lambda: serving.pool.resting_connections == 1)
    assert serving.heard.records == []
    client.reset()
    record = await serving.record()
    assert (record.outcome, record.status) == ("client_gone", 499)
