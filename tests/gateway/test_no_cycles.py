"""An exchange that failed leaves no circle of objects: the collector seldom runs, and memory would only grow."""

import pytest

from sluice.gateway.exchange import Exchange
from sluice.net.upstream import UpstreamConnection
from sluice.policies.deadlines import Deadlines
from tests.support.cycles import found_in_circles
from tests.support.events import HELLO, ROLE
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, Play, chunk, chunked_head, sized
from tests.support.world import World


async def cuts(call: Call) -> None:
    await call.request()
    call.send(chunked_head(), chunk(ROLE), chunk(HELLO))


async def malformed(call: Call) -> None:
    await call.request()
    call.send(chunked_head(), chunk(ROLE), chunk(b"data: {nonsense\n\n"))


async def hangs_up(call: Call) -> None:
    await call.request()


async def silent(call: Call) -> None:
    await call.request()
    await call.gone()


PROVIDERS = {
    "cuts": cuts,
    "malformed": malformed,
    "hangs up": hangs_up,
    "silent": silent,
    "refuses": sized(b'{"error":{"message":"no"}}', status="503 X"),
}
WRONG = request(b'{"model": 7, "messages": []}')


@pytest.mark.parametrize("asked", [request(CHAT), request(STREAM), WRONG], ids=["whole", "stream", "wrong"])
@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
async def test_a_failed_exchange_leaves_nothing_for_the_collector(world: World, provider: Play, asked: bytes) -> None:
    upstream = await world.upstream(provider)
    serving = await world.gateway(to_provider(upstream.port, deadlines=Deadlines(total_s=0.1)))
    client = await world.client(serving)
    with found_in_circles(Exchange, UpstreamConnection) as found:
        await client.ask(asked)
        await serving.record()
        assert not found()
