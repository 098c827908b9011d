"""Gateways that count money, as commands: prices, a ledger, keys with a budget, and clients that pay."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from sluice.config.ledger_url import ledger_url
from sluice.gateway.money_ports import LedgerGone, Spend
from sluice.policies.cost import USD
from sluice.stores.ledger import books
from tests.support.command import Sluice
from tests.support.http_answer import Answer, read_answer
from tests.support.raw_client import RawClient, request
from tests.support.waiting import PATIENCE_S

MODEL = "gpt-test"
PICOS_PER_TOKEN = USD // 1000
"""Of what is answered; what is asked costs nothing."""
CONFIG = """
config:
  modelCatalog:
  - inline: {{providers: {{openai: {{models: {{{model}: {{rates: {{input: "0", output: "1000"}}}}}}}}}}}}
llm:
  models:
  - {{name: "*", provider: openAI, params: {{apiKey: sk-tills, baseUrl: "http://127.0.0.1:{port}/v1"}}}}
  policies: {policies}
"""


def gateway(folder: Path, provider_port: int, *args: str, policies: str, **env: str) -> Sluice:
    """`sluice serve` in front of a provider, one token of which costs a tenth of a cent."""
    file = folder / "tills.yaml"
    file.write_text(CONFIG.format(model=MODEL, port=provider_port, policies=policies))
    return Sluice("-f", str(file), *args, env=env)


async def command(*words: str) -> str:
    """What a command prints."""
    words = (sys.executable, "-m", "sluice", *words)
    run = partial(subprocess.run, words, capture_output=True, text=True, check=True, timeout=4 * PATIENCE_S)
    done = await asyncio.to_thread(run)
    return done.stdout.strip()


def body(words: int, *, bound: int, stream: bool = False, delay_ms: int = 0) -> bytes:
    """A request whose answer is so many tokens long, as its provider counts them, and begins after so long."""
    asked = {"model": MODEL, "stream": stream, "max_tokens": bound, "messages": [{"role": "user", "content": "hi"}]}
    wish = {"content": " word" * words} | ({"fault": {"head_delay_ms": delay_ms}} if delay_ms else {})
    return msgspec.json.encode(asked | {"fake": wish})


async def pay(port: int, key: str, asked: bytes) -> Answer:
    """One request on a connection of its own."""
    async with await RawClient.connect(port) as client:
        lines = [f"Authorization: Bearer {key}", "Connection: close"]
        client.send(request(asked, path="/v1/chat/completions", headers=lines))
        async with asyncio.timeout(6 * PATIENCE_S):  # 500 at once, of clients that share this process
            return await read_answer(client.reader, "POST")


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Answered(msgspec.Struct):
    usage: _Usage


def usage(answer: Answer) -> tuple[int, int]:
    """Tokens in and out, as the provider said it."""
    said = msgspec.json.decode(answer.body, type=_Answered).usage
    return said.prompt_tokens, said.completion_tokens


class Book:
    """What a ledger says, as anybody who opens it reads it."""

    def __init__(self, url: str) -> None:
        self._books = books(ledger_url(url))

    async def spent(self) -> Spend:
        """It is asked from the process of hundreds of clients, whose turn of the loop may outlast the time that a
        gateway gives a ledger: then it is asked again."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    (row,) = await self._books.spend("model", 0, 4e9) or (Spend("", 0, 0, 0, 0, 0),)
                except LedgerGone:
                    await asyncio.sleep(0.02)
                else:
                    return row

    async def settled(self) -> Spend:
        """The same once nothing is under way."""
        async with asyncio.timeout(2 * PATIENCE_S):
            while (row := await self.spent()).open:
                await asyncio.sleep(0.02)
        return row


@asynccontextmanager
async def book(url: str) -> AsyncIterator[Book]:
    found = Book(url)
    await found._books.open()
    try:
        yield found
    finally:
        await found._books.close()
