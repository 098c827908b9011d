"""What a client was given is delivered: an end of the process waits for who pauses, as long as a drain may take."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.net.lifecycle import FLUSH_S
from tests.journeys.test_ledger_survives import rows
from tests.journeys.tills import body, gateway
from tests.net.clients_side import Reader
from tests.support.command import Sluice
from tests.support.events import HELLO, completion
from tests.support.raw_client import request
from tests.support.raw_upstream import Call, RawUpstream, chunk, chunked_head, sized
from tests.support.waiting import until
from tests.support.world import World

STEP = 16 << 10
MOST = 16 << 20
"""No kernel takes more for a client that does not read."""


class Sized:
    """A provider whose next answers have this size."""

    def __init__(self) -> None:
        self.size = 0

    async def __call__(self, call: Call) -> None:
        while await call.request():
            call.send(sized(completion("x" * self.size)))


def given_up(sluice: Sluice, number: int) -> Callable[[], bool]:
    return lambda: len(sluice.requests()) >= number


async def ask(world: World, sluice: Sluice) -> Reader:
    """A client that asks and does not read."""
    reader = await world.enter(await asyncio.to_thread(Reader, sluice.port, None))
    reader.send(request())
    return reader


async def largest_taken(world: World, sluice: Sluice, provider: Sized) -> int:
    """The largest answer, but for a step, that is over for us although its client reads nothing of it: the kernel holds
    most of it, and our own buffer the rest, less than its mark."""
    low, high = 0, MOST
    while high - low > STEP:
        provider.size = (low + high) // 2
        before = len(sluice.requests())
        reader = await ask(world, sluice)
        try:
            await until(given_up(sluice, before + 1), within_s=0.4)
            low = provider.size
        except TimeoutError:
            high = provider.size
        reader._sock.close()  # a reset, for it has not read
        await until(given_up(sluice, before + 1))
    return low


@pytest.fixture
async def owing(world: World) -> tuple[Sluice, list[tuple[Reader, int]]]:
    """A process that owes its clients the end of their answers, a little more to each, and knows of no exchange; it
    may take a minute for a drain. The clients, and the sizes of their answers."""
    provider = Sized()
    upstream: RawUpstream = await world.upstream(provider)
    env = {"OPENAI_API_KEY": "sk-owing", "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream.port}/v1"}
    sluice = await world.enter(Sluice("--drain-timeout", "60s", env=env))
    largest = await largest_taken(world, sluice, provider)
    clients: list[tuple[Reader, int]] = []
    for less in (STEP, 2 * STEP, 3 * STEP):
        provider.size = largest - less
        before = len(sluice.requests())
        clients.append((await ask(world, sluice), provider.size))
        await until(given_up(sluice, before + 1))
    assert [line["stream.outcome"] for line in sluice.requests()[-3:]] == ["completed"] * 3
    return sluice, clients


async def test_who_pauses_longer_than_everybody_may_has_it_all(
    owing: tuple[Sluice, list[tuple[Reader, int]]],
) -> None:
    sluice, clients = owing
    sluice.signal(signal.SIGTERM)
    await until(lambda: "draining" in sluice.messages())
    await asyncio.sleep(2 * FLUSH_S)
    assert sluice.running, "they have not taken it yet"
    for reader, size in clients:
        assert await reader.rest() > size
    assert await sluice.exit_status(within_s=1.5) == 0
    assert sluice.lines[-1]["cut"] == 0


async def test_a_second_signal_ends_that_too(owing: tuple[Sluice, list[tuple[Reader, int]]]) -> None:
    sluice, _ = owing
    sluice.signal(signal.SIGTERM)
    await until(lambda: "draining" in sluice.messages())
    await asyncio.sleep(1.5 * FLUSH_S)
    assert sluice.running
    sluice.signal(signal.SIGTERM)
    assert await sluice.exit_status(within_s=1.5) == 0


async def test_who_takes_nothing_until_the_deadline_is_in_the_books(world: World, tmp_path: Path) -> None:
    async def flood(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), *[chunk(HELLO) for _ in range(MOST // len(HELLO))])
        await call.gone()

    upstream, ledger = await world.upstream(flood), tmp_path / "sluice" / "ledger.db"
    policies = "{budgets: [{name: house, amountUsd: 1000, period: Month}]}"
    env = {"XDG_STATE_HOME": str(tmp_path)}
    sluice = await world.enter(gateway(tmp_path, upstream.port, "--drain-timeout", "300ms", policies=policies, **env))
    reader = await world.enter(await asyncio.to_thread(Reader, sluice.port, None))
    reader.send(request(body(1, bound=50, stream=True), path="/v1/chat/completions"))
    await until(lambda: ledger.exists() and rows(ledger).keys() == {(None, None)})
    await asyncio.sleep(0.5)
    sluice.signal(signal.SIGTERM)
    assert await sluice.exit_status(within_s=5) == 0
    assert [line["stream.outcome"] for line in sluice.requests()] == ["drained"]
    assert rows(ledger).keys() == {("drained", "counted")}
