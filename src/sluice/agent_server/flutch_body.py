"""What seed 004's clients send, read into one shape: both generations of the request, and messages in all spellings.

    0.1.20, the seed's   {requestId?, threadId?, userId?, agentId?, graphType?, graphSettings?, message, context?, …}
    0.6.x                {requestId, input: {messages}, config: {configurable: {thread_id, context, graphSettings, …}}}

Ours besides: `resume`, the answer to the question with which the thread's last run ended, or the run `runId`. agents.md
B.1, E.11.
"""

from hashlib import sha256
from typing import Any

import msgspec

from sluice.agent_server.flutch_messages import content, spoken
from sluice.agents.catalogue import Catalogue
from sluice.agents.versions import GraphType, resolve
from sluice.errors import BadRequest, NotFound
from sluice.runs.messages import Message

Json = dict[str, Any]
MAX_ID = 256
"""Characters of an identifier that a client chooses."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """One request, whichever generation it came in."""

    request_id: str
    thread_id: str
    agent_id: str
    graph_type: str
    settings: Json
    input: tuple[Message, ...]
    has_history: bool
    """Whether `input` is the whole conversation, because the client keeps it."""
    context: Json
    metadata: Json
    checkpoint_id: str = ""
    resume: Any = msgspec.UNSET
    resumes: str = ""
    """The run whose question is answered; empty = the thread's last."""


def read(body: Json) -> tuple[Body, str]:
    """Return a request and its digest: the same for the same JSON, however it was spelled.

    Raises:
        BadRequest: a field is of another type, or nothing is asked; names the field.
    """
    digest = sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
    said = {key: value for key, value in body.items() if value is not None}
    return (_graph(said) if "config" in said or "input" in said else _seed(said)), digest


def _seed(body: Json) -> Body:
    """Read generation 0.1.20."""
    context = dict(_object(body, "context"))
    history = context.pop("history", None)
    before = spoken(history, "context.history") if history else ()
    resume = body.get("resume", msgspec.UNSET)
    newest = _message(body)
    if newest is None and resume is msgspec.UNSET:
        raise BadRequest("message should not be empty", param="message")
    named: Json = {key: _text(body, key) for key in ("userId", "agentId") if key in body}
    return Body(
        request_id=_text(body, "requestId"),
        thread_id=_text(body, "threadId"),
        agent_id=_text(body, "agentId"),
        graph_type=_text(body, "graphType"),
        settings=_object(body, "graphSettings"),
        input=(*before, newest) if newest is not None else before,
        has_history=bool(before),
        context={**context, **named},
        metadata=_object(body, "metadata"),
        resume=resume,
        resumes=_text(body, "runId"),
    )


def _message(body: Json) -> Message | None:
    """Return the newest message: `{content, attachments?}`, or only its text."""
    message = body.get("message")
    if message is None:
        return None
    if isinstance(message, str):
        message = {"content": message}
    if not isinstance(message, dict):
        raise BadRequest("message must be an object", param="message")
    parts = (*content(message.get("content"), "message.content"), *content(message.get("attachments"), "message"))
    return Message(role="user", parts=parts, id=_text(message, "id")) if parts else None


def _graph(body: Json) -> Body:
    """Read generation 0.6.x."""
    configurable = _object(_object(body, "config"), "configurable")
    context = _object(configurable, "context")
    thread = _text(configurable, "thread_id") or _text(context, "threadId")
    asked = body.get("input", {})
    resume = body.get("resume", msgspec.UNSET)
    messages = asked.get("messages") if isinstance(asked, dict) else asked
    said = spoken([messages] if isinstance(messages, str) else messages or [], "input.messages")
    if not said and resume is msgspec.UNSET:
        raise BadRequest("input.messages should not be empty", param="input.messages")
    checkpoint = _text(configurable, "checkpoint_id")
    return Body(
        request_id=_text(body, "requestId"),
        thread_id=thread,
        agent_id=_text(context, "agentId"),
        graph_type="",
        settings=_object(configurable, "graphSettings"),
        input=said,
        has_history=False,
        context=context,
        metadata=_object(configurable, "metadata"),
        checkpoint_id="" if checkpoint == thread else checkpoint,  # 0.6.x names the thread where it has no checkpoint
        resume=resume,
        resumes=_text(body, "runId"),
    )


def wanted(body: Body, catalogue: Catalogue, of_path: str = "") -> tuple[str, Json]:
    """Return the agent that a request is for, as `name::version`, and its settings without the graph type.

    `graphType` names the router and `graphSettings.graphType` the version in it; with `graphSettings.strict` no other
    version will do. Neither: the agent that `agentId` names, else the default one. `of_path`: the agent whose own
    address was asked; it takes the router's place.

    Raises:
        BadRequest: they name two different types.
        NotFound: there is no such type, or strictly no such version.
    """
    settings = dict(body.settings)
    inner, strict = settings.pop("graphType", None) or "", bool(settings.pop("strict", False))
    if not isinstance(inner, str):
        raise BadRequest("graphSettings.graphType must be a string", param="graphSettings.graphType")
    named = [GraphType.read(text) for text in (of_path or body.graph_type, inner) if text]
    if not named:
        try:
            agent = catalogue.get(body.agent_id)
        except NotFound:
            agent = catalogue.default
        return f"{agent.name}::{agent.version}", settings
    router, version = named[0], named[-1]
    if not router.agrees(version):
        raise BadRequest(f"graphType is {router}, and graphSettings.graphType {version}", param="graphSettings")
    full = GraphType(router.name, router.company or version.company, version.version or router.version)
    agent = resolve(catalogue, full, strict=strict)
    return f"{agent.name}::{agent.version}", settings


def _text(body: Json, key: str) -> str:
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_ID:
        raise BadRequest(f"{key} must be a string of at most {MAX_ID} characters", param=key)
    return value


def _object(body: Json, key: str) -> Json:
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{key} must be an object", param=key)
    return value
