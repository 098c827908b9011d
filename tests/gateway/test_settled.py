"""gateway.account: whatever becomes of the money of an exchange, there is a record of it."""

import msgspec
import pytest

from sluice.config.plan import Rule
from sluice.gateway import account
from sluice.gateway.limits_hold import Hold
from sluice.gateway.money import Held
from sluice.policies.ai import AiPolicy
from sluice.policies.budget import Budget
from sluice.policies.guards import Guards, TextRules
from sluice.policies.limiting import AtOnce, Bounds, Choice, Limiting, LimitSet, Rate
from tests.support.events import completion
from tests.support.plans import ai, plan, route
from tests.support.raw_client import CHAT, request
from tests.support.raw_upstream import sized
from tests.support.serving import Serving
from tests.support.world import World

CONTINUED = b'{"model":"m","input":"hi","previous_response_id":"resp_1","max_output_tokens":1000}'
"""A conversation that no other API has a word for."""
ANSWER = (
    b'{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"id":"m0",'
    b'"type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"x",'
    b'"annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}'
)
TOKENS = Rate(id="t", name="t", measure="tokens", capacity=500_000, fill=1, interval_us=60_000_000)
ONE = AtOnce(id="one", name="one", most=1)
BUDGET = Budget(id="b", name="b", amount=500_000, unit="tokens", period="Day")
GUARDED = AiPolicy(guards=Guards(request=(TextRules(patterns=("TOPSECRET",)),)))


async def before(world: World, raw: bytes, policy: str) -> Serving:
    """A gateway with this policy, before a provider that answers so."""
    upstream = await world.upstream(raw)
    entry = route("/openai", ai(upstream.port), ai=GUARDED if policy == "guard" else AiPolicy())
    rule: Rule = entry.rule
    if policy == "budget":
        rule = msgspec.structs.replace(rule, budgets=(BUDGET,))
    elif policy == "limit":
        limits = LimitSet(machine=Bounds(rates=(TOKENS,), at_once=(ONE,)))
        rule = msgspec.structs.replace(rule, limits=Limiting(groups=((Choice(limits=limits),),)))
    return await world.gateway(plan(msgspec.structs.replace(entry, rule=rule)))


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("policy", ["none", "guard", "limit", "budget"])
async def test_what_only_its_provider_understands_is_counted_and_recorded(
    world: World, policy: str, fails: bool
) -> None:
    raw = sized(b'{"error":{"message":"boom"}}', status="500 X") if fails else sized(ANSWER)
    serving = await before(world, raw, policy)
    client = await world.client(serving)
    for number in (1, 2):
        answer = await client.ask(request(CONTINUED, path="/openai/v1/responses"))
        assert answer.status == (500 if fails else 200), answer.body
        record = await serving.record(number)
        assert record.outcome == ("upstream_error" if fails else "completed")
    assert serving.metric("requests_total") == 2
    assert len(serving.log_lines()) == 2


@pytest.mark.parametrize(("policy", "where"), [("none", account), ("limit", Hold), ("budget", Held)])
async def test_a_fault_of_the_money_is_told_and_leaves_a_record(
    world: World, monkeypatch: pytest.MonkeyPatch, policy: str, where: object
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    serving = await before(world, sized(completion()), policy)
    monkeypatch.setattr(where, "priced" if where is account else "settle", broken)
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 200
    record = await serving.record()
    assert (record.outcome, record.status, record.money.cost.total) == ("completed", 200, 0)
    assert [str(fault) for fault in serving.heard.faults] == ["a bug"]
    serving.heard.faults.clear()


async def test_a_fault_of_the_budget_keeps_no_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    upstream = await world.upstream(sized(completion()))
    entry = route("/openai", ai(upstream.port))
    limits = Limiting(groups=((Choice(limits=LimitSet(machine=Bounds(at_once=(ONE,)))),),))
    rule = msgspec.structs.replace(entry.rule, limits=limits, budgets=(BUDGET,))
    serving = await world.gateway(plan(msgspec.structs.replace(entry, rule=rule)))
    monkeypatch.setattr(Held, "settle", broken)
    client = await world.client(serving)
    for number in (1, 2, 3):
        assert (await client.ask(request(CHAT))).status == 200
        await serving.record(number)
    assert len(serving.heard.faults) == 3
    serving.heard.faults.clear()
