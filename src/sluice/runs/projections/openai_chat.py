"""OpenAI chat completions: a run as chunks of one choice, and their fold as a whole completion.

What the agent says on the channel `text` is `content`; its reasoning, and text to be folded away, `reasoning_content`.
Tools that the agent runs itself are not said: a client answers every tool call it is told of. An interrupt is one,
named `interrupt`: the client is asked, and ends with `tool_calls`. Pages become annotations, pictures `images`.
A run that failed, was cancelled or ran out of time ends with an error and no `[DONE]`.

Source: platform.openai.com/docs/api-reference/chat-streaming, read 2026-11-21; `reasoning_content` as DeepSeek's API,
`images` as OpenRouter's have them. agents.md C.6.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from sluice.runs.events import (
    Event,
    File,
    InterruptRequested,
    MessageFinished,
    ReasoningDelta,
    RunFailed,
    RunFinished,
    RunStarted,
    Source,
    TextDelta,
    TokenUsage,
)
from sluice.runs.projection import Frame
from sluice.runs.projections.openai_failure import failure_of

Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_CUT = frozenset({"length", "content_filter"})
"""Reasons of a message that are those of the whole answer; any other is `stop`: the agent answered its tool calls."""


class OpenAiChat:
    """One choice. With `include_usage` a last chunk without choices says the tokens."""

    name: ClassVar[str] = "openai"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(self, *, include_usage: bool = True) -> None:
        self._include_usage = include_usage
        self._head: Json = {}
        self._finish = ""
        self._characters = 0
        """Of the content so far: where an annotation stands."""
        self._asked = 0
        """Interrupts so far."""
        self._whole = False
        """Whether it ended as an answer."""

    def step(self, event: Event) -> list[Frame]:
        frames = [Frame(_encode(chunk)) for chunk in self.chunks(event)]
        if frames:
            frames[-1] = msgspec.structs.replace(frames[-1], id=str(event.seq))
        return frames

    def end(self) -> list[Frame]:
        return [Frame(b"[DONE]")] if self._whole else []

    def chunks(self, event: Event) -> list[Json]:
        """Return the chunks of an event."""
        match event:
            case RunStarted():
                self._head = {
                    "id": f"chatcmpl-{event.run_id}",
                    "object": "chat.completion.chunk",
                    "created": event.ts // 1000,
                    "model": f"agent/{event.agent}",
                }
                return [self._chunk({"role": "assistant", "content": ""})]
            case TextDelta(channel="text"):
                self._characters += len(event.text)
                return [self._chunk({"content": event.text})]
            case TextDelta() | ReasoningDelta():
                return [self._chunk({"reasoning_content": event.text})]
            case Source():
                return [self._chunk({"annotations": [self._citation(event)]})] if event.url else []
            case File() if event.media_type.startswith("image/"):
                return [self._chunk({"images": [{"type": "image_url", "image_url": {"url": event.url}}]})]
            case InterruptRequested():
                return [self._chunk({"tool_calls": [self._call(event)]})]
            case MessageFinished():
                self._finish = event.finish_reason
            case RunFinished() | RunFailed():
                return self._last(event)
        return []

    def _last(self, event: RunFinished | RunFailed) -> list[Json]:
        failure = failure_of(event)
        if failure is not None:
            return [failure.body()]
        self._whole = True
        reason = self._finish if self._finish in _CUT else "tool_calls" if self._asked else "stop"
        chunks = [self._chunk({}, reason)]
        if self._include_usage:
            chunks.append({**self._head, "choices": [], "usage": usage(event.usage)})
        return chunks

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "choices": [choice]}

    def _citation(self, source: Source) -> Json:
        place = {"start_index": self._characters, "end_index": self._characters}
        return {"type": "url_citation", "url_citation": {"url": source.url, "title": source.title, **place}}

    def _call(self, asked: InterruptRequested) -> Json:
        index, self._asked = self._asked, self._asked + 1
        function = {"name": "interrupt", "arguments": arguments_of(asked)}
        if asked.reason == "tool":  # the client's own function
            function = {"name": asked.question["tool"], "arguments": _encode(asked.question["input"]).decode()}
        return {"index": index, "id": call_of(asked), "type": "function", "function": function}


def call_of(asked: InterruptRequested) -> str:
    """Return the id of the call that an interrupt is: it names the run too, which the answer goes on with."""
    return f"{asked.run_id}_{asked.id}"


def arguments_of(asked: InterruptRequested) -> str:
    """Return what an interrupt asks, as the arguments of the call `interrupt`; what it does not say is left out."""
    said = {
        "question": asked.question,
        "reason": asked.reason,
        "schema": asked.schema,
        "tool_id": asked.tool_id or None,
        "expires_at": asked.expires_at,
    }
    return _encode({key: value for key, value in said.items() if value is not None}).decode()


def usage(spent: TokenUsage) -> Json:
    """Return tokens as chat completions count them."""
    prompt = {"cached_tokens": spent.cache_read_tokens, "cache_write_tokens": spent.cache_write_tokens}
    return {
        "prompt_tokens": spent.input_tokens,
        "completion_tokens": spent.output_tokens,
        "total_tokens": spent.total_tokens,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
    }


def folded(chunks: Iterable[Json]) -> Json:
    """Return the chunks of a run that ended well as one completion: what a client gets that does not stream."""
    message: Json = {"role": "assistant", "content": "", "refusal": None}
    whole: Json = {}
    pieces: dict[str, list[str]] = {"content": [], "reasoning_content": []}
    finish: str | None = None
    for chunk in chunks:
        whole |= {key: value for key, value in chunk.items() if key != "choices"}
        for choice in chunk["choices"]:
            finish = choice["finish_reason"]
            for key, value in choice["delta"].items():
                if key in pieces:
                    pieces[key].append(value)
                elif isinstance(value, list):
                    message.setdefault(key, []).extend(value)
    for key, texts in pieces.items():
        if texts:
            message[key] = "".join(texts)
    for call in message.get("tool_calls", ()):
        del call["index"]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {**whole, "object": "chat.completion", "choices": [choice]}
