"""The Responses API over a WebSocket: GET /v1/responses upgraded. Each message `response.create` is answered by the
events of its response, as they are on the stream.

Responses of one lane (`stream_id`; none is a lane too) come one after the other, those of different lanes at the same
time, each event with its lane's name. What is not stored can be gone on from on the same connection only. Closing the
connection ends no response. `response.steer` is refused: agents are not steered in mid-answer.

Source: platform.openai.com/docs/guides/websocket-mode and the types of the official client, read 2026-11-21.
"""

import asyncio
from contextlib import aclosing
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sluice.agent_server.event_stream import SEND_S, frames_of
from sluice.agent_server.openai_answers import error_object, told
from sluice.agent_server.responses_request import Body, asked, echo_of
from sluice.agent_server.server import Server
from sluice.agent_server.websocket import check_origin
from sluice.errors import BadRequest, Overloaded, SluiceError
from sluice.runs.projections.responses import Responses

MOST_WAITING = 32
"""Requests of one connection that are not answered yet."""
T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


class _Said(msgspec.Struct, frozen=True):
    """A message of the client."""

    type: str
    stream_id: str | None = None
    previous_response_id: str = ""
    input: Any = None


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def connect(socket: WebSocket) -> None:
        try:
            check_origin(socket, server.cors)
            owner = await server.who(socket)
        except SluiceError as error:
            await socket.send_denial_response(told(error))
            return
        await socket.accept()
        await _Connection(server, socket, owner).serve()

    return [WebSocketRoute("/v1/responses", connect)]


class _Connection:
    """One client, and a task for each response that it is told."""

    def __init__(self, server: Server, socket: WebSocket, owner: str) -> None:
        self._server, self._socket, self._owner = server, socket, owner
        self._lanes: dict[str | None, asyncio.Lock] = {}
        self._unstored: set[str] = set()
        """Runs of this connection, stored or not."""
        self._waiting = 0

    async def serve(self) -> None:
        """Answer until the client is gone; what it was being told then is told no further."""
        try:
            async with asyncio.TaskGroup() as telling:
                while True:
                    await self._take(await self._receive(), telling)
        except* WebSocketDisconnect:
            pass

    async def _receive(self) -> str:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text: str | None = message.get("text")
        return message["bytes"].decode(errors="replace") if text is None else text

    async def _take(self, text: str, telling: asyncio.TaskGroup) -> None:
        """Read one message, and begin to answer it."""
        said = _Said(type="")
        try:
            said = _read(text, _Said)
            if said.type == "response.steer":
                await self._refuse_steer(said)
            elif said.type != "response.create":
                raise BadRequest(f"{said.type!r} is no type of message", param="type")
            elif self._waiting >= MOST_WAITING:
                raise Overloaded(f"{MOST_WAITING} requests of this connection wait for their answers")
            else:
                self._waiting += 1
                telling.create_task(self._answer(text, said.stream_id), name="response over a WebSocket")
        except SluiceError as error:
            await self._fail(error, said.stream_id)

    async def _answer(self, text: str, lane: str | None) -> None:
        try:
            async with self._lanes.setdefault(lane, asyncio.Lock()):
                await self._tell(text, lane)
        except SluiceError as error:
            await self._fail(error, lane)
        finally:
            self._waiting -= 1

    async def _tell(self, text: str, lane: str | None) -> None:
        body = _read(text, Body)
        if body.generate is False:
            raise BadRequest("an agent is not warmed up: leave generate out", param="generate")
        digest = sha256(text.encode()).hexdigest()
        wanted = await asked(self._server, self._socket, self._owner, body, digest, unstored=self._unstored)
        run = await self._server.service.start(wanted)
        self._unstored.add(run.id)
        async with aclosing(frames_of(self._server.service, run, Responses(echo_of(run)))) as batches:
            async for frames in batches:
                for frame in frames:
                    await self._send(frame.data, lane)

    async def _refuse_steer(self, said: _Said) -> None:
        error = {
            "code": "steering_not_supported",
            "message": "an agent is not steered in mid-answer: cancel the response, and ask again",
            "type": "invalid_request_error",
        }
        steer = {"input": said.input, "previous_response_id": said.previous_response_id}
        event = {"type": "response.steer.failed", "sequence_number": 0, "error": error, "steer": steer}
        await self._send(_encode(event), said.stream_id)

    async def _fail(self, error: SluiceError, lane: str | None) -> None:
        await self._send(_encode({"type": "error", "status": error.status, "error": error_object(error)}), lane)

    async def _send(self, data: bytes, lane: str | None) -> None:
        if lane is not None:
            data = b'%b,"stream_id":%b}' % (data[:-1], _encode(lane))
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send_text(data.decode())
        except TimeoutError:  # it takes nothing: what it misses it finds at GET /v1/responses/ID
            raise WebSocketDisconnect(1011) from None


def _read(text: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        raise BadRequest(sentence, param=path.rstrip("`").lstrip(".") or None) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadRequest(f"the message is no JSON: {error}") from None
