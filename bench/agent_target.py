"""`python -m bench.agent_target NAME WORDS INTERVAL_MS FOLDER`: one server whose agent says words at an even pace.

NAME: `plain` is a Starlette endpoint that writes server-sent events itself, without log, resumption, other viewers or
an end that is told; the others are Sluice's agent server on a store. Prints its port when it takes connections. Each
word carries the monotonic nanosecond at which it was said.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sluice.agent_server.app import build
from sluice.agent_server.identity import Everyone
from sluice.agent_server.server import Server
from sluice.agents.agent import Agent
from sluice.agents.catalogue import Catalogue
from sluice.agents.model import Chunk, ModelRequest
from sluice.agents.service import Service
from sluice.stores.runs import runs_of

STORES = {"memory": "memory:", "sqlite": "sqlite:///{folder}/runs.db"}
PATH = "/runs/stream?protocol=native"


async def said(words: int, interval_s: float) -> AsyncIterator[str]:
    """Give the words at their times, whatever the reader does between them."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for _ in range(words):
        due += interval_s
        await asyncio.sleep(max(0.0, due - loop.time()))
        yield f"{time.monotonic_ns()} "


class NoModels:
    """The agent asks none."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        raise NotImplementedError(request.model)


def ours(url: str, words: int, interval_s: float) -> ASGIApp:
    """Return the agent server on a store."""
    agent = Agent("bench", max_concurrent=10_000)

    @agent.on_message
    async def handle(ctx: Any) -> AsyncIterator[str]:
        async for word in said(words, interval_s):
            yield word

    def now() -> int:
        return time.time_ns() // 1_000_000

    service = Service(
        Catalogue([agent]), runs_of(url, now), NoModels(), clock=time.monotonic, now=now, fault=_unexpected
    )
    return build(Server(service, Everyone()))


def _unexpected(error: BaseException) -> None:
    raise SystemExit(f"a run failed: {error!r}")


def plain(words: int, interval_s: float) -> ASGIApp:
    """Return what people write by hand."""

    async def stream(request: Request) -> StreamingResponse:
        await request.json()

        async def body() -> AsyncIterator[bytes]:
            async for word in said(words, interval_s):
                yield b'event: text.delta\ndata: {"text":"%b"}\n\n' % word.encode()

        return StreamingResponse(body(), media_type="text/event-stream")

    return Starlette(routes=[Route("/runs/stream", stream, methods=["POST"])])


async def serve(app: ASGIApp) -> None:
    """Serve until the process is ended."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False, lifespan="on"))
    serving = asyncio.create_task(server.serve(), name="uvicorn")
    while not server.started:
        if serving.done():
            raise SystemExit("the server did not start")
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


def main() -> None:
    """Serve one target."""
    name, words, interval_ms, folder = sys.argv[1:]
    shape = int(words), float(interval_ms) / 1000
    app = plain(*shape) if name == "plain" else ours(STORES[name].format(folder=folder), *shape)
    uvloop.run(serve(app))


if __name__ == "__main__":
    main()
