"""A reply as OpenAI Responses: the typed events of a stream, or one whole response; and that vendor's errors.

Pure. Source: platform.openai.com/docs/api-reference/responses-streaming and the types of the official client, read
2026-11-21. Every event has the next `sequence_number`; an item is added, filled and done before the next one is.
"""

from collections.abc import Iterator, Sequence

import msgspec

from sluice.testing import fake_seal, fake_words
from sluice.testing.fake_asked import Asked
from sluice.testing.fake_logprobs import judged
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import Call, Reply, prompt_tokens
from sluice.testing.fake_responses_request import REASONING, SEALED, THOUGHTFUL_CALL, read
from sluice.testing.fake_voice import Form, Told, Voice
from sluice.wire import sse

_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Writer:
    """Writes one reply to one request."""

    opening = 5
    """`created`, `in_progress`, the first item and its part, and the first token."""

    def __init__(self, asked: Asked, reply: Reply, told: Told) -> None:
        self._asked = asked
        self._reply = reply
        self._told = told
        self._choice = reply.choices[0]
        self._events = 0
        self._done: list[_Json] = []
        """Items that are done."""

    def stream(self) -> Iterator[bytes]:
        """Yield the events of the stream."""
        yield self._event("response.created", {"response": self._response("in_progress", [])})
        yield self._event("response.in_progress", {"response": self._response("in_progress", [])})
        for index, item in enumerate(self._items()):
            place: _Json = {"output_index": index}
            yield self._event("response.output_item.added", place | {"item": _opened(item)})
            yield from self._filled(item, {"item_id": item["id"]} | place)
            yield self._event("response.output_item.done", place | {"item": item})
            self._done.append(item)
        yield self._event(f"response.{self._status}", {"response": self._response(self._status, self._done)})

    def failure(self, refusal: Refusal) -> bytes:
        """Return the event that ends a stream with an error; what was done before stays in it."""
        code = "rate_limit_exceeded" if refusal.status == 429 else "server_error"
        error: _Json = {"code": code, "message": refusal.message}
        return self._event("response.failed", {"response": self._response("failed", self._done) | {"error": error}})

    def whole(self) -> bytes:
        """Return the reply as one response."""
        return _encode(self._response(self._status, list(self._items())))

    def _event(self, kind: str, members: _Json) -> bytes:
        number, self._events = self._events, self._events + 1
        return sse.encode(_encode({"type": kind, "sequence_number": number} | members), event=kind)

    @property
    def _status(self) -> str:
        return "incomplete" if self._choice.finish in _INCOMPLETE else "completed"

    def _response(self, status: str, output: Sequence[_Json]) -> _Json:
        over = status in ("completed", "incomplete")
        reason = _INCOMPLETE.get(self._choice.finish) if status == "incomplete" else None
        return {
            "id": fake_words.name(self._reply.seed, "resp_", 50, "0123456789abcdef"),
            "object": "response",
            "created_at": self._told.created,
            "status": status,
            "completed_at": self._told.created if status == "completed" else None,
            "error": None,
            "incomplete_details": None if reason is None else {"reason": reason},
            "model": self._told.model,
            "output": list(output),
            "usage": self._usage() if over else None,
        } | self._asked.echo

    def _usage(self) -> _Json:
        reply = self._reply
        return {
            "input_tokens": reply.prompt_tokens,
            "input_tokens_details": {
                "cached_tokens": reply.cached_tokens,
                "cache_write_tokens": reply.cache_write_tokens,
            },
            "output_tokens": reply.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
            "total_tokens": reply.prompt_tokens + reply.completion_tokens,
        }

    # -- items --------------------------------------------------------------------------------------------------------

    def _items(self) -> Iterator[_Json]:
        """Yield the items of the reply, whole."""
        choice = self._choice
        if choice.reasoning:
            yield self._reasoning("".join(choice.reasoning))
        if choice.speaks or choice.refusal is not None or not choice.calls:
            yield self._said()
        for place, call in enumerate(choice.calls):
            yield self._called(call, place)

    def _reasoning(self, thought: str) -> _Json:
        redacted = self._asked.wanted is not None and self._asked.wanted.redacted
        shown = self._asked.shows_reasoning and not redacted
        item: _Json = {
            "id": fake_seal.marked(REASONING, "rs_", self._reply.seed, 50),
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": thought}] if shown else [],
        }
        if self._asked.seals_reasoning:
            item["encrypted_content"] = fake_seal.enclose(SEALED, thought)
        return item

    def _said(self) -> _Json:
        choice, parts = self._choice, []
        if choice.content is not None or choice.refusal is None:
            parts.append(_text(choice.text, self._logprobs(choice.content or ())))
        if choice.refusal is not None:
            parts.append({"type": "refusal", "refusal": "".join(choice.refusal)})
        return {
            "id": fake_words.name(self._reply.seed, "msg_", 50, "0123456789abcdef"),
            "type": "message",
            "status": self._status if not choice.calls else "completed",
            "role": "assistant",
            "content": parts,
        }

    def _called(self, call: Call, place: int) -> _Json:
        kind = THOUGHTFUL_CALL if self._choice.reasoning else "responses.call"
        return {
            "id": fake_seal.marked(kind, "fc_", b"%d" % place + self._reply.seed, 50),
            "type": "function_call",
            "status": "completed" if call.whole else "incomplete",
            "call_id": call.id,
            "name": call.name,
            "arguments": "".join(call.arguments),
        }

    def _logprobs(self, tokens: Sequence[str]) -> list[_Json]:
        if not self._asked.logprobs:
            return []
        return [judged(token, self._asked.top_logprobs) for token in tokens]

    # -- what is said between `added` and `done` ----------------------------------------------------------------------

    def _filled(self, item: _Json, place: _Json) -> Iterator[bytes]:
        match item["type"]:
            case "reasoning" if item["summary"]:
                yield from self._summary(place | {"summary_index": 0})
            case "message":
                yield from self._parts(item["content"], place)
            case "function_call":
                call = next(call for call in self._choice.calls if call.id == item["call_id"])
                for piece in call.arguments:
                    yield self._event("response.function_call_arguments.delta", place | {"delta": piece})
                done = {"arguments": item["arguments"], "name": item["name"]}
                yield self._event("response.function_call_arguments.done", place | done)

    def _summary(self, place: _Json) -> Iterator[bytes]:
        def part(text: str) -> _Json:
            return {"part": {"type": "summary_text", "text": text}}

        thought = "".join(self._choice.reasoning)
        yield self._event("response.reasoning_summary_part.added", place | part(""))
        for piece in self._choice.reasoning:
            yield self._event("response.reasoning_summary_text.delta", place | {"delta": piece})
        yield self._event("response.reasoning_summary_text.done", place | {"text": thought})
        yield self._event("response.reasoning_summary_part.done", place | part(thought))

    def _parts(self, parts: object, place: _Json) -> Iterator[bytes]:
        assert isinstance(parts, list)
        for index, part in enumerate(parts):
            here = place | {"content_index": index}
            if part["type"] == "refusal":
                yield from self._refusal(part, here)
            else:
                yield from self._text(part, here)

    def _text(self, part: _Json, place: _Json) -> Iterator[bytes]:
        yield self._event("response.content_part.added", place | {"part": _text("", [])})
        for piece in self._choice.said:
            delta: _Json = {"delta": piece, "logprobs": self._logprobs((piece,))}
            yield self._event("response.output_text.delta", place | delta)
        part["text"] = self._choice.text  # how much a flood says is known only now
        yield self._event("response.output_text.done", place | {"text": part["text"], "logprobs": part["logprobs"]})
        yield self._event("response.content_part.done", place | {"part": part})

    def _refusal(self, part: _Json, place: _Json) -> Iterator[bytes]:
        yield self._event("response.content_part.added", place | {"part": {"type": "refusal", "refusal": ""}})
        for piece in self._choice.refusal or ():
            yield self._event("response.refusal.delta", place | {"delta": piece})
        yield self._event("response.refusal.done", place | {"refusal": part["refusal"]})
        yield self._event("response.content_part.done", place | {"part": part})


def _text(text: str, logprobs: list[_Json]) -> _Json:
    return {"type": "output_text", "annotations": [], "logprobs": logprobs, "text": text}


def _opened(item: _Json) -> _Json:
    """An item as it is added: its fields, without what comes in pieces."""
    match item["type"]:
        case "reasoning":
            return item | {"summary": []}
        case "message":
            return item | {"status": "in_progress", "content": []}
    return item | {"status": "in_progress", "arguments": ""}


def refuse(refusal: Refusal, request_id: str, form: Form) -> bytes:
    """Return the body of an error."""
    return refusal.body


def count(body: bytes, model: str) -> bytes:
    """Return the answer to a request that asks how many tokens it has. Raises as `read` does."""
    return _encode({"object": "response.input_tokens", "input_tokens": prompt_tokens(read(body, model))})


RESPONSES = Voice(
    read=read,
    speak=Writer,
    refuse=refuse,
    count=count,
    echoes=4,
    headers=((b"openai-version", b"2020-10-01"),),
)
