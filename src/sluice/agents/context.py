"""What a handler sees of its run: what was asked, what it may use, and the verbs by which it speaks."""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sluice.agents import loop
from sluice.agents.checkpoints import Checkpoints, difference
from sluice.agents.definition import Definition
from sluice.agents.interrupts import Interrupted, Interrupts
from sluice.agents.items import ItemStore
from sluice.agents.llm import Llm
from sluice.agents.model import Chunk
from sluice.agents.ports import Clock, Now
from sluice.agents.reply import Reply
from sluice.agents.writer import Writer
from sluice.runs.events import Artifact, Attachment, Channel, Data, File, Progress, Source, StatePatch
from sluice.runs.messages import DataPart, FilePart, Message, Part, ReasoningPart, TextPart, last_text
from sluice.runs.records import Run, Thread, ToolSpec

__all__ = ["Buttons", "Context", "Interrupted"]


class Buttons(Protocol):
    """Who makes buttons: agents/callbacks.py."""

    async def issue(self, run: Run, name: str, params: dict[str, Any]) -> str:
        """Return a one-time token."""
        ...


class Context:
    """One run, as its handler sees it. Reads are attributes; all verbs but `every` are coroutines."""

    def __init__(
        self,
        agent: Definition,
        run: Run,
        thread: Thread,
        history: tuple[Message, ...],
        *,
        said: tuple[Message, ...] = (),
        writer: Writer,
        llm: Llm,
        store: ItemStore,
        checkpoints: Checkpoints,
        interrupts: Interrupts,
        buttons: Buttons,
        settings: Any,
        clock: Clock,
        now: Now,
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self.agent, self.run, self.thread = agent, run, thread
        self.writer, self.llm, self.store = writer, llm, store
        self.checkpoints = checkpoints
        self.state: dict[str, Any] = copy.deepcopy(checkpoints.state)
        """Of the thread, as JSON has it. What is changed here is kept when the run ends, or by `checkpoint`."""
        self.settings = settings
        """What the client set: the agent's own type, if it has one."""
        self.messages = (*history, *run.input)
        """The conversation so far, the newest last."""
        self.said = said
        """What the runs that this one resumes have said: the tool loop goes on from there."""
        self.channel: Channel = "text"
        self.path: tuple[str, ...] = ()
        self.place: tuple[str, ...] = ()
        """What tells questions apart that are asked in an order of chance; empty = the path."""
        self.replied = False
        self.cancelled = False
        """Whether somebody has asked to stop; the handler is cancelled too, this is for those who look."""
        self.deadline: float | None = None
        """Monotonic second at which the run is out of time."""
        self.middleware_notes: dict[str, Any] = {}
        """What middleware tells middleware, by its own name."""
        self._buttons, self.interrupts = buttons, interrupts
        self._clock, self._now, self._room = clock, now, room
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
    def context(self) -> dict[str, Any]:
        return self.run.context

    @property
    def metadata(self) -> dict[str, Any]:
        return self.run.metadata

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """What a model may be told of: the agent's tools, and the client's own, which `converse` has it carry out."""
        own = self.agent.tools
        return (*(tool.spec for tool in own.values()), *(spec for spec in self.run.tools if spec.name not in own))

    # -- speaking -----------------------------------------------------------------------------------------------------

    async def write(self, text: str) -> None:
        """Stream text. Waits while viewers are too far behind, if the agent's back-pressure is `block`."""
        self.writer.text(text, self.channel, self.path)
        await self._room()

    async def think(self, text: str) -> None:
        """Stream reasoning."""
        self.writer.think(text, self.channel, self.path)
        await self._room()

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
            case Message():
                for part in piece.parts:
                    await self.say(part)
            case Reply():
                await self._reply(piece)
            case TextPart() | ReasoningPart() | FilePart() | DataPart():
                self._part(piece)
            case _:
                kinds = "str, Chunk, part, Message or Reply"
                raise TypeError(f"a handler yielded {type(piece).__name__}; it may yield {kinds}")
        await self._room()

    def _part(self, part: TextPart | ReasoningPart | FilePart | DataPart) -> None:
        match part:
            case TextPart():
                self.writer.text(part.text, self.channel, self.path)
            case ReasoningPart():
                self.writer.think(part.text, self.channel, self.path)
            case FilePart():
                self._put(File, id=self.writer.name("file"), url=part.url, media_type=part.media_type, name=part.name)
            case DataPart():
                self._put(Data, name=part.name or "data", value=part.data)

    async def _reply(self, reply: Reply) -> None:
        await self.say(reply.text)
        for part in reply.parts:
            await self.say(part)
        for item in reply.attachments:
            await self.attach(item["type"], item.get("value"), **item.get("metadata") or {})

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

    async def data(self, name: str, value: Any, *, id: str | None = None, transient: bool = False) -> None:  # noqa: A002 - the field's name
        """Send a value of one's own."""
        self._put(Data, name=name, value=value, id=id or "", transient=transient)

    async def source(self, url: str = "", *, title: str = "", media_type: str = "", id: str = "") -> None:  # noqa: A002 - the field's name
        """Name what the answer rests on."""
        self._put(Source, id=id or self.writer.name("source"), url=url, title=title, media_type=media_type)

    async def file(self, url: str, media_type: str, *, name: str = "") -> None:
        """Send a file; `url` may be a `data:` URL."""
        self._put(File, id=self.writer.name("file"), url=url, media_type=media_type, name=name)

    async def artifact(self, name: str, *parts: Part | str, description: str = "") -> None:
        """Send a result that is more than a message."""
        whole = tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts)
        self._put(Artifact, id=self.writer.name("artifact"), name=name, parts=whole, description=description)

    async def attach(self, kind: str, value: Any, **metadata: Any) -> None:
        """Send an attachment of seed 004's kinds: image, card, chart, suggestion and so on."""
        self._put(Attachment, kind=kind, value=value, metadata=metadata)

    async def button(self, label: str, handler: str, **params: Any) -> str:
        """Send a button. Who presses it calls `@agent.callback(handler)` with these parameters, once. Return its
        token."""
        token = await self._buttons.issue(self.run, handler, params)
        await self.attach("button", {"label": label, "token": token})
        return token

    async def checkpoint(self) -> None:
        """Keep the state now, and show viewers what changed in it since it was kept last.

        Raises:
            TypeError: it holds what JSON has no word for.
        """
        if self.checkpoints.changed(self.state):
            patch = difference(self.checkpoints.state, self.state)
            self._put(StatePatch, patch=patch)
            await self.checkpoints.save(self.state)

    def _put(self, event: Any, **fields: Any) -> None:
        self.writer.put(event, channel=self.channel, path=self.path, **fields)

    # -- time ---------------------------------------------------------------------------------------------------------

    def every(self, *, seconds: float | None = None, words: int | None = None) -> bool:
        """Whether it is time again: `seconds` have passed, or `words` more words were written, since it last was."""
        if (seconds is None) == (words is None):
            raise TypeError("every() takes either seconds or words")
        name, step = ("seconds", seconds) if seconds is not None else ("words", float(words or 0))
        now = self._clock() if seconds is not None else float(self.writer.words)
        key = f"{name}:{step}"
        since = self._due.setdefault(key, now if seconds is not None else 0.0)
        if now - since < (step or 0.0):
            return False
        self._due[key] = now
        return True

    # -- asking people ------------------------------------------------------------------------------------------------

    async def interrupt(self, question: Any, *, schema: Any = None, expires: float | None = None) -> Any:
        """Ask a person and return the answer. The first time the run ends here with the outcome `interrupt`; the run
        that resumes it begins the handler anew, writes nothing up to this place again, and has the answer here.

        `schema`: JSON schema of the answer. `expires`: seconds after which it is not taken any more.

        Raises:
            Interrupted: there is no answer yet. Let it pass.
            InterruptCancelled: there will be none.
        """
        expires_at = None if expires is None else self._now() + int(expires * 1000)
        id = self.interrupts.next_id(self.place or self.path)  # noqa: A001 - the field's name
        return self.interrupts.ask(id, question, schema=schema, expires_at=expires_at, path=self.path)

    def converse(self, messages: Iterable[Message] | None = None, **options: Any) -> AsyncIterator[Chunk]:
        """Answer with the model: stream, call the agent's tools, and again, until it has said all. What it gives is for
        the handler to yield. See `agents.loop` for the arguments and what is raised."""
        return loop.converse(self, messages, **options)
