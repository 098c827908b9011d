"""Whoever waits for a provider can leave at any moment: the socket is closed at once, and nobody complains later."""

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest

from sluice.config.plan import Endpoint, Tls
from sluice.errors import TimedOut
from sluice.net.pool import Pool
from sluice.net.upstream import UpstreamConnection
from tests.net.asking import ASK, Closing, ask, receive
from tests.net.clients_side import contexts
from tests.net.descriptors import open_sockets
from tests.support.plans import here
from tests.support.raw_upstream import Call, RawUpstream, silent, sized
from tests.support.sockets import full_backlog
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

AT_ONCE_S = 0.25
"""Stream-life, section 3."""


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool()))


@pytest.fixture(autouse=True)
async def complaints() -> AsyncIterator[list[dict[str, object]]]:
    """What asyncio would log: nothing, when everything is collected."""
    heard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context))
    yield heard
    gc.collect()
    assert heard == []


@pytest.fixture
def blackhole() -> Iterator[int]:
    with full_backlog() as port:
        yield port


async def no_answer(*_: object, **__: object) -> list[object]:
    """A resolver that never answers."""
    await asyncio.Event().wait()
    return []


async def mute(call: Call) -> None:
    """Accept, and say nothing: not even TLS's first word."""
    await call.gone()


async def place(
    world: World, phase: str, blackhole: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Endpoint, RawUpstream | None]:
    """Where a request will be stuck in that phase."""
    if phase == "lookup":
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_answer)
        return here(80, host="provider.test"), None
    if phase == "connect":
        return here(blackhole), None
    upstream = await world.upstream(silent if phase == "head" else mute)
    return here(upstream.port, tls=Tls(verify=False) if phase == "handshake" else None), upstream


PHASES = ["lookup", "connect", "handshake", "head"]


@pytest.mark.parametrize("phase", PHASES)
async def test_a_cancelled_request_closes_its_socket_at_once(
    world: World, pool: Pool, phase: str, blackhole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, upstream = await place(world, phase, blackhole, monkeypatch)
    before = open_sockets()
    asking = asyncio.ensure_future(
        pool.open(to, ASK, expects_body=True, connect_s=30.0, headers_s=30.0),
    )
    if upstream is None:
        await asyncio.sleep(0.02)
    else:
        await until(lambda: len(upstream.asked if phase == "head" else upstream.calls) == 1)
    assert not asking.done()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    if upstream is not None:
        assert await until(lambda: upstream.open_connections == 0) < AT_ONCE_S
    assert await until(lambda: open_sockets() == before) < AT_ONCE_S
    assert pool.open_connections == 0


@pytest.mark.parametrize("phase", ["lookup", "connect", "handshake"])
async def test_the_connect_clock_covers_all_of_the_way(
    world: World, pool: Pool, phase: str, blackhole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, _ = await place(world, phase, blackhole, monkeypatch)
    before, started = open_sockets(), asyncio.get_running_loop().time()
    with pytest.raises(TimedOut) as caught:
        await pool.open(to, ASK, expects_body=True, connect_s=0.1, headers_s=30.0)
    assert caught.value.phase == "connect"
    assert 0.09 < asyncio.get_running_loop().time() - started < 0.1 + AT_ONCE_S
    await until(lambda: open_sockets() <= before, within_s=AT_ONCE_S)


async def test_a_resolver_that_answers_too_late_is_not_heard(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop's own connect would leave its question behind, and log the answer as never retrieved."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[object]] = loop.create_future()

    async def late(*_: object, **__: object) -> list[object]:
        return await answer

    monkeypatch.setattr(loop, "getaddrinfo", late)
    with pytest.raises(TimedOut):
        await pool.open(here(80, host="provider.test"), ASK, expects_body=True, connect_s=0.02, headers_s=1.0)
    assert answer.cancelled()


async def test_a_cancellation_in_the_turn_of_the_handshakes_end_waits_for_no_goodbye(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is open already, and closing it politely would take as long as the provider likes."""
    server, _ = contexts()
    made = UpstreamConnection.connection_made

    def cancelled(connection: UpstreamConnection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        asking.cancel()

    def shake_hands() -> ssl.SSLSocket:
        accepted, _ = listener.accept()
        accepted.settimeout(5.0)
        secured = server.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        with contextlib.suppress(ssl.SSLError):
            secured.do_handshake()
        return secured

    monkeypatch.setattr(UpstreamConnection, "connection_made", cancelled)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        to = here(listener.getsockname()[1], tls=Tls(verify=False))
        before = open_sockets()
        shaking = asyncio.ensure_future(asyncio.to_thread(shake_hands))
        asking = asyncio.ensure_future(pool.open(to, ASK, expects_body=True, connect_s=5.0, headers_s=5.0))
        with pytest.raises(asyncio.CancelledError):
            await asking
        with await shaking:  # it says no goodbye
            await until(lambda: open_sockets() == before + 1, within_s=AT_ONCE_S)
    assert pool.open_connections == 0


async def test_a_failure_and_a_cancellation_in_one_turn(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(b"this is not HTTP\r\n\r\n")
    fails = UpstreamConnection._fail_head

    def failed(connection: UpstreamConnection, error: Exception) -> None:
        fails(connection, error)  # type: ignore[arg-type]
        asking.cancel()

    monkeypatch.setattr(UpstreamConnection, "_fail_head", failed)
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: pool.open_connections == 0)


async def test_a_head_and_a_cancellation_in_one_turn(world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = await world.upstream(sized(b"ok"))
    reads = UpstreamConnection._read_head

    def read(connection: UpstreamConnection, data: bytes) -> None:
        reads(connection, data)
        asking.cancel()

    monkeypatch.setattr(UpstreamConnection, "_read_head", read)
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: pool.open_connections == upstream.open_connections == 0, within_s=AT_ONCE_S)


async def test_a_cancelled_request_on_a_kept_connection_closes_it(world: World, pool: Pool) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"ok"))
        await silent(call)

    upstream = await world.upstream(play)
    await receive(await ask(pool, here(upstream.port)))
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    await until(lambda: len(upstream.asked) == 2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: pool.open_connections == upstream.open_connections == 0, within_s=AT_ONCE_S)
    assert len(upstream.calls) == 1
