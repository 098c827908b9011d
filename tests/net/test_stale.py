"""A kept connection that its provider closes while a request is on the way: sent again only if it was not received."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from sluice.config.plan import Endpoint, Tls
from sluice.errors import Truncated
from sluice.net.pool import Pool
from sluice.net.upstream import UpstreamConnection
from tests.net.asking import ASK, Closing, receive
from tests.net.clients_side import contexts
from tests.support.plans import here
from tests.support.raw_client import RESET
from tests.support.raw_upstream import sized
from tests.support.waiting import PATIENCE_S, until
from tests.support.world import World

LARGE = b"POST /v1 HTTP/1.1\r\nhost: h\r\ncontent-length: 8000000\r\n\r\n" + b"x" * 8_000_000


class Clock:
    """Seconds do not pass: a resting connection is so fresh that nobody looks at it before it is used again."""

    def __call__(self) -> float:
        return 1000.0


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool(clock=Clock())))


class Provider:
    """Blocking sockets: what it does between two requests, the event loop has not seen when it sends the second."""

    def __init__(self, listener: socket.socket, tls: bool) -> None:
        self._listener = listener
        self._tls = tls
        self.taken: list[socket.socket] = []
        self.to = here(listener.getsockname()[1], tls=Tls(verify=False) if tls else None)

    def answer(self) -> asyncio.Future[socket.socket]:
        """Accept a connection, answer its first request, and return it. A thread begins at once: the loop need not
        turn for it."""
        return asyncio.get_running_loop().run_in_executor(None, self._answer)

    def slam(self) -> asyncio.Future[None]:
        """Accept a connection, and close it when something of a request is here."""
        return asyncio.get_running_loop().run_in_executor(None, self._slam)

    def _slam(self) -> None:
        with self._listener.accept()[0] as sock:
            sock.recv(1)

    def _answer(self) -> socket.socket:
        sock, _ = self._listener.accept()
        sock.settimeout(PATIENCE_S)
        if self._tls:
            sock = contexts()[0].wrap_socket(sock, server_side=True)
        self.taken.append(sock)
        asked = b""
        while not asked.endswith(b"\r\n\r\n") and not asked.endswith(b"x" * 8):
            asked += sock.recv(1 << 16)
        sock.sendall(sized(b"ok"))
        return sock


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    yield from providers(tls=request.param)


@pytest.fixture
def plain() -> Iterator[Provider]:
    yield from providers(tls=False)


def providers(*, tls: bool) -> Iterator[Provider]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        provider = Provider(listener, tls)
        yield provider
        for sock in provider.taken:
            sock.close()


async def open_(pool: Pool, to: Endpoint, request: bytes = ASK) -> tuple[bytes, object]:
    async with asyncio.timeout(PATIENCE_S):
        stream = await pool.open(to, request, expects_body=True, connect_s=2.0, headers_s=2.0)
        return await receive(stream)


async def first(pool: Pool, provider: Provider) -> socket.socket:
    """One request on a connection that is kept; return the provider's end of it."""
    answering = provider.answer()
    assert await open_(pool, provider.to) == (b"ok", None)
    await until(lambda: pool.resting_connections == 1)
    return await answering


def close(sock: socket.socket) -> None:
    """Say goodbye, and read nothing more."""
    if isinstance(sock, ssl.SSLSocket):
        with contextlib.suppress(OSError):
            sock.setblocking(False)
            sock.unwrap()
    sock.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


async def test_a_request_that_found_the_connection_closed_is_sent_again_on_a_new_one(
    pool: Pool, provider: Provider
) -> None:
    sock = await first(pool, provider)
    again = provider.answer()
    close(sock)  # from here to the sending, the loop does not turn
    assert await open_(pool, provider.to) == (b"ok", None)
    await again
    assert len(provider.taken) == 2


async def test_so_is_one_that_no_kernel_takes_whole(pool: Pool, plain: Provider) -> None:
    sock = await first(pool, plain)
    again = plain.answer()
    close(sock)
    assert await open_(pool, plain.to, LARGE) == (b"ok", None)
    await again


async def test_a_request_that_found_the_connection_reset_is_sent_again(pool: Pool, plain: Provider) -> None:
    sock = await first(pool, plain)
    again = plain.answer()
    reset(sock)
    assert await open_(pool, plain.to) == (b"ok", None)
    await again


async def test_a_second_connection_that_closes_too_is_not_replaced(pool: Pool, plain: Provider) -> None:
    """Once is a race, twice is a provider that does not want this request."""
    sock = await first(pool, plain)
    slamming = plain.slam()
    close(sock)
    with pytest.raises(Truncated):
        await open_(pool, plain.to)
    await slamming
    await until(lambda: pool.open_connections == 0)


async def test_several_connections_that_were_closed_together_are_in_nobodys_way(pool: Pool, plain: Provider) -> None:
    answers = [plain.answer() for _ in range(2)]
    streams = [await pool.open(plain.to, ASK, expects_body=True, connect_s=2.0, headers_s=2.0) for _ in range(2)]
    for stream in streams:
        await receive(stream)
    await until(lambda: pool.resting_connections == 2)
    kept = [await answer for answer in answers]
    again = plain.answer()
    for sock in kept:
        close(sock)
    assert await open_(pool, plain.to) == (b"ok", None)
    await again
    assert len(plain.taken) == 3


async def cut_after(sock: socket.socket, size: int, end: Callable[[socket.socket], None]) -> None:
    def run() -> None:
        left = size
        while left > 0:
            left -= len(sock.recv(min(left, 1 << 16)))
        end(sock)

    await asyncio.to_thread(run)


@pytest.mark.parametrize("end", [close, reset])
@pytest.mark.parametrize("size", [1, len(ASK)], ids=["the first byte", "all of it"])
async def test_a_request_of_which_the_provider_read_anything_is_never_sent_again(
    pool: Pool, provider: Provider, size: int, end: Callable[[socket.socket], None]
) -> None:
    sock = await first(pool, provider)
    asking = asyncio.ensure_future(open_(pool, provider.to))
    await cut_after(sock, size, end)
    with pytest.raises(Truncated):
        await asking
    assert len(provider.taken) == 1


async def test_an_answer_that_has_begun_is_never_asked_for_again(pool: Pool, plain: Provider) -> None:
    sock = await first(pool, plain)
    asking = asyncio.ensure_future(open_(pool, plain.to))

    def begin() -> None:
        sock.recv(1 << 16)
        sock.sendall(b"HTTP/1.1 2")
        sock.close()

    await asyncio.to_thread(begin)
    with pytest.raises(Truncated):
        await asking
    assert len(plain.taken) == 1


async def test_a_new_connection_that_closes_at_once_is_not_replaced(
    pool: Pool, plain: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although nothing of the request was received: it is no race that another try would win."""
    made = UpstreamConnection.connection_made
    slammed = []

    def slam(connection: UpstreamConnection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        plain._listener.accept()[0].close()
        slammed.append(connection)

    monkeypatch.setattr(UpstreamConnection, "connection_made", slam)
    with pytest.raises(Truncated):
        await open_(pool, plain.to)
    assert len(slammed) == 1
