"""Where delays and errors on purpose stand: after identity and limits, within the exchange's own time."""

import asyncio
import time

import msgspec
import pytest

from sluice.config.plan import Entry
from sluice.policies.deadlines import Deadlines
from sluice.policies.direct_response import DirectResponse
from sluice.policies.fault_injection import Abort, Delay
from sluice.policies.limiting import AtOnce, Limiting
from sluice.policies.shaping import Shaping
from tests.gateway.test_policing import KEYS, limited, rate
from tests.support.events import completion
from tests.support.http_answer import error_of
from tests.support.plans import ai, plan, route, static
from tests.support.raw_client import CHAT, RawClient, request
from tests.support.raw_upstream import sized
from tests.support.serving import Serving
from tests.support.world import World

LONG = Shaping(delays=(Delay(duration_s=30.0),))


def under(entry: Entry, limits: Limiting) -> Entry:
    return msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, limits=limits))


async def asked(serving: Serving) -> tuple[int, float]:
    began = time.monotonic()
    async with await RawClient.connect(serving.port) as client:
        return (await client.ask(request(CHAT))).status, time.monotonic() - began


async def test_who_is_over_the_limit_does_not_wait_to_hear_it(world: World) -> None:
    upstream = await world.upstream(sized(b"{}"))
    some = Shaping(delays=(Delay(duration_s=0.05),))
    entry = under(route("/openai", static(upstream.port), shaping=some), limited(rates=(rate(),)))
    serving = await world.gateway(plan(entry))
    status, took_s = await asked(serving)
    assert (status, took_s >= 0.05) == (200, True)
    slow = under(route("/openai", static(upstream.port), shaping=LONG), limited(rates=(rate(),)))
    serving.use(msgspec.structs.replace(plan(slow)))
    status, took_s = await asked(serving)
    assert (status, took_s < 5) == (429, True)


@pytest.mark.parametrize("kind", ["plain", "provider"])
async def test_who_waits_has_a_place(world: World, kind: str) -> None:
    upstream = await world.upstream(sized(completion()))
    to = static(upstream.port) if kind == "plain" else ai(upstream.port)
    some = Shaping(delays=(Delay(duration_s=0.3),))
    entry = under(route("/openai", to, shaping=some), limited(at_once=(AtOnce(id="p", name="p", most=1),)))
    serving = await world.gateway(plan(entry))
    answers = await asyncio.gather(*(asked(serving) for _ in range(5)))
    assert sorted(status for status, _ in answers)[1:] == [429] * 4
    assert len(upstream.asked) == 1


async def test_an_aborted_request_has_used_its_limit(world: World) -> None:
    entry = under(route("/openai", ai(1), shaping=Shaping(abort=Abort(status=502))), limited(rates=(rate(),)))
    serving = await world.gateway(plan(entry))
    assert [(await asked(serving))[0] for _ in range(3)] == [502, 429, 429]


async def test_an_abort_comes_before_an_answer_of_the_gateways_own_and_after_identity(world: World) -> None:
    shaping = Shaping(abort=Abort(status=502), direct=(DirectResponse(status=200),))
    serving = await world.gateway(plan(route("/openai", shaping=shaping)))
    assert (await asked(serving))[0] == 502
    serving = await world.gateway(plan(route("/openai", shaping=shaping, access=KEYS)))
    assert (await asked(serving))[0] == 401


@pytest.mark.parametrize("direct", [False, True])
async def test_a_delay_is_part_of_the_time_of_the_exchange(world: World, *, direct: bool) -> None:
    shaping = msgspec.structs.replace(LONG, direct=(DirectResponse(status=200),) if direct else ())
    entry = route("/openai", ai(1), shaping=shaping, deadlines=Deadlines(total_s=0.1))
    serving = await world.gateway(plan(entry))
    began = time.monotonic()
    async with await RawClient.connect(serving.port) as client:
        answer = await client.ask(request(CHAT))
    assert (answer.status, time.monotonic() - began < 5) == (504, True)
    assert error_of(answer).code == "timeout_total"
    record = await serving.record()
    assert record.outcome == "timeout"
