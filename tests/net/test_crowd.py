"""What comes while a crowd comes is read in a later turn of the event loop, and nothing of it is lost."""

import pytest

from sluice.net.crowd import PUT_OFF_BYTES
from tests.net.clients_side import Asked, Desk
from tests.support.raw_client import RawClient, get, request
from tests.support.waiting import until
from tests.support.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await world.enter(Desk())


@pytest.fixture
async def client(world: World, desk: Desk) -> RawClient:
    client = await world.enter(await desk.client())
    await until(lambda: desk.connections != set())
    desk.crowded = True
    return client


async def put_off(desk: Desk, size: int) -> None:
    await until(lambda: len(desk.connection._put_off) >= size)
    assert desk.asked == []


def ok(asked: Asked) -> None:
    asked.stream.start(200, [], 0)
    asked.stream.finish()


async def test_it_is_read_once_the_crowd_is_over_in_its_order(desk: Desk, client: RawClient) -> None:
    desk.answer = ok
    first, second = get("/a"), request(b"body", path="/b")
    client.send(first)
    await put_off(desk, len(first))
    client.send(second)
    await put_off(desk, len(first + second))
    assert desk.connection.unheard
    desk.crowded = False
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]
    assert [(asked.request.path, asked.request.body) for asked in desk.asked] == [("/a", b""), ("/b", b"body")]
    assert not desk.connection.unheard


async def test_it_is_read_when_its_sender_says_nothing_more(desk: Desk, client: RawClient) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    client.close()
    assert (await desk.request()).request.path == "/a"


async def test_it_is_read_before_the_connection_is_drained(desk: Desk, client: RawClient) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    desk.connection.drain()
    ok(await desk.request())
    answer = await client.answer()
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert await client.rest() == b""


async def test_of_one_connection_only_so_much_waits(desk: Desk, client: RawClient) -> None:
    client.send(request(b"x" * (PUT_OFF_BYTES + 1000)))
    assert len((await desk.request()).request.body) == PUT_OFF_BYTES + 1000
    assert desk.connection._put_off == b""


async def test_who_has_gone_is_forgotten(desk: Desk, client: RawClient) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    connection = desk.connection
    connection.transport.abort()
    await until(lambda: not desk.connections)
    assert (desk.asked, desk.abandoned, connection._put_off) == ([], [], b"")


async def test_who_was_cut_asks_nobody(desk: Desk, client: RawClient) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    desk.connection.cut()
    desk.crowded = False
    await until(lambda: not desk.connections)
    assert desk.asked == []


async def test_who_has_spoken_is_not_swept(desk: Desk, client: RawClient) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    desk.sweep(10_000.0)
    desk.crowded = False
    ok(await desk.request())
    assert (await client.answer()).status == 200
