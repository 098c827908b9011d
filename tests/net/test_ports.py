"""The end of a process's ports: whoever still takes what it was given has until the deadline, and nobody else waits."""

import asyncio
import time

import pytest

from tests.net.clients_side import Asked, Reader, fill
from tests.net.opened import GRACE_S, NEVER, Open, enter, named, ok
from tests.support.raw_client import RawClient, get, request
from tests.support.waiting import until
from tests.support.world import World


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
async def opened(world: World, request: pytest.FixtureRequest) -> Open:
    return await world.enter(Open(tls=request.param))


async def owed(world: World, opened: Open) -> tuple[Reader, Asked, int]:
    """A client that has not taken the end of its answer: less than the mark waits for it in our buffer, and the
    exchange is over."""
    reader = await world.enter(await opened.reader())
    reader.send(get("/a"))
    asked = await opened.desk.request()
    (connection,) = opened.port.connections
    given = fill(asked, connection)
    assert asked.stream.finish() is True
    return reader, asked, given


async def test_whoever_pauses_and_then_reads_on_has_it_all(world: World, opened: Open) -> None:
    reader, _, given = await owed(world, opened)
    await opened.ports.drain(lambda: 0.0)
    waiting = asyncio.create_task(opened.flushed())
    await asyncio.sleep(3 * GRACE_S)
    assert not waiting.done(), "its pause is longer than what everybody gets"
    assert await reader.rest() > given
    reader._sock.close()
    assert await waiting > 3 * GRACE_S
    await until(lambda: not opened.port.connections)


async def test_nobody_is_waited_for_after_the_deadline(world: World, opened: Open) -> None:
    await owed(world, opened)
    await opened.ports.drain(lambda: 0.0)
    assert GRACE_S <= await opened.flushed(0.0) < 1.0
    assert 3 * GRACE_S <= await opened.flushed(time.monotonic() + 3 * GRACE_S) < 1.0


async def test_a_deadline_may_come_nearer(world: World, opened: Open) -> None:
    """A second signal."""
    await owed(world, opened)
    await opened.ports.drain(lambda: 0.0)
    deadline = [NEVER]
    waiting = asyncio.create_task(opened.ports.flushed(GRACE_S, lambda: deadline[0]))
    await asyncio.sleep(2 * GRACE_S)
    assert not waiting.done()
    deadline[0] = 0.0
    async with asyncio.timeout(1.0):
        await waiting


async def test_who_is_owed_nothing_is_waited_for_no_longer_than_everybody(world: World) -> None:
    """As a client that does not say its TLS goodbye."""
    opened = await world.enter(Open(tls=True))
    reader = await world.enter(await opened.reader())
    reader.send(get("/a"))
    ok(await opened.desk.request())
    await opened.ports.drain(lambda: 0.0)
    assert GRACE_S <= await opened.flushed() < 1.0
    assert opened.port.connections, "it was not waited for"


async def test_an_end_that_nobody_delays_is_not_delayed(world: World, opened: Open) -> None:
    client = await world.enter(await RawClient.connect(opened.number, tls=opened.client_tls, name=named(opened)))
    client.send(get("/a"))
    ok(await opened.desk.request())
    await opened.ports.drain(lambda: 0.0)
    assert await opened.flushed(grace_s=4.0) < 1.0


async def test_an_answer_that_the_end_cuts_does_not_look_whole(world: World, opened: Open) -> None:
    """That of HTTP/1.0 ends with its connection."""
    client = await enter(world, opened)
    client.send(request(b"", method="GET", version="1.0"))
    asked = await opened.desk.request()
    asked.stream.start(200, [], None)
    asked.stream.write(b"half")
    await client.read_until(b"half")
    opened.ports.close()
    with pytest.raises(ConnectionResetError):
        await client.reader.read()
    assert asked.heard == ["gone"]
