"""Events to the chunks of a chat completion stream.

A machine that cannot write an illegal order: the role once per choice and first, a call's id and name once, one
finish reason per choice, the usage in one last chunk with `choices: []` and only if asked for, `[DONE]` only for
`Ended`.
"""

import msgspec

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.usage import Usage
from sluice.dialects.openai_chat import errors
from sluice.dialects.openai_chat.schema import FINISH_FROM_VOCABULARY, write_usage
from sluice.wire import sse

_MEMBER_OF_CHANNEL = {"text": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
_encode = msgspec.json.Encoder().encode


class ChatStreamEncoder:
    """One stream to one client. See `StreamEncoder`."""

    def __init__(self, *, show_usage: bool) -> None:
        self._show_usage = show_usage
        self._head: dict[str, object] = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._extra: dict[str, msgspec.Raw] = {}
        self._choice_extra: dict[int, dict[str, msgspec.Raw]] = {}
        self._opened: set[int] = set()
        self._usage: Usage | None = None

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                delta: dict[str, object] = {_MEMBER_OF_CHANNEL[event.channel]: event.text}
                return self._chunk(event.choice, delta, logprobs=event.logprobs)
            case ToolCallStarted():
                call = {"id": event.id, "type": "function", "function": {"name": event.name, "arguments": ""}}
                return self._chunk(event.choice, {"tool_calls": [{"index": event.index, **call}]})
            case ToolCallDelta():
                part = {"index": event.index, "function": {"arguments": event.arguments}}
                return self._chunk(event.choice, {"tool_calls": [part]})
            case ChoiceFinished():
                return self._chunk(event.choice, {}, finish=FINISH_FROM_VOCABULARY[event.reason])
            case Started():
                self._start(event)
            case Reported():
                self._usage = event.usage
            case Leftover():
                return self._leftover(event)
            case Ended():
                return self._end()
            case Failed():
                return errors.write_event(event.error)
        return b""

    def _start(self, event: Started) -> None:
        said = {"id": event.id, "created": event.created, "model": event.model}
        self._head |= {name: value for name, value in said.items() if value}

    def _chunk(
        self, choice: int, delta: dict[str, object], *, finish: str | None = None, logprobs: msgspec.Raw | None = None
    ) -> bytes:
        if choice not in self._opened:
            self._opened.add(choice)
            delta = {"role": "assistant", "content": "", **delta} if delta else {"role": "assistant"}
        extra = self._choice_extra.pop(choice, {})
        row = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish} | extra
        return sse.encode(_encode(self._head | self._extra | {"choices": [row]}))

    def _leftover(self, event: Leftover) -> bytes:
        if event.place == "":
            self._extra |= event.fields
        elif event.place == "choice":
            self._choice_extra.setdefault(event.choice, {}).update(event.fields)
        else:
            return self._chunk(event.choice, dict(event.fields))
        return b""

    def _end(self) -> bytes:
        last = b""
        if self._show_usage and self._usage is not None:
            last = sse.encode(_encode(self._head | self._extra | {"choices": [], "usage": write_usage(self._usage)}))
        return last + sse.encode(b"[DONE]")
