"""`sluice.App`: agents as an ASGI application, on a real socket, their models asked over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from sluice import Agent, App
from sluice.agents.chatbot import Console, chatbot, echo
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.waiting import until

SECRET = '[[fake {"content": "one two three"}]]'


class Site:
    """An application that is served."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def begin(
        self, method: str, path: str, body: bytes = b""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        return reader, writer

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        reader, writer = await self.begin(method, path, body)
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def served(app: object) -> AsyncIterator[Site]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="auto", timeout_graceful_shutdown=1))  # type: ignore[arg-type]
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve(), name="uvicorn")
    await until(lambda: server.started or task.done())
    try:
        yield Site(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await task


def message(text: str, name: str = "r") -> bytes:
    return msgspec.json.encode({"requestId": name, "message": {"content": text}})


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeProvider]:
    async with FakeProvider(Options()) as provider:
        monkeypatch.setenv("LLM_PROVIDER", "openai")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        yield provider


async def test_an_application_serves_its_agents_and_their_models(fake: FakeProvider) -> None:
    async with served(App([Agent("bot", model="gpt-4o")], store="memory:")) as site:
        assert b"Once upon" in await site.ask("POST", "/generate", message('[[fake {"content": "Once upon"}]]'))
    assert fake.seen_of(model="gpt-4o")


async def test_one_that_is_mounted_opens_with_its_first_request(fake: FakeProvider) -> None:
    app = App([echo()], store="memory:")
    async with served(Starlette(routes=[Mount("/agents-here", app)])) as site:
        assert b'"text":"hello there"' in await site.ask("POST", "/agents-here/generate", message("hello there"))
    await app.aclose()


async def test_a_store_that_cannot_be_used_keeps_the_server_from_starting(capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: object) -> None:
        sent.append(message)

    await App([echo()], store="floppy://a")({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]  # type: ignore[index]


async def test_a_cancel_closes_the_providers_connection_within_a_quarter_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with FakeProvider(Options(gap_s=1000.0)) as fake:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        lines: list[str] = []
        agent = chatbot("gpt-3.5-turbo")
        agent.use(Console(lines.append, texts=False))
        async with served(App([agent], store="memory:")) as site:
            reader, writer = await site.begin("POST", "/stream", message(SECRET))
            await reader.readuntil(b'"type":"chunk"')
            assert fake.open_streams == 1
            await site.ask("POST", "/cancel/r")
            assert await until(lambda: fake.aborted == 1) < 0.25
            writer.close()
    assert lines == [
        f"📨 Received message: {len(SECRET)} characters",
        "🔄 Streaming response...",
        "💬 First chunk received: 3 characters",
        "⏹ Streaming stopped - Total chunks: 1, Total length: 3 characters",
    ]


async def test_a_message_without_text_is_refused_by_the_chatbot() -> None:
    async with chatbot("mock:hi").test() as t:
        events = await t.run("  ")
    assert events[-1].status == 400
