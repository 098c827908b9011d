"""What is seen of exchanges under way: where each is, how it does, and no more rows than people can read."""

import asyncio
import time
from contextlib import AsyncExitStack

import msgspec
import pytest

from sluice.errors import Unavailable
from sluice.gateway.watching import SHOWN, look, passed_on, targets
from sluice.policies.admission import Admission
from sluice.policies.ai import AiPolicy
from sluice.policies.guards import Guards
from sluice.policies.health import TargetHealth
from sluice.policies.streaming import Streaming
from sluice.relay.outcome import Outcome
from sluice.testing.fake_provider import FakeProvider
from tests.gateway.judged import at, hangs
from tests.support.events import DONE, HELLO, ROLE, STOP, WORLD, slow_script
from tests.support.measuring import undisturbed
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, Play, chunk, chunked_head, silent
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World


def says(*pieces: bytes) -> Play:
    """A provider that begins a stream and says no more."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), *map(chunk, pieces))
        await call.gone()

    return play


async def reached(serving: Serving, **wanted: int) -> None:
    await until(lambda: look(serving.gateway, 0.0)[0] == wanted)


async def test_a_request_in_the_queue_waits_at_the_door_and_the_one_before_it_asks(world: World) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(to_provider(upstream.port, admission=Admission(max_concurrent=1, max_queue=1)))
    for _ in range(2):
        (await world.client(serving)).send(request(CHAT))
    await reached(serving, asking=1, queued=1)


async def test_a_stream_without_a_token_waits_for_it_and_with_one_it_streams(world: World) -> None:
    for pieces, phase in (((ROLE,), "first_token"), ((ROLE, HELLO), "streaming")):
        _, serving, client = await world.between(says(*pieces))
        client.send(request(STREAM))
        await reached(serving, **{phase: 1})


async def test_what_a_judge_is_asked_about_is_held(world: World) -> None:
    hook = await world.upstream(hangs)
    upstream = await world.upstream(says(ROLE, HELLO, WORLD, STOP))
    serving = await world.gateway(upstream.port, ai=AiPolicy(guards=Guards(response=(at(hook.port),))))
    client = await world.client(serving)
    client.send(request(STREAM))
    await reached(serving, held=1)


async def test_a_client_that_does_not_read_is_seen_as_the_one_that_is_waited_for(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head())
        while True:
            call.send(chunk(HELLO * 2000))
            await call.writer.drain()

    upstream = await world.upstream(play)
    serving = await world.gateway(upstream.port)
    client = await world.client(serving, receive_buffer=1 << 16)
    client.send(request(STREAM))
    client.stop_reading()
    await reached(serving, slow_client=1)


async def test_an_answer_whose_client_has_left_is_seen_as_read_on(world: World) -> None:
    seen = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE + HELLO))
        await seen.wait()
        call.send(chunk(STOP + DONE), chunk(b""))
        await call.gone()

    _, serving, client = await world.between(play, streaming=Streaming(on_disconnect="continue"))
    client.send(request(STREAM))
    await client.read_until(HELLO)
    client.close()
    await reached(serving, reading_on=1)
    seen.set()
    await serving.record()


async def test_a_row_says_who_where_and_how_fast_and_nothing_of_what_was_said(world: World) -> None:
    fake = await world.fake()
    fake.script(slow_script(40, 0.02))
    serving = await world.gateway(fake.port)
    client = await world.client(serving)
    client.send(request(STREAM.replace(b'"hi"', b'"a canary prompt"'), headers=["Authorization: Bearer sk-canary"]))
    await until(lambda: passed_on(serving.gateway, 0.0)[0] >= 5)
    _, (row,) = look(serving.gateway, time.monotonic())
    assert (row.phase, row.model, row.streaming) == ("streaming", "m", True)
    assert (row.provider, row.target) == ("openai", "openai")
    assert (row.route, row.endpoint, row.path) == ("test-openai", f"127.0.0.1:{fake.port}", "/openai")
    assert row.tokens >= 5
    assert row.bytes > 0
    assert row.ttft_s is not None
    assert 0 < row.ttft_s <= row.age_s
    assert passed_on(serving.gateway, 0.0)[1] == [pytest.approx(row.ttft_s, abs=0.0001)]
    assert passed_on(serving.gateway, time.monotonic())[1] == [], "it came before"
    assert row.tokens_per_s is not None
    assert 20 < row.tokens_per_s <= 51, "one in 20 ms"
    assert row.quiet_s < row.age_s
    shown = msgspec.json.encode(row)
    assert b"canary" not in shown
    assert b"Hello" not in shown


async def test_a_target_is_shown_as_its_breaker_has_it(world: World) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(upstream.port)
    client = await world.client(serving)
    client.send(request(CHAT))
    await reached(serving, asking=1)
    now = time.monotonic()
    (target,) = targets(serving.gateway, now)
    assert (target.backend, target.name, target.state, target.pending) == ("test/openai", "openai", "open", 1)
    (group,) = serving.gateway.active.groups(serving.gateway.active.plan.models[0].backend, "chat")  # type: ignore[arg-type]  # it has one
    health: TargetHealth = group[0].health
    health.ended("failure", now, attempt=health.began(now), rest_s=30.0)
    (resting,) = targets(serving.gateway, now)
    assert (resting.state, resting.failures) == ("resting", 1)
    assert resting.rests_s == pytest.approx(30.0)
    assert targets(serving.gateway, now + 31.0)[0].state == "half-open"


@pytest.mark.timed
async def test_of_many_streams_two_hundred_are_shown_and_to_look_takes_milliseconds(world: World) -> None:
    """Real streams over real sockets; the bound is loose, the best of five is what counts."""
    many = 600
    fake = await world.fake()
    serving = await world.gateway(fake.port)
    async with AsyncExitStack() as stack:
        await _open(stack, serving, fake, many)
        await until(lambda: look(serving.gateway, 0.0)[0] == {"streaming": many}, within_s=15.0)
        took_s = []
        with undisturbed():
            for _ in range(5):
                began = time.thread_time()
                now = time.monotonic()
                counts, rows = look(serving.gateway, now)
                targets(serving.gateway, now)
                took_s.append(time.thread_time() - began)
            began = time.thread_time()
            passed = passed_on(serving.gateway, now)[0]
            passed_took_s = time.thread_time() - began
        assert sum(counts.values()) == many
        assert passed >= many
        assert len(rows) == SHOWN
        assert len({row.key for row in rows}) == SHOWN
        ages = [row.age_s for row in rows]
        assert ages == sorted(ages, reverse=True)
        newest = min(exchange.account.request.received_at for exchange in serving.gateway.exchanges)
        oldest_s, youngest_s = now - newest, ages[-1]
        assert ages[0] == pytest.approx(oldest_s, abs=0.01), "who has been silent for the longest time is shown"
        assert youngest_s < oldest_s
        assert min(took_s) < 0.006, f"{min(took_s) * 1000:.1f} ms"
        assert passed_took_s < 0.006
        serving.gateway.cut_all(Outcome("drained", Unavailable("the test is over")))
        await until(lambda: not serving.gateway.exchanges)


async def _open(stack: AsyncExitStack, serving: Serving, fake: FakeProvider, many: int) -> None:
    for at_once in range(0, many, 100):
        for _ in range(at_once, at_once + 100):
            fake.script(slow_script(1, 60.0))
            client = await stack.enter_async_context(await serving.client())
            client.send(request(STREAM))
        await asyncio.sleep(0)
