"""WebSockets: `/ws`. agents.md D.4, E.2.

The subprotocol says what is spoken: `sluice.v1` (websocket_native), `ui` (AI SDK 7, websocket_ai_sdk), `text` (seed
003, websocket_text); without one the first message tells. Pages cannot set headers here: a key may come as the
subprotocol `bearer.KEY`, beside the one that is spoken. Pages of other origins are refused unless the server allows
them: a browser lets any page open a WebSocket, cookies and all.
"""

import asyncio
from urllib.parse import urlsplit

import msgspec
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from sluice.agent_server.server import Server, problem
from sluice.agent_server.websocket_ai_sdk import AiSdkSpeaker
from sluice.agent_server.websocket_line import Gone, Line, Speaker
from sluice.agent_server.websocket_native import NativeSpeaker
from sluice.agent_server.websocket_text import TextSpeaker
from sluice.agents.ids import uuid7
from sluice.errors import Forbidden, SluiceError

NATIVE, UI, TEXT = "sluice.v1", "ui", "text"
BEARER = "bearer."


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def connect(socket: WebSocket) -> None:
        try:
            check_origin(socket, server.cors)
            owner = await server.who(_request(socket))
        except SluiceError as error:
            refusal = problem(error)
            refusal.raw_headers.extend(error.headers)
            await socket.send_denial_response(refusal)
            return
        spoken = next((name for name in socket.scope["subprotocols"] if name in (NATIVE, UI, TEXT)), None)
        await socket.accept(spoken)
        async with asyncio.TaskGroup() as tasks:
            line = Line(socket, owner, tasks)
            try:
                await _listen(server, socket, line, spoken)
            except Gone:
                pass
            finally:
                line.hang_up()

    return [WebSocketRoute("/ws", connect)]


async def _listen(server: Server, socket: WebSocket, line: Line, spoken: str | None) -> None:
    speaker: Speaker | None = None
    while (text := await line.receive()) is not None:
        if speaker is None:
            speaker = _speaker(server, socket, line, spoken or _spoken(text))
        await speaker.hear(text)


def _speaker(server: Server, socket: WebSocket, line: Line, spoken: str) -> Speaker:
    query = socket.query_params
    agent: str = socket.path_params.get("agent", "") or query.get("agent", "")
    if spoken == TEXT:
        return TextSpeaker(line, server.service, agent=agent, thread_id=query.get("thread_id") or uuid7())
    return (AiSdkSpeaker if spoken == UI else NativeSpeaker)(line, server.service, agent=agent)


def _spoken(text: str) -> str:
    """Return what a first message is written in: objects with a type are protocols', all else is said by people."""
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return TEXT
    if not isinstance(raw, dict) or "type" not in raw:
        return TEXT
    return UI if "requestId" in raw else NATIVE


def _request(socket: WebSocket) -> HTTPConnection:
    """Return the handshake with the key that a page gave as a subprotocol."""
    headers = list(socket.scope["headers"])
    for name in socket.scope["subprotocols"]:
        if name.startswith(BEARER) and not any(key == b"authorization" for key, _ in headers):
            headers.append((b"authorization", b"Bearer " + name.removeprefix(BEARER).encode()))
    return HTTPConnection({**socket.scope, "headers": headers})


def check_origin(socket: WebSocket, allowed: tuple[str, ...]) -> None:
    """
    Raises:
        Forbidden: a page of another origin asks.
    """
    origin = socket.headers.get("origin")
    if origin is None or "*" in allowed or origin in allowed:
        return
    if urlsplit(origin).netloc.lower() != socket.headers.get("host", "").lower():
        raise Forbidden(f"pages of {origin!r} may not ask here")
