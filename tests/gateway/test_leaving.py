"""A client that leaves takes its provider's connection with it, in every phase, within 250 ms (stream-life, 3)."""

import asyncio

import pytest

from sluice.config.plan import Endpoint
from tests.support.events import DONE, HELLO, ROLE, WHOLE_STREAM
from tests.support.plans import plan, route, static
from tests.support.raw_client import CHAT, STREAM, RawClient, get, request
from tests.support.raw_upstream import Call, RawUpstream, chunk, chunked_head, streamed
from tests.support.serving import Serving
from tests.support.sockets import full_backlog
from tests.support.waiting import until
from tests.support.world import World

SOON_S = 0.25
PHASES = ["waiting for the head", "before the body", "before the first token", "mid-stream"]


def stuck_in(phase: str) -> list[bytes]:
    """What the provider sends before it falls silent."""
    return {
        "waiting for the head": [],
        "before the body": [chunked_head()],
        "before the first token": [chunked_head(), chunk(ROLE), chunk(b": ping\n\n")],
        "mid-stream": [chunked_head(), chunk(ROLE), chunk(HELLO)],
    }[phase]


async def stuck(
    world: World, phase: str, asks: bytes
) -> tuple[RawUpstream, Serving, RawClient, "asyncio.Future[float]"]:
    """Bring an exchange to a phase. The future is when the provider saw its connection close."""
    gone: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    reached = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        await call.send_apart(stuck_in(phase))
        reached.set()
        gone.set_result(await call.gone())

    upstream, serving, client = await world.between(play)
    client.send(asks)
    await reached.wait()
    if phase == "mid-stream" and b'"stream":true' in asks:
        await client.read_until(HELLO)
    else:
        await asyncio.sleep(0.01)  # for the gateway to have read what there is; there is nothing to see from outside
    return upstream, serving, client, gone


@pytest.mark.parametrize("rude", [False, True], ids=["closes", "resets"])
@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("phase", PHASES)
async def test_the_provider_is_closed_at_once(world: World, phase: str, asks: bytes, rude: bool) -> None:
    _, serving, client, gone = await stuck(world, phase, request(asks))
    left = asyncio.get_running_loop().time()
    client.reset() if rude else client.close()
    assert await gone - left < SOON_S
    record = await serving.record()
    assert (record.outcome, record.status, record.reason) == ("client_gone", 499, "ClientGone")
    assert record.error == ""
    assert serving.pool.open_connections == 0
    assert serving.heard.metrics.streams_active == 0
    assert not serving.gateway.exchanges


@pytest.mark.parametrize("phase", ["waiting for the head", "mid-stream"])
async def test_the_same_for_plain_http(world: World, phase: str) -> None:
    gone: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def play(call: Call) -> None:
        await call.request()
        call.send(*stuck_in(phase))
        gone.set_result(await call.gone())

    upstream = await world.upstream(play)
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving)
    client.send(get("/a"))
    await until(lambda: len(upstream.asked) == 1)
    left = asyncio.get_running_loop().time()
    client.close()
    assert await gone - left < SOON_S
    assert (await serving.record()).outcome == "client_gone"


async def test_while_connecting(world: World) -> None:
    with full_backlog() as port:
        serving = await world.gateway(Endpoint(host="127.0.0.1", port=port))
        client = await world.client(serving)
        client.send(request(STREAM))
        await until(lambda: len(serving.gateway.exchanges) == 1)
        tasks = asyncio.all_tasks()
        client.close()
        assert await until(lambda: len(serving.records) == 1) < SOON_S
        assert (await serving.record()).outcome == "client_gone"
        await until(lambda: len(asyncio.all_tasks()) < len(tasks))
        assert serving.pool.open_connections == 0


async def test_a_client_that_leaves_with_the_last_byte_has_completed(world: World) -> None:
    """Closing after the terminal event was delivered is no abort."""
    _, serving, client = await world.between(streamed(*WHOLE_STREAM))
    client.send(request(STREAM))
    await client.read_until(DONE)
    client.reset()
    assert (await serving.record()).outcome == "completed"


async def test_a_client_that_asks_and_leaves_at_once(world: World) -> None:
    """The request, the end, and nothing in between: one record all the same."""
    _, serving, client, gone = await stuck(world, "waiting for the head", request(STREAM))
    for number in range(2, 52):
        quick = await serving.client()
        quick.send(request(STREAM))
        quick.close()
        await until(lambda: len(serving.records) == number - 1)  # noqa: B023 - waited for at once
    client.close()
    await gone
    assert {record.outcome for record in serving.records} == {"client_gone"}
