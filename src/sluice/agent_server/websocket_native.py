"""`sluice.v1`: the native protocol over a WebSocket. Each message is one JSON object with a `type`.

    client   run {text | messages, agent, thread_id, request_id, settings, context, metadata, on_disconnect}
             resume {run_id, lastSequence} · answer {run_id, answers | value} · cancel {run_id} · leave {run_id} · ping
    server   accepted {id, run_id, thread_id} · each event as it is, with its `run_id` and `seq` · pong
             error {id, code, status, message, param}

`id` is the client's own name for a request and comes back with what answers it. agents.md D.3, D.4, E.2.
"""

from contextlib import aclosing
from hashlib import sha256
from typing import Any, TypeAlias

import msgspec

from sluice.agent_server.event_stream import Pace, frames_of
from sluice.agent_server.websocket_line import Line
from sluice.agents.asked import Answer, Asked
from sluice.agents.service import Service
from sluice.errors import BadRequest, SluiceError
from sluice.runs.messages import Message, said
from sluice.runs.projections.native import Native
from sluice.runs.records import OnDisconnect
from sluice.runs.records import Run as Record


class _Order(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every message of a client may have."""

    id: str = ""


class Run(_Order, frozen=True, kw_only=True, tag="run"):
    text: str = ""
    messages: tuple[Message, ...] = ()
    agent: str = ""
    thread_id: str = ""
    request_id: str = ""
    settings: dict[str, Any] = {}
    context: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    on_disconnect: OnDisconnect | None = None
    """Not said: a run on a thread goes on, one without is cancelled after five seconds without a viewer."""


class Resume(_Order, frozen=True, kw_only=True, tag="resume"):
    run_id: str
    last_sequence: int = msgspec.field(default=0, name="lastSequence")
    """The number of the last event that the client has."""


class Answers(_Order, frozen=True, kw_only=True, tag="answer"):
    run_id: str
    answers: dict[str, Answer] = {}
    value: Any = None
    """The answer to whichever question is first, if `answers` is empty."""


class Cancel(_Order, frozen=True, kw_only=True, tag="cancel"):
    run_id: str
    reason: str = "cancelled"


class Leave(_Order, frozen=True, kw_only=True, tag="leave"):
    run_id: str


class Ping(_Order, frozen=True, kw_only=True, tag="ping"):
    """Browsers cannot send a WebSocket's own."""


Order: TypeAlias = Run | Resume | Answers | Cancel | Leave | Ping
_DECODER: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)


class NativeSpeaker:
    """One connection."""

    def __init__(self, line: Line, service: Service, *, agent: str) -> None:
        self._line, self._service, self._agent = line, service, agent

    async def hear(self, text: str) -> None:
        name = ""
        try:
            order = _read(text)
            name = order.id
            await self._do(order)
        except SluiceError as error:
            refusal = {"type": "error", "id": name, "code": error.code, "status": error.status, "message": str(error)}
            await self._say(refusal | ({"param": error.param} if error.param else {}))

    async def _do(self, order: Order) -> None:
        owner = self._line.owner
        match order:
            case Run():
                run = await self._service.start(self._asked(order, order.text))
                await self._accept(order, run, 0)
            case Resume():
                run = await self._service.run(owner, order.run_id)
                await self._accept(order, run, max(0, order.last_sequence))
            case Answers():
                answers = order.answers or {"*": Answer(value=order.value)}
                await self._accept(order, await self._service.resume(owner, order.run_id, answers), 0)
            case Cancel():
                run = await self._service.cancel(owner, order.run_id, order.reason)
                await self._accepted(order, run)
            case Leave():
                self._line.leave(order.run_id)
            case Ping():
                await self._say({"type": "pong", "id": order.id})

    def _asked(self, order: Run, text: str) -> Asked:
        messages = (*order.messages, said(text)) if text else order.messages
        if not messages:
            raise BadRequest("there is no message to answer", param="text")
        return Asked(
            owner=self._line.owner,
            agent=self._agent or order.agent,
            input=messages,
            thread_id=order.thread_id,
            request_id=order.request_id,
            digest=_digest(order),
            settings=order.settings,
            context=order.context,
            metadata=order.metadata,
            options={"protocol": Native.name},
            on_disconnect=order.on_disconnect or ("continue" if order.thread_id else "cancel"),
        )

    async def _accept(self, order: Order, run: Record, after: int) -> None:
        await self._accepted(order, run)
        self._line.view(run.id, self._tell(run, after))

    async def _accepted(self, order: Order, run: Record) -> None:
        await self._say({"type": "accepted", "id": order.id, "run_id": run.id, "thread_id": run.thread_id})

    async def _tell(self, run: Record, after: int) -> None:
        pace = Pace()
        async with aclosing(frames_of(self._service, run, Native(), after, pace)) as batches:
            async for frames in batches:
                pace.begin()
                for frame in frames:
                    await self._line.send(frame.data.decode())
                pace.end()

    async def _say(self, said: dict[str, Any]) -> None:
        await self._line.send(msgspec.json.encode(said).decode())


def _read(text: str) -> Order:
    try:
        return _DECODER.decode(text)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        raise BadRequest(sentence, param=path.rstrip("`").lstrip(".") or None) from None
    except msgspec.DecodeError as error:
        raise BadRequest(f"the message is no JSON: {error}") from None


def _digest(order: Run) -> str:
    """Of what is asked: not of what the client calls it."""
    return sha256(msgspec.json.encode(msgspec.structs.replace(order, id=""))).hexdigest()
