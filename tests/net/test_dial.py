"""The way to a provider: which address is taken, and how it is told that there is no way."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from sluice.config.plan import Tls
from sluice.errors import Unreachable
from sluice.net.pool import Pool
from tests.net.asking import ASK, Closing, ask, closed, receive
from tests.support.plans import here
from tests.support.raw_upstream import Call, sized
from tests.support.waiting import until
from tests.support.world import World

PLAIN = Tls(verify=False)


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool(allowed=lambda address: True)))


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name has these addresses; return the names that were looked up, as they are."""
    asked: list[str] = []

    async def find(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
    return asked


@contextlib.contextmanager
def swallowing(address: str, port: int) -> Iterator[None]:
    """A place that accepts no connection: its queue is full, so the kernel drops every SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((address, port))
        yield


# -- addresses ---------------------------------------------------------------------------------------------------------


async def test_a_name_is_looked_up_for_each_new_connection(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(sized(b"ok"))
    asked = resolves_to(monkeypatch, "127.0.0.1")
    for _ in range(3):
        assert await receive(await ask(pool, here(upstream.port, host="provider.test"))) == (b"ok", None)
    assert asked == ["provider.test"]


async def test_an_address_that_refuses_is_passed_over(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(sized(b"ok"))
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1")
    assert await receive(await ask(pool, here(upstream.port, host="provider.test"))) == (b"ok", None)


async def test_an_address_that_swallows_everything_gets_its_share_of_the_time_only(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(sized(b"ok"))
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    with swallowing("127.0.0.2", upstream.port):
        started = asyncio.get_running_loop().time()
        to = here(upstream.port, host="provider.test")
        stream = await pool.open(to, ASK, expects_body=True, connect_s=0.4, headers_s=5.0)
        assert 0.19 < asyncio.get_running_loop().time() - started < 0.39
    assert stream.connect_s is not None
    assert stream.connect_s > 0.19
    assert await receive(stream) == (b"ok", None)


async def test_of_addresses_that_all_fail_the_last_says_why(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    with pytest.raises(Unreachable, match=rf"^the provider at provider\.test:{port} cannot be reached: .*refused$"):
        await ask(pool, here(port, host="provider.test"))
    await closed(pool)


async def test_without_a_clock_every_address_is_tried(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(sized(b"ok"))
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    to = here(upstream.port, host="provider.test")
    assert await receive(await pool.open(to, ASK, expects_body=True, connect_s=0.0, headers_s=0.0)) == (b"ok", None)


async def test_a_name_without_an_address_is_no_way(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch)
    with pytest.raises(Unreachable, match="its name has no address"):
        await ask(pool, here(80, host="provider.test"))


# -- TLS ---------------------------------------------------------------------------------------------------------------


def fin(call: Call) -> None:
    call.fin()


def reset(call: Call) -> None:
    call.reset()


def nonsense(call: Call) -> None:
    call.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def alert(call: Call) -> None:
    call.send(struct.pack(">BHHBB", 21, 0x0303, 2, 2, 40))  # fatal handshake_failure


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (fin, "it closed the connection during the TLS handshake"),
        (reset, "onnection reset by peer"),
        (nonsense, r"TLS failed \(WRONG_VERSION_NUMBER\)"),
        (alert, r"TLS failed \(SSLV3_ALERT_HANDSHAKE_FAILURE\)"),
    ],
    ids=["FIN", "RST", "no TLS", "alert"],
)
async def test_a_handshake_that_fails_is_no_way(
    world: World, pool: Pool, does: Callable[[Call], None], says: str
) -> None:
    async def play(call: Call) -> None:
        await call.reader.read(1)  # some of the first word is here
        does(call)
        await call.gone()

    upstream = await world.upstream(play)
    with pytest.raises(Unreachable, match=f"^the provider at 127.0.0.1:{upstream.port} cannot be reached: .*{says}"):
        await ask(pool, here(upstream.port, tls=PLAIN))
    await until(lambda: upstream.open_connections == pool.open_connections == 0)


async def test_a_certificate_that_is_not_trusted_is_not_tried_at_the_next_address(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(call: Call) -> None:
        await call.reader.read(1)
        nonsense(call)
        await call.gone()

    upstream = await world.upstream(play)
    resolves_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    with pytest.raises(Unreachable, match="TLS failed"):
        await ask(pool, here(upstream.port, host="provider.test", tls=PLAIN))
    assert len(upstream.calls) == 1
