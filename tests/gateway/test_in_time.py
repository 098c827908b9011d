"""The time of a whole exchange: it also bounds what happens before a provider is asked, and blames nobody for that."""

import asyncio
import time

import pytest

from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.guards import Guards
from sluice.policies.server import Server
from sluice.policies.streaming import Streaming
from tests.gateway.judged import at
from tests.gateway.test_failover import after, target
from tests.support.events import HELLO, ROLE, completion
from tests.support.http_answer import error_of
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, answering, chunk, chunked_head, sized
from tests.support.waiting import until
from tests.support.world import World

SLOW_S = 3.0
SOON_S = 1.5
"""Half of what a policy would take: whoever waited for it is late."""
SHORT = Deadlines(total_s=0.1)


async def slow(call: Call) -> None:
    while True:
        await call.request()
        await asyncio.sleep(SLOW_S)
        call.send(sized(b'{"action":{"reason":"fine"}}'))


async def asked(world: World, policy: str, deadlines: Deadlines, *headers: str) -> None:
    """Ask through a policy that takes too long."""
    service, upstream = await world.upstream(slow), await world.upstream(answering(sized(completion())))
    server = ExternalAuth(server=Server(host="127.0.0.1", port=service.port), timeout_s=2 * SLOW_S)
    access = Access(external=(server,)) if policy == "ext-auth" else Access()
    guards = Guards(request=(at(service.port),)) if policy == "guard" else Guards()
    serving = await world.gateway(upstream.port, deadlines=deadlines, access=access, ai=AiPolicy(guards=guards))
    began = time.monotonic()
    answer = await (await world.client(serving)).ask(request(CHAT, headers=headers))
    assert time.monotonic() - began < SOON_S
    assert (answer.status, error_of(answer).code) == (504, "timeout_total")
    record = await serving.record()
    assert (record.outcome, record.attempts, upstream.asked) == ("timeout", 1, [])
    await until(lambda: service.open_connections == 0)


@pytest.mark.parametrize("policy", ["ext-auth", "guard"])
async def test_a_policy_has_no_more_time_than_the_request(world: World, policy: str) -> None:
    await asked(world, policy, SHORT)


@pytest.mark.parametrize("policy", ["ext-auth", "guard"])
async def test_nor_than_its_client_wishes(world: World, policy: str) -> None:
    await asked(world, policy, Deadlines(), "x-sluice-timeout-total: 100ms")


async def test_time_that_was_gone_before_is_no_targets_fault(world: World) -> None:
    """Clients that send slowly cannot move everybody's requests to another target."""
    first, second = await world.upstream(answering(sized(completion()))), await world.upstream(sized(completion()))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend, deadlines=SHORT))
    for _ in range(5):
        client = await world.client(serving)
        data = request(CHAT)
        client.send(data[:-1])
        await asyncio.sleep(0.15)
        client.send(data[-1:])
        assert (await client.answer()).status == 504
    assert (first.asked, second.asked, serving.heard.rested) == ([], [], [])


async def test_who_has_left_before_the_head_is_read_on_for_once_the_time(world: World) -> None:
    """Half of it goes by before the head: what follows has the other half."""
    gone: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def play(call: Call) -> None:
        await call.request()
        await asyncio.sleep(0.5)
        call.send(chunked_head(), chunk(ROLE))
        for _ in range(200):
            call.send(chunk(HELLO))
            if call.writer.transport.is_closing():
                break
            await asyncio.sleep(0.02)
        gone.set_result(time.monotonic())

    upstream, serving, client = await world.between(play, streaming=Streaming(on_disconnect="drain", drain_s=1.0))
    client.send(request(STREAM))
    await until(lambda: len(upstream.asked) == 1)
    left = time.monotonic()
    client.close()
    assert 0.9 < await gone - left < 1.4
    assert (await serving.record()).outcome == "client_gone"
