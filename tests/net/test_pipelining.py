"""Requests that come before the answer to the one before: how many may wait, and that their client is heard leaving."""

import pytest

from sluice.net import requests
from sluice.net.parting import LINGER_S
from sluice.net.server import MAX_PIPELINED
from tests.net.clients_side import Asked, Desk
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


@pytest.mark.parametrize("apart", [False, True], ids=["in one piece", "one by one"])
async def test_one_more_than_may_wait_is_refused_in_its_turn_and_is_the_last(
    world: World, desk: Desk, apart: bool
) -> None:
    client = await connect(world, desk)
    paths = [f"/{number}" for number in range(MAX_PIPELINED + 10)]
    for path in paths if apart else ():
        client.send(get(path))
        await client.flush()
    if not apart:
        client.send(b"".join(map(get, paths)))
    first = await desk.request()
    await until(lambda: desk.connection._reader.closed)
    assert desk.refused == [], "not before its turn"
    desk.answer = ok
    ok(first)
    answers = [await client.answer("GET") for _ in range(MAX_PIPELINED + 2)]
    assert [answer.status for answer in answers] == [200] * (MAX_PIPELINED + 1) + [503]
    assert [answer.header("connection") for answer in answers] == [""] * (MAX_PIPELINED + 1) + ["close"]
    assert await client.rest() == b""
    assert [asked.request.path for asked in desk.asked] == paths[: MAX_PIPELINED + 1]
    assert (desk.refused, desk.abandoned) == (["overloaded"], [])
    desk.sweep(LINGER_S + 1.0)
    await until(lambda: not desk.connections)


async def test_the_refused_one_has_a_record_and_is_told_when_to_come_back(world: World) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(upstream.port)
    client = await world.client(serving)
    client.send(get("/nowhere") * (MAX_PIPELINED + 10))
    answers = [await client.answer("GET") for _ in range(MAX_PIPELINED + 2)]
    assert {answer.status for answer in answers[:-1]} == {404}
    assert (answers[-1].status, answers[-1].header("retry-after")) == (503, "1")
    assert error_of(answers[-1]).code == "overloaded"
    assert sorted(record.outcome for record in serving.records) == ["rejected"] * (MAX_PIPELINED + 1) + ["shed"]


@pytest.mark.parametrize("number", [10, MAX_PIPELINED + 10])
@pytest.mark.parametrize("how", ["fin", "reset"])
async def test_leaving_is_heard_however_many_wait(world: World, number: int, how: str) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(upstream.port)
    client = await world.client(serving)
    client.send(request() * number)
    await until(lambda: len(upstream.asked) == 1)
    client.fin() if how == "fin" else client.reset()
    assert await until(lambda: not serving.gateway.exchanges and not upstream.open_connections) < 0.5
    await until(lambda: not serving.open_clients)
    waited = min(number, MAX_PIPELINED + 2)
    assert [record.outcome for record in serving.records] == ["client_gone"] * waited
    assert serving.gateway.bodies.held == 0


# -- Expect: 100-continue ----------------------------------------------------------------------------------------------


def asking(path: str) -> bytes:
    return request(b"body", path=path, headers=["Expect: 100-continue"])[:-4]


async def test_a_client_that_asks_behind_another_request_is_told_to_go_on_in_its_turn(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.send(get("/a") + asking("/b"))
    first = await desk.request()
    await until(lambda: desk.connection._reader.expects_continue)
    ok(first)
    answer = await client.answer("GET")
    assert (answer.informational, answer.body) == ((), b"ok")
    assert (await client.head()).status == 100
    client.send(b"body")
    second = await desk.request(2)
    assert second.request.body == b"body"
    ok(second)
    assert (await client.answer()).body == b"ok"


async def test_it_is_not_late_with_its_body_while_it_waits_to_be_told(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.send(get("/a") + asking("/b"))
    first = await desk.request()
    await until(lambda: desk.connection._reader.expects_continue)
    desk.sweep(10 * requests.BODY_TIMEOUT_S)
    ok(first)
    assert (await client.answer("GET")).body == b"ok"
    assert (await client.head()).status == 100
    desk.sweep(requests.BODY_TIMEOUT_S + 1.0)
    assert (await client.answer()).status == 408, "from then on it may be late"


async def test_who_does_not_wait_to_be_told_is_not_told(world: World, desk: Desk) -> None:
    client = await connect(world, desk)
    client.send(get("/a") + asking("/b") + b"bo")
    first = await desk.request()
    await until(lambda: desk.bodies.held == 2)
    ok(first)
    assert (await client.answer("GET")).body == b"ok"
    client.send(b"dy")
    ok(await desk.request(2))
    assert (await client.answer()).informational == ()
