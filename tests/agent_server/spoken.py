"""What each protocol's frames say: pieces of text, and the cursors behind them."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import httpx

from tests.support.sse import Frame, read_frames

Words = AsyncGenerator[tuple[str, str], None]
"""Pieces of text, each with the cursor behind it; empty = none."""


def _a2a(data: Any) -> str:
    data = data.get("result", data)
    if "kind" in data:
        data = {data["kind"]: data, "task": data}
    told = next((data[key] for key in ("artifactUpdate", "artifact-update") if key in data), None)
    artifacts = [told["artifact"]] if told is not None else data.get("task", {}).get("artifacts", [])
    return "".join(part.get("text", "") for artifact in artifacts for part in artifact["parts"])


def _of_type(kind: str, member: str) -> Callable[[Any], str]:
    return lambda data: data[member] if data.get("type") == kind else ""


def _choices(data: Any) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in data.get("choices", ()))


TEXT: Mapping[str, Callable[[Any], str]] = {
    "native": _of_type("text.delta", "text"),
    "a2a": _a2a,
    "a2a-0.3": _a2a,
    "openai": _choices,
    "responses": _of_type("response.output_text.delta", "delta"),
    "ui": _of_type("text-delta", "delta"),
    "ag-ui": _of_type("TEXT_MESSAGE_CONTENT", "delta"),
    "text": str,
    "flutch": _of_type("chunk", "content"),
    "flutch-sdk": lambda data: data["delta"]["text"] if "delta" in data else "",
    "flutch-widget": lambda data: "" if "messageId" in data else data["text"],
    "langgraph": lambda data: data[0]["content"] if isinstance(data, list) else "",
    "sage": lambda data: "".join(part["text"] for part in data.get("parts", ())),
}


async def heard(protocol: str, answer: httpx.Response, kept: list[Frame]) -> Words:
    """Give what an answer says as it comes; its frames are kept."""
    async for frame in read_frames(answer):
        kept.append(frame)
        if frame.data == b"[DONE]":
            continue
        data = json.loads(frame.data)
        cursor = str(data["sequence_number"]) if protocol == "responses" else frame.id
        said = TEXT[protocol](data)
        if said or frame.id:
            yield said, cursor
