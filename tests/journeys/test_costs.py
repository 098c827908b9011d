"""What an exchange costs, at the real command: one number in the answer's head, the log, the metrics and the ledger."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from sluice.policies.cost import USD, usd
from tests.journeys.fake_process import FakeProcess
from tests.journeys.tills import MODEL, PICOS_PER_TOKEN, body, book, gateway, pay
from tests.support.http_answer import error_of
from tests.support.raw_client import STREAM, request
from tests.support.waiting import until

TAG = "x-sluice-cost"


async def test_a_whole_answer_says_what_it_costs_and_everybody_else_says_the_same(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/ledger.db"
    async with FakeProcess() as fake, gateway(tmp_path, fake.port, policies="{}", SLUICE_DATABASE=url) as sluice:
        answer = await pay(sluice.port, "", body(7, bound=20))
        cost = 7 * PICOS_PER_TOKEN
        assert answer.header(TAG) == usd(cost) == "0.007"
        line = await sluice.request_line()
        assert line["agw.ai.usage.cost.total"] == 0.007
        assert await sluice.metric("gen_ai_client_cost_usd_total") == pytest.approx(0.007)
        async with book(url) as ledger:
            assert (await ledger.settled()).cost == cost


async def test_what_has_no_price_and_what_streams_says_none(tmp_path: Path) -> None:
    async with FakeProcess() as fake, gateway(tmp_path, fake.port, policies="{}") as sluice:
        free = body(7, bound=20).replace(MODEL.encode(), b"without-a-price")
        answers = await asyncio.gather(
            *(pay(sluice.port, "", each) for each in (free, body(7, bound=20, stream=True), b"{}"))
        )
        assert [answer.status for answer in answers] == [200, 200, 400]
        assert [answer.header(TAG) for answer in answers] == ["", "", ""]
        await until(lambda: len(sluice.requests()) == 3)
        costs = [line["agw.ai.usage.cost.total"] for line in sluice.requests() if line.get("llm.streaming")]
        assert costs == [7 * PICOS_PER_TOKEN / USD]


async def test_an_operator_may_keep_it_from_clients(tmp_path: Path) -> None:
    policies = f"{{headerModifiers: {{response: {{remove: [{TAG}]}}}}}}"
    async with FakeProcess() as fake, gateway(tmp_path, fake.port, policies=policies) as sluice:
        answer = await pay(sluice.port, "", body(7, bound=20))
        assert (answer.status, answer.header(TAG)) == (200, "")
        assert (await sluice.request_line())["agw.ai.usage.cost.total"] == 0.007


async def test_translated_answers_say_it_too(tmp_path: Path) -> None:
    asked = {
        "model": MODEL,
        "max_tokens": 20,
        "messages": [{"role": "user", "content": '[[fake {"content": " a b"}]]'}],
    }
    async with FakeProcess() as fake, gateway(tmp_path, fake.port, policies="{}") as sluice:
        async with await sluice.client() as client:
            answer = await client.ask(request(msgspec.json.encode(asked), path="/v1/messages"))
        assert (answer.status, answer.header(TAG)) == (200, "0.002")


async def test_a_member_that_no_translation_knows_still_crosses_where_tokens_are_counted(tmp_path: Path) -> None:
    """Its prompt is estimated from all its texts then."""
    policies = "{rateLimit: {local: [{tokens: 1000, unit: Hours}]}}"
    async with FakeProcess() as fake, gateway(tmp_path, fake.port, policies=policies) as sluice:
        left = []
        for words in ("word " * 10, "word " * 200):
            asked = msgspec.json.decode(STREAM)
            asked |= {"stream": False, "chat_template_kwargs": {"thinking": True}, "max_tokens": 1}
            asked["messages"][0]["content"] = words
            async with await sluice.client() as client:
                answer = await client.ask(request(msgspec.json.encode(asked), path="/v1/chat/completions"))
            assert answer.status == 200, answer.body
            left.append(int(answer.header("x-ratelimit-remaining")))
        assert 950 < left[0] < 990
        assert 700 < left[1] < 800


async def test_a_stream_ends_legally_when_what_its_budget_had_left_is_used_up(tmp_path: Path) -> None:
    budget = "{budgets: [{name: b, amountUsd: '0.03', period: Month, cutStream: true}]}"
    env = {"XDG_STATE_HOME": str(tmp_path)}
    async with FakeProcess("--itl-ms", "25") as fake, gateway(tmp_path, fake.port, policies=budget, **env) as sluice:
        first = await pay(sluice.port, "", body(10, bound=20))
        assert first.header(TAG) == "0.01"
        asked = body(50, bound=90, stream=True).replace(b',"max_tokens":90', b"")
        cut = await pay(sluice.port, "", asked)
        assert cut.body.count(b'"content":" word"') <= 20
        assert cut.body.rstrip().endswith(b'"code":"rate_limit_exceeded"}}')
        assert b"[DONE]" not in cut.body
        assert (await pay(sluice.port, "", body(1, bound=1))).status == 429
        await until(lambda: len(sluice.requests()) == 3)
        line = sluice.requests()[1]
        assert line["stream.outcome"] == "limited"
        assert line["agw.ai.usage.cost.total"] == pytest.approx(0.02, abs=0.002)  # to the read that was under way


async def test_a_budget_may_be_for_models_with_a_price_alone(tmp_path: Path) -> None:
    budget = "{budgets: [{name: b, amountUsd: 1, period: Month, unpriced: Block}]}"
    env = {"XDG_STATE_HOME": str(tmp_path)}
    async with FakeProcess() as fake, gateway(tmp_path, fake.port, policies=budget, **env) as sluice:
        asked = body(1, bound=5)
        assert (await pay(sluice.port, "", asked)).status == 200
        refused = await pay(sluice.port, "", asked.replace(MODEL.encode(), b"dark"))
        assert error_of(refused).message == "The budget b is for models with a price, and dark has none."
        await until(lambda: len(sluice.requests()) == 2)
        line = sluice.requests()[1]
        assert (line["http.status"], line["reason"]) == (403, "Budget")
