"""UIMessages, the messages of Vercel's AI SDK, read into ours and written from ours.

A UIMessage of the assistant is all that one run said: several of our messages, divided by `step-start`, with the tools'
results in their own. Source: ai@7.0.173 (ui-messages), read 2026-11-21.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from sluice.agent_server.client_history import Sent
from sluice.errors import BadRequest
from sluice.runs.events import InterruptRequested
from sluice.runs.messages import (
    DataPart,
    FilePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

SCHEMES = ("http://", "https://", "data:")
"""Of the files that clients may name: a model's provider fetches them."""
_SHOWN = frozenset({"source-url", "source-document", "custom", "reasoning-file", "steering-message", "step-start"})
"""Parts that are for the eye only."""


class UiMessage(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    role: Literal["system", "user", "assistant"]
    parts: list[dict[str, Any]] = []


def read(message: UiMessage, place: str) -> Sent:
    """Return a UIMessage as ours; `place` is where it stands in the body.

    Raises:
        BadRequest: a part that is not as it should be.
    """
    if message.role != "assistant":
        parts = tuple(part for n, raw in enumerate(message.parts) if (part := _part(raw, f"{place}.parts[{n}]")))
        return Sent(message.id, (Message(role=message.role, parts=parts, id=message.id),))
    said: list[Message] = []
    step: list[Part] = []
    results: list[Message] = []
    for n, raw in enumerate([*message.parts, {"type": "step-start"}]):
        if raw.get("type") == "step-start":
            if step:
                name = message.id if not said else f"{message.id}-{len(said)}"
                said += [Message(role="assistant", parts=tuple(step), id=name), *results]
            step, results = [], []
        elif (tool := _tool_name(raw)) is not None:
            call, result = _tool(tool, raw, f"{place}.parts[{n}]")
            step.append(call)
            results += [] if result is None else [result]
        elif (part := _part(raw, f"{place}.parts[{n}]")) is not None and not isinstance(part, DataPart):
            step.append(part)
    return Sent(message.id, tuple(said))


def _part(raw: Mapping[str, Any], place: str) -> Part | None:
    kind = _text(raw, "type", place)
    if kind in ("text", "reasoning"):
        text = _text(raw, "text", place)
        return TextPart(text=text) if kind == "text" else ReasoningPart(text=text)
    if kind == "file":
        url = _text(raw, "url", place)
        if not url.lower().startswith(SCHEMES):
            raise BadRequest("a file's url begins with http://, https:// or data:", param=f"{place}.url")
        return FilePart(url=url, media_type=_text(raw, "mediaType", place), name=str(raw.get("filename") or ""))
    if kind.startswith("data-"):
        return DataPart(data=raw.get("data"), name=kind.removeprefix("data-"))
    if kind in _SHOWN or _tool_name(raw) is not None:
        return None
    raise BadRequest(f"there is no part of the type {kind!r}", param=f"{place}.type")


def _text(raw: Mapping[str, Any], field: str, place: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str):
        raise BadRequest("a text is required", param=f"{place}.{field}")
    return value


def _tool_name(raw: Mapping[str, Any]) -> str | None:
    kind = raw.get("type")
    if kind == "dynamic-tool":
        return str(raw.get("toolName") or "")
    return kind.removeprefix("tool-") if isinstance(kind, str) and kind.startswith("tool-") else None


def _tool(name: str, raw: Mapping[str, Any], place: str) -> tuple[ToolCallPart, Message | None]:
    call = _text(raw, "toolCallId", place)
    state = raw.get("state")
    made = ToolCallPart(id=call, name=name, input=raw.get("input", raw.get("rawInput")))
    if state == "output-available":
        return made, tool_result(call, raw.get("output"))
    if state == "output-error":
        return made, tool_result(call, None, str(raw.get("errorText") or "the tool failed"))
    if state == "output-denied":
        return made, tool_result(call, None, "the call was denied")
    return made, None


def tool_result(call: str, output: Any, error: str = "") -> Message:
    """Return the message of a tool's result, named as the thread names it (runs.fold)."""
    part = ToolResultPart(id=call, output=output, error=error)
    return Message(role="tool", parts=(part,), id=f"{call}-result")


def approvals(message: UiMessage) -> dict[str, dict[str, Any]]:
    """Return what a person said to the questions in a message: by the question's id whether, and why."""
    return {
        approval["id"]: {name: approval[name] for name in ("approved", "reason") if approval.get(name) is not None}
        for _, approval in _responded(message)
    }


def verdicts(message: UiMessage) -> dict[str, bool]:
    """Return which calls in a message a person has approved or denied."""
    return {call: approval["approved"] for call, approval in _responded(message)}


def _responded(message: UiMessage) -> Iterator[tuple[str, dict[str, Any]]]:
    for raw in message.parts:
        approval = raw.get("approval")
        if raw.get("state") != "approval-responded" or not isinstance(approval, dict):
            continue
        if isinstance(approval.get("id"), str) and isinstance(approval.get("approved"), bool):
            yield str(raw.get("toolCallId", "")), approval


# -- back -------------------------------------------------------------------------------------------------------------


def write(
    messages: Iterable[Message], names: Mapping[str, str], open_questions: Iterable[InterruptRequested] = ()
) -> list[dict[str, Any]]:
    """Return a thread's messages as UIMessages. `names`: of which UIMessage each message is a part, where that is
    another id than its own; `open_questions`: calls that wait for these are shown as waiting."""
    history = list(messages)
    results = {part.id: part for one in history for part in one.parts if isinstance(part, ToolResultPart)}
    asked = {question.tool_id: question.id for question in open_questions if question.reason == "approval"}
    out: list[dict[str, Any]] = []
    for message in history:
        if message.role == "tool":
            continue
        name = names.get(message.id, message.id)
        if not out or out[-1]["id"] != name:
            out.append({"id": name, "role": message.role, "parts": []})
        parts: list[dict[str, Any]] = out[-1]["parts"]
        if message.role == "assistant":
            parts.append({"type": "step-start"})
        parts += [raw for part in message.parts if (raw := _shown(part, results, asked))]
    return out


def _shown(part: Part, results: Mapping[str, ToolResultPart], asked: Mapping[str, str]) -> dict[str, Any] | None:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text, "state": "done"}
        case ReasoningPart():
            return {"type": "reasoning", "text": part.text, "state": "done"}
        case FilePart():
            name = {"filename": part.name} if part.name else {}
            return {"type": "file", "url": part.url, "mediaType": part.media_type, **name}
        case DataPart():
            return {"type": f"data-{part.name or 'part'}", "data": part.data}
        case ToolCallPart():
            shown = {"type": f"tool-{part.name}", "toolCallId": part.id, "input": part.input}
            return shown | _state(part.id, results, asked)
    return None


def _state(call: str, results: Mapping[str, ToolResultPart], asked: Mapping[str, str]) -> dict[str, Any]:
    result = results.get(call)
    if call in asked:
        return {"state": "approval-requested", "approval": {"id": asked[call]}}
    if result is None:
        return {"state": "input-available"}
    if result.error:
        return {"state": "output-error", "errorText": result.error}
    return {"state": "output-available", "output": result.output}
