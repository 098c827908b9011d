"""Real processes are told to end under load: streams shorter than the deadline are never cut, longer ones end with an
error event, and the process is gone within a second of the last of them.

Twenty drains at random moments; and the experiment of labs B13, thirty times as fast: streams arrive at a constant
rate, and in their midst a new process takes over the port of the old one.
"""

import asyncio
import contextlib
import json
import random
import signal
from collections import Counter
from dataclasses import dataclass

import pytest

from sluice.testing.fake_provider import FakeProvider
from tests.support.command import Sluice
from tests.support.events import DONE
from tests.support.http_answer import Broken
from tests.support.raw_client import RawClient, request
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

SOON_S = 1.0
"""After the last stream the process is gone (stream-life 10.11)."""


def environment(fake: FakeProvider) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-restart", "OPENAI_BASE_URL": fake.url}


def stream(words: int, first_ms: float, gap_ms: float, *, tag: str) -> bytes:
    """A request for a stream that takes about `first_ms + words * gap_ms`."""
    wish = {"content": " ".join(["word"] * words), "fault": {"gap_ms": [0, first_ms, gap_ms], "tag": tag}}
    message = {"role": "user", "content": f"[[fake {json.dumps(wish)}]]"}
    return request(json.dumps({"model": "m", "stream": True, "messages": [message]}).encode())


async def rest_of(client: RawClient) -> tuple[bytes, float]:
    """Read an answer whose request was sent to its end. Return its body, and when it ended."""
    answer = await client.answer()
    assert answer.status == 200
    assert answer.header("connection") in ("", "close")
    return answer.body, asyncio.get_running_loop().time()


# -- twenty drains -----------------------------------------------------------------------------------------------------

DRAINS = 20
DEADLINE_S = 2.5
"""More than twice what a short stream takes, which is longer on a busy machine."""
SHORT = 12
LONG = 3


async def drain(fake: FakeProvider, dice: random.Random, *, long: int) -> None:
    """One process, fifteen streams at random places of theirs, one SIGTERM."""
    loop, name = asyncio.get_running_loop(), f"drain {dice.random()}"
    async with Sluice("--drain-timeout", f"{DEADLINE_S * 1000:.0f}ms", env=environment(fake)) as sluice:
        clients = [await sluice.client() for _ in range(SHORT + long)]
        resting = await sluice.client()
        for place, client in enumerate(clients):
            gap_ms = dice.uniform(10, 100) if place < SHORT else 500
            words = 7 if place < SHORT else 10_000
            client.send(stream(words, dice.choice((0, 200)), gap_ms, tag=name))
        await until(lambda: len(fake.seen_of(tag=name)) == len(clients))
        await asyncio.sleep(dice.uniform(0.0, 0.15))  # somewhere in the middle
        sluice.signal(signal.SIGTERM)
        told = loop.time()
        await until(lambda: "draining" in sluice.messages())
        assert (await sluice.ask("readiness", "/healthz/ready")).status == 503
        assert await resting.rest() == b""
        bodies = await asyncio.gather(*map(rest_of, clients))
        assert await sluice.exit_status() == 0
        gone = loop.time()
    for client in (*clients, resting):
        client.close()
    for body, _ in bodies[:SHORT]:
        assert body.endswith(DONE), "a stream shorter than the deadline was cut"
    for body, ended in bodies[SHORT:]:
        assert ended - told >= DEADLINE_S - 0.05
        assert b'data: {"error":{"message":"the server is shutting down"' in body
        assert body.endswith(b"}}\n\n")
        assert DONE not in body
    assert gone - max(ended for _, ended in bodies) < SOON_S
    outcomes = Counter(line["stream.outcome"] for line in sluice.requests())
    assert outcomes == Counter({"completed": SHORT, "drained": long})
    assert {line["http.status"] for line in sluice.requests()} == {200}
    assert "Traceback" not in sluice.stderr
    assert "Warning" not in sluice.stderr


@pytest.mark.parametrize("round_", range(4))
async def test_twenty_drains(world: World, round_: int) -> None:
    """Five at once, four times. Without long streams a process does not wait for its deadline."""
    dice, fake = random.Random(round_), await world.fake()
    async with asyncio.TaskGroup() as tasks:
        for number in range(DRAINS // 4):
            tasks.create_task(drain(fake, random.Random(dice.random()), long=LONG * (number % 2)))
    await until(lambda: fake.open_streams == 0)


# -- labs B13 ----------------------------------------------------------------------------------------------------------

TIMES = 30
"""How much faster than the lab."""
EVERY_S = 1.0 / TIMES
FOR_S = 180.0 / TIMES
RESTART_S = 30.0 / TIMES
FIRST_MS = 2000.0 / TIMES
GAP_MS = 600.0 / TIMES
WORDS = (10, 95)
"""Of one stream, at random: 26 s on average in the lab, 58 s at most."""
DRAIN_S = 110.0 / TIMES


@dataclass
class Seen:
    """What the clients saw, counted as the lab does."""

    completed: int = 0
    cut: int = 0
    refused: int = 0
    """Attempts to get in that met nobody, or were hung up on before a byte of an answer; they were made again, as the
    one in front of the processes makes them: between the old one and the new there is a moment without any."""


async def arrive(port: int, seen: Seen, asks: bytes) -> None:
    """One client: insists on getting in, and then reads its stream."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(ConnectionError):
                async with await RawClient.connect(port) as client:
                    client.send(asks)
                    if await client.reader.read(1):
                        await read_on(client, seen)
                        return
            seen.refused += 1
            await asyncio.sleep(0.02)


async def read_on(client: RawClient, seen: Seen) -> None:
    try:
        body = await client.read_until(b"\r\n0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError, Broken):
        seen.cut += 1
        return
    whole = b'"finish_reason":"stop"' in body and DONE in body and b'"error"' not in body
    seen.completed += whole
    seen.cut += not whole


async def test_labs_b13_a_new_process_takes_over_and_no_stream_is_cut(world: World) -> None:
    dice, seen, (port,) = random.Random(13), Seen(), free_ports(1)
    fake = await world.fake()
    arguments = ("--port", str(port), "--drain-timeout", f"{DRAIN_S * 1000:.0f}ms")
    arrivals = int(FOR_S / EVERY_S)
    async with Sluice(*arguments, env=environment(fake), anywhere=False) as old, asyncio.TaskGroup() as clients:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def keep_arriving() -> None:
            for number in range(arrivals):
                asks = stream(dice.randint(*WORDS), FIRST_MS, GAP_MS, tag="b13")
                clients.create_task(arrive(port, seen, asks))
                await asyncio.sleep(began + (number + 1) * EVERY_S - loop.time())

        arriving = clients.create_task(keep_arriving())
        await asyncio.sleep(RESTART_S)
        assert fake.open_streams > 10
        old.signal(signal.SIGTERM)
        await until(lambda: "draining" in old.messages())
        async with Sluice(*arguments, env=environment(fake), anywhere=False) as new:
            assert old.running, "the old one still has its streams"
            assert await old.exit_status(within_s=DRAIN_S + SOON_S) == 0
            await arriving
            await until(lambda: seen.completed + seen.cut == arrivals, within_s=10)
            assert (seen.completed, seen.cut) == (arrivals, 0)
            await until(lambda: len(old.requests()) + len(new.requests()) >= arrivals)
            lines = old.requests() + new.requests()
            assert Counter(line["stream.outcome"] for line in lines) == Counter({"completed": arrivals})
            assert len(old.requests()) > 20
            assert len(new.requests()) > 100
    assert fake.seen == arrivals, "nobody was asked twice"
