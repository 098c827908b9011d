"""A bolted socket: nobody new comes in, and nobody who is on the way in is lost."""

import asyncio
import contextlib
import select
import socket
from collections.abc import Iterator

import pytest

from sluice.config.exposure import LOOPBACK
from sluice.net.bolt import bolt, queued
from sluice.net.listener import bind
from tests.support.waiting import until

SHUT_S = 0.25
"""Nobody on this machine waits so long who is let in."""
_SO_DETACH_FILTER = 27


@pytest.fixture(params=LOOPBACK)
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with contextlib.closing(bind(request.param, 0)) as sock:
        sock.listen(16)
        yield sock


@pytest.fixture
def client(listening: socket.socket) -> Iterator[socket.socket]:
    with contextlib.closing(socket.socket(listening.family)) as sock:
        sock.setblocking(False)
        yield sock


async def connect(client: socket.socket, listening: socket.socket) -> None:
    await asyncio.get_running_loop().sock_connect(client, listening.getsockname()[:2])


def waits(listening: socket.socket) -> bool:
    """Whether somebody is queued, who stays there."""
    return bool(select.select([listening], [], [], 0)[0])


async def test_whoever_is_queued_is_accepted_and_served(listening: socket.socket, client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    assert list(queued(listening)) == []
    await connect(client, listening)
    bolt(listening)
    (accepted,) = queued(listening)
    with contextlib.closing(accepted):
        assert list(queued(listening)) == []
        await loop.sock_sendall(client, b"x" * 20_000)
        got = 0
        while got < 20_000:
            got += len(await loop.sock_recv(accepted, 1 << 16))
        await loop.sock_sendall(accepted, b"ok")
        assert await loop.sock_recv(client, 10) == b"ok"
        client.close()
        assert await loop.sock_recv(accepted, 10) == b"", "its end comes through too"


async def test_nobody_else_comes_in_and_whoever_tries_is_refused_once_it_is_closed(
    listening: socket.socket, client: socket.socket
) -> None:
    bolt(listening)
    bolt(listening)  # twice is once
    connecting = asyncio.create_task(connect(client, listening))
    _, waiting = await asyncio.wait([connecting], timeout=SHUT_S)
    assert waiting
    assert not waits(listening)
    listening.close()
    with pytest.raises(ConnectionRefusedError):
        await connecting


async def test_a_handshake_under_way_is_finished(listening: socket.socket, client: socket.socket) -> None:
    """The server's answer to the first packet is kept from the client by the same filter, until it is repeated."""
    bolt(client)
    connecting = asyncio.create_task(connect(client, listening))
    _, waiting = await asyncio.wait([connecting], timeout=SHUT_S)
    assert waiting
    bolt(listening)
    client.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    await until(lambda: waits(listening))
    await connecting
    (accepted,) = queued(listening)
    accepted.close()


async def test_a_socket_that_takes_no_filter_stays_as_it_is(listening: socket.socket, client: socket.socket) -> None:
    class Plain(socket.socket):
        def setsockopt(self, *args: object) -> None:
            raise OSError("not supported")

    with contextlib.closing(Plain(fileno=listening.detach())) as plain:
        bolt(plain)
        await connect(client, plain)
        (accepted,) = queued(plain)
        accepted.close()


async def test_all_who_are_queued_come_at_once_and_do_not_block(listening: socket.socket) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(socket.create_connection(listening.getsockname()[:2]))
        accepted = [stack.enter_context(client) for client in queued(listening)]
        assert len(accepted) == 10
        assert not any(client.getblocking() for client in accepted)
