"""What a client may send, how long it may take, and how it is told: 431, 413, 408."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from sluice.config.plan import Limits
from sluice.net import parting, requests
from sluice.testing.fake_provider import Pause, Script, whole
from tests.support.http_answer import error_of
from tests.support.plans import plan, route, static
from tests.support.raw_client import CHAT, RawClient, get, request
from tests.support.raw_upstream import RawUpstream, chunk, sized
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

SMALL = Limits(max_head_bytes=2048, max_body_bytes=10_000, head_timeout_s=0.1, idle_timeout_s=0.1)


async def open_gateway(world: World, limits: Limits) -> tuple[RawUpstream, Serving, RawClient]:
    upstream = await world.upstream(sized(b"ok"))
    serving = await world.gateway(plan(route("/", static(upstream.port)), limits=limits))
    return upstream, serving, await world.client(serving)


async def refused(serving: Serving, client: RawClient, upstream: RawUpstream, status: int, code: str) -> None:
    answer = await client.answer()
    assert (answer.status, error_of(answer).code) == (status, code)
    assert answer.header("connection") == "close"
    assert await client.rest() == b"", "a second answer"
    record = await serving.record()
    assert (record.status, record.outcome) == (status, "rejected")
    assert upstream.asked == []
    assert serving.metric("requests_total", f'status="{status}"') == 1


# -- 431 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [2048, 64 << 10])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda n: get("/a", "X-Big: " + "x" * n), id="one huge field"),
        pytest.param(lambda n: get("/a", *[f"X-{i}: {'y' * 50}" for i in range(n // 50)]), id="many fields"),
        pytest.param(lambda n: get("/" + "a" * n), id="a huge target"),
        pytest.param(lambda n: b"GET /a HTTP/1.1\r\nHost: h\r\nX-Endless: " + b"x" * n, id="an endless field"),
        pytest.param(lambda n: b"GET /a HTTP/1.1\r\nHost: h\r\n" + b"X" * n, id="an endless name"),
        pytest.param(lambda n: b"GET /" + b"x" * n, id="an endless target"),
        pytest.param(
            lambda n: b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * n,
            id="an endless trailer",
        ),
        pytest.param(
            lambda n: b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * n,
            id="an endless chunk extension",
        ),
    ],
)
async def test_a_head_beyond_its_limit_is_431(world: World, limit: int, data: Callable[[int], bytes]) -> None:
    limits = Limits(max_head_bytes=limit)
    upstream, serving, client = await open_gateway(world, limits)
    client.send(data(limit + 100))
    await refused(serving, client, upstream, 431, "request_head_too_large")


async def test_a_head_within_its_limit_is_served(world: World) -> None:
    _, _, client = await open_gateway(world, Limits())
    for _ in range(3):
        assert (await client.ask(get("/a", "X-Big: " + "x" * 65_000), "GET")).status == 200


async def test_many_requests_in_one_read_are_not_one_head(world: World) -> None:
    _, _, client = await open_gateway(world, Limits(max_head_bytes=2048))
    client.send(get("/a") * 30 + request(b"x" * 5000))
    assert {(await client.answer("GET")).status for _ in range(30)} == {200}
    assert (await client.answer()).status == 200


# -- 413 ---------------------------------------------------------------------------------------------------------------


async def test_a_length_beyond_the_limit_is_413_before_the_body(world: World) -> None:
    upstream, serving, client = await open_gateway(world, SMALL)
    client.send(request(b"x" * 10_001)[:-10_001])
    await refused(serving, client, upstream, 413, "request_body_too_large")


async def test_chunks_beyond_the_limit_are_413(world: World) -> None:
    upstream, serving, client = await open_gateway(world, SMALL)
    head = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head + chunk(b"x" * 6000) + chunk(b"x" * 6000))
    await refused(serving, client, upstream, 413, "request_body_too_large")


async def test_a_body_at_its_limit_is_served(world: World) -> None:
    upstream, _, client = await open_gateway(world, SMALL)
    assert (await client.ask(request(b"x" * 10_000))).status == 200
    assert len(upstream.asked[0].body) == 10_000


async def test_expect_is_not_told_to_go_on_with_too_large_a_body(world: World) -> None:
    upstream, serving, client = await open_gateway(world, SMALL)
    client.send(request(b"x" * 10_001, headers=["Expect: 100-continue"])[:-10_001])
    await refused(serving, client, upstream, 413, "request_body_too_large")


async def test_the_413_can_be_read_by_a_client_that_is_still_sending(world: World) -> None:
    """Closing at once would reset the connection and destroy the answer on its way (RFC 9112, 9.6)."""
    upstream, serving, client = await open_gateway(world, Limits(max_body_bytes=1000))
    client.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n")
    for _ in range(80):
        client.send(b"x" * 100_000)
        await asyncio.sleep(0)
    await client.flush()
    await refused(serving, client, upstream, 413, "request_body_too_large")


async def test_a_refused_client_that_goes_on_sending_is_cut_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "LINGER_S", 0.1)
    _, serving, client = await open_gateway(world, Limits(max_body_bytes=1000))
    client.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n")
    assert (await client.answer()).status == 413
    assert await until(lambda: not serving.open_clients) < 1.0


# -- 408 and rest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"P", b"POST /a HTTP/1.1\r\n", b"POST /a HTTP/1.1\r\nHost: h\r\nX: y"])
async def test_a_head_that_does_not_end_is_408(world: World, data: bytes) -> None:
    upstream, serving, client = await open_gateway(world, SMALL)
    client.send(data)
    await refused(serving, client, upstream, 408, "request_timeout")


async def test_a_slow_drip_does_not_hold_the_head_open(world: World) -> None:
    """The clock runs from the first byte, not from the last."""
    upstream, serving, client = await open_gateway(world, SMALL)
    data = get("/a", "X: " + "y" * 500)
    dripping = asyncio.ensure_future(drip(client, iter(data)))
    await refused(serving, client, upstream, 408, "request_timeout")
    dripping.cancel()


async def drip(client: RawClient, data: Iterator[int]) -> None:
    for byte in data:
        client.send(bytes([byte]))
        await asyncio.sleep(0.01)


async def test_a_body_that_makes_no_progress_is_408(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_TIMEOUT_S", 0.1)
    upstream, serving, client = await open_gateway(world, Limits())
    client.send(request(CHAT)[:-1])
    await refused(serving, client, upstream, 408, "request_timeout")


async def test_a_request_that_waits_for_its_turn_is_not_late(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer before it takes longer than a body may: neither of the two is touched."""
    monkeypatch.setattr(requests, "BODY_TIMEOUT_S", 0.05)
    fake = await world.fake()
    serving = await world.gateway(fake.port)
    client = await world.client(serving)
    fake.script(Script(chunks=[b"", Pause(0.3), b"{}"]), whole(b"{}"))
    client.send(get("/v1/models") + get("/v1/models"))
    assert [(await client.answer("GET")).status for _ in range(2)] == [200, 200]


async def test_an_idle_connection_is_closed_without_a_word(world: World) -> None:
    _, serving, client = await open_gateway(world, SMALL)
    assert (await client.ask(get("/a"), "GET")).status == 200
    assert await client.rest() == b""
    assert len(serving.records) == 1


async def test_a_connection_that_never_speaks_is_closed(world: World) -> None:
    _, serving, client = await open_gateway(world, SMALL)
    assert await client.rest() == b""
    assert serving.records == []
