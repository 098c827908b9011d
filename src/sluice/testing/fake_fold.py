"""What recorded events add up to: the whole answer of a stream, in its own dialect. Pure.

Written for recordings, which may break off anywhere; independent of `sluice.chat` and `sluice.dialects`.
"""

from collections.abc import Callable, Iterable
from typing import cast

import msgspec

from sluice.testing.fake_doors import Vendor
from sluice.testing.fake_frames import Message

MAX_INDEX = 1024
"""Choices, blocks, calls in one answer."""

_Json = dict[str, object]


class NotTheirs(ValueError):
    """The events are not of the dialect that they began in."""


def _object(value: object) -> _Json:
    if not isinstance(value, dict):
        raise NotTheirs("a member is no object")
    return value


def _objects(value: object) -> list[_Json]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise NotTheirs("a member is no list")
    return [_object(each) for each in value]


def _index(value: _Json, name: str = "index") -> int:
    found = value.get(name, 0)
    if not isinstance(found, int) or not 0 <= found < MAX_INDEX:
        raise NotTheirs(f"an index is no number below {MAX_INDEX}")
    return found


def _appended(target: _Json, members: _Json, names: Iterable[str]) -> None:
    """Append the texts among the members."""
    for name in names:
        if isinstance(text := members.get(name), str):
            target[name] = f"{target.get(name) or ''}{text}"


def _arguments(text: object) -> object:
    try:
        return msgspec.json.decode(str(text) or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}


# -- chat completions -------------------------------------------------------------------------------------------------


def chat(events: list[_Json]) -> _Json:
    """Return one `chat.completion`.

    Raises:
        NotTheirs: these are no chunks of one, or they hold no choice.
    """
    head: _Json = {}
    choices: dict[int, _Json] = {}
    for chunk in events:
        for name, value in chunk.items():
            if name != "choices" and value not in (None, "", 0):
                head[name] = value
        for row in _objects(chunk.get("choices")):
            empty: _Json = {"role": "assistant", "content": None, "refusal": None}
            place = _index(row)
            start: _Json = {"index": place, "message": empty, "logprobs": None, "finish_reason": None}
            _grow_choice(choices.setdefault(place, start), row)
    if not choices:
        raise NotTheirs("no chunk has a choice")
    head["object"] = "chat.completion"
    return head | {"choices": [choices[place] for place in sorted(choices)]}


def _grow_choice(choice: _Json, row: _Json) -> None:
    message, delta = _object(choice["message"]), _object(row.get("delta") or {})
    _appended(message, delta, ("content", "refusal", "reasoning_content", "reasoning"))
    calls = cast(list[_Json], message.setdefault("tool_calls", [])) if delta.get("tool_calls") else []
    for piece in _objects(delta.get("tool_calls")):
        place = _index(piece)
        while len(calls) <= place:
            calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call = calls[place]
        call["id"] = piece.get("id") or call["id"]
        _appended(_object(call["function"]), _object(piece.get("function") or {}), ("name", "arguments"))
    if row.get("finish_reason") is not None:
        choice["finish_reason"] = row["finish_reason"]
    for name, rows in _object(row.get("logprobs") or {}).items():
        held = cast(_Json, choice["logprobs"] or {})
        choice["logprobs"] = held | {name: [*_objects(held.get(name)), *_objects(rows)] or held.get(name)}


# -- Messages ---------------------------------------------------------------------------------------------------------

_DELTAS = ("text", "thinking", "signature", "partial_json")


def messages(events: list[_Json]) -> _Json:
    """Return one message. Raises NotTheirs: these are no events of one."""
    if not events or events[0].get("type") != "message_start":
        raise NotTheirs("the first event is no message_start")
    message = dict(_object(events[0].get("message")))
    blocks: dict[int, _Json] = {}
    for event in events[1:]:
        match event.get("type"):
            case "content_block_start":
                blocks[_index(event)] = dict(_object(event.get("content_block")))
            case "content_block_delta":
                block, delta = blocks.setdefault(_index(event), {}), _object(event.get("delta"))
                _appended(block, delta, _DELTAS)
                if "citation" in delta:
                    block["citations"] = [*_objects(block.get("citations")), delta["citation"]]
            case "message_delta":
                message |= _object(event.get("delta"))
                message["usage"] = _object(message.get("usage") or {}) | _object(event.get("usage") or {})
    for block in blocks.values():
        if "partial_json" in block:
            block["input"] = _arguments(block.pop("partial_json"))
    return message | {"content": [blocks[place] for place in sorted(blocks)]}


# -- Responses --------------------------------------------------------------------------------------------------------


def responses(events: list[_Json]) -> _Json:
    """Return one response: the last that the stream shows, with every item that was done. Raises NotTheirs."""
    shown = [_object(event["response"]) for event in events if "response" in event]
    if not shown:
        raise NotTheirs("no event holds a response")
    done = [event.get("item") for event in events if event.get("type") == "response.output_item.done"]
    return shown[-1] if shown[-1].get("output") else shown[-1] | {"output": done}


# -- Gemini -----------------------------------------------------------------------------------------------------------


def gemini(events: list[_Json]) -> _Json:
    """Return one answer. Raises NotTheirs: these are no elements of one."""
    answer: _Json = {}
    candidates: dict[int, _Json] = {}
    for event in events:
        answer |= {name: value for name, value in event.items() if name != "candidates"}
        for row in _objects(event.get("candidates")):
            candidate = candidates.setdefault(_index(row), {})
            content = _object(candidate.get("content") or {"parts": [], "role": "model"})
            parts = [*_objects(content.get("parts")), *_objects(_object(row.get("content") or {}).get("parts"))]
            candidate |= row
            candidate["content"] = {"parts": _joined(parts), "role": "model"}
    if not answer and not candidates:
        raise NotTheirs("no element holds a candidate")
    return ({"candidates": [candidates[place] for place in sorted(candidates)]} if candidates else {}) | answer


def _joined(parts: list[_Json]) -> list[_Json]:
    """Texts of one kind in a row as one."""
    joined: list[_Json] = []
    for part in parts:
        before = joined[-1] if joined else {}
        if "text" in part and "text" in before and before.get("thought") == part.get("thought"):
            joined[-1] = before | part | {"text": f"{before['text']}{part['text']}"}
        else:
            joined.append(part)
    return joined


# -- Converse ---------------------------------------------------------------------------------------------------------


def converse(frames: list[Message]) -> _Json:
    """Return one answer. Raises NotTheirs: these are no messages of one."""
    answer: _Json = {}
    blocks: dict[int, _Json] = {}
    for found in frames:
        event = _object(msgspec.json.decode(found.payload or b"{}"))
        match found.headers.get(":event-type"):
            case "contentBlockStart":
                started = _object(_object(event.get("start")).get("toolUse") or {})
                blocks[_index(event, "contentBlockIndex")] = {"toolUse": started | {"input": ""}}
            case "contentBlockDelta":
                _grow_block(blocks.setdefault(_index(event, "contentBlockIndex"), {}), _object(event.get("delta")))
            case "messageStop":
                answer["stopReason"] = event.get("stopReason")
            case "metadata":
                answer |= {"usage": event.get("usage"), "metrics": event.get("metrics")}
    for block in blocks.values():
        if "toolUse" in block:
            use = _object(block["toolUse"])
            use["input"] = _arguments(use["input"])
    content = [blocks[place] for place in sorted(blocks)]
    return {"output": {"message": {"role": "assistant", "content": content}}} | answer


def _grow_block(block: _Json, delta: _Json) -> None:
    _appended(block, delta, ("text",))
    if "toolUse" in delta:
        _appended(_object(block.setdefault("toolUse", {})), _object(delta["toolUse"]), ("input",))
    if "reasoningContent" in delta:
        thought = _object(delta["reasoningContent"])
        held = _object(block.setdefault("reasoningContent", {}))
        _appended(held, thought, ("redactedContent",))
        if "redactedContent" not in thought:
            _appended(_object(held.setdefault("reasoningText", {})), thought, ("text", "signature"))


JSON_FOLDS: dict[Vendor, Callable[[list[_Json]], _Json]] = {
    "openai": chat,
    "messages": messages,
    "responses": responses,
    "gemini": gemini,
}
