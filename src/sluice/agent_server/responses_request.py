"""A request for a response, and the run that it asks for: where its conversation stands, what is new, what it answers.

A stored response begins a thread of its own, or goes on in the thread of `conversation` or of `previous_response_id`.
An older response than the thread's newest is gone on from in a new thread: both ways on stay as they are. With
`store: false` there is no thread, and the response is not found later.

Source: platform.openai.com/docs/api-reference/responses/create and /docs/guides/conversation-state, read 2026-11-21.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from starlette.requests import HTTPConnection

from sluice.agent_server.openai_answers import agent_of, answers_in, named, newest
from sluice.agent_server.openai_parts import known
from sluice.agent_server.responses_input import Item, read
from sluice.agent_server.server import Server
from sluice.agents.asked import Asked
from sluice.agents.ids import uuid7
from sluice.errors import BadRequest, NotFound
from sluice.runs.messages import TRANSIENT, Message, TextPart, lasting
from sluice.runs.projections.responses import PREFIX, UNSAID, Responses
from sluice.runs.records import Run

Json = dict[str, Any]


class _Conversation(msgspec.Struct, frozen=True):
    id: str


class Body(msgspec.Struct, frozen=True):
    """What is read of a request; members that are not here are let be."""

    input: str | list[Item] = ""
    model: str = ""
    stream: bool | None = None
    background: bool | None = None
    conversation: str | _Conversation | None = None
    generate: bool | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    reasoning: Json | None = None
    store: bool | None = None
    temperature: float | None = None
    text: Json | None = None
    tool_choice: str | Json | None = None
    tools: list[Json] | None = None
    top_p: float | None = None
    truncation: str | None = None
    user: str | None = None

    def echo(self) -> Json:
        """Return what the response repeats of it."""
        sent = known({key: getattr(self, key) for key in UNSAID})
        if self.conversation is not None:
            sent["conversation"] = {"id": _id(self.conversation)}
        return sent

    def context(self) -> Json:
        """What it says of the model: none of it changes the agent unless its handler looks."""
        keys = ("user", "temperature", "top_p", "reasoning", "text", "tools", "tool_choice")
        return known({key: getattr(self, key) for key in keys} | {"max_tokens": self.max_output_tokens})


class _Place(msgspec.Struct, frozen=True):
    """Where a conversation goes on."""

    thread_id: str = ""
    """Empty = there is no thread, or that of the run which goes on."""
    before: tuple[Message, ...] = ()
    """What a new thread begins with, or what a run without a thread is told of the past."""


async def asked(
    server: Server, request: HTTPConnection, owner: str, body: Body, digest: str, *, unstored: Collection[str] = ()
) -> Asked:
    """Return the run that a request asks for. `unstored`: runs without a thread that may be gone on from.

    Raises:
        BadRequest: it contradicts itself, or says what an agent does not take.
        ModelNotFound: there is no such agent.
        NotFound: there is no such response or conversation.
    """
    if body.conversation is not None and body.previous_response_id is not None:
        raise BadRequest("either conversation or previous_response_id", param="previous_response_id")
    stored = body.store is not False
    if body.background and not stored:
        raise BadRequest("a response in the background is stored: leave store out", param="store")
    said = read(body.input)
    if not said or body.input == "":
        raise BadRequest("there is no input", param="input")
    resumes, answers = answers_in(said)
    place = _Place() if answers else await _place(server, owner, body, stored, unstored)
    agent = named(agent_of(server, request, body.model))
    if answers:  # whoever asked hears the answer, whichever model is named
        before = await found(server, owner, resumes, unstored)
        agent = f"{before.agent}::{before.version}"
    return Asked(
        owner=owner,
        agent=agent,
        input=() if answers else (*place.before, *_instructions(body), *said),
        thread_id=place.thread_id,
        request_id=request.headers.get("idempotency-key", ""),
        digest=digest,
        context=body.context(),
        metadata=dict(body.metadata or {}),
        options={"protocol": Responses.name, "echo": body.echo(), "before": len(place.before)},
        answers=answers,
        resumes=resumes,
        keep_system=True,
    )


def _instructions(body: Body) -> tuple[Message, ...]:
    """Those of this response alone: the thread does not keep them."""
    if body.instructions is None:
        return ()
    return (Message(role="system", parts=(TextPart(text=body.instructions),), metadata={TRANSIENT: True}),)


def _id(conversation: str | _Conversation) -> str:
    return conversation if isinstance(conversation, str) else conversation.id


async def _place(server: Server, owner: str, body: Body, stored: bool, unstored: Collection[str]) -> _Place:
    if body.conversation is not None:
        thread = await server.service.thread(owner, _id(body.conversation))
        return _Place(thread.id)
    if body.previous_response_id is None:
        return _Place(uuid7() if stored else "")
    try:
        base = await found(server, owner, body.previous_response_id, unstored)
    except NotFound as error:
        raise NotFound(str(error), param="previous_response_id") from None
    if not base.stored:
        return _Place(uuid7() if stored else "", (*lasting(base.input), *base.output))
    last = await newest(server, owner, base.thread_id)
    if stored and last is not None and last.id == base.id:
        return _Place(base.thread_id)
    return _Place(uuid7() if stored else "", await _until(server, base))


async def _until(server: Server, run: Run) -> tuple[Message, ...]:
    """Return what was said in a run's thread up to its end."""
    messages = await server.service.messages(run.owner, run.thread_id)
    own = {message.id for message in (*run.input, *run.output)}
    last = max((place for place, message in enumerate(messages) if message.id in own), default=-1)
    return tuple(messages[: last + 1])


async def found(server: Server, owner: str, response_id: str, unstored: Collection[str] = ()) -> Run:
    """Return the run of a response.

    Raises:
        NotFound: there is none, it belongs to another, or it was not to be stored.
    """
    run_id = response_id.removeprefix(PREFIX)
    try:
        run = await server.service.run(owner, run_id)
    except NotFound:
        raise NotFound(f"there is no response {response_id!r}") from None
    if not run.stored and run.id not in unstored:
        raise NotFound(f"there is no response {response_id!r}")
    return run


def echo_of(run: Run) -> Json:
    """Return what the response of a run repeats of its request."""
    echo: Json = run.options.get("echo", {})
    return {"created_at": run.created // 1000, **echo}
