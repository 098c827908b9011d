"""Labs about money, at a whole gateway with a ledger: B6, B7 and C12."""

import pytest

from sluice.policies.cost import Prices
from sluice.standard import STANDARD
from sluice.stores.prices import load_prices
from tests.labs.served import TEXT, Lab, Model, always, bearer, lab, plain, policy, secret
from tests.support.world import World

TEAM = """{api-key: '{"key": "sk-team-a", "metadata": {"team": "a"}, "allowedModels": ["gpt-4o-mini"]}'}"""
KEYS = secret("team-a", TEAM, "{llm: keys}") + policy(
    "    apiKeyAuthentication: {mode: Strict, secretSelector: {matchLabels: {llm: keys}}}\n", "keys"
)
A = bearer("sk-team-a")


def budget(said: str) -> str:
    return policy(f"    budgets: [{{name: team, key: apiKey.team, period: Month, {said}}}]\n", "budget")


@pytest.mark.parametrize("stream", [False, True])
async def test_b6_a_budget_that_blocks_answers_429_and_says_so(world: World, stream: bool) -> None:
    found = await lab(world, KEYS, budget("tokens: 30, onExceeded: Block"), TEXT)
    assert await found.statuses(1, A, stream=stream) == [200]
    statuses = await found.statuses(3, A, stream=stream)
    assert statuses[-1] == 429
    assert (found.record.outcome, found.record.reason) == ("limited", "RateLimit")
    assert plain(await found.curl()) == (401, "api key authentication failure: no API Key found")


async def test_b6_a_budget_that_audits_lets_all_eight_pass(world: World) -> None:
    found = await lab(world, KEYS, budget("tokens: 30, onExceeded: Audit"))
    assert await found.statuses(8, A) == [200] * 8
    told = [line.get("budget.exceeded") for line in found.serving.log_lines()]
    assert told[0] is None
    assert told[-1] is not None


async def test_b7_a_model_that_was_not_granted_and_a_second_request_beyond_the_tokens(world: World) -> None:
    limits = policy("    rateLimit: {local: [{tokens: 15, unit: Minutes, key: apiKey.team}]}\n", "limits")
    found = await lab(world, KEYS, limits)
    assert (await found.curl(A, model="gpt-4o")).status == 403
    assert await found.statuses(2, A) == [200, 429]
    lines = found.serving.log_lines()
    assert [(line["http.status"], line["reason"]) for line in lines[-2:]] == [(200, "Upstream"), (429, "RateLimit")]
    assert lines[1]["llm.streaming"] is False


C12 = """
config:
  modelCatalog:
  - inline:
      {"providers":{"openai":{"models":{"gpt-4o-mini":{"rates":{"input":"0.15","output":"0.6","cacheRead":"0.075"}}}}}}
llm:
  models: [{name: "*", provider: openAI, params: {baseUrl: "http://127.0.0.1:%d/v1", apiKey: k}}]
"""


async def priced(world: World, model: Model) -> Lab:
    """A gateway with the catalogue of the page over the shipped one, loaded as a process does it."""
    found = await lab(world, short=C12, model=model)
    catalog = load_prices(found.serving._plan.prices, STANDARD)
    found.serving.use(found.serving._plan, Prices(catalog))
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "cost"), [("gpt-4o-mini", 0.1 * 0.15 + 0.2 * 0.6), ("my-own-model", 0)])
async def test_c12_the_cost_of_every_exchange_is_logged_and_0_without_a_price(
    world: World, model: str, cost: float, stream: bool
) -> None:
    found = await priced(world, always(uses=300_000, prompt=100_000))
    await found.curl(path="/v1/chat/completions", model=model, stream=stream)
    (line,) = found.serving.log_lines()
    assert line["agw.ai.usage.cost.total"] == pytest.approx(cost)
    assert (line["gen_ai.usage.input_tokens"], line["gen_ai.usage.output_tokens"]) == (100_000, 200_000)
