"""Every mishap of the soak, at every place it may have, for every client of every provider: what the soak expects is
what a gateway does that has nothing else to do. So a wrong answer in half an hour of everything is one of load, not of
the deck.
"""

import asyncio
import random
from collections.abc import Iterator

import msgspec
import pytest

from bench.soak import connection, gateway
from bench.soak.asked import Question, request, trace
from bench.soak.case import Case, Reads, Saw
from bench.soak.gateway import Ports
from bench.soak.judging import verdict
from bench.soak.mishaps import LAST_EVENT, MISHAPS, Mishap, case
from sluice.config.compile import load
from sluice.config.source import Source
from sluice.standard import STANDARD
from sluice.testing.fake_fault import Fault
from sluice.verify.facts import CLIENTS, PROVIDERS
from tests.support.sockets import full_backlog
from tests.support.waiting import until
from tests.support.world import World

WORDS = " ".join(f"word{number}" for number in range(LAST_EVENT + 3))
DRAWS = 300
"""So many that every place of a fault is drawn."""
AT_ONCE = 120
"""Of providers that fall silent, which cost nothing but their silence."""
AT_ONCE_AND_BUSY = 8
"""Of those that speak. One that writes byte by byte keeps this process busy for as long as it speaks, and all of them
have to come to an end within their client's patience."""
SILENCE_S = 3.0
PATIENCE_S = 30.0
"""With a provider that speaks: that it is slow, on a machine that does other things too, is no silence."""


def faults(chosen: Mishap) -> list[Fault]:
    """All that it may be."""
    dice = random.Random(1)
    return list({msgspec.json.encode(fault): fault for fault in (chosen.fault(dice) for _ in range(DRAWS))}.values())


def cases(chosen: Mishap) -> Iterator[Case]:
    for fault in faults(chosen):
        for provider in chosen.providers:
            for client in CLIENTS:
                question = Question(client=client, model=gateway.model(provider), content=WORDS)
                for stream in (True, False) if chosen.whole else (True,):
                    yield case(chosen, fault, question, stream=stream)


@pytest.mark.timed
@pytest.mark.parametrize("chosen", MISHAPS, ids=[f"{each.kind}-{number}" for number, each in enumerate(MISHAPS)])
async def test_what_is_expected_comes(world: World, monkeypatch: pytest.MonkeyPatch, chosen: Mishap) -> None:
    stalls = chosen.kind == "stalled"
    monkeypatch.setattr(gateway, "SILENCE_S", SILENCE_S if stalls else PATIENCE_S)
    fake = await world.fake()
    with full_backlog() as wall:
        text = gateway.configuration(Ports(fake=fake.port, wall=wall, closed=wall))
        serving = await world.gateway(load([Source("gateway.yaml", text)], {}, STANDARD))
    asked = list(cases(chosen))
    room = asyncio.Semaphore(AT_ONCE if stalls else AT_ONCE_AND_BUSY)

    async def saw(number: int, each: Case) -> Saw:
        assert each.question is not None
        async with room:
            asking = await connection.connect(serving.port, Reads())
            try:
                heard = await asking.ask(request(each.question, trace(1, number), serving.port), each.behaviour)
            finally:
                asking.close()
        found = verdict(each, heard, crowded=False)
        assert found.saw != "wrong", (each.question, found.sentence)
        return found.saw

    seen = await asyncio.gather(*(saw(number, each) for number, each in enumerate(asked)))
    await until(lambda: len(serving.records) == len(asked))
    outcomes = {record.trace_id: record.outcome for record in serving.records}
    for number, each in enumerate(asked):
        assert outcomes[trace(1, number)] in each.ends[seen[number]], each.question


def test_every_event_is_broken_but_that_of_a_ping_is_no_failure() -> None:
    broken = [each for each in MISHAPS if each.kind.startswith("malformed")]
    for provider in PROVIDERS:
        places = {fault.malformed for each in broken if provider in each.providers for fault in faults(each)}
        assert places >= set(range(LAST_EVENT))
