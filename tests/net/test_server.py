"""The client's side over real sockets: keep-alive, order, bodies, versions, and the ways to end."""

import asyncio

import pytest

from sluice.net.server import MAX_PIPELINED
from tests.support.events import completion
from tests.support.plans import plan, route, static
from tests.support.raw_client import CHAT, RawClient, get, request
from tests.support.raw_upstream import Call, Play, RawUpstream, answering, chunk, sized
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

LAST = b"0\r\n\r\n"


async def echo(call: Call) -> None:
    """Answer with the request's path and body; a path with `slow` in it takes its time."""
    while True:
        asked = await call.request()
        if "slow" in asked.line:
            await asyncio.sleep(0.05)
        call.send(sized(asked.line.encode() + b"\n" + asked.body))


async def open_gateway(world: World, play: Play = echo) -> tuple[RawUpstream, Serving, RawClient]:
    upstream = await world.upstream(play)
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    return upstream, serving, await world.client(serving)


# -- connections -------------------------------------------------------------------------------------------------------


async def test_a_connection_serves_many_requests(world: World) -> None:
    _, serving, client = await open_gateway(world)
    for number in range(50):
        answer = await client.ask(get(f"/{number}"), "GET")
        assert answer.body == f"GET /{number} HTTP/1.1\n".encode()
        assert answer.header("connection") == ""
    assert serving.open_clients == 1
    assert serving.metric("requests_total") == 50


async def test_pipelined_requests_are_answered_in_order_also_after_a_slow_first(world: World) -> None:
    _, serving, client = await open_gateway(world)
    paths = ["/slow", *(f"/{number}" for number in range(20))]
    client.send(b"".join(map(get, paths)))
    answers = [await client.answer("GET") for _ in paths]
    assert [answer.body.split()[1].decode() for answer in answers] == paths
    assert [record.path for record in serving.records] == paths


async def test_any_number_of_requests_is_answered_as_long_as_few_enough_wait(world: World) -> None:
    _, _, client = await open_gateway(world)
    for batch in range(10):
        paths = [f"/{batch}/{number}" for number in range(MAX_PIPELINED + 1)]
        client.send(b"".join(map(get, paths)))
        answers = [await client.answer("GET") for _ in paths]
        assert [answer.body.split()[1].decode() for answer in answers] == paths


async def test_a_bad_request_behind_a_good_one_waits_for_its_turn(world: World) -> None:
    upstream, serving, client = await open_gateway(world)
    client.send(get("/slow") + b"GET /bad HTTP/1.1\r\n\r\n" + get("/never"))
    assert (await client.answer("GET")).body.startswith(b"GET /slow")
    assert (await client.answer("GET")).status == 400
    assert await client.rest() == b""
    assert [asked.line for asked in upstream.asked] == ["GET /slow HTTP/1.1"]
    assert sorted(record.status for record in serving.records) == [200, 400]


async def test_connection_close_is_kept(world: World) -> None:
    _, _, client = await open_gateway(world)
    answer = await client.ask(get("/a", "Connection: close"), "GET")
    assert answer.header("connection") == "close"
    assert await client.rest() == b""


@pytest.mark.parametrize("cut", [1, 7])
async def test_a_request_may_come_in_pieces(world: World, cut: int) -> None:
    _, _, client = await open_gateway(world)
    data = request(b"body", path="/pieces")
    for at in range(0, len(data), cut):
        client.send(data[at : at + cut])
        await asyncio.sleep(0)
    assert (await client.answer()).body == b"POST /pieces HTTP/1.1\nbody"


async def test_half_close_is_leaving(world: World) -> None:
    """A FIN cannot be told from a close: like nginx, the gateway stops the work that nobody may be there to receive."""
    upstream, serving, client = await open_gateway(world)
    client.send(get("/slow"))
    await until(lambda: len(upstream.asked) == 1)
    client.fin()
    assert await client.rest() == b""
    assert (await serving.record()).outcome == "client_gone"


# -- versions ----------------------------------------------------------------------------------------------------------


async def test_http_1_0_closes(world: World) -> None:
    _, serving, client = await open_gateway(world)
    answer = await client.ask(request(b"", method="GET", path="/a", version="1.0"), "GET")
    assert answer.header("connection") == "close"
    assert await client.rest() == b""
    assert (await serving.record()).http_version == "HTTP/1.0"


async def test_http_1_0_with_keep_alive_stays(world: World) -> None:
    _, _, client = await open_gateway(world)
    for path in ("/a", "/b"):
        asked = request(b"", method="GET", path=path, version="1.0", headers=["Connection: keep-alive"])
        answer = await client.ask(asked, "GET")
        assert answer.header("connection") == "keep-alive"
        assert answer.body.startswith(f"GET {path}".encode())


async def test_http_1_0_gets_no_chunks(world: World) -> None:
    streamed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"one") + chunk(b"two") + LAST
    _, _, client = await open_gateway(world, answering(streamed))
    asked = request(b"", method="GET", path="/a", version="1.0", headers=["Connection: keep-alive"])
    answer = await client.ask(asked, "GET")
    assert answer.header("transfer-encoding") == ""
    assert answer.header("connection") == "close"
    assert answer.body == b"onetwo"


async def test_http_1_0_needs_no_host(world: World) -> None:
    _, _, client = await open_gateway(world)
    answer = await client.ask(b"GET /a HTTP/1.0\r\n\r\n", "GET")
    assert answer.status == 200


async def test_head_has_the_head_and_no_body(world: World) -> None:
    async def play(call: Call) -> None:
        while True:
            await call.request()
            call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")

    _, _, client = await open_gateway(world, play)
    for _ in range(3):
        answer = await client.ask(request(b"", method="HEAD", path="/a"), "HEAD")
        assert (answer.status, answer.header("content-length")) == (200, "1234")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_statuses_without_a_body_have_none(world: World, status: str) -> None:
    _, _, client = await open_gateway(world, answering(f"HTTP/1.1 {status}\r\n\r\n".encode()))
    for _ in range(2):
        answer = await client.ask(get("/a"), "GET")
        assert answer.status == int(status[:3])
        assert (answer.header("content-length"), answer.header("transfer-encoding")) == ("", "")


# -- bodies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_535, 5_000_000])
async def test_a_body_arrives_whole_sized_or_chunked(world: World, size: int) -> None:
    upstream, _, client = await open_gateway(world, answering(sized(b"ok")))
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    pieces = [body[at : at + 70_000] for at in range(0, size, 70_000)]
    client.send(f"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n".encode() + body)
    assert (await client.answer()).status == 200
    client.send(
        b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(map(chunk, pieces)) + LAST
    )
    assert (await client.answer()).status == 200
    assert [asked.body == body for asked in upstream.asked] == [True, True]
    assert {asked.header("content-length") for asked in upstream.asked} == {str(size)}
    assert all(asked.header("transfer-encoding") is None for asked in upstream.asked)


async def test_expect_100_continue_is_told_to_go_on(world: World) -> None:
    upstream, serving, client = await open_gateway(world)
    head, _, body = request(b"body", headers=["Expect: 100-continue"]).partition(b"\r\n\r\n")
    client.send(head + b"\r\n\r\n")
    assert (await client.head()).status == 100
    assert upstream.asked == []
    client.send(body)
    answer = await client.answer()
    assert (answer.status, answer.body[-4:]) == (200, b"body")
    assert upstream.asked[0].header("expect") is None
    await serving.record()


async def test_expect_with_an_upgrade_is_told_once(world: World) -> None:
    _, _, client = await open_gateway(world)
    fields = ["Expect: 100-continue", "Connection: Upgrade", "Upgrade: h2c"]
    head, _, body = request(b"body", headers=fields).partition(b"\r\n\r\n")
    client.send(head + b"\r\n\r\n")
    assert (await client.head()).status == 100
    client.send(body)
    answer = await client.answer()
    assert (answer.status, answer.informational, answer.body[-4:]) == (200, (), b"body")


# -- who asks whom -----------------------------------------------------------------------------------------------------


async def test_a_client_that_says_nothing_has_no_record(world: World) -> None:
    _, serving, client = await open_gateway(world)
    client.close()
    await until(lambda: not serving.open_clients)
    assert serving.records == []


async def test_one_record_for_every_head_that_was_read(world: World) -> None:
    """Also when the client leaves before its body is whole, or before its turn has come (stream-life 10.10)."""
    upstream, serving, client = await open_gateway(world)
    client.send(get("/slow/1") + get("/2") + request(CHAT, path="/3")[:-5])
    await until(lambda: len(upstream.asked) == 1)
    client.close()
    await until(lambda: len(serving.records) >= 3)
    assert sorted((record.path, record.outcome, record.status) for record in serving.records) == [
        ("/2", "client_gone", 499),
        ("/3", "client_gone", 499),
        ("/slow/1", "client_gone", 499),
    ]
    assert len(upstream.asked) == 1


async def test_big_answers_cross_unharmed(world: World) -> None:
    body = completion("x" * 3_000_000)
    _, _, client = await open_gateway(world, answering(sized(body)))
    assert (await client.ask(get("/a"), "GET")).body == body


@pytest.mark.parametrize("space", [b" ", b"\t", b" \t  "])
async def test_white_space_around_a_value_is_no_part_of_it(world: World, space: bytes) -> None:
    upstream = await world.upstream(echo)
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    data = b"GET / HTTP/1.1\r\nHost: h" + space + b"\r\nX-Role:" + space + b"ad min" + space + b"\r\n\r\n"
    assert (await client.ask(data, "GET")).status == 200
    (asked,) = upstream.asked
    assert b"x-role: ad min\r\n" in asked.raw.lower()
