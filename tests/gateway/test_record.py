"""What the record says of the gateway's own share is true: its time on either side, and the bytes it wrote itself."""

import asyncio

import pytest

from tests.gateway.asking import ask
from tests.support.events import WHOLE_STREAM, completion
from tests.support.raw_client import CHAT, STREAM, get, request
from tests.support.raw_upstream import Call, sized, streamed
from tests.support.world import World


@pytest.mark.parametrize(("raw", "asks"), [(sized(completion()), CHAT), (streamed(*WHOLE_STREAM), STREAM)])
async def test_the_gateways_own_time_is_told_on_both_sides(world: World, raw: bytes, asks: bytes) -> None:
    answer, serving = await ask(world, raw, asks)
    record = await serving.record()
    assert 0 < record.added_s < record.duration_s
    assert 0 < record.answer_added_s < record.duration_s
    assert record.added_s + record.answer_added_s <= record.duration_s
    assert record.stream.bytes_to_client == len(answer.body)
    assert serving.metric("request_processing_seconds_count") == 1
    assert serving.metric("response_processing_seconds_count") == 1


async def test_waiting_for_the_provider_is_not_the_gateways_time(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        await asyncio.sleep(0.2)
        call.send(sized(completion()))
        await call.gone()

    _, serving = await ask(world, play, CHAT)
    record = await serving.record()
    assert record.duration_s >= 0.2
    assert record.added_s + record.answer_added_s < 0.1


async def test_a_request_that_asks_nobody_has_no_share(world: World) -> None:
    _, serving, client = await world.between(sized(completion()))
    answer = await client.ask(get("/nowhere"), "GET")
    record = await serving.record()
    assert (record.added_s, record.answer_added_s) == (0.0, 0.0)
    assert record.stream.bytes_to_client == len(answer.body)
    assert serving.metric("request_processing_seconds_count") == 0
    assert serving.metric("response_bytes_total") == len(answer.body)


async def test_a_refusals_bytes_are_those_that_the_client_got(world: World) -> None:
    _, serving, client = await world.between(sized(b"x" * 5000, status="500 Internal Server Error"))
    answer = await client.ask(request())
    assert (await serving.record()).stream.bytes_to_client == len(answer.body)


async def test_a_connect_is_timed_only_when_there_was_one(world: World) -> None:
    _, serving, client = await world.between(sized(completion()))
    for _ in range(3):
        await client.ask(request())
    first, *others = [record.connect_s for record in serving.records]
    assert first is not None
    assert 0 < first < 1
    assert others == [None, None]
    assert serving.metric("upstream_connect_duration_seconds_count") == 1
