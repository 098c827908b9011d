"""What a client has not taken: in our buffer and in the kernel's, over TLS too. Progress is always visible."""

import asyncio

import pytest

from sluice.net.backlog import unacknowledged
from tests.net.clients_side import Asked, Desk, Reader
from tests.support.raw_client import get
from tests.support.waiting import until
from tests.support.world import World

SIZE = 12 << 20
PIECE = 64 << 10
"""What a kernel on the loopback acknowledges for certain; it waits until a good part of its window is free."""


async def start(world: World, *, tls: bool) -> tuple[Reader, Asked]:
    desk = await world.enter(Desk(tls=tls))
    reader = await world.enter(await desk.reader())
    reader.send(get("/a"))
    return reader, await desk.request()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("ended", [False, True], ids=["under way", "finished"])
async def test_whatever_a_client_takes_is_progress(world: World, tls: bool, ended: bool) -> None:
    reader, asked = await start(world, tls=tls)
    asked.stream.start(200, [], None)
    if ended:
        assert asked.stream.finish(b"x" * SIZE) is False
    else:
        while not asked.heard:
            asked.stream.write(b"x" * 100_000)
    await asyncio.sleep(0.02)  # what the kernels still move by themselves
    before = asked.stream.unread()
    assert 0 < before == asked.stream.unread(), "nobody reads"
    steps = 0
    while "resumed" not in asked.heard:
        await reader.read(PIECE)
        await until(lambda before=before: asked.stream.unread() < before)  # type: ignore[misc]
        before = asked.stream.unread()
        steps += 1
    assert steps > 3


async def test_of_a_plain_connection_it_is_exact(world: World) -> None:
    reader, asked = await start(world, tls=False)
    asked.stream.start(200, [], SIZE)
    assert asked.stream.finish(b"x" * SIZE) is False
    read, window = 0, 256 << 10
    while "resumed" not in asked.heard:
        held = asked.stream.unread()
        assert SIZE - read - window < held < SIZE - read + 1000, "what neither the client nor its kernel has"
        await reader.read(1 << 20)
        read += 1 << 20
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_an_answer_that_was_taken_leaves_nothing(world: World, tls: bool) -> None:
    _, asked = await start(world, tls=tls)
    asked.stream.start(200, [], 2)
    assert asked.stream.finish(b"ok") is True
    await until(lambda: asked.stream.unread() == 0)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_of_a_closed_connection_nothing_is_known(world: World, tls: bool) -> None:
    """Its descriptor's number may already be another socket's."""
    _, asked = await start(world, tls=tls)
    asked.stream.start(200, [], SIZE)
    assert asked.stream.finish(b"x" * SIZE) is False
    asked.stream.abort()
    await until(lambda: asked.stream.unread() == 0)


@pytest.mark.parametrize("sock", [None, "pipe"])
async def test_a_kernel_that_cannot_tell_says_nothing(sock: str | None) -> None:
    with open("/dev/null", "wb") as file:
        transport = asyncio.BaseTransport({"socket": file} if sock else {})
        assert unacknowledged(transport) == 0
