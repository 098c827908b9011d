"""A chat of Vercel's AI SDK on a thread: its requests read, its answers found again. Over HTTP and over WebSocket.

A chat is the thread of the same id. Its client keeps the conversation and may go back in it (client_history.py). A new
message while an answer is under way stops that answer: the person has moved on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sluice.agent_server.ai_sdk_messages import UiMessage, approvals, read, verdicts, write
from sluice.agent_server.client_history import Placed, last_run, live_run, place
from sluice.agents.asked import Answer, Asked
from sluice.agents.service import Service
from sluice.errors import BadRequest, NotFound
from sluice.runs.messages import Message, ToolCallPart, ToolResultPart, last_text
from sluice.runs.projections.ai_sdk import AiSdk, Chunk
from sluice.runs.records import Run

OLDEST = 5
"""The first version of the SDK that speaks this protocol."""
LOOKED_AT = 100
"""Runs of a thread, the newest, whose messages a client may name by the run."""
PAGE = 256


class ChatBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the transport sends. All else in the body is the agent's context."""

    id: str
    messages: list[UiMessage] = []
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    messageId: str | None = None  # noqa: N815  # the client's own name
    agent: str = ""
    sdk: int | None = None
    answers: dict[str, Any] = {}
    """Interrupt id -> answer, to what `data-interrupt` asked."""


class Chats:
    """The chats of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def start(
        self,
        owner: str,
        raw: Mapping[str, Any],
        *,
        agent: str = "",
        sdk: int = OLDEST,
        request_id: str = "",
        digest: str = "",
    ) -> tuple[Run, AiSdk]:
        """Begin the run that a request asks for, and return how its client is told of it.

        Raises:
            BadRequest: the body is not as it should be.
            SluiceError: what `Service.start` raises.
        """
        body = _read(raw)
        if not body.id:
            raise BadRequest("a chat has an id", param="id")
        sdk = version(body.sdk) if body.sdk is not None else sdk
        messages, goes_on = body.messages, False
        if body.trigger == "regenerate-message":
            messages = _until(messages, body.messageId)
        placed = await self._place(owner, body, messages)
        answers = await self._answers(owner, body, messages)
        if messages and messages[-1].role == "assistant":
            goes_on = True
            if not placed.replaces:
                placed = msgspec.structs.replace(placed, input=placed.input + _results(messages, placed.stored))
        if not placed.input and not answers:
            raise BadRequest("there is no message to answer", param="messages")
        options: dict[str, Any] = {"protocol": AiSdk.name, "sdk": sdk}
        if goes_on:
            options |= _going_on(messages[-1])
        known = ChatBody.__struct_fields__
        run = await self._service.start(
            Asked(
                owner=owner,
                agent=agent or body.agent,
                input=placed.input,
                replace_history=placed.replaces,
                thread_id=body.id,
                request_id=request_id,
                digest=digest,
                context={name: value for name, value in raw.items() if name not in known},
                options=options,
                answers=answers,
                on_disconnect="continue",
                multitask="interrupt",
            )
        )
        return run, projection_of(run)

    async def _place(self, owner: str, body: ChatBody, messages: list[UiMessage]) -> Placed:
        sent = [read(message, f"messages[{n}]") for n, message in enumerate(messages)]
        new = len(sent) - 1 if messages and messages[-1].role != "assistant" else len(sent)
        runs = await self._service.store.list_runs(owner, body.id, limit=LOOKED_AT)
        names = [(message_of(run), message.id) for run in runs for message in reversed(run.output)]
        return await place(self._service, owner, body.id, sent, new_from=new, names=names)

    async def _answers(self, owner: str, body: ChatBody, messages: list[UiMessage]) -> dict[str, Answer]:
        """Return what a request answers: by name, by approvals, or by saying something to the one open question."""
        given = {name: Answer(value=value) for name, value in body.answers.items()}
        run = await last_run(self._service, owner, body.id)
        if given or run is None or run.status != "interrupted" or not messages:
            return given
        if messages[-1].role == "assistant":
            return {name: Answer(value=said) for name, said in approvals(messages[-1]).items()}
        questions = [question for question in run.interrupts if question.reason != "approval"]
        said = last_text(message for one in messages[-1:] for message in read(one, "messages").messages)
        return {questions[0].id: Answer(value=said)} if len(questions) == 1 == len(run.interrupts) else {}

    # -- finding again ------------------------------------------------------------------------------------------------

    async def live(self, owner: str, chat: str) -> Run | None:
        """Return the run that is under way in a chat; None if there is none, or no such chat."""
        return await live_run(self._service, owner, chat)

    async def replay(self, run: Run, sdk: int | None = None) -> AiSdk:
        """Return how a client that has forgotten a run's message is told of it: from the message's beginning, even if
        earlier runs began it."""
        before: list[Chunk] = []
        earlier = [run]
        while (last := earlier[-1]).resumes and last.options.get("message_id"):
            earlier.append(await self._service.run(run.owner, last.resumes))
        for one in reversed(earlier[1:]):
            again = ("finish", "start") if before else ("finish",)
            before += [chunk for chunk in await self._told(one, sdk) if chunk["type"] not in again]
        return projection_of(run, sdk, before)

    async def _told(self, run: Run, sdk: int | None) -> list[Chunk]:
        projection, chunks, last = projection_of(run, sdk), list[Chunk](), 0
        while events := await self._service.past(run, last, PAGE):
            for event in events:
                chunks += projection.chunks(event)
            last = events[-1].seq
        return chunks

    async def stop(self, owner: str, chat: str) -> list[Run]:
        """Stop what is under way in a chat and return it.

        Raises:
            NotFound: there is no such chat.
        """
        if await self._service.store.get_thread(owner, chat) is None:
            raise NotFound(f"there is no chat {chat!r}")
        store = self._service.store
        waiting = await store.list_runs(owner, chat, status="pending", limit=LOOKED_AT)
        running = await store.list_runs(owner, chat, status="running", limit=LOOKED_AT)
        return [await self._service.cancel(owner, run.id, "stopped") for run in (*waiting, *running)]

    async def messages(self, owner: str, chat: str) -> list[dict[str, Any]]:
        """Return a chat's messages as its client keeps them.

        Raises:
            NotFound: there is no such chat.
        """
        said = await self._service.messages(owner, chat)
        runs = await self._service.store.list_runs(owner, chat, limit=LOOKED_AT)
        names = {message.id: message_of(run) for run in runs for message in run.output}
        waiting = runs[0].interrupts if runs and runs[0].status == "interrupted" else ()
        return write(said, names, waiting)


def _read(raw: Mapping[str, Any]) -> ChatBody:
    try:
        return msgspec.convert(raw, ChatBody)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        raise BadRequest(sentence, param=path.rstrip("`").lstrip(".") or None) from None


def version(sdk: int) -> int:
    """
    Raises:
        BadRequest: that version does not speak this protocol.
    """
    if sdk < OLDEST:
        raise BadRequest(f"the AI SDK speaks this protocol from version {OLDEST} on", param="sdk")
    return sdk


def message_of(run: Run) -> str:
    """Return the id of the client's message that a run belongs to, as its projection tells it."""
    return str(run.options.get("message_id") or run.id)


def projection_of(run: Run, sdk: int | None = None, before: Sequence[Chunk] = ()) -> AiSdk:
    """Return how a client that has what came before a run is told of it."""
    options = run.options
    return AiSdk(
        sdk=sdk or int(options.get("sdk", OLDEST)),
        message_id=str(options.get("message_id", "")),
        before=before,
        known=options.get("calls", ()),
        denied=options.get("denied", ()),
    )


def _going_on(message: UiMessage) -> dict[str, Any]:
    """Return what must be known of a message that a run goes on with."""
    parts = [part for one in read(message, "messages").messages for part in one.parts]
    done = {part.id for part in parts if isinstance(part, ToolResultPart)}
    calls = [part.id for part in parts if isinstance(part, ToolCallPart) and part.id not in done]
    denied = [name for name, approved in verdicts(message).items() if not approved]
    return {"message_id": message.id, "calls": calls, "denied": denied}


def _until(messages: list[UiMessage], name: str | None) -> list[UiMessage]:
    """Return the conversation up to the question whose answer is to be given anew. Clients leave that answer out."""
    for n, message in enumerate(messages):
        if message.id == name:
            messages = messages[: n if message.role == "assistant" else n + 1]
            break
    while messages and messages[-1].role == "assistant":
        messages = messages[:-1]
    return messages


def _results(messages: list[UiMessage], stored: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the results of tools that ran in the client."""
    have = {part.id for message in stored for part in message.parts if isinstance(part, ToolResultPart)}
    last = read(messages[-1], f"messages[{len(messages) - 1}]").messages
    return tuple(
        message
        for message in last
        if any(isinstance(part, ToolResultPart) and part.id not in have for part in message.parts)
    )
