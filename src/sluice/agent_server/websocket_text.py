"""Plain text over a WebSocket, as seed 003 has it: a message in, each chunk of the answer as a message out, `[DONE]`.

Messages are answered one after the other, on one thread: that of `?thread_id=`, or one of the connection's own. There
is no resuming here: an answer that nobody hears ends after five seconds (agents.md E.5).
"""

import asyncio
from contextlib import aclosing

from sluice.agent_server.client_history import last_run
from sluice.agent_server.event_stream import Pace, frames_of
from sluice.agent_server.websocket_line import LATER, Line
from sluice.agents.asked import Answer, Asked
from sluice.agents.service import Service
from sluice.errors import BadRequest, SluiceError
from sluice.runs.messages import said
from sluice.runs.projections.text import DONE, PlainText

WAITING = 16
"""Messages that may wait for the answers to those before them."""


class TextSpeaker:
    """One conversation."""

    def __init__(self, line: Line, service: Service, *, agent: str, thread_id: str) -> None:
        self._line, self._service = line, service
        self._agent, self._thread = agent, thread_id
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING)
        line.view("text", self._answer())

    async def hear(self, text: str) -> None:
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull:
            await self._line.close(LATER, f"at most {WAITING} messages wait for their answers")

    async def _answer(self) -> None:
        while True:
            text = await self._waiting.get()
            try:
                await self._tell(text)
            except SluiceError as error:
                await self._line.send(f"[Error: {error}]")
                await self._line.send(DONE.decode())

    async def _tell(self, text: str) -> None:
        if not text.strip():
            raise BadRequest("the message is empty")
        owner = self._line.owner
        last = await last_run(self._service, owner, self._thread)
        asked = last is not None and last.status == "interrupted"
        run = await self._service.start(
            Asked(
                owner=owner,
                agent=self._agent,
                input=(said(text),),
                thread_id=self._thread,
                answers={"*": Answer(value=text)} if asked else {},
                options={"protocol": PlainText.name},
                on_disconnect="cancel",
            )
        )
        pace = Pace()
        async with aclosing(frames_of(self._service, run, PlainText(), pace=pace)) as batches:
            async for frames in batches:
                pace.begin()
                for frame in frames:
                    await self._line.send(PlainText.spoken(frame))
                pace.end()
