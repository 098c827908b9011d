"""LangChain's messages to events, and ours to LangChain's: known by their members, so that nothing is imported."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from sluice.agents.asking import told_model
from sluice.agents.tool_calls import read_arguments
from sluice.runs.events import TokenUsage, ToolFailed, ToolInput, ToolInputDelta, ToolOutput, ToolStarted
from sluice.runs.messages import FilePart, Message, TextPart, ToolCallPart, ToolResultPart

if TYPE_CHECKING:
    from sluice.agents.context import Context

_Path = tuple[str, ...]


class _Call:
    """A call of which its model still speaks."""

    __slots__ = ("arguments", "id", "name", "path")

    def __init__(self, id: str, name: str, path: _Path) -> None:  # noqa: A002  # the call's own
        self.id, self.name, self.path = id, name, path
        self.arguments: list[str] = []


class Talk:
    """What the models and tools of one run say."""

    def __init__(self, ctx: "Context") -> None:
        self._ctx, self._writer = ctx, ctx.writer
        self._message = ""
        """The id of the message that is being said."""
        self._calls: dict[tuple[str, int], _Call] = {}
        """Calls whose arguments are not whole, by message and index."""
        self._called: set[str] = set()
        """Calls that wait for their result."""

    def hear(self, message: Any, path: _Path) -> None:
        """Take a message or a piece of one: `AIMessageChunk`, `AIMessage`, `ToolMessage`; others were not said now."""
        kind = getattr(message, "type", "")
        if kind == "tool":
            self._result(message, path)
        elif kind in ("ai", "AIMessageChunk"):
            name = str(message.id or "")
            if name != self._message:
                self.finish()
                self._message = name
            self._say(message, path)
            for place, call in enumerate(_pieces(message)):
                self._call(name, place, call, path)
            if getattr(message, "usage_metadata", None):
                self._writer.spent(_model(message), _usage(message.usage_metadata))

    def _say(self, message: Any, path: _Path) -> None:
        extra = message.additional_kwargs.get("reasoning_content")
        if isinstance(extra, str):
            self._writer.think(extra, self._ctx.channel, path)
        blocks = [message.content] if isinstance(message.content, str) else message.content
        for block in blocks:
            if isinstance(block, str):
                self._writer.text(block, self._ctx.channel, path)
            elif block.get("type") == "text":
                self._writer.text(str(block.get("text", "")), self._ctx.channel, path)
            elif block.get("type") in ("thinking", "reasoning"):
                thought = block.get("thinking") or block.get("reasoning") or ""
                self._writer.think(str(thought), self._ctx.channel, path)

    def _call(self, message: str, place: int, piece: Mapping[str, Any], path: _Path) -> None:
        index = piece.get("index")
        key = (message, index if isinstance(index, int) else place)
        call = self._calls.get(key)
        if call is None:
            name = str(piece.get("id") or self._writer.name("call"))
            call = self._calls[key] = _Call(name, str(piece.get("name") or ""), path)
            self._writer.close_block()
            self._put(ToolStarted, call, name=call.name, message_id=self._writer.message())
        text = piece.get("args") or ""
        if text:
            call.arguments.append(text)
            self._put(ToolInputDelta, call, text=text)

    def _put(self, kind: Any, call: _Call, **fields: Any) -> None:
        self._writer.put(kind, id=call.id, channel=self._ctx.channel, path=call.path, **fields)

    def _result(self, message: Any, path: _Path) -> None:
        self.finish()
        name = str(message.tool_call_id)
        if name not in self._called:
            return  # no model of this run called it
        self._called.discard(name)
        fields = {"id": name, "channel": self._ctx.channel, "path": path}
        if getattr(message, "status", "success") == "error":
            self._writer.put(ToolFailed, error=str(message.content), **fields)
        else:
            self._writer.put(ToolOutput, output=message.content, **fields)

    def finish(self) -> None:
        """The message that was being said is whole, with the arguments of its calls."""
        for call in self._calls.values():
            self._put(ToolInput, call, name=call.name, input=read_arguments("".join(call.arguments)))
            self._called.add(call.id)
        calls, self._message = bool(self._calls), ""
        self._calls.clear()
        self._writer.close_message("tool_calls" if calls else "")


def _pieces(message: Any) -> list[Mapping[str, Any]]:
    """The calls in a message, or what of them is in a piece of one."""
    if hasattr(message, "tool_call_chunks"):
        return list(message.tool_call_chunks)
    return [{**call, "args": msgspec.json.encode(call["args"]).decode()} for call in message.tool_calls]


def _model(message: Any) -> str:
    said = message.response_metadata
    return str(said.get("model_name") or said.get("model") or "")


def _usage(said: Mapping[str, Any]) -> TokenUsage:
    given, made = said.get("input_token_details") or {}, said.get("output_token_details") or {}
    return TokenUsage(
        input_tokens=said.get("input_tokens") or 0,
        output_tokens=said.get("output_tokens") or 0,
        reasoning_tokens=made.get("reasoning") or 0,
        cache_read_tokens=given.get("cache_read") or 0,
        cache_write_tokens=given.get("cache_creation") or 0,
    )


def as_dicts(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return messages as LangChain takes them from anybody: `{"role", "content", ...}`."""
    return [row for message in messages for row in _rows(message)]


def _rows(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        return [{"role": "tool", "tool_call_id": part.id, "content": told_model(part)} for part in results]
    row: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.id:
        row["id"] = message.id
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    if calls:
        row["tool_calls"] = [{"id": part.id, "name": part.name, "args": part.input or {}} for part in calls]
    return [row]


def _content(message: Message) -> object:
    files = [part for part in message.parts if isinstance(part, FilePart)]
    if not files:
        return message.text
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": part.text} for part in message.parts if isinstance(part, TextPart)
    ]
    return [*blocks, *({"type": "image_url", "image_url": {"url": part.url}} for part in files)]
