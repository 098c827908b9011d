"""What a handler sees of its run: what was asked, what it may use, and the verbs by which it speaks."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from sluice.agents.items import ItemStore
from sluice.agents.llm import Llm
from sluice.agents.model import Chunk
from sluice.agents.reply import Reply
from sluice.agents.writer import Writer
from sluice.runs.events import Artifact, Attachment, Channel, Data, File, Progress, Source
from sluice.runs.messages import Message, Part, TextPart, last_text
from sluice.runs.records import Run, Thread

if TYPE_CHECKING:
    from sluice.agents.agent import Agent


class Buttons(Protocol):
    """Who makes buttons: agents/callbacks.py."""

    async def issue(self, run: Run, name: str, params: dict[str, Any]) -> str:
        """Return a one-time token."""
        ...


class Interrupted(BaseException):
    """The run ends here and waits for an answer. No `Exception`: a handler's own net must not catch it."""


class Context:
    """One run, as its handler sees it. Reads are attributes; all verbs but `every` are coroutines."""

    def __init__(
        self,
        agent: "Agent",
        run: Run,
        thread: Thread,
        history: tuple[Message, ...],
        *,
        writer: Writer,
        llm: Llm,
        store: ItemStore,
        state: dict[str, Any],
        buttons: Buttons,
    ) -> None:
        self.agent, self.run, self.thread = agent, run, thread
        self.writer, self.llm, self.store, self.state = writer, llm, store, state
        self.messages = (*history, *run.input)
        """The conversation so far, the newest last."""
        self.channel: Channel = "text"
        self.path: tuple[str, ...] = ()
        self.replied = False
        self.cancelled = False
        """Whether somebody has asked to stop; the handler is cancelled too, this is for those who look."""
        self.deadline: float | None = None
        """Monotonic second at which the run is out of time."""
        self._buttons = buttons
        self._asked = 0
        self._due: dict[str, float] = {}

    # -- what was asked -----------------------------------------------------------------------------------------------

    @property
    def message(self) -> Message:
        """The newest message of the user; an empty one if there is none."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message
        return Message(role="user", parts=())

    @property
    def text(self) -> str:
        return last_text(self.run.input)

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.message.parts

    @property
    def message_id(self) -> str:
        return self.message.id

    @property
    def context_id(self) -> str:
        """The thread's id, as A2A calls it."""
        return self.thread.id

    @property
    def user(self) -> str:
        """Who asks: the authenticated principal."""
        return self.run.owner

    @property
    def settings(self) -> dict[str, Any]:
        return self.run.settings

    @property
    def context(self) -> dict[str, Any]:
        return self.run.context

    @property
    def metadata(self) -> dict[str, Any]:
        return self.run.metadata

    # -- speaking -----------------------------------------------------------------------------------------------------

    async def write(self, text: str) -> None:
        """Stream text."""
        self.writer.text(text, self.channel, self.path)

    async def think(self, text: str) -> None:
        """Stream reasoning."""
        self.writer.think(text, self.channel, self.path)

    async def reply(self, reply: "str | Reply | Message") -> None:
        """Give the whole answer at once. Once per run.

        Raises:
            RuntimeError: it was called before.
        """
        if self.replied:
            raise RuntimeError("this run has replied already: one reply per message")
        self.replied = True
        await self.say(reply)

    async def say(self, piece: Any) -> None:
        """Write what a handler yielded or returned: a text, a chunk of a model, a part, a message, a reply.

        Raises:
            TypeError: it is none of these.
        """
        match piece:
            case None:
                return
            case str():
                self.writer.text(piece, self.channel, self.path)
            case Chunk():
                self.hear(piece)
            case TextPart():
                self.writer.text(piece.text, self.channel, self.path)
            case Message():
                for part in piece.parts:
                    await self.say(part)
            case Reply():
                await piece.write(self)
            case _:
                write = getattr(piece, "write_to", None)
                if write is None:
                    kinds = "str, Chunk, part, Message or Reply"
                    raise TypeError(f"a handler yielded {type(piece).__name__}; it may yield {kinds}")
                await write(self)

    def hear(self, chunk: Chunk) -> None:
        """Write what a model said: its text and its reasoning."""
        if chunk.reasoning:
            self.writer.think(chunk.reasoning, self.channel, self.path)
        if chunk.text:
            self.writer.text(chunk.text, self.channel, self.path)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """Say that a step begins and, whatever happens in it, that it ends."""
        step = self.writer.start_step(name, self.path)
        try:
            yield
        finally:
            self.writer.end_step(step, self.path)

    async def progress(self, value: float | None = None, note: str = "") -> None:
        """Say how far it is: 0 to 1, or only a note."""
        self._put(Progress, value=value, note=note)

    async def data(self, name: str, value: Any, *, id: str = "", transient: bool = False) -> None:  # noqa: A002
        """Send a value of one's own."""
        self._put(Data, name=name, value=value, id=id, transient=transient)

    async def source(self, url: str = "", *, title: str = "", media_type: str = "", id: str = "") -> None:  # noqa: A002
        """Name what the answer rests on."""
        self._put(Source, id=id or self.writer.name("source"), url=url, title=title, media_type=media_type)

    async def file(self, url: str, media_type: str, *, name: str = "") -> None:
        """Send a file; `url` may be a `data:` URL."""
        self._put(File, id=self.writer.name("file"), url=url, media_type=media_type, name=name)

    async def artifact(self, name: str, *parts: Part, description: str = "") -> None:
        """Send a result that is more than a message."""
        self._put(Artifact, id=self.writer.name("artifact"), name=name, parts=parts, description=description)

    async def attach(self, kind: str, value: Any, **metadata: Any) -> None:
        """Send an attachment of seed 004's kinds: image, card, chart, suggestion and so on."""
        self._put(Attachment, kind=kind, value=value, metadata=metadata)

    async def button(self, label: str, handler: str, **params: Any) -> str:
        """Send a button. Who presses it calls `@agent.callback(handler)` with these parameters, once. Return its
        token."""
        token = await self._buttons.issue(self.run, handler, params)
        await self.attach("button", {"label": label, "token": token})
        return token

    def _put(self, kind: Any, **fields: Any) -> None:
        self.writer.put(kind, channel=self.channel, path=self.path, **fields)

    # -- time ---------------------------------------------------------------------------------------------------------

    def every(self, *, seconds: float | None = None, words: int | None = None) -> bool:
        """Whether it is time again: `seconds` have passed, or `words` more words were written, since it last was."""
        if (seconds is None) == (words is None):
            raise TypeError("every() takes either seconds or words")
        name, step = ("seconds", seconds) if seconds is not None else ("words", float(words or 0))
        now = time.monotonic() if seconds is not None else float(self.writer.words)
        key = f"{name}:{step}"
        since = self._due.setdefault(key, now if seconds is not None else 0.0)
        if now - since < (step or 0.0):
            return False
        self._due[key] = now
        return True

    # -- asking people ------------------------------------------------------------------------------------------------

    async def interrupt(self, question: Any, *, schema: Any = None, expires: float | None = None) -> Any:
        """Ask a person and return the answer. The first time the run ends here with the outcome `interrupt`; the run
        that resumes it begins the handler anew, writes nothing up to this place again, and has the answer here."""
        raise NotImplementedError  # agents/interrupts.py

    def converse(self) -> AsyncIterator[Any]:
        """Answer with the model: stream, call tools, and again, until it has said all. agents/loop.py."""
        raise NotImplementedError
