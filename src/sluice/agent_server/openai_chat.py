"""Agents as chat models: POST /v1/chat/completions.

The client keeps the conversation and sends all of it; what it says of the model (temperature and the like) is the
agent's to use or not: `ctx.context` has it. Its functions are offered to the model beside the agent's tools; a call of
one ends the answer with `tool_calls`, and the message of the role `tool` goes on with that run. A run without a thread
is cancelled when nobody has watched it for 5 seconds; with `metadata.thread_id` it belongs to that thread and goes on
(agents.md C.6, E.5, E.6).

Source: platform.openai.com/docs/api-reference/chat, read 2026-11-21.
"""

from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server import openai_models
from sluice.agent_server.client_tools import functions
from sluice.agent_server.openai_answers import about, agent_of, answers_in, failed, log_of, named, told
from sluice.agent_server.openai_parts import Content, Function, call_of, known, parts_of, text_of
from sluice.agent_server.server import Server, answering, as_json, cursor
from sluice.agents.asked import Asked
from sluice.errors import BadRequest
from sluice.runs.messages import Message, Part, Role, ToolResultPart
from sluice.runs.projections.openai_chat import OpenAiChat, folded
from sluice.runs.projections.openai_failure import failure_of
from sluice.runs.records import Run

LINGER_S = 5.0


class _Call(msgspec.Struct, frozen=True):
    id: str
    function: Function


class _Message(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Content] | None = None
    name: str = ""
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class _Body(msgspec.Struct, frozen=True):
    """What is read of a request; members that are not here are let be."""

    messages: list[_Message]
    model: str = ""
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def completions(request: Request) -> Response:
        owner = await server.who(request)
        body, digest = await server.body(request, _Body)
        run = await server.service.start(await _asked(server, request, owner, body, digest))
        if not body.stream:
            return await _whole(server, request, run)
        return server.stream(run, as_chat(run), after=cursor(request), headers=about(run))

    return [
        *openai_models.routes(server),
        Route("/v1/chat/completions", answering(told, completions), methods=["POST"]),
    ]


def as_chat(run: Run) -> OpenAiChat:
    """Return how the client that began a run is told of it; others are told the tokens."""
    return OpenAiChat(include_usage=bool(run.options.get("include_usage", True)))


async def _whole(server: Server, request: Request, run: Run) -> Response:
    run = await server.whole(request, run)
    log = await log_of(server, run)
    failure = failure_of(log[-1])
    if failure is not None:
        return failed(failure, about(run))
    projection = OpenAiChat()
    return as_json(folded(chunk for event in log for chunk in projection.chunks(event)), headers=about(run))


async def _asked(server: Server, request: Request, owner: str, body: _Body, digest: str) -> Asked:
    if body.n not in (None, 1):
        raise BadRequest("an agent gives one answer: n must be 1", param="n")
    if not body.messages:
        raise BadRequest("there is no message", param="messages")
    include_usage = body.stream_options is not None and body.stream_options.include_usage
    metadata = body.metadata or {}
    thread = metadata.get("thread_id", "")
    said = tuple(_message(message, f"messages[{place}]") for place, message in enumerate(body.messages))
    resumes, answers = answers_in(said)
    agent = named(agent_of(server, request, body.model))
    if answers:  # whoever asked hears the answer, whichever model is named
        before = await server.service.run(owner, resumes)
        agent = f"{before.agent}::{before.version}"
    return Asked(
        owner=owner,
        agent=agent,
        input=() if answers else said,
        thread_id="" if answers else thread,
        replace_history=bool(thread) and not answers,
        answers=answers,
        resumes=resumes,
        request_id=request.headers.get("idempotency-key", ""),
        digest=digest,
        context=_context(body),
        tools=() if body.tool_choice == "none" else functions(body.tools),
        metadata=dict(metadata),
        options={"protocol": OpenAiChat.name, "include_usage": include_usage},
        keep_system=True,
        on_disconnect="continue" if thread else "cancel",
        linger_s=LINGER_S,
    )


def _context(body: _Body) -> dict[str, Any]:
    """What the request says of the model: none of it changes the agent unless its handler looks."""
    sent = {
        "user": body.user,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "max_tokens": body.max_completion_tokens or body.max_tokens,
        "stop": body.stop,
        "seed": body.seed,
        "reasoning_effort": body.reasoning_effort,
        "response_format": body.response_format,
        "tools": body.tools,
        "tool_choice": body.tool_choice,
    }
    return known(sent)


def _message(message: _Message, place: str) -> Message:
    if message.role == "tool":
        if message.tool_call_id is None:
            raise BadRequest("a tool's message says which call it answers", param=f"{place}.tool_call_id")
        text = text_of(message.content, f"{place}.content")
        return Message(role="tool", parts=(ToolResultPart(id=message.tool_call_id, output=text),))
    parts: list[Part] = list(parts_of(message.content, f"{place}.content"))
    parts += [call_of(call.id, call.function) for call in message.tool_calls or ()]
    role: Role = "system" if message.role == "developer" else message.role
    return Message(role=role, parts=tuple(parts), name=message.name)
