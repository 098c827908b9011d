"""Seed 004's JavaScript and React, really run: under node, against a real server."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from tests.agent_server.npm_clients import installed
from tests.docs.seed_004 import EXAMPLES, snippet
from tests.support.agent_site import AgentSites

STORY = ("Once", " upon", " a ", "tïme\n\n", "🚀.")
BASE = """const base = process.env.BASE, fetched = globalThis.fetch;
globalThis.fetch = (path, init) => fetched(new URL(path, base), init);
"""
"""A page has an address; node has none."""


class Told:
    """A storyteller whose every piece waits until it is let."""

    def __init__(self) -> None:
        self.agent = Agent("streaming-chat", version="1.0.0")
        self.agent.on_message(self._tell)
        self.pieces = asyncio.Semaphore(0)
        self.calls = 0

    async def _tell(self, ctx: Context) -> AsyncIterator[str]:
        self.calls += 1
        for piece in STORY:
            await self.pieces.acquire()
            yield piece


class Node:
    """A program under node, and the lines that it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(10):
            line = await self._process.stdout.readline()
        if not line:
            raise AssertionError((await self.rest(), "it ended too early"))
        return line.decode().removesuffix("\n")

    async def rest(self) -> list[str]:
        async with asyncio.timeout(10):
            out, errors = await self._process.communicate()
        assert self._process.returncode == 0, errors.decode()
        return out.decode().removesuffix("\n").split("\n")


@asynccontextmanager
async def node(script: Path, *arguments: str, **environment: str) -> AsyncIterator[Node]:
    """Run a script."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(script), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment, "PATH": "/usr/bin:/bin"},
    )
    try:
        yield Node(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def script(url: str, place: Path, text: str) -> Path:
    """Lay out the client that the server gives and a module that imports it as a page does; return the module."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{url}/client.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    (place / "client.mjs").write_text(answer.text)
    module = place / "page.mjs"
    module.write_text(BASE + text.replace('"/client.js"', '"./client.mjs"'))
    return module


def test_the_example_is_the_seeds_snippet_with_an_import() -> None:
    example = (EXAMPLES / "client.js").read_text()
    assert example.endswith(snippet("EventSource"))
    assert 'import { EventSource } from "/client.js";' in example


async def test_the_seeds_snippet_logs_each_chunk_when_it_is_said(agent_site: AgentSites, tmp_path: Path) -> None:
    told = Told()
    site = await agent_site(told.agent)
    page = await script(site.url, tmp_path, 'import { EventSource } from "/client.js";\n' + snippet("EventSource"))
    async with node(page, BASE=site.url) as program:
        for piece in STORY[:3]:
            told.pieces.release()
            assert await program.line() == piece
        told.pieces.release()
        assert [await program.line() for _ in range(3)] == ["tïme", "", ""]
        told.pieces.release()
        assert await program.rest() == ["🚀.", "Complete: Once upon a tïme", "", "🚀."]


async def test_a_cut_stream_goes_on_where_it_was_cut(agent_site: AgentSites, tmp_path: Path) -> None:
    told = Told()
    site = await agent_site(told.agent)
    page = await script(site.url, tmp_path, (EXAMPLES / "client.js").read_text())
    async with cutting(site.port) as (url, cut), node(page, BASE=url) as program:
        for piece in STORY[:2]:
            told.pieces.release()
            assert await program.line() == piece
        cut()
        for _ in STORY[2:]:
            told.pieces.release()
        lines = await program.rest()
    assert "".join(lines).partition("Complete: ")[0] == " a tïme🚀."
    assert lines[-3:] == ["Complete: Once upon a tïme", "", "🚀."]
    assert told.calls == 1


async def test_a_refusal_is_an_error_event(agent_site: AgentSites, tmp_path: Path) -> None:
    site = await agent_site(Told().agent)
    page = await script(
        site.url,
        tmp_path,
        'import { EventSource } from "/client.js";\n'
        'const source = new EventSource("/stream", { headers: { "Content-Type": "application/json" }, body: "{}" });\n'
        'source.addEventListener("error", event => console.log(JSON.parse(event.data).message));\n',
    )
    async with node(page, BASE=site.url) as program:
        assert await program.rest() == ["message should not be empty"]


@pytest.fixture(scope="module")
def react() -> Path:
    """Build the component with the page that plays it, as its users would, and return the bundle."""
    place = installed(EXAMPLES / "react", "seed-004")
    for name in ("StreamingChat.tsx", "parse.ts"):
        shutil.copy(EXAMPLES / "react" / name, place)
    shutil.copy(Path(__file__).parent / "react_scene.mjs", place)
    bundle = place / "page.mjs"
    requires = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);'
    options = (
        "--bundle",
        "--jsx=automatic",
        "--platform=node",
        "--format=esm",
        f"--outfile={bundle}",
        "--log-level=error",
    )
    esbuild = ("node_modules/.bin/esbuild", "react_scene.mjs", *options, f"--banner:js={requires}")
    subprocess.run(esbuild, cwd=place, check=True, timeout=60)
    return bundle


async def test_the_component_shows_the_answer_as_it_grows(agent_site: AgentSites, react: Path) -> None:
    told = Told()
    site = await agent_site(told.agent)
    growing = ["".join(STORY[: count + 1]) for count in range(len(STORY))]
    async with node(react, site.url, growing[-1], "Hello", "again") as program:
        for _ in range(2):
            for text in growing:
                told.pieces.release()
                while (shown := json.loads(await program.line())) != text:
                    assert shown in ("", growing[-1]), "only what stood there before"
        assert await program.rest() == [""]
    assert told.calls == 2


@asynccontextmanager
async def cutting(port: int) -> AsyncIterator[tuple[str, "Cut"]]:
    """Stand before a server; what this gives can be told to cut all connections that are open then."""
    cut = Cut(port)
    server = await asyncio.start_server(cut.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", cut
        cut()


class Cut:
    """A way to a port that can be cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()

    def __call__(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, far}
        async with asyncio.TaskGroup() as both:
            both.create_task(self._copy(reader, far), name="to the server")
            both.create_task(self._copy(far_reader, writer), name="to the client")
        self._writers -= {writer, far}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
