"""Plain HTTP through the gateway: every method, bodies of any size both ways, and shares by weight."""

from collections import Counter

import pytest

from tests.support.plans import plan, route, static
from tests.support.raw_client import get, request
from tests.support.raw_upstream import LAST, Call, chunk, chunked_head, sized, then_close
from tests.support.world import World


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_every_method_crosses(world: World, method: str) -> None:
    upstream = await world.upstream(sized(b"" if method == "HEAD" else b"body", "X-Custom: theirs", "Set-Cookie: a=b"))
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    body = b"" if method in ("GET", "HEAD", "OPTIONS") else b"mine"
    data = request(body, method=method, path="/p%20q/?a=1&b=%2F", headers=["X-Custom: ours", "Cookie: c=d"])
    answer = await client.ask(data, method)
    assert (answer.status, answer.header("x-custom"), answer.header("set-cookie")) == (200, "theirs", "a=b")
    (asked,) = upstream.asked
    assert asked.line == f"{method} /p%20q/?a=1&b=%2F HTTP/1.1"
    assert (asked.header("x-custom"), asked.header("cookie"), asked.body) == ("ours", "c=d", body)
    assert asked.header("x-forwarded-for") == "127.0.0.1"
    record = await serving.record()
    assert (record.outcome, record.protocol, record.method, record.path) == ("completed", "http", method, "/p%20q/")
    assert record.provider == "unknown"


async def test_hop_by_hop_fields_stay(world: World) -> None:
    theirs = ["Connection: X-Hop", "X-Hop: no", "Keep-Alive: timeout=5", "Proxy-Authenticate: no", "Upgrade: no"]
    upstream = await world.upstream(sized(b"ok", *theirs))
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    ours = ["Connection: X-Mine, keep-alive", "X-Mine: no", "Te: no", "Proxy-Authorization: no", "Proxy-Connection: no"]
    answer = await client.ask(get("/", *ours), "GET")
    assert "no" not in [value for _, value in answer.head.headers]
    assert "no" not in [value for _, value in upstream.asked[0].headers]


async def test_big_bodies_both_ways(world: World) -> None:
    body = bytes(range(256)) * 40_000

    async def play(call: Call) -> None:
        while True:
            asked = await call.request()
            assert asked.body == body
            pieces = [body[at : at + 100_000] for at in range(0, len(body), 100_000)]
            call.send(chunked_head(content_type="application/octet-stream"), *map(chunk, pieces), LAST)

    upstream = await world.upstream(play)
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    for _ in range(2):
        assert (await client.ask(request(body))).body == body
    assert len(upstream.calls) == 1


async def test_it_streams(world: World) -> None:
    """Each piece arrives while the next has not been sent."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(content_type="text/plain"))
        for piece in (b"one", b"two", b"three"):
            call.send(chunk(piece))
            await call.reader.readexactly(1)  # the client says that it has it

    upstream = await world.upstream(play)
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    client.send(get("/"))
    for piece in (b"one", b"two", b"three"):
        assert piece in await client.read_until(piece)
        upstream.calls[0].reader.feed_data(b"!")


async def test_a_body_that_breaks_off_breaks_off(world: World) -> None:
    """Nobody can say in plain HTTP that an answer has failed, but by cutting it."""
    upstream = await world.upstream(then_close(sized(b"x" * 100)[:-40]))
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    client.send(get("/"))
    raw = await client.rest()
    assert b"content-length: 100" in raw.lower()
    assert raw.endswith(b"x" * 60)
    assert (await serving.record()).outcome == "upstream_truncated"


async def test_an_error_of_the_server_crosses_as_it_is(world: World) -> None:
    upstream = await world.upstream(sized(b"<h1>gone</h1>", status="410 Gone", content_type="text/html"))
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    answer = await (await world.client(serving)).ask(get("/"), "GET")
    assert (answer.status, answer.body, answer.header("content-type")) == (410, b"<h1>gone</h1>", "text/html")


REFUSALS = {
    "sized": sized(b"<h1>no</h1>", "X-Custom: theirs", status="500 X", content_type="text/html"),
    "in pieces": chunked_head(content_type="text/html").replace(b"200 OK", b"404 X") + chunk(b"<h1>no</h1>") + LAST,
    "empty": sized(b"", "X-Custom: theirs", status="503 X"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_is_recorded_as_one_and_its_bytes_and_both_connections_are_as_ever(
    world: World, name: str
) -> None:
    upstream = await world.upstream(REFUSALS[name])
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    answers = [await client.ask(get("/"), "GET") for _ in range(2)]
    status = answers[0].status
    assert [answer.body for answer in answers] == [b"" if name == "empty" else b"<h1>no</h1>"] * 2
    assert answers[0].header("x-custom") == ("" if name == "in pieces" else "theirs")
    assert len(upstream.calls) == 1, "one connection served both"
    record = await serving.record(2)
    assert (record.outcome, record.status, record.reason) == ("upstream_error", status, "Upstream")
    assert (record.error_code, record.error) == ("upstream_refused", f"the backend answered with status {status}")
    assert serving.metric("exchange_outcomes_total", 'outcome="upstream_error"') == 2


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "302 Found"])
async def test_what_is_no_failure_is_complete(world: World, status: str) -> None:
    upstream = await world.upstream(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status.encode())
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    await (await world.client(serving)).ask(get("/"), "GET")
    assert (await serving.record()).outcome == "completed"


async def test_a_refusal_that_breaks_off_is_cut_off_first_of_all(world: World) -> None:
    upstream = await world.upstream(then_close(sized(b"x" * 100, status="500 X")[:-40]))
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    client.send(get("/"))
    await client.rest()
    assert (await serving.record()).outcome == "upstream_truncated"


async def test_weights_share_the_requests(world: World) -> None:
    ports = [(await world.upstream(sized(name))).port for name in (b"one", b"three", b"none")]
    shares = route("/", *(static(port, f"s{port}") for port in ports), weights=[1, 3, 0])
    serving = await world.gateway(plan(shares))
    dice = [number / 40 for number in range(40)]
    serving.gateway.die = iter(dice).__next__
    client = await world.client(serving)
    seen = Counter([(await client.ask(get("/"), "GET")).body for _ in dice])
    assert seen == {b"one": 10, b"three": 30}
    backends = Counter(record.route.backend for record in serving.records)
    assert sorted(backends.values()) == [10, 30]
