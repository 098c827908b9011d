"""What nobody gets for nothing, and what costs nothing, at the real command: who leaves, who sets a clock, who writes
numbers that are none, whose operator adds to what they ask for."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from tests.journeys.fake_process import FakeProcess
from tests.journeys.tills import book
from tests.support.command import Sluice
from tests.support.http_answer import Answer, read_answer
from tests.support.raw_client import RawClient, request
from tests.support.waiting import PATIENCE_S, until

CONFIG = """
config:
  database: {{url: "sqlite://{folder}/ledger.db"}}
  modelCatalog:
  - inline: {{providers: {{openai: {{models: {{listed: {{rates: {{input: "1", output: "10"}}}}}}}}}}}}
llm:
  models:
  - {{name: short, provider: openAI, params: {{model: listed, baseUrl: "{base}"}}}}
  - {{name: long, provider: openAI, params: {{model: listed, baseUrl: "{base}"}}, overrides: {{max_tokens: 4000}}}}
  - {{name: "*", provider: openAI, params: {{baseUrl: "{base}"}}}}
  policies:
    budgets: [{{name: house, tokens: {tokens}, period: Day}}]
    localRateLimit: [{{tokens: {tokens}, unit: Hours}}]
"""
WORDS = "word " * 2000


def gateway(folder: Path, fake: FakeProcess, tokens: int) -> Sluice:
    file = folder / "charges.yaml"
    base = f"http://127.0.0.1:{fake.port}/v1"
    file.write_text(CONFIG.format(folder=folder, base=base, tokens=tokens))
    return Sluice("-f", str(file))


def ledger_of(folder: Path) -> str:
    return f"sqlite://{folder}/ledger.db"


def asked(model: str = "listed", *, said: str = "hi", delay_ms: int = 0, words: int = 3, **members: object) -> bytes:
    wish = {"content": " word" * words} | ({"fault": {"head_delay_ms": delay_ms}} if delay_ms else {})
    body = {"model": model, "messages": [{"role": "user", "content": said}], "fake": wish}
    return msgspec.json.encode(body | members)


async def ask(sluice: Sluice, body: bytes, *headers: str, path: str = "/v1/chat/completions") -> Answer:
    async with await RawClient.connect(sluice.port) as client:
        client.send(request(body, path=path, headers=["Connection: close", *headers]))
        async with asyncio.timeout(4 * PATIENCE_S):
            return await read_answer(client.reader, "POST")


async def asked_once(fake: FakeProcess) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await fake.seen():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["short", "listed"])
async def test_who_leaves_pays_the_prompt_by_whatever_name_they_asked_for_the_model(tmp_path: Path, name: str) -> None:
    async with FakeProcess() as fake, gateway(tmp_path, fake, 100_000) as sluice, book(ledger_of(tmp_path)) as ledger:
        async with await RawClient.connect(sluice.port) as client:
            client.send(request(asked(name, said=WORDS, delay_ms=20_000), path="/v1/chat/completions"))
            await asked_once(fake)
        await until(lambda: len(sluice.requests()) == 1)
        row = await ledger.settled()
        assert 2000 <= row.input_tokens < 2100
        assert row.cost == row.input_tokens * 10**6


async def test_a_clock_that_the_client_sets_does_not_make_an_answer_free(tmp_path: Path) -> None:
    async with FakeProcess() as fake, gateway(tmp_path, fake, 5000) as sluice, book(ledger_of(tmp_path)) as ledger:
        slow, clock = asked(said=WORDS, delay_ms=20_000, max_tokens=500), "x-sluice-timeout-total: 200ms"
        statuses = [(await ask(sluice, slow, clock)).status for _ in range(5)]
        assert statuses == [504, 504, 429, 429, 429]
        assert 4000 <= (await ledger.settled()).input_tokens < 4200


async def test_what_the_operator_adds_is_reserved_too(tmp_path: Path) -> None:
    async with FakeProcess() as fake, gateway(tmp_path, fake, 5000) as sluice:
        one = asked("long", max_tokens=1, delay_ms=500)
        answers = await asyncio.gather(*(ask(sluice, one) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [200] + [429] * 7


async def test_no_number_of_a_client_takes_from_what_others_have_used(tmp_path: Path) -> None:
    async with FakeProcess() as fake, gateway(tmp_path, fake, 1000) as sluice, book(ledger_of(tmp_path)) as ledger:
        for bound in (0, -1, -(10**9), -(10**30)):
            assert (await ask(sluice, asked(max_tokens=bound))).status == 400
        assert (await ask(sluice, asked(max_tokens=10**30))).status == 200  # as much as there is
        assert (await ask(sluice, asked(max_tokens=10))).status == 200
        assert (await ledger.settled()).requests == 2


async def test_counting_tokens_uses_none(tmp_path: Path) -> None:
    async with FakeProcess() as fake, gateway(tmp_path, fake, 1000) as sluice, book(ledger_of(tmp_path)) as ledger:
        body = msgspec.json.encode({"model": "listed", "messages": [{"role": "user", "content": WORDS}]})
        for _ in range(3):
            answer = await ask(sluice, body, path="/v1/messages/count_tokens")
            assert (answer.status, answer.header("x-ratelimit-remaining")) == (200, "")
        assert (await ledger.settled()).requests == 0
        assert (await ask(sluice, asked(max_tokens=10))).status == 200
