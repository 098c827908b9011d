"""A reply as Anthropic Messages: the events of a stream, or one whole message; and that vendor's errors.

Pure. Source: docs.claude.com/en/docs/build-with-claude/streaming and /api/errors, and the types of the official client,
read 2026-11-21. The dialect has one answer to a request, and no part for a refusal: its words are text, and the stop
reason names it.
"""

from collections.abc import Iterator, Sequence

import msgspec

from sluice.testing import fake_seal, fake_words
from sluice.testing.fake_asked import Asked
from sluice.testing.fake_messages_request import read, read_count
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import Call, Choice, Reply, prompt_tokens
from sluice.testing.fake_talk import REDACTED, THINKING
from sluice.testing.fake_voice import Form, Told, Voice
from sluice.wire import sse
from sluice.wire.http1 import Header

_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode

STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
PING = sse.encode(b'{"type":"ping"}', event="ping")


class Writer:
    """Writes one reply to one request."""

    opening = 4
    """`message_start`, the first block, a ping, and the first token."""

    def __init__(self, asked: Asked, reply: Reply, told: Told) -> None:
        self._asked = asked
        self._reply = reply
        self._told = told
        self._choice = reply.choices[0]

    def stream(self) -> Iterator[bytes]:
        """Yield the events of the stream."""
        yield _event("message_start", {"message": self._message([], None, None, self._usage(1))})
        for index, (block, deltas) in enumerate(self._blocks()):
            yield _event("content_block_start", {"index": index, "content_block": block})
            if index == 0:
                yield PING
            for delta in deltas:
                yield _event("content_block_delta", {"index": index, "delta": delta})
            yield _event("content_block_stop", {"index": index})
        ended = {"stop_reason": self._stop, "stop_sequence": self._choice.stopped}
        usage = self._usage(self._reply.completion_tokens)
        counted = {name: usage[name] for name in _COUNTED} | self._thought()
        yield _event("message_delta", {"delta": ended, "usage": counted})
        yield _event("message_stop", {})

    def failure(self, refusal: Refusal) -> bytes:
        """Return the event that ends a stream with an error."""
        error = {"type": type_of(refusal.status), "message": refusal.message}
        return _event("error", {"error": error})

    def whole(self) -> bytes:
        """Return the reply as one message."""
        content: list[object] = [_folded(block, deltas) for block, deltas in self._blocks()]
        usage = self._usage(self._reply.completion_tokens) | self._thought()
        return _encode(self._message(content, self._stop, self._choice.stopped, usage))

    @property
    def _stop(self) -> str:
        if self._choice.stopped is not None:
            return "stop_sequence"
        return "refusal" if self._choice.refusal is not None else STOPS[self._choice.finish]

    def _message(self, content: list[object], stop: str | None, sequence: str | None, usage: _Json) -> _Json:
        prefix = "msg_vrtx_01" if self._told.form == "vertex" else "msg_01"
        return {
            "id": fake_words.name(self._reply.seed, prefix, 22),
            "type": "message",
            "role": "assistant",
            "model": self._told.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": sequence,
            "usage": usage,
        }

    def _usage(self, output_tokens: int) -> _Json:
        """Input excludes what came from the cache and went into it: this dialect keeps them apart."""
        reply = self._reply
        return {
            "input_tokens": reply.prompt_tokens - reply.cached_tokens - reply.cache_write_tokens,
            "cache_creation_input_tokens": reply.cache_write_tokens,
            "cache_read_input_tokens": reply.cached_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": reply.cache_write_tokens,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }

    def _thought(self) -> _Json:
        thinking = self._reply.reasoning_tokens
        return {"output_tokens_details": {"thinking_tokens": thinking}} if thinking else {}

    def _blocks(self) -> Iterator[tuple[_Json, Iterator[_Json]]]:
        """Yield each block as it opens, and its deltas."""
        choice = self._choice
        if choice.reasoning:
            yield self._reasoning(choice)
        for opens, pieces in ((choice.speaks, choice.said), (choice.refusal, choice.refusal or ())):
            if opens:
                yield {"type": "text", "text": ""}, ({"type": "text_delta", "text": piece} for piece in pieces)
        for call in choice.calls:
            yield {"type": "tool_use", "id": tool_id(call), "name": call.name, "input": {}}, _arguments(call)

    def _reasoning(self, choice: Choice) -> tuple[_Json, Iterator[_Json]]:
        thought = "".join(choice.reasoning)
        if self._asked.wanted is not None and self._asked.wanted.redacted:
            return {"type": "redacted_thinking", "data": fake_seal.enclose(REDACTED, thought)}, iter(())
        shown = choice.reasoning if self._asked.shows_reasoning else ()
        return {"type": "thinking", "thinking": "", "signature": ""}, _thinking(shown, thought)


_COUNTED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


def tool_id(call: Call) -> str:
    """Return the id of a call as this vendor makes them."""
    return "toolu_01" + call.id.removeprefix("call_")[:22]


def _thinking(shown: Sequence[str], thought: str) -> Iterator[_Json]:
    for piece in shown:
        yield {"type": "thinking_delta", "thinking": piece}
    yield {"type": "signature_delta", "signature": fake_seal.enclose(THINKING, thought)}


def _arguments(call: Call) -> Iterator[_Json]:
    """The vendor begins with an empty piece, and sends nothing but that for a call without arguments."""
    yield {"type": "input_json_delta", "partial_json": ""}
    if "".join(call.arguments) != "{}":
        for piece in call.arguments:
            yield {"type": "input_json_delta", "partial_json": piece}


def _folded(block: _Json, deltas: Iterator[_Json]) -> _Json:
    """A block with its deltas in it."""
    texts: dict[str, str] = {}
    for delta in deltas:
        kind = next(name for name in delta if name != "type")
        texts[kind] = texts.get(kind, "") + str(delta[kind])
    partial = texts.pop("partial_json", "")
    return block | texts | ({"input": _input(partial)} if partial else {})


def _input(partial: str) -> object:
    """Arguments that are no JSON object cannot be said in one piece; those of a call cut off are left out."""
    try:
        found = msgspec.json.decode(partial)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _event(kind: str, members: _Json) -> bytes:
    return sse.encode(_encode({"type": kind} | members), event=kind)


def type_of(status: int) -> str:
    """Return the error's type that goes with an HTTP status."""
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def refuse(refusal: Refusal, request_id: str, form: Form) -> bytes:
    """Return the body of an error."""
    error = {"type": type_of(refusal.status), "message": refusal.message}
    return _encode({"type": "error", "error": error} | ({} if form == "vertex" else {"request_id": request_id}))


def error_headers(refusal: Refusal) -> tuple[Header, ...]:
    """Return what stands on an answer with this error."""
    again = b"true" if refusal.status in (408, 409, 429) or refusal.status >= 500 else b"false"
    return (*refusal.headers, (b"x-should-retry", again))


def count(body: bytes, model: str) -> bytes:
    """Return the answer to a request that asks how many tokens it has. Raises as `read_count` does."""
    return _encode({"input_tokens": prompt_tokens(read_count(body, model))})


MESSAGES = Voice(
    read=read,
    speak=Writer,
    refuse=refuse,
    count=count,
    request_id=b"request-id",
    headers=((b"anthropic-organization-id", b"00000000-0000-4000-8000-000000000000"),),
    error_headers=error_headers,
)
