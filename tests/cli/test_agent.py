"""`sluice agent` as a process: seed 003's lines, its end, and what it refuses to begin."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from sluice.cli import main
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.waiting import until

START_S = 20.0
TEXT = "Tell me a story about AI"


class Agents:
    """One process; `out` and `err` are what it printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out = self.err = ""

    async def read(self, stream: asyncio.StreamReader | None, name: str) -> None:
        assert stream is not None
        while data := await stream.read(1 << 16):
            setattr(self, name, getattr(self, name) + data.decode())

    @property
    def port(self) -> int:
        return int(re.findall(r"Listening on http://localhost:(\d+)", self.out)[0])

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return what an address answers."""
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def agents(*args: str, cwd: Path, env: dict[str, str] | None = None) -> AsyncIterator[Agents]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sluice", "agent", "--port", "0", "--store", "memory:", *args),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")} | (env or {}),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Agents(process)
    readers = [
        asyncio.create_task(running.read(process.stdout, "out")),
        asyncio.create_task(running.read(process.stderr, "err")),
    ]
    try:
        await until(lambda: "Listening" in running.out or readers[0].done(), within_s=START_S)
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.gather(*readers)


def message(text: str = TEXT) -> bytes:
    return msgspec.json.encode({"requestId": "r", "message": {"content": text}})


async def test_the_chatbot_prints_the_seeds_lines_and_ends_when_told(tmp_path: Path) -> None:
    async with FakeProvider(Options()) as fake:
        env = {"LLM_PROVIDER": "openai", "OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": fake.url}
        async with agents(cwd=tmp_path, env=env) as running:
            answer = await running.ask("POST", "/generate", message('[[fake {"content": "Once upon a time"}]]'))
            assert b"Once upon a time" in answer
            assert b'["streaming-chat"]' in await running.ask("GET", "/graph-types")
            running.process.send_signal(signal.SIGTERM)
            assert await running.process.wait() == 0
        assert fake.seen_of(model="gpt-3.5-turbo")
    assert running.out.replace(str(running.port), "8080").splitlines() == [
        "Streaming Chatbot Agent starting...",
        "Provider: openai",
        "Model: gpt-3.5-turbo",
        "Listening on http://localhost:8080",
        "Responses will be streamed in real-time!",
        "",
        '📨 Received message: [[fake {"content": "Once upon a time"}]]',
        "🔄 Streaming response...",
        '💬 First chunk received: "Once"',
        "✅ Streaming complete - Total chunks: 4, Total length: 16 characters",
        "📝 Full response: Once upon a time",
    ]
    lines = [msgspec.json.decode(line) for line in running.err.splitlines() if line.startswith("{")]
    assert [line["gen_ai.agent.name"] for line in lines if line["scope"] == "request"] == ["streaming-chatbot"]
    assert "Once upon" not in running.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("nothing:agent",), "there is no such module"),
        (("json:dumps",), "is no agent"),
        (("--host", "0.0.0.0"), "nobody is asked who they are"),
        (("--host", "somewhere"), "no address to listen on"),
        (("--store", "floppy://a"), "sqlite:///"),
        (("--drain-timeout", "soon"), "--drain-timeout"),
        (("-f", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_cannot_be_served_is_refused_in_a_sentence(args: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(main, ["agent", *args], env={"OPENAI_API_KEY": "", "LLM_PROVIDER": ""})
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output
