"""One WebSocket: bounded messages in, whole messages out, and the viewers that send on it.

Answers of several runs share a line, each with a task of its own that ends with the line. A client that takes nothing
for SEND_S is dropped with what waits for it; it can come back and resume. Pings are uvicorn's.
"""

import asyncio
from collections.abc import Coroutine
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from sluice.agent_server.event_stream import SEND_S
from sluice.errors import BadRequest

MAX_MESSAGE = 4 * 1024 * 1024
"""Characters of one message of a client: a conversation with a picture in it. uvicorn cuts at 16 MiB before that."""
MAX_VIEWERS = 64
"""Streams that one client may have open on one line."""
UNSUPPORTED, TOO_BIG, LATER = 1003, 1009, 1013
"""Close codes (RFC 6455, section 7.4.1, and its registry)."""


class Gone(Exception):
    """Nobody is there any more."""


class Speaker(Protocol):
    """What understands a client's messages."""

    async def hear(self, text: str) -> None:
        """Take a message. Errors are told to the client, not raised."""
        ...


class Line:
    """A connection that was accepted, for one principal."""

    def __init__(self, socket: WebSocket, owner: str, tasks: asyncio.TaskGroup) -> None:
        self.owner = owner
        self._socket, self._tasks = socket, tasks
        self._viewers: dict[str, asyncio.Task[None]] = {}

    async def receive(self) -> str | None:
        """Return the client's next message; None if it has gone, or sent what is not taken: then the line is closed."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        if isinstance(text, str) and len(text) <= MAX_MESSAGE:
            return text
        if text is None:
            await self.close(UNSUPPORTED, "only text is understood here")
        else:
            await self.close(TOO_BIG, f"a message has at most {MAX_MESSAGE} characters")
        return None

    async def send(self, text: str) -> None:
        """
        Raises:
            Gone: the client left, or takes nothing.
        """
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send_text(text)
        except TimeoutError:
            self._abort()
            raise Gone from None
        except (WebSocketDisconnect, RuntimeError):  # Starlette: one for the first send after the end, one for others
            raise Gone from None

    def view(self, name: str, telling: Coroutine[object, object, None]) -> None:
        """Run a viewer; a viewer of the same name ends.

        Raises:
            BadRequest: there are too many.
        """
        self.leave(name)
        if len(self._viewers) >= MAX_VIEWERS:
            telling.close()
            raise BadRequest(f"at most {MAX_VIEWERS} streams are open on one connection")
        viewer = self._viewers[name] = self._tasks.create_task(
            self._viewed(telling), name=f"WebSocket viewer of {name}"
        )
        viewer.add_done_callback(lambda task: self._forget(name, task, telling))

    async def _viewed(self, telling: Coroutine[object, object, None]) -> None:
        try:
            await telling
        except Gone:
            return

    def _forget(self, name: str, task: "asyncio.Task[None]", telling: Coroutine[object, object, None]) -> None:
        telling.close()  # a viewer that is left before its first turn has not begun it
        if self._viewers.get(name) is task:
            del self._viewers[name]

    def leave(self, name: str) -> None:
        """End a viewer, if there is one of this name."""
        task = self._viewers.pop(name, None)
        if task is not None:
            task.cancel()

    def hang_up(self) -> None:
        """End all viewers."""
        for name in list(self._viewers):
            self.leave(name)

    async def close(self, code: int, reason: str) -> None:
        """Close the line and say why."""
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.close(code, reason)
        except TimeoutError:
            self._abort()
        except RuntimeError:
            return  # it is closed

    def _abort(self) -> None:
        """Close the socket with what waits for it: a reader who reads nothing reads no close frame either."""
        transport = getattr(getattr(self._socket._receive, "__self__", None), "transport", None)
        if isinstance(transport, asyncio.Transport):
            transport.abort()
