"""net.provider_tls: a provider that says much and closes at once is heard to the end, and an end that it did not say is
none."""

import asyncio
import contextlib
import gc
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import pytest

from sluice.config.plan import Endpoint, Tls
from sluice.errors import Truncated, Unreachable
from sluice.net.lease import Lease
from sluice.net.pool import Pool
from sluice.net.provider_tls import ProviderTls
from sluice.net.upstream import UpstreamConnection
from tests.net.asking import Closing, Receiver, ask
from tests.net.clients_side import contexts
from tests.support.plans import here
from tests.support.raw_upstream import chunk, chunked_head
from tests.support.waiting import PATIENCE_S, until
from tests.support.world import World

End = Literal["FIN", "goodbye", "RST"]

CLOSES = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
_RESET_ON_CLOSE = b"\x01\x00\x00\x00\x00\x00\x00\x00"


def sized(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes) -> bytes:
    pieces = (chunk(body[at : at + 10_000]) for at in range(0, len(body), 10_000))
    return b"".join((chunked_head("Connection: close"), *pieces, b"0\r\n\r\n"))


def until_close(body: bytes) -> bytes:
    return CLOSES + body


@contextmanager
def provider(answer: bytes, end: End, *, tls: bool) -> Iterator[Endpoint]:
    """One that answers one connection and ends it, as fast as it can."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening, answer, end, tls))
        thread.start()
        yield here(listening.getsockname()[1], tls=Tls(verify=False) if tls else None)
        thread.join(PATIENCE_S)


def serve(listening: socket.socket, answer: bytes, end: End, tls: bool) -> None:
    client: socket.socket = listening.accept()[0]
    if tls:
        client = secured = contexts()[0].wrap_socket(client, server_side=True)
    client.recv(1 << 16)
    client.sendall(answer)
    if end == "goodbye":
        client.setblocking(False)
        with contextlib.suppress(OSError):  # the other's goodbye is not waited for
            secured.unwrap()
    elif end == "RST":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    client.close()


class Hesitant(Receiver):
    """One whose client does not read for a while, again and again."""

    pause: Callable[[], None]
    resume: Callable[[], None]

    def body(self, data: bytes) -> None:
        super().body(data)
        self.pause()
        asyncio.get_running_loop().call_later(0.001, self.resume)


@pytest.mark.parametrize("hesitant", [False, True], ids=["reads on", "hesitates"])
@pytest.mark.parametrize("size", [100, 200_000, 1_000_000])
@pytest.mark.parametrize(
    ("frame", "end", "tls"),
    [
        (sized, "FIN", True),
        (sized, "goodbye", True),
        (chunked, "FIN", True),
        (until_close, "goodbye", True),
        (sized, "FIN", False),
        (until_close, "FIN", False),
    ],
)
async def test_all_that_came_before_the_end_is_heard(
    world: World, frame: Callable[[bytes], bytes], end: End, tls: bool, size: int, hesitant: bool
) -> None:
    body = bytes(number % 251 for number in range(size))
    pool = await world.enter(Closing(Pool()))
    with provider(frame(body), end, tls=tls) as to:
        stream = await ask(pool, to)
        receiver = Hesitant() if hesitant else Receiver()
        if isinstance(receiver, Hesitant):
            receiver.pause, receiver.resume = stream.pause, stream.resume
        stream.attach(receiver)
        async with asyncio.timeout(PATIENCE_S):
            error = await receiver.ended
    assert (bytes(receiver.data) == body, error) == (True, None)


@pytest.mark.parametrize(("end", "tls"), [("FIN", True), ("RST", True), ("RST", False)])
@pytest.mark.parametrize("size", [100, 200_000])
async def test_a_body_that_ends_with_its_connection_ends_as_it_should_or_is_cut(
    world: World, end: End, tls: bool, size: int
) -> None:
    """RFC 9112, 9.8: without a closing alert nobody can tell it from one that an attacker has cut."""
    pool = await world.enter(Closing(Pool()))
    with provider(until_close(b"x" * size), end, tls=tls) as to:
        receiver = Receiver()
        try:
            (await ask(pool, to)).attach(receiver)
        except Truncated:
            return  # reset before its head was read
        async with asyncio.timeout(PATIENCE_S):
            assert isinstance(await receiver.ended, Truncated)


# -- what is left ------------------------------------------------------------------------------------------------------


def connections() -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, ProviderTls | UpstreamConnection)]


@contextmanager
def uncollected() -> Iterator[None]:
    """What is over by the end of the block is gone, without the collector."""
    gc.collect()
    before = connections()  # of other tests
    gc.disable()
    try:
        yield
        assert [each for each in connections() if not any(each is other for other in before)] == []
    finally:
        gc.enable()


async def refused(pool: Pool, to: Endpoint) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        await ask(pool, to)


@pytest.mark.parametrize("tls", [False, True], ids=["no TLS", "not trusted"])
async def test_a_handshake_that_fails_leaves_nothing(world: World, tls: bool) -> None:
    pool = await world.enter(Closing(Pool()))

    def serve() -> None:
        client: socket.socket = listening.accept()[0]
        with contextlib.suppress(OSError):
            if tls:
                client = contexts()[0].wrap_socket(client, server_side=True)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as listening, uncollected():
        thread = threading.Thread(target=serve)
        thread.start()
        await refused(pool, here(listening.getsockname()[1], tls=Tls(verify=tls)))
        await asyncio.to_thread(thread.join)
        await asyncio.sleep(0.05)  # uvloop's own turns after the end
    assert pool.open_connections == 0


async def test_a_long_answer_over_tls_leaves_nothing(world: World) -> None:
    pool = await world.enter(Closing(Pool()))
    with provider(sized(b"x" * 300_000), "FIN", tls=True) as to, uncollected():
        receiver = Receiver()
        (await ask(pool, to)).attach(receiver)
        async with asyncio.timeout(PATIENCE_S):
            assert await receiver.ended is None
        del receiver
        await asyncio.sleep(0.05)


async def test_a_provider_that_leaves_when_nobody_waits_for_it_any_more(world: World) -> None:
    troubles: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: troubles.append(said["message"]))
    pool = await world.enter(Closing(Pool()))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        asking = asyncio.ensure_future(ask(pool, here(listening.getsockname()[1], tls=Tls(verify=False))))
        client = (await asyncio.to_thread(listening.accept))[0]
        await asyncio.to_thread(client.recv, 100)  # its hello
        client.shutdown(socket.SHUT_WR)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0.05)
        client.close()
    assert (troubles, pool.open_connections) == ([], 0)


class Once(Hesitant):
    """Stops reading after what comes first."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def body(self, data: bytes) -> None:
        Receiver.body(self, data)
        if not self.heard.is_set():
            self.pause()
            self.heard.set()


async def test_a_connection_whose_end_has_come_is_not_kept(world: World) -> None:
    """The rest of its answer and its end come while it is not read: both are known when it is read on."""
    pool, receiver = await world.enter(Closing(Pool())), Once()

    def serve() -> None:
        with contexts()[0].wrap_socket(listening.accept()[0], server_side=True) as client:
            client.recv(1 << 16)
            client.sendall(sized(b"x" * 20_000).replace(b"Connection: close\r\n", b"")[:-10_000])
            receiver.heard.wait(PATIENCE_S)
            client.sendall(b"x" * 10_000)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        stream = await ask(pool, here(listening.getsockname()[1], tls=Tls(verify=False)))
        assert isinstance(stream, Lease)
        tls = stream._connection._tls
        assert tls is not None
        receiver.pause, receiver.resume = stream.pause, stream.resume
        stream.attach(receiver)
        await until(lambda: tls.ended)
        receiver.resume()
        async with asyncio.timeout(PATIENCE_S):
            assert await receiver.ended is None
        assert (bytes(receiver.data), pool.resting_connections) == (b"x" * 20_000, 0)
        await asyncio.to_thread(thread.join)


async def test_a_provider_that_leaves_in_the_handshake_cannot_be_reached(world: World) -> None:
    pool = await world.enter(Closing(Pool()))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        asking = asyncio.ensure_future(ask(pool, here(listening.getsockname()[1], tls=Tls(verify=False))))
        client = (await asyncio.to_thread(listening.accept))[0]
        client.close()
        with pytest.raises(Exception, match="cannot be reached"):
            await asking
    assert pool.open_connections == 0
