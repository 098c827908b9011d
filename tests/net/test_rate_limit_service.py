"""Rate-limit services are asked as the official gRPC server understands it, and nobody waits long for one that is
gone."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest

from sluice.gateway.limits_ports import Hits, RemoteVerdict, ServiceGone
from sluice.net.rate_limit_service import ASK_S, RateLimitServices
from sluice.net.rate_limit_way import REST_S
from sluice.policies.limiting import Remote
from sluice.policies.server import Server
from tests.support.rate_limit_server import RateLimitServer
from tests.support.waiting import PATIENCE_S, until

USER = (("user", "u1"),)


@pytest.fixture
def server() -> Iterator[RateLimitServer]:
    with RateLimitServer({USER: 3}) as started:
        yield started


@pytest.fixture
async def services() -> AsyncIterator[RateLimitServices]:
    made = RateLimitServices(PATIENCE_S)  # what is judged here is not this machine's speed
    async with kept(made):
        yield made


@pytest.fixture
async def hasty() -> AsyncIterator[RateLimitServices]:
    made = RateLimitServices()
    async with kept(made):
        yield made


@contextlib.asynccontextmanager
async def kept(made: RateLimitServices) -> AsyncIterator[None]:
    keeper = asyncio.create_task(made.keep())
    yield
    keeper.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeper
    made.close()


def remote(server: RateLimitServer) -> Remote:
    return Remote(name="r", server=Server(host="127.0.0.1", port=server.port), domain="shop", descriptors=())


async def test_a_service_counts_and_refuses(server: RateLimitServer, services: RateLimitServices) -> None:
    for left in (2, 1, 0):
        verdict = await services.ask(remote(server), [Hits(USER, 1)])
        assert verdict == RemoteVerdict(True, ((3, left, 60),))
    server.body, server.headers = b"slow down", [("X-RateLimit-Limit", "3"), ("x-bad", "a\r\nb")]
    verdict = await services.ask(remote(server), [Hits(USER, 1)])
    assert verdict == RemoteVerdict(False, ((3, 0, 60),), ((b"x-ratelimit-limit", b"3"),), (), "slow down")
    assert {each.domain for each in server.asked} == {"shop"}


async def test_looking_counts_nothing_and_a_report_counts_all(
    server: RateLimitServer, services: RateLimitServices
) -> None:
    assert (await services.ask(remote(server), [Hits(USER, 0)])).admitted
    services.report(remote(server), [Hits(USER, 300)])
    await until(lambda: server.counts.get(USER) == 300)
    assert server.asked[0].descriptors[0].HasField("hits_addend")
    assert not (await services.ask(remote(server), [Hits(USER, 0)])).admitted


async def test_what_was_reported_at_the_very_end_arrives(server: RateLimitServer, services: RateLimitServices) -> None:
    for _ in range(20):
        services.report(remote(server), [Hits(USER, 2)])
    await services.finish(PATIENCE_S)
    assert server.counts[USER] == 40


async def test_a_limit_of_the_request_goes_before_that_of_the_service(
    server: RateLimitServer, services: RateLimitServices
) -> None:
    verdict = await services.ask(remote(server), [Hits((("plan", "é"),), 5, override=(7, 2))])
    assert verdict.limits == ((7, 2, 60),)
    sent = server.asked[0].descriptors[0]
    assert (sent.entries[0].value, sent.limit.unit) == ("é", 2)


async def test_many_calls_share_one_connection(server: RateLimitServer, services: RateLimitServices) -> None:
    server.limits[USER] = 1_000
    verdicts = await asyncio.gather(*(services.ask(remote(server), [Hits(USER, 1)]) for _ in range(16)))
    assert all(verdict.admitted for verdict in verdicts)
    assert server.counts[USER] == 16
    assert len(services._ways) == 1


async def test_a_service_that_is_silent_delays_nobody_for_long_and_then_nobody_at_all(
    server: RateLimitServer, hasty: RateLimitServices
) -> None:
    services = hasty
    go_on = threading.Event()
    server.before = lambda: go_on.wait(10) and None
    try:
        began = time.monotonic()
        with pytest.raises(ServiceGone, match="does not answer in time"):
            await services.ask(remote(server), [Hits(USER, 1)])
        assert time.monotonic() - began < ASK_S + 0.1
        began = time.monotonic()
        for _ in range(10):
            with pytest.raises(ServiceGone):
                await services.ask(remote(server), [Hits(USER, 1)])
        assert time.monotonic() - began < 0.05
    finally:
        go_on.set()
    async with asyncio.timeout(REST_S + 3):
        while True:
            with contextlib.suppress(ServiceGone):
                assert (await services.ask(remote(server), [Hits(USER, 0)])).limits
                break
            await asyncio.sleep(0.02)


async def test_a_service_that_is_not_there_is_said_at_once_and_used_when_it_is_back(
    server: RateLimitServer, services: RateLimitServices
) -> None:
    assert (await services.ask(remote(server), [Hits(USER, 1)])).admitted
    server.stop()
    with pytest.raises(ServiceGone, match=f"127.0.0.1:{server.port}"):
        await services.ask(remote(server), [Hits(USER, 1)])
    services.report(remote(server), [Hits(USER, 40)])
    server.start()
    await until(lambda: server.counts.get(USER) == 41, within_s=REST_S + 4)


async def test_a_connection_that_rested_and_was_closed_costs_nobody_an_answer(
    server: RateLimitServer, services: RateLimitServices
) -> None:
    assert (await services.ask(remote(server), [Hits(USER, 0)])).admitted
    server.stop()
    server.start()
    assert (await services.ask(remote(server), [Hits(USER, 0)])).admitted


@pytest.mark.parametrize("code", [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL])
async def test_an_error_of_the_service_is_an_error_and_says_which(
    server: RateLimitServer, services: RateLimitServices, code: grpc.StatusCode
) -> None:
    server.fails = code
    with pytest.raises(ServiceGone, match=f"gRPC status {code.value[0]}: no, thank you"):
        await services.ask(remote(server), [Hits(USER, 1)])
    server.fails = None
    assert (await services.ask(remote(server), [Hits(USER, 1)])).admitted


async def test_somebody_else_on_that_port_is_not_taken_for_a_service(services: RateLimitServices) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        wrong = Remote(name="r", server=Server(host="127.0.0.1", port=port), domain="d", descriptors=())
        with pytest.raises(ServiceGone):
            await services.ask(wrong, [Hits(USER, 1)])


async def test_calls_that_nobody_waits_for_leave_nothing_behind(
    server: RateLimitServer, services: RateLimitServices
) -> None:
    server.limits[USER] = 10_000
    assert (await services.ask(remote(server), [Hits(USER, 0)])).admitted
    for _ in range(30):
        task = asyncio.create_task(services.ask(remote(server), [Hits(USER, 1)]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    address = remote(server).server
    assert address is not None
    connection = services._ways[address]._connection
    assert connection is not None
    assert not connection._calls
    assert (await services.ask(remote(server), [Hits(USER, 0)])).admitted
