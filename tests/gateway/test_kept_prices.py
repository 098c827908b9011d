"""gateway.active: an exchange is paid by the prices that it began with, whatever is loaded while it is under way."""

import asyncio

import msgspec
import pytest

from sluice.config.plan import AiBackend, Plan
from sluice.policies.budget import NANOS_PER_USD, Budget
from sluice.policies.cost import Price, Prices, Rates, rate
from sluice.policies.observing import Logging, Observing
from sluice.policies.streaming import Streaming
from tests.gateway.test_failover import after, target
from tests.support.events import DONE, HELLO, ROLE, STOP, USAGE, completion
from tests.support.plans import ai, plan, route
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, chunk, chunked_head, sized
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World


def of(dollars: str) -> Prices:
    """A million tokens that are answered cost so much; those that are asked, a tenth."""
    each = Price(Rates(input=rate(str(int(dollars) // 10)), output=rate(dollars)))
    return Prices({"openai": {"m-1": each}})


BEFORE = of("10")
COST = 3 * 10**6 + 2 * 10**7
"""Picodollars of 3 tokens asked and 2 answered, by these."""
AFTER = {"dearer": of("1000"), "without this model": Prices({}), "without any": Prices(None)}
RATES = Logging(add=(("rates", "llm.costRates"), ("cost", "llm.cost.total")))
BUDGET = Budget(id="b", name="b", amount=NANOS_PER_USD)


class Meanwhile:
    """A provider that waits in the midst of its answer until prices have changed."""

    def __init__(self) -> None:
        self.asked, self.changed = asyncio.Event(), asyncio.Event()

    async def _changed(self) -> None:
        self.asked.set()
        await self.changed.wait()

    async def whole(self, call: Call) -> None:
        await call.request()
        await self._changed()
        call.send(sized(completion()))

    async def stream(self, call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE + HELLO))
        await self._changed()
        call.send(chunk(STOP + USAGE + DONE), chunk(b""))
        await call.gone()

    async def refusal(self, call: Call) -> None:
        await call.request()
        await self._changed()
        call.send(sized(b'{"error":{"message":"x"}}', status="500 X"))


def observed(backend: AiBackend, *budgets: Budget, how: str = "cancel") -> Plan:
    """Its log says what an exchange costs, and by which rates."""
    entry = route("/openai", backend, streaming=Streaming(on_disconnect=how))  # type: ignore[arg-type]
    entry = msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, budgets=budgets))
    return msgspec.structs.replace(plan(entry), observing=Observing(logging=RATES))


async def begun(world: World, whole: Plan) -> Serving:
    serving = await world.gateway(whole)
    serving.use(whole, BEFORE)
    return serving


async def paid(serving: Serving, number: int = 1) -> None:
    """Everybody says the same: the record, the log, and what an operator's expressions say."""
    record = await serving.record(number)
    assert (record.money.cost.status, record.money.cost.total) == ("Exact", COST)
    fields = dict(record.observed.fields)
    assert fields == {"rates": {"input": 1.0, "output": 10.0}, "cost": COST / 10**12}


@pytest.mark.parametrize("budgets", [(), (BUDGET,)], ids=["no budget", "budget"])
@pytest.mark.parametrize("prices", AFTER)
async def test_a_whole_answer_says_and_pays_what_it_cost_when_it_was_asked(
    world: World, prices: str, budgets: tuple[Budget, ...]
) -> None:
    meanwhile = Meanwhile()
    whole = observed(ai((await world.upstream(meanwhile.whole)).port), *budgets)
    serving = await begun(world, whole)
    client = await world.client(serving)
    client.send(request(CHAT))
    await meanwhile.asked.wait()
    serving.use(whole, AFTER[prices])
    meanwhile.changed.set()
    assert (await client.answer()).header("x-sluice-cost") == "0.000023"
    await paid(serving)


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("prices", AFTER)
async def test_a_stream_pays_what_it_cost_when_it_began_also_if_its_client_has_left(
    world: World, prices: str, leaves: bool
) -> None:
    meanwhile = Meanwhile()
    whole = observed(ai((await world.upstream(meanwhile.stream)).port), how="continue")
    serving = await begun(world, whole)
    client = await world.client(serving)
    client.send(request(STREAM))
    await client.read_until(HELLO)
    if leaves:
        client.close()
        await until(lambda: serving.gateway.reading_on == 1)
    serving.use(whole, AFTER[prices])
    meanwhile.changed.set()
    await paid(serving)


@pytest.mark.parametrize("prices", AFTER)
async def test_a_budget_is_charged_by_the_prices_by_which_it_was_reserved(world: World, prices: str) -> None:
    """The next request finds it spent by no more and no less."""
    meanwhile = Meanwhile()
    whole = observed(ai((await world.upstream(meanwhile.whole)).port), BUDGET)
    serving = await begun(world, whole)
    client = await world.client(serving)
    client.send(request(CHAT))
    await meanwhile.asked.wait()
    serving.use(whole, AFTER[prices])
    meanwhile.changed.set()
    await client.answer()
    await serving.record()
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 200
    assert serving.gateway.services.money.used.shares() == {"b": COST / 10**12}  # it has a dollar


async def test_the_next_target_is_paid_by_the_prices_of_the_first(world: World) -> None:
    meanwhile = Meanwhile()
    first, second = await world.upstream(meanwhile.refusal), await world.upstream(sized(completion()))
    whole = observed(after(target("first", first.port), target("second", second.port)))
    serving = await begun(world, whole)
    client = await world.client(serving)
    client.send(request(CHAT))
    await meanwhile.asked.wait()
    serving.use(whole, AFTER["dearer"])
    meanwhile.changed.set()
    assert (await client.answer()).header("x-sluice-cost") == "0.000023"
    await paid(serving)


async def test_who_asks_after_a_reload_pays_the_new_prices(world: World) -> None:
    whole = observed(ai((await world.upstream(sized(completion()))).port))
    serving = await begun(world, whole)
    serving.use(whole, AFTER["dearer"])
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert answer.header("x-sluice-cost") == "0.0023"
    assert (await serving.record()).money.cost.total == 100 * COST
