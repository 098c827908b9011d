"""A client of seed 004 for tests: events as they come, and answers with their status."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec

from sluice.wire.sse import SseDecoder


class Said(msgspec.Struct, frozen=True):
    """One server-sent event, its data decoded."""

    event: str
    data: Any
    id: str


def asked(**fields: Any) -> dict[str, Any]:
    """Return the seed's body with these fields besides."""
    body = {
        "requestId": "req-001",
        "graphType": "streaming-chat",
        "graphSettings": {"graphType": "streaming-chat::1.0.0"},
        "message": {"content": "Tell me a story"},
    }
    return {key: value for key, value in (body | fields).items() if value is not ...}


class Client:
    """Asks one server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        answer = await self.http.post(path, json=body, headers=_named(headers))
        return answer.status_code, answer.json()

    async def get(self, path: str) -> tuple[int, Any]:
        answer = await self.http.get(path)
        return answer.status_code, answer.json()

    async def stream(self, body: Any, path: str = "/stream", **headers: str) -> list[Said]:
        """Return all events of a stream."""
        async with self.open(body, path, **headers) as events:
            return [event async for event in events]

    @asynccontextmanager
    async def open(self, body: Any, path: str = "/stream", **headers: str) -> AsyncIterator[AsyncIterator[Said]]:
        """Give the events of a stream as they come; leaving closes the connection."""
        async with self.http.stream("POST", path, json=body, headers=_named(headers)) as answer:
            assert answer.status_code in (200, 201), await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield _events(answer)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def _events(answer: httpx.Response) -> AsyncIterator[Said]:
    decoder = SseDecoder()
    async for chunk in answer.aiter_raw():
        for frame in decoder.feed(chunk):
            if frame.data is not None:
                yield Said(frame.event, msgspec.json.decode(frame.data), frame.id or "")


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    """Give a client of the server at this address."""
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
        yield Client(http)
