"""No connection lives for ever: what a client does not take at the end of its connection is thrown away with it."""

import pytest

from sluice.config.plan import Limits
from sluice.net.parting import CLOSE_S, LINGER_S
from tests.net.clients_side import Asked, Desk, fill
from tests.support.raw_client import RawClient, get, request
from tests.support.waiting import until
from tests.support.world import World

IDLE_S = 600.0


@pytest.fixture
async def desk(world: World) -> Desk:
    return await world.enter(Desk(limits=Limits(idle_timeout_s=IDLE_S)))


async def answered(world: World, desk: Desk, *headers: str) -> tuple[RawClient, Asked, int]:
    """A client that has not read the end of its answer: less than the mark waits for it, in our buffer."""
    client = await world.enter(await desk.client())
    client.stop_reading()
    client.send(get("/a", *headers))
    asked = await desk.request()
    given = fill(asked, desk.connection)
    assert asked.stream.finish() is True
    assert desk.connection.transport.get_write_buffer_size() > 0
    return client, asked, given


async def test_a_closing_connection_whose_client_reads_nothing_is_cut(world: World, desk: Desk) -> None:
    client, _, given = await answered(world, desk, "Connection: close")
    desk.sweep(CLOSE_S - 1.0)
    assert desk.connection.transport.get_write_buffer_size() > 0
    desk.sweep(2.0)
    await until(lambda: not desk.connections)
    client.read_on()
    assert len(await client.rest()) < given


async def test_a_closing_connection_whose_client_reads_slowly_is_left_alone(world: World, desk: Desk) -> None:
    reader = await world.enter(await desk.reader())
    reader.send(get("/a", "Connection: close"))
    asked = await desk.request()
    given = fill(asked, desk.connection)
    assert asked.stream.finish() is True
    for _ in range(3):
        before = asked.stream.unread()
        await reader.read(256 << 10)
        await until(lambda before=before: asked.stream.unread() < before)  # type: ignore[misc]
        desk.sweep(CLOSE_S + 1.0)
    assert asked.heard == []
    assert await reader.rest() > given - 4 * (256 << 10)
    await until(lambda: not desk.connections)


async def test_a_resting_connection_whose_client_reads_nothing_is_cut(world: World, desk: Desk) -> None:
    client, _, given = await answered(world, desk)
    desk.sweep(IDLE_S - 1.0)
    assert not desk.connection.transport.is_closing()
    desk.sweep(2.0)
    await until(lambda: not desk.connections)
    client.read_on()
    assert len(await client.rest()) < given


async def test_a_resting_connection_with_nothing_left_is_closed_in_order(world: World, desk: Desk) -> None:
    client, _, given = await answered(world, desk)
    client.read_on()
    assert len((await client.answer("GET")).body) == given
    desk.sweep(IDLE_S + 1.0)
    assert await client.rest() == b""
    await until(lambda: not desk.connections)


async def test_a_draining_connection_whose_client_reads_nothing_is_cut(world: World, desk: Desk) -> None:
    await answered(world, desk)
    desk.connection.drain()
    desk.sweep(CLOSE_S + 1.0)
    await until(lambda: not desk.connections)


async def test_a_client_that_half_closed_and_reads_nothing_is_cut(world: World, desk: Desk) -> None:
    client, _, _ = await answered(world, desk)
    client.fin()
    await until(lambda: desk.connection.transport.is_closing())
    desk.sweep(CLOSE_S + 1.0)
    await until(lambda: not desk.connections)


async def test_an_answer_that_nobody_watches_any_more_does_not_wait_for_its_client_for_ever(
    world: World, desk: Desk
) -> None:
    client = await world.enter(await desk.client())
    client.stop_reading()
    client.send(get("/a"))
    asked = await desk.request()
    asked.stream.observer = None
    asked.stream.start(200, [], None)
    assert asked.stream.finish(b"x" * (10 << 20)) is False
    client.send(request(b"x" * 1000)[:-1000])  # another request that is slow to come stops no clock
    reader = desk.connection._reader
    await until(lambda: reader.reading)
    for _ in range(5):  # the first look finds what the kernels still moved by themselves
        desk.sweep(CLOSE_S * 0.7)
        client.send(b"x")
        await until(lambda: not desk.connections or reader.deadline > desk.clock.now + CLOSE_S * 0.9)
    assert not desk.connections


async def test_an_answer_that_is_watched_waits_as_long_as_its_observer_likes(world: World, desk: Desk) -> None:
    client = await world.enter(await desk.client())
    client.stop_reading()
    client.send(get("/a"))
    asked = await desk.request()
    asked.stream.start(200, [], None)
    assert asked.stream.finish(b"x" * (10 << 20)) is False
    desk.sweep(100 * IDLE_S)
    client.read_on()
    assert len((await client.answer("GET")).body) == 10 << 20
    assert asked.heard == ["resumed"]


async def test_a_drain_lets_a_refused_client_read_why(world: World, desk: Desk) -> None:
    """Closing it now would reset it while it is still sending (RFC 9112, 9.6)."""
    client = await world.enter(await desk.client())
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    await until(lambda: desk.refused == ["invalid_http"])
    desk.connection.drain()
    assert not desk.connection.transport.is_closing()
    assert (await client.answer("GET")).status == 400
    desk.sweep(LINGER_S + 1.0)
    await until(lambda: not desk.connections)
