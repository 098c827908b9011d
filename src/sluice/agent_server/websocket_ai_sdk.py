"""The frames of AI SDK 7's `WebSocketChatTransport`: several chats on one connection, each request by its id.

    client   send {id, trigger, messages, body} · resume {id, lastSequence?} · abort            each with requestId
    server   start · chunk {sequence, chunk} × n from 0, none left out · end | error | no-active    of that requestId

`abort` is what `stop()` sends, and it stops the run; a connection that is lost does not. Source: ai@7.0.173
(websocket-chat-transport), read 2026-11-21; agents.md C.1.
"""

from contextlib import aclosing
from typing import Any, Literal

import msgspec

from sluice.agent_server.ai_sdk_chat import Chats, projection_of
from sluice.agent_server.websocket_line import Line
from sluice.agents.service import Service
from sluice.errors import BadRequest, SluiceError
from sluice.runs.projections.ai_sdk import AiSdk
from sluice.runs.records import Run

SDK = 7
"""The version that has this transport."""


class Frame(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a client sends. Members beyond these are its transport's."""

    type: Literal["send", "resume", "abort"]
    request_id: str
    id: str = ""
    trigger: str = "submit-message"
    message_id: str | None = None
    messages: list[Any] = []
    body: dict[str, Any] = {}
    last_sequence: int | None = None


class AiSdkSpeaker:
    """One connection of a transport."""

    def __init__(self, line: Line, service: Service, *, agent: str) -> None:
        self._line, self._service, self._agent = line, service, agent
        self._chats = Chats(service)
        self._runs: dict[str, str] = {}
        """Requests whose answers are under way, and their runs."""

    async def hear(self, text: str) -> None:
        try:
            frame = msgspec.json.decode(text, type=Frame)
        except msgspec.DecodeError as error:
            await self._say("error", _request_id(text), errorText=str(error))
            return
        try:
            await self._do(frame)
        except SluiceError as error:
            await self._say("error", frame.request_id, errorText=str(error))

    async def _do(self, frame: Frame) -> None:
        owner = self._line.owner
        match frame.type:
            case "send":
                body = {**frame.body, "id": frame.id, "messages": frame.messages, "trigger": frame.trigger}
                body["messageId"] = frame.message_id
                run, projection = await self._chats.start(owner, body, agent=self._agent, sdk=SDK)
                self._view(frame, run, projection)
            case "resume":
                if frame.last_sequence is not None and frame.last_sequence < -1:
                    raise BadRequest("a sequence is a whole number from 0 on", param="lastSequence")
                live = await self._chats.live(owner, frame.id)
                if live is None:
                    await self._say("no-active", frame.request_id)
                    return
                forgotten = frame.last_sequence is None  # else it counts this run's chunks, not those of runs before it
                self._view(frame, live, await self._chats.replay(live) if forgotten else projection_of(live))
            case "abort":
                self._line.leave(frame.request_id)
                run_id = self._runs.pop(frame.request_id, None)
                if run_id is not None:
                    await self._service.cancel(owner, run_id, "stopped")

    def _view(self, frame: Frame, run: Run, projection: AiSdk) -> None:
        self._runs[frame.request_id] = run.id
        self._line.view(frame.request_id, self._tell(frame, run, projection))

    async def _tell(self, frame: Frame, run: Run, projection: AiSdk) -> None:
        request = msgspec.json.encode(frame.request_id).decode()
        skipped = -1 if frame.last_sequence is None else frame.last_sequence
        sequence = 0
        try:
            await self._say("start", frame.request_id)
            async with aclosing(self._service.watch(run)) as batches:
                async for events in batches:
                    for event in events:
                        for chunk in projection.step(event):
                            if sequence > skipped:
                                await self._line.send(
                                    f'{{"type":"chunk","requestId":{request},"sequence":{sequence},'
                                    f'"chunk":{chunk.data.decode()}}}'
                                )
                            sequence += 1
            await self._say("end", frame.request_id)
        finally:
            if self._runs.get(frame.request_id) == run.id:
                del self._runs[frame.request_id]

    async def _say(self, kind: str, request_id: str, **fields: str) -> None:
        said = {"type": kind, "requestId": request_id, **fields}
        await self._line.send(msgspec.json.encode(said).decode())


def _request_id(text: str) -> str:
    """Return the request that a frame is of which is none: its client can only match what has the id."""
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return ""
    return str(raw.get("requestId", "")) if isinstance(raw, dict) else ""
