"""How much work is taken on: so many exchanges, so many who wait, and an answer at once for the rest."""

import asyncio
import json

import pytest

from sluice.policies.admission import Admission
from tests.support.events import HELLO, ROLE, completion
from tests.support.http_answer import error_of
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, Play, answering, chunk, chunked_head, silent, sized
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World


def once(go: asyncio.Event) -> Play:
    """A provider that answers when it is told to."""

    async def play(call: Call) -> None:
        while True:
            await call.request()
            await go.wait()
            call.send(sized(completion()))

    return play


async def narrow(world: World, play: Play, **bounds: float) -> Serving:
    upstream = await world.upstream(play)
    return await world.gateway(to_provider(upstream.port, admission=Admission(**bounds)))  # type: ignore[arg-type]


async def test_beyond_the_queue_the_answer_is_503_at_once_with_a_time_to_come_back(world: World) -> None:
    go = asyncio.Event()
    serving = await narrow(world, once(go), max_concurrent=1, max_queue=1)
    first, second, third = [await world.client(serving) for _ in range(3)]
    first.send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 1)
    second.send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 2)
    refused = await third.ask(request(CHAT))
    assert (refused.status, refused.header("retry-after")) == (503, "1")
    assert error_of(refused).code == "overloaded"
    record = await serving.record()
    assert (record.outcome, record.status, record.reason) == ("shed", 503, "Overloaded")
    go.set()
    assert (await first.answer()).status == (await second.answer()).status == 200
    assert len(serving.heard.records) == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}]}'),
        ("/v1/chat/completions", CHAT),
    ],
)
async def test_it_is_said_in_the_clients_own_dialect(world: World, path: str, body: bytes) -> None:
    serving = await narrow(world, silent, max_concurrent=1, max_queue=0)
    (await world.client(serving)).send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 1)
    answer = await (await world.client(serving)).ask(request(body, path=path))
    assert answer.status == 503
    assert json.loads(answer.body)["error"]["message"].startswith("This server is busy")
    assert (json.loads(answer.body).get("type") == "error") is (path == "/v1/messages")


async def test_whoever_waits_too_long_is_refused_then(world: World) -> None:
    serving = await narrow(world, silent, max_concurrent=1, max_queue=9, queue_timeout_s=0.1)
    (await world.client(serving)).send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 1)
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert answer.status == 503
    record = await serving.record()
    assert record.outcome == "shed"
    assert 0.09 < record.duration_s < 1.0


async def test_a_client_who_leaves_the_queue_leaves_its_place(world: World) -> None:
    go = asyncio.Event()
    serving = await narrow(world, once(go), max_concurrent=1, max_queue=1)
    first, second, third = [await world.client(serving) for _ in range(3)]
    first.send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 1)
    second.send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 2)
    second.close()
    assert (await serving.record()).outcome == "client_gone"
    third.send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 2)
    go.set()
    assert (await third.answer()).status == 200


async def test_places_are_given_back_however_an_exchange_ends(world: World) -> None:
    upstream = await world.upstream(answering(sized(b"{}", status="500 X")))
    serving = await world.gateway(to_provider(upstream.port, admission=Admission(max_concurrent=2, max_queue=0)))
    for _ in range(10):
        client = await world.client(serving)
        assert (await client.ask(request(CHAT))).status == 500
        assert (await client.ask(request(b"{"))).status == 400
        gone = await world.client(serving)
        gone.send(request(CHAT)[:-5])
        gone.reset()
    await until(lambda: not serving.gateway.exchanges)
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 500


async def test_a_reload_widens_the_door_for_those_who_wait(world: World) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(to_provider(upstream.port, admission=Admission(max_concurrent=1)))
    for _ in range(3):
        (await world.client(serving)).send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 3 and len(upstream.asked) == 1)
    serving.use(to_provider(upstream.port, admission=Admission(max_concurrent=3)))
    await until(lambda: len(upstream.asked) == 3)


async def test_a_reload_that_bounds_the_waiting_bounds_those_who_wait_already(world: World) -> None:
    upstream = await world.upstream(silent)
    forever = Admission(max_concurrent=1, queue_timeout_s=0)
    serving = await world.gateway(to_provider(upstream.port, admission=forever))
    for _ in range(2):
        (await world.client(serving)).send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 2)
    short = Admission(max_concurrent=1, queue_timeout_s=0.05)
    serving.use(to_provider(upstream.port, admission=short))
    assert (await serving.record()).outcome == "shed"


# -- memory ------------------------------------------------------------------------------------------------------------


async def streaming_one(call: Call) -> None:
    await call.request()
    call.send(chunked_head(), chunk(ROLE + HELLO))
    await call.gone()


async def test_above_its_mark_nobody_new_and_well_above_it_the_newest_is_ended_legally(world: World) -> None:
    mark = 1 << 20
    upstream = await world.upstream(streaming_one)
    plan = to_provider(upstream.port, admission=Admission(max_memory_bytes=mark))
    serving = await world.gateway(plan)
    old, new = [await world.client(serving) for _ in range(2)]
    for client in (old, new):
        client.send(request(STREAM))
        await client.read_until(HELLO)
    serving.gateway.uses_memory(mark + 1)
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 503
    assert len(serving.gateway.exchanges) == 2
    serving.gateway.uses_memory(int(mark * 1.2))
    await until(lambda: len(serving.heard.records) == 2)
    ends = [(each.outcome, each.status) for each in serving.heard.records]
    assert ends == [("shed", 503), ("shed", 200)], "a status that was sent is not taken back"
    assert len(serving.gateway.exchanges) == 1, "the oldest goes on"
    body = await new.read_until(b"0\r\n\r\n")
    assert b'"overloaded"' in body
    assert b"[DONE]" not in body
    serving.gateway.uses_memory(mark - 1)
    other = await world.client(serving)
    other.send(request(STREAM))
    await other.read_until(HELLO)
