"""No client takes half a body for the whole: where nothing but the end of the connection ends a body, a cut is a
reset."""

import asyncio

import pytest

from sluice.net.parting import CLOSE_S
from tests.net.clients_side import Asked, Desk, fill
from tests.support.plans import plan, route, static
from tests.support.raw_client import RawClient, request
from tests.support.raw_upstream import Call, chunk, chunked_head
from tests.support.waiting import PATIENCE_S, until
from tests.support.world import World

OLD = request(b"", method="GET", path="/a", version="1.0")


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
async def desk(world: World, request: pytest.FixtureRequest) -> Desk:
    return await world.enter(Desk(tls=request.param))


async def ask(world: World, desk: Desk) -> tuple[RawClient, Asked]:
    client = await world.enter(await desk.client())
    client.send(OLD)
    return client, await desk.request()


async def to_the_end(client: RawClient) -> bytes:
    """Read until the connection is closed in order.

    Raises:
        ConnectionResetError: it was reset.
    """
    async with asyncio.timeout(PATIENCE_S):
        return await client.reader.read()


async def test_a_cut_answer_without_framing_is_a_reset(world: World, desk: Desk) -> None:
    client, asked = await ask(world, desk)
    asked.stream.start(200, [], None)
    asked.stream.write(b"half")
    await client.read_until(b"half")
    asked.stream.abort()
    with pytest.raises(ConnectionResetError):
        await to_the_end(client)
    await until(lambda: not desk.connections)


async def test_a_whole_answer_without_framing_ends_in_order(world: World, desk: Desk) -> None:
    client, asked = await ask(world, desk)
    asked.stream.start(200, [], None)
    asked.stream.write(b"half and ")
    asked.stream.finish(b"half")
    assert (await to_the_end(client)).endswith(b"\r\n\r\nhalf and half")


async def test_an_end_that_is_never_taken_is_a_reset(world: World) -> None:
    desk = await world.enter(Desk())
    client, asked = await ask(world, desk)
    client.stop_reading()
    fill(asked, desk.connection)
    assert asked.stream.finish() is True
    assert desk.connection.transport.get_write_buffer_size() > 0
    desk.sweep(CLOSE_S + 1.0)
    await until(lambda: not desk.connections)
    client.read_on()
    with pytest.raises(ConnectionResetError):
        await to_the_end(client)


async def test_an_answer_may_be_cut_after_its_client_has_gone(world: World, desk: Desk) -> None:
    client, asked = await ask(world, desk)
    asked.stream.start(200, [], None)
    asked.stream.write(b"half")
    client.reset()
    await until(lambda: asked.heard == ["gone"])
    asked.stream.abort()


async def test_a_provider_that_dies_in_the_middle_is_no_clean_end_for_an_old_client(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(content_type="text/plain"), chunk(b"half"))
        await call.reader.read(1)  # until the test lets it die

    upstream = await world.upstream(play)
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    client.send(OLD)
    await client.read_until(b"half")
    upstream.calls[0].fin()
    with pytest.raises(ConnectionResetError):
        await to_the_end(client)
    assert (await serving.record()).outcome == "upstream_truncated"
