"""Reads Anthropic Messages as strictly as their documentation is. Pure; shares nothing with `sluice.dialects`.

Source: docs.claude.com/en/docs/build-with-claude/streaming and /api/errors, read 2026-11-21.

    message_start, (content_block_start, content_block_delta*, content_block_stop)*, message_delta+, message_stop
    ping anywhere; error anywhere, and nothing after it
"""

from sluice.verify.sse_reader import SseEvent, shown
from sluice.verify.told import Json, Told, Usage, parse


class MessagesReader:
    """One stream."""

    def __init__(self) -> None:
        self.told = Told()
        self._begun = False
        self._blocks = 0
        self._open = False
        """A block is open."""
        self._stopped = False
        """`message_delta` gave the stop reason."""
        self._input = 0

    def read(self, event: SseEvent) -> None:
        told = self.told
        if told.over:
            told.fault(f"an event follows the end of the answer: {shown(event.data)}")
        found = parse(event.data, told)
        if found is None:
            return
        kind = found["type"].text
        if event.name != kind:
            told.fault(f"an event is named {event.name!r} and has the type {kind!r}")
        if kind == "ping":
            told.pings.append(event.at)
        elif kind == "error":
            told.errors.append(error_of(found, told))
        elif not self._begun and kind != "message_start":
            told.fault(f"{kind} came before message_start")
        else:
            self._step(kind, found, event.at)

    def _step(self, kind: str, found: Json, at: float) -> None:
        told = self.told
        match kind:
            case "message_start":
                self._start(found["message"])
            case "content_block_start":
                self._expect(not self._open and not self._stopped and found["index"].number == self._blocks, kind)
                self._open = True
            case "content_block_delta":
                self._expect(self._open and found["index"].number == self._blocks, kind)
                if found["delta"]["text"].text:
                    told.tokens.append((at, found["delta"]["text"].text))
            case "content_block_stop":
                self._expect(self._open and found["index"].number == self._blocks, kind)
                self._open, self._blocks = False, self._blocks + 1
            case "message_delta":
                self._expect(not self._open, kind)
                self._delta(found)
            case "message_stop":
                self._expect(self._stopped, kind)
                told.successes += 1
            case _:
                told.fault(f"an event of the type {kind!r}")

    def _start(self, message: Json) -> None:
        if self._begun:
            self.told.fault("the message begins more than once")
        self._begun = True
        if message["role"].text != "assistant" or not message["id"].text:
            self.told.fault("message_start lacks its id or its role")
        if not message["usage"].is_object:
            self.told.usage_missing.append("message_start lacks its usage")
        self._input = _input(message["usage"])

    def _delta(self, found: Json) -> None:
        told, usage = self.told, found["usage"]
        if found["delta"]["stop_reason"].text:
            self._expect(not self._stopped, "a second stop reason")
            self._stopped = True
            told.finish = found["delta"]["stop_reason"].text
        if not usage.is_object:
            told.usage_missing.append("message_delta lacks its usage")
            return
        if usage["input_tokens"].given:
            self._input = _input(usage)
        told.usages.append(Usage(self._input, usage["output_tokens"].number))

    def _expect(self, legal: bool, kind: str) -> None:
        if not legal:
            self.told.fault(f"{kind} out of its order")


def _input(usage: Json) -> int:
    """Those from the cache stand beside the others in this dialect."""
    cached = (usage[name].number for name in ("cache_read_input_tokens", "cache_creation_input_tokens"))
    return usage["input_tokens"].number + sum(max(0, number) for number in cached)


def read_whole(body: bytes) -> Told:
    """Read a whole answer."""
    told = Told()
    answer = parse(body, told)
    if answer is None:
        return told
    if answer["type"].text != "message" or not answer["id"].text:
        told.fault("the body is no message")
    told.tokens += [(0.0, block["text"].text) for block in answer["content"].rows]
    told.finish = answer["stop_reason"].text
    told.successes = 1 if told.finish else 0
    if answer["usage"].is_object:
        told.usages.append(Usage(_input(answer["usage"]), answer["usage"]["output_tokens"].number))
    return told


def error_of(body: Json, told: Told) -> str:
    """Read `{"type": "error", "error": {...}}`, and note what a client would miss in it."""
    error = body["error"]
    if body["type"].text != "error" or not error["type"].text or not error["message"].text:
        told.fault("an error lacks its type or its message")
    return error["message"].text or "?"
