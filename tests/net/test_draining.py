"""A connection that drains begins nothing new, and says so to whoever asked before it knew."""

import pytest

from tests.net.clients_side import Asked, Desk, fill
from tests.support.http_answer import error_of
from tests.support.raw_client import RawClient, get, request
from tests.support.raw_upstream import silent
from tests.support.waiting import until
from tests.support.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await world.enter(Desk())


async def connect(world: World, desk: Desk) -> RawClient:
    return await world.enter(await desk.client())


def ok(asked: Asked) -> None:
    asked.stream.start(200, [], 2)
    asked.stream.finish(b"ok")


async def refused(client: RawClient) -> None:
    """503, and it is the connection's last answer."""
    answer = await client.answer("GET")
    assert (answer.status, answer.header("connection")) == (503, "close")
    assert await client.rest() == b""


@pytest.mark.parametrize("data", [request(b"x" * 1000)[:-1], b"GET /a HTTP/1.1\r\nHo", b"GE"])
async def test_a_request_that_is_still_being_sent_is_refused_at_once(world: World, desk: Desk, data: bytes) -> None:
    client = await connect(world, desk)
    client.send(data)
    await until(lambda: desk.connections != set() and desk.connection._reader.reading)
    desk.connection.drain()
    await refused(client)
    assert (desk.refused, desk.abandoned, desk.bodies.held) == (["unavailable"], [], 0)


async def test_its_client_may_go_on_sending_and_still_read_why(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.send(request(b"x" * 1000)[:-10])
    await until(lambda: desk.bodies.held == 990)
    desk.connection.drain()
    client.send(b"x" * 10)
    await client.flush()
    await refused(client)
    assert desk.asked == []


async def test_requests_behind_an_answer_are_refused_after_it_each_in_its_turn(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.send(get("/a") + request(b"body", path="/b") + get("/c"))
    first = await desk.request()
    await until(lambda: desk.bodies.held == 4)
    desk.connection.drain()
    assert desk.refused == [], "not before its turn"
    ok(first)
    answers = [await client.answer("GET") for _ in range(3)]
    assert [(each.status, each.header("connection")) for each in answers] == [(200, ""), (503, ""), (503, "close")]
    assert await client.rest() == b""
    assert (len(desk.asked), desk.refused, desk.abandoned) == (1, ["unavailable"] * 2, [])
    assert desk.bodies.held == 0


async def test_a_request_behind_an_answer_that_is_still_being_sent_is_refused_after_it(
    world: World, desk: Desk
) -> None:
    client = await connect(world, desk)
    client.send(get("/a") + request(b"body", path="/b")[:-1])
    first = await desk.request()
    await until(lambda: desk.bodies.held == 3)
    desk.connection.drain()
    ok(first)
    assert (await client.answer("GET")).status == 200
    await refused(client)
    assert (desk.refused, desk.abandoned) == (["unavailable"], [])


async def test_a_request_that_comes_after_the_drain_began_is_refused_if_nothing_said_so(
    world: World, desk: Desk
) -> None:
    """The head of the answer under way left before the drain: its client may ask on."""
    client = await connect(world, desk)
    client.send(get("/a"))
    first = await desk.request()
    first.stream.start(200, [], 4)
    first.stream.write(b"be")
    assert (await client.head()).status == 200
    desk.connection.drain()
    client.send(get("/b") + get("/c"))
    await until(lambda: desk.connection._reader.closed)
    first.stream.finish(b"en")
    assert await client.read_until(b"been") == b"been"
    await refused(client)
    assert (len(desk.asked), desk.refused, desk.abandoned) == (1, ["unavailable"], [])


async def test_a_request_that_comes_after_close_was_said_is_not_looked_at(world: World, desk: Desk) -> None:
    """RFC 9112, 9.6: its client knows that it was not taken."""
    client = await connect(world, desk)
    client.send(get("/a"))
    first = await desk.request()
    desk.connection.drain()
    first.stream.start(200, [], 4)
    first.stream.write(b"be")
    assert (await client.head()).header("connection") == "close"
    before = desk.counters.received
    client.send(get("/b"))
    await until(lambda: desk.counters.received > before)
    first.stream.finish(b"en")
    assert await client.rest() == b"been"
    await until(lambda: not desk.connections)
    assert (len(desk.asked), desk.refused, desk.abandoned) == (1, [], [])


async def test_a_client_that_has_left_is_not_refused(world: World, desk: Desk) -> None:
    """It half-closed in the middle of a head, and has not taken the answer before that."""
    client = await connect(world, desk)
    client.stop_reading()
    client.send(get("/a") + b"GET /b HT")
    asked = await desk.request()
    fill(asked, desk.connection)
    assert asked.stream.finish() is True
    client.fin()
    await until(lambda: desk.connection.transport.is_closing())
    desk.connection.drain()
    assert (desk.refused, desk.abandoned) == ([], [])


async def test_an_answer_under_way_ends_as_it_would_and_then_the_connection(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.send(get("/a"))
    first = await desk.request()
    desk.connection.drain()
    ok(first)
    answer = await client.answer("GET")
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert await client.rest() == b""
    await until(lambda: not desk.connections)


async def test_a_client_hears_why_in_its_dialect_and_the_record_does_not_say_that_it_left(world: World) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(upstream.port)
    client = await world.client(serving)
    client.send(request()[:-1])
    await until(lambda: serving.gateway.bodies.held > 0)
    serving._port.drain()
    answer = await client.answer()
    assert (answer.status, error_of(answer).code) == (503, "unavailable")
    assert error_of(answer).message == "the server is shutting down"
    record = await serving.record()
    assert (record.path, record.status, record.reason) == ("/openai", 503, "Draining")
    assert upstream.asked == []


# -- the last call ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def called(world: World, desk: Desk) -> RawClient:
    """A client that has asked nothing yet, on a connection that may be told to end."""
    client = await connect(world, desk)
    await until(lambda: desk.connections != set())
    desk.answer = ok
    return client


async def served(client: RawClient, connection: str) -> None:
    answer = await client.answer("GET")
    assert (answer.status, answer.header("connection")) == (200, connection)


@pytest.mark.parametrize("before", [0, 1], ids=["fresh", "at rest"])
async def test_a_request_after_the_last_call_is_served_and_is_the_last(
    called: RawClient, desk: Desk, before: int
) -> None:
    for _ in range(before):
        called.send(get("/a"))
        await served(called, "")
    desk.connection.last_call()
    called.send(get("/b"))
    await served(called, "close")
    assert await called.rest() == b""
    assert (desk.asked[-1].request.path, desk.refused, desk.abandoned) == ("/b", [], [])


async def test_a_request_that_is_being_sent_at_the_last_call_is_served(called: RawClient, desk: Desk) -> None:
    called.send(request(b"body")[:-1])
    await until(lambda: desk.bodies.held == 3)
    desk.connection.last_call()
    called.send(b"y")
    await served(called, "close")
    assert await called.rest() == b""


async def test_requests_in_line_at_the_last_call_are_served_each_in_its_turn(called: RawClient, desk: Desk) -> None:
    desk.answer = lambda asked: None
    called.send(get("/a") + get("/b"))
    first = await desk.request()
    desk.connection.last_call()
    ok(first)
    ok(await desk.request(2))
    await served(called, "")
    await served(called, "close")
    assert await called.rest() == b""


async def test_an_answer_whose_head_did_not_say_so_leaves_room_for_another_request(
    called: RawClient, desk: Desk
) -> None:
    """Its client may send one as soon as it has the end, and closing would be faster than that."""
    desk.answer = lambda asked: None
    called.send(get("/a"))
    first = await desk.request()
    first.stream.start(200, [], 4)
    first.stream.write(b"be")
    desk.connection.last_call()
    first.stream.finish(b"en")
    await served(called, "")
    called.send(get("/b"))
    ok(await desk.request(2))
    await served(called, "close")
    assert await called.rest() == b""


async def test_the_drain_after_it_closes_who_is_at_rest(called: RawClient, desk: Desk) -> None:
    desk.connection.last_call()
    desk.connection.drain()
    assert await called.rest() == b""
    assert (desk.asked, desk.refused) == ([], [])


async def test_the_drain_after_it_refuses_who_is_too_slow(called: RawClient, desk: Desk) -> None:
    desk.connection.last_call()
    called.send(b"GE")
    await until(lambda: desk.connection._reader.reading)
    desk.connection.drain()
    await refused(called)


async def test_what_has_come_and_was_not_read_is_known(world: World, desk: Desk) -> None:
    reader = await world.enter(await desk.reader())
    await until(lambda: desk.connections != set())
    connection = desk.connection
    assert not connection.unheard
    reader.send(get("/a"))  # blocks the loop, so that nobody reads
    assert connection.unheard
    asked = await desk.request()
    assert not connection.unheard
    reader.send(get("/b"))
    assert not connection.unheard, "it is heard after the answer under way"
    ok(asked)
    await desk.request(2)
