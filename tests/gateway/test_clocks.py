"""The clocks of an exchange, and the ways of not getting to the provider at all."""

import asyncio

import pytest

from tests.gateway.asking import ask
from tests.support.events import HELLO, ROLE
from tests.support.http_answer import error_of
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, chunk, chunked_head, silent
from tests.support.world import World

# -- clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total_s", [0.05, 0.1, 0.2])
async def test_the_total_clock_before_the_commit_point_is_504(world: World, total_s: float) -> None:
    """Lab A023: the body says `request timeout`, the duration is near the limit."""
    answer, serving = await ask(world, silent, CHAT, total_s=total_s)
    assert (answer.status, error_of(answer).code, error_of(answer).message) == (504, "timeout_total", "request timeout")
    record = await serving.record()
    assert (record.outcome, record.status, record.reason) == ("timeout", 504, "Timeout")
    assert total_s - 0.002 <= record.duration_s < total_s + 0.05
    assert serving.pool.open_connections == 0


async def test_the_clock_of_the_head_is_504(world: World) -> None:
    answer, serving = await ask(world, silent, CHAT, headers_s=0.05)
    assert (answer.status, error_of(answer).code) == (504, "timeout_headers")
    assert (await serving.record()).outcome == "timeout"


async def stalls_after(call: Call, *data: bytes) -> None:
    await call.request()
    call.send(chunked_head(), *map(chunk, data))
    await call.gone()


@pytest.mark.parametrize(
    ("clock", "code"),
    [("total_s", "timeout_total"), ("first_token_s", "timeout_first_token"), ("idle_s", "timeout_idle")],
)
async def test_a_clock_before_the_first_token_is_504(world: World, clock: str, code: str) -> None:
    answer, serving = await ask(world, lambda call: stalls_after(call, ROLE), STREAM, **{clock: 0.08})
    assert (answer.status, error_of(answer).code) == (504, code)
    assert (await serving.record()).outcome == "timeout"


@pytest.mark.parametrize(("clock", "code"), [("total_s", b"timeout_total"), ("idle_s", b"timeout_idle")])
async def test_a_clock_after_it_is_an_event(world: World, clock: str, code: bytes) -> None:
    answer, serving = await ask(world, lambda call: stalls_after(call, ROLE, HELLO), STREAM, **{clock: 0.08})
    assert answer.body.startswith(ROLE + HELLO)
    assert code in answer.body
    assert b"[DONE]" not in answer.body
    record = await serving.record()
    assert (record.outcome, record.status) == ("timeout", 200)


async def test_pings_reset_no_clock(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE))
        while not call.writer.transport.is_closing():
            call.send(chunk(b": ping\n\n"))
            await asyncio.sleep(0.01)

    answer, _ = await ask(world, play, STREAM, idle_s=0.1)
    assert (answer.status, error_of(answer).code) == (504, "timeout_idle")


# -- the way there -----------------------------------------------------------------------------------------------------


async def test_a_provider_that_is_down_is_503(world: World) -> None:
    upstream = await world.upstream(b"")
    await upstream.close()
    serving = await world.gateway(upstream.port)
    answer = await (await world.client(serving)).ask(request())
    assert (answer.status, error_of(answer).code) == (503, "upstream_unreachable")
    record = await serving.record()
    assert (record.outcome, record.reason) == ("upstream_error", "UpstreamFailure")


async def test_a_provider_that_closes_before_it_answers_is_502(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()

    answer, serving = await ask(world, play)
    assert (answer.status, error_of(answer).code) == (502, "upstream_truncated")
    assert (await serving.record()).outcome == "upstream_truncated"
