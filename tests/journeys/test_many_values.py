"""A request of hundreds of thousands of tiny messages holds up nobody: the real command, its probe, and a stream.

What is counted: tests/dialects/test_many.py.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dialects.test_many import CHAT, GEMINI, MESSAGES, RESPONSES, TURN_S, of_bytes, of_values
from tests.support.command import Sluice
from tests.support.raw_client import STREAM, RawClient, request

pytestmark = pytest.mark.timed

CONFIGURATION = """
llm:
  models:
    - {name: fake, provider: fake}
    - {name: chat, provider: openAI, params: {baseUrl: "http://127.0.0.1:9/v1", apiKey: k}}
    - {name: messages, provider: anthropic, params: {baseUrl: "http://127.0.0.1:9", apiKey: k}}
"""
PATHS = {
    CHAT: "/v1/chat/completions",
    RESPONSES: "/v1/responses",
    MESSAGES: "/v1/messages",
    GEMINI: "/v1beta/models/{model}:generateContent",
}
MODELS = ("fake", "chat", "messages")
"""Who answers is the process itself, a provider of the client's own dialect, one of another."""


def named(body: bytes, model: str) -> bytes:
    return b'{"model":"%b",' % model.encode() + body[1:]


class Watch:
    """Asks the probe, again and again, and remembers the longest time that it took to answer."""

    def __init__(self, sluice: Sluice) -> None:
        self._sluice = sluice
        self.worst_s = 0.0
        self.asked = 0

    async def run(self) -> None:
        while True:
            began = time.monotonic()
            assert (await self._sluice.ask("readiness", "/healthz/ready")).status == 200
            self.worst_s = max(self.worst_s, time.monotonic() - began)
            self.asked += 1
            await asyncio.sleep(0.005)


@contextmanager
def watched(sluice: Sluice) -> Iterator[Watch]:
    watch = Watch(sluice)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()


async def ask(sluice: Sluice, path: str, body: bytes) -> tuple[int, bytes]:
    async with await sluice.client() as client:
        answer = await client.ask(request(body, path=path))
        return answer.status, answer.body


@pytest.mark.parametrize("dialect", PATHS)
async def test_the_probe_answers_while_a_body_of_tiny_messages_is_refused(tmp_path: Path, dialect: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    hostile = of_bytes(dialect, 4 << 20)
    async with Sluice("-f", str(file)) as sluice:
        for model in MODELS:
            with watched(sluice) as watch:
                status, said = await ask(sluice, PATHS[dialect].format(model=model), named(hostile, model))
                assert (status, b"too many values" in said) == (400, True)
                await asyncio.sleep(0.05)  # a probe that came meanwhile gets its answer
            assert watch.asked
            assert watch.worst_s < TURN_S


async def test_a_stream_goes_on_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    hostile = named(of_bytes(CHAT, 4 << 20), "messages")
    async with Sluice("-f", str(file)) as sluice, await sluice.client() as reader:
        asked = STREAM[:-1].replace(b'"m"', b'"fake"') + b',"fake":{"content":"' + b"word " * 2000 + b'"}}'
        reader.send(request(asked, path=PATHS[CHAT]))
        await reader.read_until(b"data:")
        refused = asyncio.create_task(ask(sluice, PATHS[CHAT], hostile))
        worst = await longest_silence(reader, refused)
        assert (await refused)[0] == 400
        assert worst < TURN_S


async def longest_silence(reader: RawClient, until: asyncio.Task[tuple[int, bytes]]) -> float:
    worst, heard = 0.0, time.monotonic()
    while not until.done():
        await reader.read_until(b"\n\n")
        worst, heard = max(worst, time.monotonic() - heard), time.monotonic()
    return worst


@pytest.mark.parametrize("dialect", PATHS)
async def test_the_largest_request_is_answered_by_the_provider_within(tmp_path: Path, dialect: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    async with Sluice("-f", str(file)) as sluice:
        body = named(of_values(dialect, 29_900), "fake")
        status, said = await ask(sluice, PATHS[dialect].format(model="fake"), body)
        assert status == 200, said
