"""Who gets no word of an answer is charged for the prompt only where a provider may work on it."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from sluice.net.pool import Lease
from sluice.policies.budget import Budget
from sluice.policies.deadlines import Deadlines
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming
from sluice.providers.bedrock import BEDROCK
from sluice.relay.record import ExchangeRecord
from tests.gateway.test_failover import after, target
from tests.gateway.test_plain_call import TITAN, to
from tests.support.events import ERROR, ROLE
from tests.support.plans import ai, plan, route, to_provider
from tests.support.raw_client import request
from tests.support.raw_upstream import Call, Play, RawUpstream, answering, chunk, chunked_head, silent, sized, streamed
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


async def record_of_one(world: World, serving: Serving, upstream: RawUpstream, *, leaves: bool) -> ExchangeRecord:
    """Ask once, and stay; or leave a moment after the provider has the request."""
    client = await world.client(serving)
    client.send(request(LONG, path=PATH))
    await until(lambda: len(upstream.asked) == 1)
    if leaves:
        await asyncio.sleep(0.1)
        client.close()
    return await serving.record()


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
    record = await record_of_one(world, serving, upstream, leaves=leaves)
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


HALF_A_REFUSAL = b"HTTP/1.1 503 X\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"


@pytest.mark.parametrize("leaves", [True, False], ids=["the client leaves", "the total runs out"])
async def test_while_a_refusal_is_being_read(world: World, leaves: bool) -> None:
    upstream = await world.upstream(answering(HALF_A_REFUSAL))
    serving = await counting(world, upstream.port, deadlines=Deadlines() if leaves else Deadlines(total_s=0.3))
    record = await record_of_one(world, serving, upstream, leaves=leaves)
    assert record.outcome == ("client_gone" if leaves else "timeout")
    assert (record.money.provenance, record.money.usage.input_tokens) == ("none", 0)


LATE: dict[str, tuple[list[bytes], list[bytes], str]] = {
    "a refusal": ([], [BUSY], "none"),
    "an error in its answer": ([chunked_head(), chunk(ROLE)], [chunk(ERROR), chunk(b"")], "none"),
    "no event of its API": ([chunked_head(), chunk(ROLE)], [chunk(b"data: <html>\n\n"), chunk(b"")], "none"),
    "a page with 200": ([], [sized(b"<html>busy</html>")], "none"),
    "another place": ([], [b"HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"], "none"),
    "it hangs up": ([chunked_head(), chunk(ROLE)], [], "estimated"),
}


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("case", LATE)
async def test_whose_client_has_left_and_reads_on(world: World, case: str, stays: bool) -> None:
    """As one pays whose client stays."""
    soon, late, provenance = LATE[case]
    left = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(*soon)
        await left.wait()
        if late:
            call.send(*late)
        call.fin()

    upstream = await world.upstream(play)
    serving = await counting(world, upstream.port, streaming=Streaming(on_disconnect="drain", drain_s=5.0))
    client = await world.client(serving)
    client.send(request(LONG, path=PATH))
    await until(lambda: len(upstream.asked) == 1)
    if not stays:
        client.close()
        await until(lambda: serving.gateway.reading_on == 1)
    left.set()
    record = await serving.record()
    assert (record.outcome == "client_gone", record.money.provenance) == (not stays, provenance)


DONE = sized(b'{"embedding":[0.1],"inputTextTokenCount":5}')


@pytest.mark.parametrize(
    ("first", "second", "provenance"),
    [
        ([DONE], [BUSY], "estimated"),
        ([b"", DONE], [BUSY[:-3], b"", BUSY[-3:]], "estimated"),
        ([DONE], [b"SSH-2.0-x\r\n\r\n"], "estimated"),
        ([], [BUSY], "none"),
        ([BUSY], [BUSY], "none"),
    ],
    ids=["after it", "while one is refused", "beside what is no HTTP", "nobody has answered", "all are refused"],
)
async def test_who_has_answered_one_of_several_requests_is_paid_although_another_failed(
    world: World, first: list[bytes], second: list[bytes], provenance: str
) -> None:
    asked = 0

    async def play(call: Call) -> None:
        nonlocal asked
        await call.request()
        asked += 1
        mine = first if asked == 1 else second
        await until(lambda: len(upstream.asked) == 2)
        if mine is second:
            await asyncio.sleep(0.1)
        for part in mine:
            call.send(part)
            await asyncio.sleep(0.2)
        await call.gone()

    upstream = await world.upstream(play)
    serving = await world.gateway(to(BEDROCK, upstream.port, model=TITAN))
    inputs = b'{"model":"m","input":["%b","b"]}' % (b"a " * 400)
    answer = await (await world.client(serving)).ask(request(inputs, path="/v1/embeddings"))
    record = await serving.record()
    assert (answer.status in (502, 503), record.outcome) == (True, "upstream_error")
    assert record.money.provenance == provenance


@pytest.mark.parametrize("leaves", [True, False], ids=["the client leaves", "the total runs out"])
async def test_who_acknowledges_nothing_is_not_there_and_is_not_paid(
    world: World, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """A resting connection whose host has gone: the kernel keeps all that it was given."""
    monkeypatch.setattr("sluice.net.upstream.unacknowledged", lambda transport: 1 << 20)
    monkeypatch.setattr("sluice.net.pool.DEAF_S", 0.05)
    upstream = await world.upstream(silent)
    serving = await counting(world, upstream.port, deadlines=Deadlines(headers_s=9.0 if leaves else 0.3))
    record = await record_of_one(world, serving, upstream, leaves=leaves)
    assert record.outcome == ("client_gone" if leaves else "timeout")
    assert record.money.provenance == "none"


SECOND: dict[str, Play | bytes] = {"refuses": answering(BUSY), "fails in its answer": answering(streamed(ROLE, ERROR))}


@pytest.mark.parametrize("case", SECOND)
@pytest.mark.parametrize("kept_first", [True, False])
async def test_the_order_of_targets_makes_no_difference(world: World, case: str, kept_first: bool) -> None:
    """One has the request and falls silent, the other says no; the client hears the end."""
    kept, refused = await world.upstream(silent), await world.upstream(SECOND[case])
    targets = [target("kept", kept.port), target("refused", refused.port)]
    backend = after(*(targets if kept_first else targets[::-1]))
    serving = await world.gateway(to_provider(0, backend=backend, deadlines=Deadlines(headers_s=0.1)))
    await (await world.client(serving)).ask(request(LONG))
    record = await serving.record()
    assert record.outcome == ("upstream_error" if kept_first else "timeout")
    assert (record.money.provenance, record.money.usage.output_tokens) == ("estimated", 0)


async def test_of_several_requests_at_once_each_takes_back_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second meets a dead connection, which takes nothing from who works on the first."""
    upstream = await world.upstream(silent)
    serving = await world.gateway(to(BEDROCK, upstream.port, model=TITAN))
    opens, asked, taken_back = serving.pool.open, asyncio.Event(), asyncio.Event()

    async def opening(*args: Any, sent: Callable[[bool], object], **named: Any) -> Lease:
        if not asked.is_set():
            asked.set()
            return await opens(*args, sent=sent, **named)
        await until(lambda: len(upstream.asked) == 1)
        sent(True)
        sent(False)
        taken_back.set()
        return await asyncio.Future()

    monkeypatch.setattr(serving.pool, "open", opening)
    client = await world.client(serving)
    client.send(request(b'{"model":"m","input":["a","b"]}', path="/v1/embeddings"))
    await taken_back.wait()
    client.close()
    record = await serving.record()
    assert (record.outcome, record.money.provenance) == ("client_gone", "estimated")
