"""What becomes of an answer whose client has left: cut, read on within bounds, or read to its end."""

import asyncio

import pytest

from sluice.policies.streaming import Streaming
from tests.gateway.test_failover import after, target
from tests.support.events import DONE, HELLO, ROLE, STOP, USAGE, completion
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, Play, chunk, chunked_head, sized
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World


def goes_on_when(left: asyncio.Event, *rest: bytes) -> Play:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE + HELLO))
        await left.wait()
        call.send(*map(chunk, rest), chunk(b""))
        await call.gone()

    return play


async def leave(world: World, streaming: Streaming, *rest: bytes) -> tuple[Serving, asyncio.Event]:
    left = asyncio.Event()
    _, serving, client = await world.between(goes_on_when(left, *rest), streaming=streaming)
    client.send(request(STREAM))
    await client.read_until(HELLO)
    client.close()
    return serving, left


async def test_by_default_the_provider_is_cut_at_once_and_the_usage_is_lost(world: World) -> None:
    serving, left = await leave(world, Streaming(), STOP + USAGE + DONE)
    record = await serving.record()
    assert (record.outcome, record.status, record.usage) == ("client_gone", 499, None)
    await until(lambda: serving.pool.open_connections == 0)
    left.set()


@pytest.mark.parametrize("how", ["drain", "continue"])
async def test_read_on_the_record_has_the_usage_and_the_same_outcome(world: World, how: str) -> None:
    streaming = Streaming(on_disconnect=how)  # type: ignore[arg-type]  # one of the two
    serving, left = await leave(world, streaming, STOP + USAGE + DONE)
    await until(lambda: serving.gateway.reading_on == 1)
    assert serving.heard.records == []
    left.set()
    record = await serving.record()
    assert (record.outcome, record.status) == ("client_gone", 499)
    assert record.usage is not None
    assert record.usage.output_tokens > 0
    assert record.finish_reason == "stop"
    assert serving.gateway.reading_on == 0


async def test_it_has_its_time_and_no_more(world: World) -> None:
    serving, left = await leave(world, Streaming(on_disconnect="drain", drain_s=0.1))
    record = await serving.record()
    assert record.outcome == "client_gone"
    assert 0.09 < record.duration_s < 1.0
    assert serving.gateway.reading_on == 0
    left.set()


async def test_only_so_many_at_once(world: World) -> None:
    streaming = Streaming(on_disconnect="drain", drain_concurrent=2)
    left = asyncio.Event()
    _, serving, _ = await world.between(goes_on_when(left, STOP + DONE), streaming=streaming)
    clients = [await world.client(serving) for _ in range(3)]
    for client in clients:
        client.send(request(STREAM))
        await client.read_until(HELLO)
    for client in clients:
        client.close()
    await until(lambda: serving.gateway.reading_on == 2 and len(serving.heard.records) == 1)
    left.set()
    await until(lambda: len(serving.heard.records) == 3)
    assert serving.gateway.reading_on == 0


def answers_when(left: asyncio.Event, answer: bytes) -> Play:
    async def play(call: Call) -> None:
        await call.request()
        await left.wait()
        call.send(answer)
        await call.gone()

    return play


@pytest.mark.parametrize("how", ["drain", "continue"])
async def test_before_the_head_too_for_most_of_a_whole_answer_is_that_wait(world: World, how: str) -> None:
    left = asyncio.Event()
    streaming = Streaming(on_disconnect=how)  # type: ignore[arg-type]  # one of the two
    upstream, serving, client = await world.between(answers_when(left, sized(completion())), streaming=streaming)
    client.send(request(CHAT))
    await until(lambda: len(upstream.asked) == 1)
    client.close()
    await until(lambda: serving.gateway.reading_on == 1)
    assert serving.heard.records == []
    left.set()
    record = await serving.record()
    assert (record.outcome, record.status) == ("client_gone", 499)
    assert record.usage is not None
    assert serving.gateway.reading_on == 0


async def test_that_wait_is_bounded_too_and_nobody_else_is_asked_for_a_client_who_left(world: World) -> None:
    left = asyncio.Event()
    first = await world.upstream(answers_when(left, sized(b"{}", status="503 X")))
    second = await world.upstream(sized(completion()))
    backend = after(target("first", first.port), target("second", second.port))
    for drain_s, answers in ((0.1, False), (30.0, True)):
        left.clear()
        streaming = Streaming(on_disconnect="drain", drain_s=drain_s)
        serving = await world.gateway(to_provider(0, backend=backend, streaming=streaming))
        client = await world.client(serving)
        before = len(first.asked)
        client.send(request(CHAT))
        await until(lambda: len(first.asked) == before + 1)  # noqa: B023 - awaited at once
        client.close()
        await until(lambda: serving.gateway.reading_on == 1)  # noqa: B023 - awaited at once
        if answers:
            left.set()
        assert (await serving.record()).outcome == "client_gone"
        assert serving.gateway.reading_on == 0
    assert second.asked == []
