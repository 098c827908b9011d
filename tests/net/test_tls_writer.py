"""What waits for a client over TLS is seen to the last byte, and nothing is written to a connection that has closed."""

import logging
import socket
import ssl
from collections.abc import Callable

import pytest

from sluice.net.parting import CLOSE_S
from tests.net.clients_side import Asked, Desk, Reader, fill
from tests.support.raw_client import RESET, get
from tests.support.waiting import until
from tests.support.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await world.enter(Desk(tls=True))


async def asking(world: World, desk: Desk, *headers: str) -> tuple[Reader, Asked]:
    reader = await world.enter(await desk.reader())
    reader.send(get("/a", *headers))
    return reader, await desk.request()


def fill_below(asked: Asked, desk: Desk) -> int:
    """Start an answer and write until something waits below uvloop's transport, and nothing in it; return how much was
    given."""
    (below,) = desk._encrypted
    asked.stream.start(200, [], None)
    given = 0
    while not below.raw.get_write_buffer_size():
        asked.stream.write(b"x" * 16_000)
        given += 16_000
    assert asked.heard == [], "not above the mark"
    return given


async def test_less_than_the_mark_is_seen_while_it_waits_below(world: World, desk: Desk) -> None:
    _, asked = await asking(world, desk)
    fill_below(asked, desk)
    waits = desk.connection.transport.get_write_buffer_size()
    assert 0 < waits < asked.stream.unread()
    asked.stream.write(b"x" * 5000)
    assert waits + 5000 <= desk.connection.transport.get_write_buffer_size() < waits + 5100


async def test_a_closing_connection_whose_client_reads_slowly_is_left_alone(world: World, desk: Desk) -> None:
    reader, asked = await asking(world, desk, "Connection: close")
    given = fill_below(asked, desk)
    assert asked.stream.finish() is True
    for _ in range(3):
        before = asked.stream.unread()
        await reader.read(256 << 10)
        await until(lambda before=before: asked.stream.unread() < before)  # type: ignore[misc]
        desk.sweep(CLOSE_S + 1.0)
    assert await reader.rest() > given - 4 * (256 << 10)
    reader._sock.close()
    await until(lambda: not desk.connections)


async def test_a_closing_connection_whose_client_reads_nothing_is_cut(world: World, desk: Desk) -> None:
    _, asked = await asking(world, desk, "Connection: close")
    fill_below(asked, desk)
    assert asked.stream.finish() is True
    for _ in range(2):  # the first look may find what the kernels still moved by themselves
        desk.sweep(CLOSE_S + 1.0)
    await until(lambda: not desk.connections)


# -- leaving -----------------------------------------------------------------------------------------------------------


def fin(sock: socket.socket) -> None:
    """Without a TLS goodbye."""
    socket.socket.shutdown(sock, socket.SHUT_WR)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def goodbye(sock: socket.socket) -> None:
    assert isinstance(sock, ssl.SSLSocket)
    sock.setblocking(False)
    with pytest.raises(ssl.SSLError):  # the server has more to say first
        sock.unwrap()


@pytest.mark.parametrize("leave", [fin, reset, goodbye])
@pytest.mark.parametrize("paused", [False, True], ids=["below the mark", "above it"])
async def test_leaving_is_heard_at_once_although_the_client_read_nothing(
    world: World, desk: Desk, leave: Callable[[socket.socket], None], paused: bool
) -> None:
    reader, asked = await asking(world, desk)
    fill(asked, desk.connection)
    while paused and not asked.heard:
        asked.stream.write(b"x" * 16_000)
    leave(reader._sock)
    assert await until(lambda: "gone" in asked.heard) < 0.25
    assert asked.heard.count("gone") == 1


@pytest.mark.parametrize("leave", [fin, reset, goodbye])
async def test_nothing_is_written_to_a_client_that_has_left(
    world: World, desk: Desk, leave: Callable[[socket.socket], None], caplog: pytest.LogCaptureFixture
) -> None:
    """uvloop would put a warning into the log for each write: an answer is told, but its provider has gone on."""
    caplog.set_level(logging.DEBUG)
    reader, asked = await asking(world, desk)
    fill(asked, desk.connection)
    leave(reader._sock)
    await until(lambda: "gone" in asked.heard)
    for size in (100, 100_000):
        for _ in range(20):
            asked.stream.write(b"x" * size)
    await until(lambda: not desk.connections or leave is not reset)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_fin_after_a_goodbye_is_no_news(world: World, desk: Desk) -> None:
    reader, asked = await asking(world, desk)
    fill(asked, desk.connection)
    connection, (below,) = desk.connection, desk._encrypted
    goodbye(reader._sock)
    await until(lambda: asked.heard == ["gone"])
    due = connection.deadline
    desk.clock.now += CLOSE_S / 2
    fin(reader._sock)
    await until(lambda: below.raw.is_closing())
    assert (asked.heard, connection.deadline) == (["gone"], due), "its time does not begin anew"
