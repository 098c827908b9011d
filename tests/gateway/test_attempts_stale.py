"""A provider's connection that dies while it rests is no answer of the provider's: the target keeps its turn, once."""

import asyncio
from typing import Any

import pytest

from sluice.config.plan import Endpoint
from sluice.errors import Truncated
from sluice.gateway.ports import UpstreamStream
from sluice.policies.retry import Retry
from tests.gateway.test_failover import after, target
from tests.support.events import completion
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, request
from tests.support.raw_upstream import Call, Play, sized
from tests.support.sockets import free_ports
from tests.support.world import World

BUSY = sized(b'{"error":{"message":"busy"}}', status="503 X")
GOOD = sized(completion())


def forgetful(lives: int, *, dead: bool = False) -> Play:
    """The first `lives` connections answer one request and reset at the next; those that follow answer all, or none."""
    seen = 0

    async def play(call: Call) -> None:
        nonlocal seen
        seen += 1
        dies = seen <= lives
        await call.request()
        if dead and not dies:
            call.reset()
            return
        call.send(GOOD)
        while True:
            await call.request()
            if dies:
                call.reset()
                return
            call.send(GOOD)

    return play


async def test_a_reset_of_a_kept_connection_is_not_the_targets_turn(world: World) -> None:
    first, busy = await world.upstream(forgetful(1)), await world.upstream(BUSY)
    serving = await world.gateway(to_provider(0, backend=after(target("a", first.port), target("b", busy.port))))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 200
    answer = await client.ask(request(CHAT))
    assert (answer.status, answer.body) == (200, completion())
    assert answer.header("x-sluice-attempts") == "a;upstream_truncated, a;200"
    assert busy.asked == []
    record = await serving.record(2)
    assert (record.outcome, record.attempts) == ("completed", 2)


async def test_of_two_kept_connections_that_died_it_meets_one(world: World) -> None:
    first, busy = await world.upstream(forgetful(2)), await world.upstream(BUSY)
    serving = await world.gateway(to_provider(0, backend=after(target("a", first.port), target("b", busy.port))))
    clients = [await world.client(serving) for _ in range(2)]
    answers = await asyncio.gather(*(client.ask(request(CHAT)) for client in clients))
    assert [answer.status for answer in answers] == [200, 200]
    assert len(first.calls) == 2
    answer = await clients[0].ask(request(CHAT))
    assert answer.header("x-sluice-attempts") == "a;upstream_truncated, a;200"


async def test_twice_is_the_targets_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another connection may come to rest, and die, between the two."""
    second = await world.upstream(GOOD)
    (nobody,) = free_ports(1)
    serving = await world.gateway(to_provider(0, backend=after(target("a", nobody), target("b", second.port))))
    real = serving.pool.open

    async def stale(endpoint: Endpoint, *rest: Any, **more: Any) -> UpstreamStream:
        if endpoint.port != nobody:
            return await real(endpoint, *rest, **more)
        error = Truncated("gone")
        error.stale = True
        raise error

    monkeypatch.setattr(serving.pool, "open", stale)
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert answer.header("x-sluice-attempts") == "a;upstream_truncated, a;upstream_truncated, b;200"


async def test_it_is_no_attempt_of_those_that_a_route_allows(world: World) -> None:
    """Or a provider that always hangs up would use up the one that is left for the next target."""
    first, second = await world.upstream(forgetful(1, dead=True)), await world.upstream(GOOD)
    backend = after(target("a", first.port), target("b", second.port))
    serving = await world.gateway(to_provider(0, backend=backend, retry=Retry(attempts=1)))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 200
    answer = await client.ask(request(CHAT))
    assert answer.header("x-sluice-attempts") == "a;upstream_truncated, a;upstream_truncated, b;200"


async def test_it_is_not_the_second_attempt_that_a_route_allows_on_its_only_target(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(GOOD)
        if len(only.calls) == 1:
            await call.request()
            call.send(BUSY)
            await call.request()
            call.reset()

    only = await world.upstream(play)
    backend = after(target("a", only.port))
    serving = await world.gateway(to_provider(0, backend=backend, retry=Retry(attempts=1)))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 200
    answer = await client.ask(request(CHAT))
    assert answer.header("x-sluice-attempts") == "a;503, a;upstream_truncated, a;200"
    assert (answer.status, len(only.asked)) == (200, 4)


async def test_where_nobody_allows_a_second_attempt_a_request_is_not_sent_twice(world: World) -> None:
    first = await world.upstream(forgetful(1))
    serving = await world.gateway(to_provider(0, backend=after(target("a", first.port))))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 200
    assert (await client.ask(request(CHAT))).status == 502
    assert len(first.calls) == 1


async def test_a_route_that_allows_none_gets_none(world: World) -> None:
    first, second = await world.upstream(forgetful(1)), await world.upstream(GOOD)
    backend = after(target("a", first.port), target("b", second.port))
    serving = await world.gateway(to_provider(0, backend=backend, retry=Retry(attempts=0)))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 200
    assert (await client.ask(request(CHAT))).status == 502
    assert (len(first.calls), second.asked) == (1, [])
