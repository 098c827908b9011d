"""RunAgentInput, what AG-UI's clients send, read into ours.

Of the client's messages those of people, of agents and of tools are the conversation; what was thought or shown
(`reasoning`, `activity`) is not. State, tools, context and forwarded properties are the agent's `ctx.context`. A
call of such a tool ends the run: the client carries it out, and its message of the role `tool` goes on.
Source: ag-ui-protocol 1.0.0 (models), read 2026-11-21; agents.md C.2.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sluice.agent_server.client_history import Sent
from sluice.agent_server.client_tools import spec
from sluice.agents.asked import Answer
from sluice.errors import BadRequest
from sluice.runs.events import InterruptRequested
from sluice.runs.messages import FilePart, Message, Part, TextPart, ToolCallPart, ToolResultPart
from sluice.runs.records import ToolSpec

SCHEMES = ("http://", "https://")
_MEDIA = {"image": "image/*", "audio": "audio/*", "video": "video/*", "document": "application/octet-stream"}


class _Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Names on the wire are camelCase."""


class Source(_Struct, frozen=True, kw_only=True):
    type: Literal["data", "url", "file"]
    value: str
    mime_type: str = ""


class Content(_Struct, frozen=True, kw_only=True):
    """A part of a message; `binary` is that of versions before 1.0."""

    type: str
    text: str = ""
    source: Source | None = None
    mime_type: str = ""
    data: str = ""
    url: str = ""
    filename: str = ""


class Function(_Struct, frozen=True, kw_only=True):
    name: str
    arguments: str = ""


class Call(_Struct, frozen=True, kw_only=True):
    id: str
    function: Function


class InputMessage(_Struct, frozen=True, kw_only=True):
    id: str
    role: Literal["developer", "system", "assistant", "user", "tool", "activity", "reasoning"]
    content: str | list[Content] | dict[str, Any] | None = None
    name: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str = ""
    error: str | None = None


class ResumeEntry(_Struct, frozen=True, kw_only=True):
    interrupt_id: str
    status: Literal["resolved", "cancelled"]
    payload: Any = None


class RunAgentInput(_Struct, frozen=True, kw_only=True):
    thread_id: str
    run_id: str
    messages: list[InputMessage]
    parent_run_id: str | None = None
    state: Any = None
    tools: list[dict[str, Any]] | None = None
    context: list[dict[str, Any]] | None = None
    forwarded_props: Any = None
    resume: list[ResumeEntry] | None = None


def conversation(asked: RunAgentInput) -> list[Sent]:
    """Return the client's messages as ours.

    Raises:
        BadRequest: a part that is not as it should be.
    """
    sent: list[Sent] = []
    for n, message in enumerate(asked.messages):
        if message.role not in ("activity", "reasoning"):
            sent.append(Sent(message.id, (_message(message, f"messages[{n}]"),)))
    return sent


def answers(asked: RunAgentInput) -> dict[str, Answer]:
    """Return what the request answers, by interrupt."""
    return {one.interrupt_id: Answer(status=one.status, value=one.payload) for one in asked.resume or ()}


def outcomes(asked: RunAgentInput, questions: Sequence[InterruptRequested]) -> tuple[dict[str, Answer], list[str]]:
    """Return what came of calls that the client has carried out, by question; and those calls."""
    theirs = {one.tool_id: one.id for one in questions if one.reason == "tool"}
    found = [message for message in asked.messages if message.role == "tool" and message.tool_call_id in theirs]
    answers = {theirs[message.tool_call_id]: Answer(value=_outcome(message)) for message in found}
    return answers, [message.tool_call_id for message in found]


def _outcome(message: InputMessage) -> str:
    text = "".join(part.text for part in _parts(message, "messages") if isinstance(part, TextPart))
    return f"Error: {message.error}" if message.error else text


def tools(asked: RunAgentInput) -> tuple[ToolSpec, ...]:
    """Return the tools that the client carries out itself.

    Raises:
        BadRequest: one is not as it should be.
    """
    return tuple(spec(tool, f"tools[{n}]") for n, tool in enumerate(asked.tools or ()))


def open_calls(asked: RunAgentInput) -> list[str]:
    """Return the calls in the client's conversation that have no result."""
    done = {message.tool_call_id for message in asked.messages}
    return [call.id for message in asked.messages for call in message.tool_calls or () if call.id not in done]


def context(asked: RunAgentInput) -> dict[str, Any]:
    """Return what the agent sees as `ctx.context`: only what was sent."""
    given: Mapping[str, Any] = {
        "state": asked.state,
        "tools": asked.tools,
        "context": asked.context,
        "forwardedProps": asked.forwarded_props,
    }
    return {name: value for name, value in given.items() if value not in (None, [], {})}


def _message(message: InputMessage, place: str) -> Message:
    if message.role == "tool":
        output = "".join(part.text for part in _parts(message, place) if isinstance(part, TextPart))
        result = ToolResultPart(id=message.tool_call_id, output=output, error=message.error or "")
        return Message(role="tool", parts=(result,), id=message.id)
    calls = tuple(_call(call, f"{place}.toolCalls[{n}]") for n, call in enumerate(message.tool_calls or ()))
    parts = (*_parts(message, place), *calls)
    if message.role in ("developer", "system"):
        return Message(role="system", parts=parts, id=message.id, name=message.name or "")
    role: Literal["user", "assistant"] = "user" if message.role == "user" else "assistant"
    return Message(role=role, parts=parts, id=message.id, name=message.name or "")


def _parts(message: InputMessage, place: str) -> tuple[Part, ...]:
    match message.content:
        case None:
            return ()
        case str():
            return (TextPart(text=message.content),) if message.content else ()
        case list():
            return tuple(_part(part, f"{place}.content[{n}]") for n, part in enumerate(message.content))
    raise BadRequest("a text or a list of parts is required", param=f"{place}.content")


def _part(part: Content, place: str) -> Part:
    if part.type == "text":
        return TextPart(text=part.text)
    if part.type == "binary":
        return FilePart(
            url=_url(part.url, part.data, part.mime_type, place), media_type=part.mime_type, name=part.filename
        )
    if part.type not in _MEDIA or part.source is None:
        raise BadRequest(f"{part.type!r} is no part with a source", param=place)
    if part.source.type == "file":
        raise BadRequest("files at a provider are not passed on: send a url or the bytes", param=f"{place}.source")
    media_type = part.source.mime_type or _MEDIA[part.type]
    linked = part.source.type == "url"
    url, data = (part.source.value, "") if linked else ("", part.source.value)
    return FilePart(url=_url(url, data, media_type, f"{place}.source"), media_type=media_type)


def _url(url: str, data: str, media_type: str, place: str) -> str:
    if data:
        return f"data:{media_type};base64,{data}"
    if not url.lower().startswith(SCHEMES):
        raise BadRequest("a file's url begins with http:// or https://", param=place)
    return url


def _call(call: Call, place: str) -> ToolCallPart:
    try:
        arguments = msgspec.json.decode(call.function.arguments) if call.function.arguments else {}
    except msgspec.DecodeError:
        raise BadRequest("the arguments are no JSON", param=f"{place}.function.arguments") from None
    return ToolCallPart(id=call.id, name=call.function.name, input=arguments)
