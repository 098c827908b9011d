"""An answer ends when its client has it, as far as can be told (`ClientStream.finish`)."""

import asyncio
import contextlib
import ssl

import pytest

from tests.net.clients_side import NAME, Asked, Desk, fill
from tests.support.raw_client import RawClient, get
from tests.support.waiting import until
from tests.support.world import World

BIG = bytes(range(256)) * (40 << 10)
"""10 MiB: more than any kernel takes for a client that does not read."""


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
async def desk(world: World, request: pytest.FixtureRequest) -> Desk:
    return await world.enter(Desk(tls=request.param))


@pytest.fixture
async def plain_desk(world: World) -> Desk:
    """There is no half-close over TLS."""
    return await world.enter(Desk())


async def connect(world: World, desk: Desk) -> RawClient:
    return await world.enter(await desk.client())


async def test_an_answer_that_leaves_at_once_is_delivered_at_once(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.send(get("/a"))
    asked = await desk.request()
    asked.stream.start(200, [], 2)
    assert asked.stream.finish(b"ok") is True
    assert (await client.answer("GET")).body == b"ok"
    client.close()
    await until(lambda: not desk.connections)
    assert asked.heard == []


async def test_an_answer_that_waits_for_its_client_is_delivered_when_it_has_left(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.stop_reading()
    client.send(get("/a") + get("/b"))
    asked = await desk.request()
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False
    await asyncio.sleep(0.05)
    assert (len(desk.asked), asked.heard) == (1, []), "the next request waits, and nobody is told of the last bytes"
    client.read_on()
    assert (await client.answer("GET")).body == BIG
    following = await desk.request(2)
    assert asked.heard == ["resumed"]
    following.stream.start(200, [], 2)
    assert following.stream.finish(b"ok") is True
    assert (await client.answer("GET")).body == b"ok"
    client.close()
    await until(lambda: not desk.connections)
    assert (asked.heard, following.heard) == (["resumed"], [])


async def test_of_a_client_that_was_above_its_mark_before_the_end_the_draining_is_told_once(
    world: World, desk: Desk
) -> None:
    client = await connect(world, desk)
    client.stop_reading()
    client.send(get("/a"))
    asked = await desk.request()
    asked.stream.start(200, [], None)
    while not asked.heard:
        asked.stream.write(b"x" * 16_000)
    assert asked.heard == ["paused"]
    assert asked.stream.finish(b"end") is False
    client.read_on()
    assert (await client.answer("GET")).body.endswith(b"xend")
    assert asked.heard == ["paused", "resumed"]


async def test_a_client_that_leaves_before_it_has_its_answer_is_gone(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.stop_reading()
    client.send(get("/a") + get("/b"))
    asked = await desk.request()
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False
    client.reset()
    await until(lambda: not desk.connections)
    assert asked.heard == ["gone"]
    assert (len(desk.asked), desk.abandoned) == (1, ["/b"])


async def test_an_answer_that_waits_for_its_client_can_be_cut(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.stop_reading()
    client.send(get("/a"))
    asked = await desk.request()
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False
    asked.stream.abort()
    await until(lambda: not desk.connections)
    client.read_on()
    assert len(await client.rest()) < len(BIG)
    assert asked.heard == []


async def test_a_cut_in_the_turn_in_which_the_buffer_drains_is_not_followed_by_the_next_request(
    world: World, desk: Desk
) -> None:
    client = await connect(world, desk)
    client.stop_reading()
    client.send(get("/a") + get("/b"))
    asked = await desk.request()
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False
    desk.connection.resume_writing()
    asked.stream.abort()
    await until(lambda: not desk.connections)
    assert (asked.heard, len(desk.asked), desk.abandoned) == ([], 1, ["/b"])


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_last_answer_of_a_connection_arrives_whole(world: World, desk: Desk, version: str) -> None:
    client = await connect(world, desk)
    client.stop_reading()
    client.send(f"GET /a HTTP/{version}\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    asked = await desk.request()
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False
    client.read_on()
    assert (await client.answer("GET")).body == BIG
    assert await client.rest() == b""
    await until(lambda: not desk.connections)
    assert asked.heard == ["resumed"]


async def test_a_whole_answer_arrives_also_after_a_half_close(world: World, plain_desk: Desk) -> None:
    client = await connect(world, plain_desk)
    client.stop_reading()
    client.send(get("/a") + get("/b"))
    asked = await plain_desk.request()
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False
    client.fin()
    await until(lambda: plain_desk.abandoned == ["/b"])
    assert asked.heard == []
    client.read_on()
    assert (await client.answer("GET")).body == BIG
    await until(lambda: not plain_desk.connections)
    assert (asked.heard, len(plain_desk.asked)) == (["resumed"], 1)


async def test_a_whole_answer_arrives_also_after_a_goodbye_over_tls(world: World) -> None:
    """As Go's CloseWrite says it: the client reads on. Nothing is taken from us after it, so what is in line must be
    handed over before."""
    desk = await world.enter(Desk(tls=True))
    desk.answer = answer_big
    assert desk.client_tls is not None
    client = await world.enter(await RawClient.connect(desk.port, receive_buffer=32 << 10))
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    secured = desk.client_tls.wrap_bio(coming, going, server_hostname=NAME)
    while not secured.version():
        with contextlib.suppress(ssl.SSLWantReadError):
            secured.do_handshake()
        client.send(going.read())
        if not secured.version():
            coming.write(await client.reader.read(1 << 16))
    secured.write(get("/a"))
    with contextlib.suppress(ssl.SSLWantReadError):
        secured.unwrap()
    client.send(going.read())
    received = 0
    while data := await client.reader.read(1 << 16):
        coming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while piece := secured.read(1 << 16):
                received += len(piece)
    assert received > len(BIG)
    await until(lambda: not desk.connections)


def answer_big(asked: Asked) -> None:
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False


async def test_leaving_is_heard_at_once_although_the_client_read_nothing(world: World, plain_desk: Desk) -> None:
    """What is buffered for a client that half-closes and does not read would otherwise hide its leaving for ever."""
    client = await connect(world, plain_desk)
    client.stop_reading()
    client.send(get("/a"))
    asked = await plain_desk.request()
    fill(asked, plain_desk.connection)
    client.fin()
    assert await until(lambda: asked.heard == ["gone"]) < 0.25
    client.reset()
    await until(lambda: not plain_desk.connections)
    assert asked.heard == ["gone"]


async def test_a_connection_that_drains_begins_no_request_after_the_delivery(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.stop_reading()
    client.send(get("/a") + get("/b"))
    asked = await desk.request()
    asked.stream.start(200, [], len(BIG))
    assert asked.stream.finish(BIG) is False
    desk.connection.drain()
    client.read_on()
    assert (await client.answer("GET")).body == BIG
    assert (await client.answer("GET")).status == 503
    client.close()
    await until(lambda: not desk.connections)
    assert (asked.heard, len(desk.asked), desk.refused) == (["resumed"], 1, ["unavailable"])
