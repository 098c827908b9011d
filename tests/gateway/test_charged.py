"""Who gets no word of an answer is charged for the prompt only where a provider may work on it."""

import asyncio

import msgspec
import pytest

from sluice.policies.budget import Budget
from sluice.policies.deadlines import Deadlines
from sluice.policies.retry import Retry
from tests.gateway.test_failover import after, target
from tests.support.events import ERROR, ROLE
from tests.support.plans import ai, plan, route, to_provider
from tests.support.raw_client import request
from tests.support.raw_upstream import Call, Play, answering, silent, sized, streamed
from tests.support.serving import Serving
from tests.support.sockets import full_backlog
from tests.support.waiting import until
from tests.support.world import World

BUSY = sized(b'{"error":{"message":"busy"}}', status="503 X")
LONG = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"%b"}]}' % (b"word " * 400)
PATH = "/openai/v1/chat/completions"


BUDGET = Budget(id="b", name="b", amount=500_000, unit="tokens", period="Day")


async def counting(world: World, port: int, **members: object) -> Serving:
    """A gateway that counts tokens."""
    entry = route("/openai", ai(port), **members)
    return await world.gateway(
        plan(msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, budgets=(BUDGET,))))
    )


async def hangs_up(call: Call) -> None:
    await call.request()
    call.fin()


FIRST: dict[str, tuple[Play | bytes, str]] = {
    "has refused": (answering(BUSY), "none"),
    "has failed in its answer": (answering(streamed(ROLE, ERROR)), "none"),
    "has hung up": (hangs_up, "estimated"),
}


@pytest.mark.parametrize("leaves", [True, False], ids=["the client leaves", "the total runs out"])
@pytest.mark.parametrize("case", FIRST)
async def test_in_the_pause_before_the_next_attempt(world: World, case: str, leaves: bool) -> None:
    play, provenance = FIRST[case]
    upstream = await world.upstream(play)
    clocks = Deadlines() if leaves else Deadlines(total_s=0.3)
    serving = await counting(world, upstream.port, retry=Retry(attempts=2, backoff_s=9.0), deadlines=clocks)
    client = await world.client(serving)
    client.send(request(LONG, path=PATH))
    await until(lambda: len(upstream.asked) == 1)
    if leaves:
        await asyncio.sleep(0.1)
        client.close()
    record = await serving.record()
    assert (record.outcome, record.attempts) == ("client_gone" if leaves else "timeout", 1)
    assert record.money.provenance == provenance
    assert bool(record.money.usage.input_tokens) is (provenance == "estimated")


@pytest.mark.parametrize("leaves", [True, False], ids=["the client leaves", "the total runs out"])
async def test_while_nobody_has_let_us_in(world: World, leaves: bool) -> None:
    clocks = Deadlines(connect_s=9.0) if leaves else Deadlines(connect_s=9.0, total_s=0.3)
    with full_backlog() as port:
        serving = await counting(world, port, deadlines=clocks)
        client = await world.client(serving)
        client.send(request(LONG, path=PATH))
        if leaves:
            await asyncio.sleep(0.2)
            client.close()
        record = await serving.record()
    assert record.outcome == ("client_gone" if leaves else "timeout")
    assert record.money.provenance == "none"


async def test_who_has_the_request_may_work_on_it_whatever_the_next_one_says(world: World) -> None:
    """The first has it and falls silent; the second refuses, and before the third is asked the client has left."""
    first, second = await world.upstream(silent), await world.upstream(BUSY)
    with full_backlog() as port:
        targets = (target("first", first.port), target("second", second.port), target("third", port))
        serving = await world.gateway(to_provider(0, backend=after(*targets), deadlines=Deadlines(headers_s=0.1)))
        client = await world.client(serving)
        client.send(request(LONG))
        await until(lambda: len(second.asked) == 1)
        await asyncio.sleep(0.1)
        client.close()
        record = await serving.record()
    assert record.outcome == "client_gone"
    assert (record.money.provenance, record.money.usage.output_tokens) == ("estimated", 0)
