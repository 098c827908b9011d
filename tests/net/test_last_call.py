"""The last call: whoever is in when a process is told to end is served once more; nobody else comes in."""

import asyncio
import time

import pytest

from sluice.net import ports
from sluice.net.ports import LAST_CALL_S
from tests.net.clients_side import Reader
from tests.net.opened import NEVER, Open, enter, ok
from tests.support.raw_client import RawClient, get, request
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
async def opened(world: World, request: pytest.FixtureRequest) -> Open:
    return await world.enter(Open(tls=request.param))


async def served_last(client: RawClient) -> None:
    """Answered, and told that it was the last time."""
    answer = await client.answer("GET")
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert await client.rest() == b""


async def test_whoever_is_in_is_served_once_more(world: World, opened: Open) -> None:
    opened.desk.answer = ok
    fresh, resting, slow, silent = [await enter(world, opened) for _ in range(4)]
    assert (await resting.ask(get("/a"), "GET")).header("connection") == ""
    slow.send(b"GET /a HTTP/1.1\r\nHo")
    draining = asyncio.create_task(opened.ports.drain(lambda: NEVER))
    await asyncio.sleep(1.5 * LAST_CALL_S)
    fresh.send(get("/b"))
    resting.send(get("/c"))
    slow.send(b"st: h\r\n\r\n")
    await asyncio.gather(*map(served_last, (fresh, resting, slow)))
    assert not draining.done()
    assert await silent.rest() == b""
    assert [asked.request.path for asked in opened.desk.asked] == ["/a", "/b", "/c", "/a"]
    assert opened.desk.refused == []
    await draining


async def test_a_request_that_came_in_the_last_moment_is_served(world: World, opened: Open) -> None:
    """It is here, and nobody has read it when the time is over."""
    opened.desk.answer = ok
    reader = await world.enter(await opened.reader())
    await until(lambda: opened.port.connections != set())

    def deadline() -> float:
        if opened.port._servers:
            return NEVER
        reader.send(get("/late"))
        return 0.0

    await opened.ports.drain(deadline)
    assert await reader.rest() > 0
    assert opened.desk.asked[0].request.path == "/late"


async def test_whoever_is_not_quite_in_at_the_last_call_hears_of_it(world: World) -> None:
    """The first has just been accepted when it begins, the others one after the other while it lasts."""
    opened = await world.enter(Open(tls=False))
    readers = [await world.enter(Reader(opened.number, None)) for _ in range(5)]  # they block the loop
    for reader in readers:
        reader.send(get("/a"))
    draining = asyncio.create_task(opened.ports.drain(lambda: NEVER))
    await opened.desk.request(5)
    assert opened.port._servers, "the door is still open"
    for asked in opened.desk.asked:
        ok(asked)
    assert all(connection.transport.is_closing() for connection in opened.port.connections)
    assert all([await reader.rest() for reader in readers])
    await draining


async def test_whoever_is_queued_and_has_asked_is_served_even_if_there_is_no_time(world: World) -> None:
    opened = await world.enter(Open(tls=False))
    opened.desk.answer = ok
    readers = [await world.enter(Reader(opened.number, None)) for _ in range(20)]  # they block the loop
    for reader in readers:
        reader.send(get("/a"))
    await opened.ports.drain(lambda: 0.0)
    assert all([await reader.rest() for reader in readers])
    assert len(opened.desk.asked) == 20


async def test_whoever_asks_too_slowly_is_refused(world: World, opened: Open) -> None:
    client = await enter(world, opened)
    client.send(request(b"body")[:-1])
    await opened.ports.drain(lambda: NEVER)
    assert (await client.answer()).status == 503
    assert opened.desk.refused == ["unavailable"]


async def test_nobody_else_comes_in_meanwhile(opened: Open) -> None:
    draining = asyncio.create_task(opened.ports.drain(lambda: NEVER))
    await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await RawClient.connect(opened.number)
    await draining
    assert not opened.port.connections


@pytest.mark.parametrize("inside", [0, 1])
async def test_nobody_is_waited_for_if_nobody_is_in(world: World, opened: Open, inside: int) -> None:
    clients = [await enter(world, opened) for _ in range(inside)]
    started = time.monotonic()
    await opened.ports.drain(lambda: NEVER)
    took = time.monotonic() - started
    assert took >= (ports.GRACE_S if clients else LAST_CALL_S)
    assert bool(clients) is (took >= ports.GRACE_S)


async def drained_early(world: World, *, tls: bool) -> float:
    """Return how long a drain takes whose deadline comes nearer while it waits for a client."""
    opened = await world.enter(Open(tls=tls))
    client, deadline = await enter(world, opened), [NEVER]
    draining = asyncio.create_task(opened.ports.drain(lambda: deadline[0]))
    await asyncio.sleep(0.02)
    deadline[0], told = 0.0, time.monotonic()
    await draining
    took = time.monotonic() - told
    assert await client.rest() == b""
    return took


@pytest.mark.parametrize("tls", [False, True])
async def test_the_grace_ends_with_the_deadline_which_may_come_nearer(world: World, tls: bool) -> None:
    """The best of three: what else runs on the machine adds to one."""
    assert min([await drained_early(world, tls=tls) for _ in range(3)]) < 0.25 * ports.GRACE_S


async def test_a_handshake_under_way_is_finished_and_served(world: World) -> None:
    opened = await world.enter(Open(tls=True))
    opened.desk.answer = ok
    reader, writer = await asyncio.open_connection("127.0.0.1", opened.number)
    client = await world.enter(RawClient(reader, writer))
    await until(lambda: len(opened.port._encrypted) == 1)
    draining = asyncio.create_task(opened.ports.drain(lambda: NEVER))
    await asyncio.sleep(1.5 * LAST_CALL_S)
    async with asyncio.timeout(1.0):
        await writer.start_tls(opened.client_tls, server_hostname="gateway.test")
    client.send(get("/a"))
    await served_last(client)
    await draining


async def test_a_handshake_that_never_ends_is_cut(world: World) -> None:
    opened = await world.enter(Open(tls=True))
    client = await world.enter(await RawClient.connect(opened.number))
    client.send(b"\x16\x03\x01")
    await until(lambda: len(opened.port._encrypted) == 1)
    await opened.ports.drain(lambda: NEVER)
    assert await client.rest(within_s=0.25) == b""
    assert not opened.port._encrypted
