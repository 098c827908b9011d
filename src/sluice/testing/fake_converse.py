"""A reply as Bedrock Converse: the frames of an event stream, or one whole answer; and that vendor's errors.

Pure. Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, smithy.io/2.0/aws/
amazon-eventstream.html, and the service model of botocore, read 2026-11-21. A text begins with its first
delta; only a tool's use has a start.
"""

from collections.abc import Iterator

import msgspec

from sluice.testing import fake_seal
from sluice.testing.fake_asked import Asked
from sluice.testing.fake_converse_request import read, read_count
from sluice.testing.fake_frames import event, exception
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import Call, Choice, Reply, prompt_tokens
from sluice.testing.fake_talk import REDACTED, THINKING
from sluice.testing.fake_voice import Form, Told, Voice
from sluice.wire.http1 import Header

_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode

STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "content_filtered"}
_TYPES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_IN_STREAM = {
    400: "validationException",
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
}


class Writer:
    """Writes one reply to one request."""

    opening = 2
    """`messageStart`, and the first token."""

    def __init__(self, asked: Asked, reply: Reply, told: Told) -> None:
        self._asked = asked
        self._reply = reply
        self._told = told
        self._choice = reply.choices[0]

    def stream(self) -> Iterator[bytes]:
        """Yield the frames of the stream."""
        yield event("messageStart", {"role": "assistant"})
        for index, (start, deltas) in enumerate(self._blocks()):
            place: _Json = {"contentBlockIndex": index}
            if start is not None:
                yield event("contentBlockStart", place | {"start": start})
            for delta in deltas:
                yield event("contentBlockDelta", place | {"delta": delta})
            yield event("contentBlockStop", place)
        yield event("messageStop", {"stopReason": self._stop})
        metrics = {"latencyMs": self._told.latency_ms}
        yield event("metadata", {"usage": self._usage(), "metrics": metrics})

    def failure(self, refusal: Refusal) -> bytes:
        """Return the exception that ends a stream."""
        kind = _IN_STREAM.get(refusal.status, "internalServerException")
        return exception(kind, refusal.message)

    def whole(self) -> bytes:
        """Return the reply as one answer."""
        message = {"role": "assistant", "content": list(self._content())}
        answer = {
            "metrics": {"latencyMs": self._told.latency_ms},
            "output": {"message": message},
            "stopReason": self._stop,
            "usage": self._usage(),
        }
        return _encode(answer)

    @property
    def _stop(self) -> str:
        if self._choice.stopped is not None:
            return "stop_sequence"
        return "content_filtered" if self._choice.refusal is not None else STOPS[self._choice.finish]

    def _usage(self) -> _Json:
        """Input excludes what came from the cache and went into it; the total does not."""
        reply = self._reply
        return {
            "inputTokens": reply.prompt_tokens - reply.cached_tokens - reply.cache_write_tokens,
            "outputTokens": reply.completion_tokens,
            "totalTokens": reply.prompt_tokens + reply.completion_tokens,
            "cacheReadInputTokens": reply.cached_tokens,
            "cacheWriteInputTokens": reply.cache_write_tokens,
        }

    @property
    def _redacted(self) -> bool:
        return self._asked.wanted is not None and self._asked.wanted.redacted

    def _blocks(self) -> Iterator[tuple[_Json | None, Iterator[_Json]]]:
        """Yield what starts each block, if something does, and its deltas."""
        choice = self._choice
        if choice.reasoning:
            yield None, self._thinking(choice)
        for opens, pieces in ((choice.speaks, choice.said), (choice.refusal, choice.refusal or ())):
            if opens:
                yield None, ({"text": piece} for piece in pieces)
        for call in choice.calls:
            start: _Json = {"toolUse": {"toolUseId": tool_id(call), "name": call.name}}
            yield start, ({"toolUse": {"input": piece}} for piece in call.arguments)

    def _thinking(self, choice: Choice) -> Iterator[_Json]:
        thought = "".join(choice.reasoning)
        if self._redacted:
            yield {"reasoningContent": {"redactedContent": fake_seal.enclose(REDACTED, thought)}}
            return
        for piece in choice.reasoning:
            yield {"reasoningContent": {"text": piece}}
        yield {"reasoningContent": {"signature": fake_seal.enclose(THINKING, thought)}}

    def _content(self) -> Iterator[_Json]:
        choice = self._choice
        thought = "".join(choice.reasoning)
        if thought and self._redacted:
            yield {"reasoningContent": {"redactedContent": fake_seal.enclose(REDACTED, thought)}}
        elif thought:
            signed = {"text": thought, "signature": fake_seal.enclose(THINKING, thought)}
            yield {"reasoningContent": {"reasoningText": signed}}
        for pieces in (choice.content, choice.refusal):
            if pieces:
                yield {"text": "".join(pieces)}
        for call in choice.calls:
            yield {"toolUse": {"toolUseId": tool_id(call), "name": call.name, "input": _input(call)}}


def tool_id(call: Call) -> str:
    """Return the id of a call as this vendor makes them."""
    return "tooluse_" + call.id.removeprefix("call_")[:22]


def _input(call: Call) -> object:
    """Arguments that are no JSON object cannot be said in one piece; those of a call cut off are left out."""
    try:
        found = msgspec.json.decode("".join(call.arguments))
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def refuse(refusal: Refusal, request_id: str, form: Form) -> bytes:
    """Return the body of an error; its type stands in a header."""
    return _encode({"message": refusal.message})


def error_headers(refusal: Refusal) -> tuple[Header, ...]:
    """Return what stands on an answer with this error."""
    kind = f"{refusal.code}Exception" if refusal.code else _TYPES.get(refusal.status, "")
    kind = kind or ("ValidationException" if refusal.status < 500 else "InternalServerException")
    return (*refusal.headers, (b"x-amzn-errortype", kind.encode()))


def count(body: bytes, model: str) -> bytes:
    """Return the answer to a request that asks how many tokens it has. Raises as `read_count` does."""
    return _encode({"inputTokens": prompt_tokens(read_count(body, model))})


CONVERSE = Voice(
    read=read,
    speak=Writer,
    refuse=refuse,
    count=count,
    stream_type=b"application/vnd.amazon.eventstream",
    request_id=b"x-amzn-requestid",
    error_headers=error_headers,
)
