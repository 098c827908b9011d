"""A reply as OpenAI chat completions: the chunks of a stream, or one whole answer.

Pure. The shape of a chunk, order of members included, is that of tests/streams/openai-chat-gpt-3.5-turbo.sse. Azure's
chunks: learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming, read 2026-11-21.
"""

from collections.abc import Iterator
from itertools import chain, zip_longest

import msgspec

from sluice.testing import fake_words
from sluice.testing.fake_asked import Asked
from sluice.testing.fake_logprobs import judged
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import Choice, Reply
from sluice.testing.fake_request import read
from sluice.testing.fake_voice import Form, Told, Voice
from sluice.wire import sse

DATED = {
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
}
"""Well-known aliases and the models that answer under them."""
DONE = sse.encode(b"[DONE]")

_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode


class Writer:
    """Writes one reply to one request."""

    def __init__(self, asked: Asked, reply: Reply, told: Told) -> None:
        self._asked = asked
        self._reply = reply
        self._told = told
        self._azure = told.form == "azure"
        self._id = fake_words.name(reply.seed, "chatcmpl-", 29)
        self._fingerprint = fake_words.name(asked.model.encode(), "fp_", 10, "0123456789abcdef")

    @property
    def opening(self) -> int:
        """The first chunk of each choice carries no token, and leaves with the one that does."""
        return 2 * len(self._reply.choices) + self._azure

    def stream(self) -> Iterator[bytes]:
        """Yield the events of the stream, `[DONE]` last. Choices take turns, a token each."""
        if self._azure:
            yield sse.encode(_encode(_FILTERED_PROMPT))
        turns = zip_longest(*(self._choice(i, choice) for i, choice in enumerate(self._reply.choices)))
        for row in chain.from_iterable(turns):
            if row is not None:
                yield self._chunk([row], None)
        if self._asked.wants_usage:
            yield self._chunk([], self._usage())
        yield DONE

    def failure(self, refusal: Refusal) -> bytes:
        """Return the error inside a stream; no `[DONE]` follows it."""
        return sse.encode(_encode({"error": refusal.in_openai_shape}))

    def _chunk(self, choices: list[_Json], usage: _Json | None) -> bytes:
        chunk = self._head("chat.completion.chunk") | {
            "service_tier": "default",
            "system_fingerprint": self._fingerprint,
            "choices": choices,
        }
        if self._asked.wants_usage:
            chunk["usage"] = usage
        return sse.encode(_encode(chunk))

    def _head(self, kind: str) -> _Json:
        return {"id": self._id, "object": kind, "created": self._told.created, "model": self._told.model}

    def _choice(self, index: int, choice: Choice) -> Iterator[_Json]:
        def row(delta: _Json, *, token: str = "", refusal: bool = False) -> _Json:
            logprobs = self._logprobs((token,), refusal=refusal) if token else None
            found: _Json = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
            return found | {"content_filter_results": _UNFILTERED if token else {}} if self._azure else found

        first: _Json = {"role": "assistant", "content": None if choice.calls else "", "refusal": None}
        yield row(first)
        for piece in choice.reasoning:
            yield row({"reasoning_content": piece})
        for piece in choice.said:
            yield row({"content": piece}, token=piece)
        for piece in choice.refusal or ():
            yield row({"refusal": piece}, token=piece, refusal=True)
        for place, call in enumerate(choice.calls):
            function = {"name": call.name, "arguments": ""}
            opened = {"index": place, "id": call.id, "type": "function", "function": function}
            yield row({"tool_calls": [opened]})
            for piece in call.arguments:
                yield row({"tool_calls": [{"index": place, "function": {"arguments": piece}}]})
        last: _Json = {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.finish}
        yield last | {"content_filter_results": {}} if self._azure else last

    def whole(self) -> bytes:
        """Return the reply as one `chat.completion`."""
        choices = [
            {
                "index": index,
                "message": _message(choice),
                "logprobs": self._logprobs_of(choice),
                "finish_reason": choice.finish,
            }
            for index, choice in enumerate(self._reply.choices)
        ]
        body = self._head("chat.completion") | {"choices": choices, "usage": self._usage()}
        if self._azure:
            body["prompt_filter_results"] = _FILTERED_PROMPT["prompt_filter_results"]
        return _encode(body | {"service_tier": "default", "system_fingerprint": self._fingerprint})

    def _usage(self) -> _Json:
        reply = self._reply
        return {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "total_tokens": reply.prompt_tokens + reply.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": reply.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reply.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def _logprobs_of(self, choice: Choice) -> _Json | None:
        if choice.content is None and choice.refusal is not None:
            return self._logprobs(choice.refusal, refusal=True)
        return self._logprobs(choice.content or (), refusal=False)

    def _logprobs(self, tokens: tuple[str, ...], *, refusal: bool) -> _Json | None:
        if not self._asked.logprobs:
            return None
        rows = [judged(token, self._asked.top_logprobs) for token in tokens]
        return {"content": None, "refusal": rows} if refusal else {"content": rows, "refusal": None}


def _message(choice: Choice) -> _Json:
    def joined(parts: tuple[str, ...] | None) -> str | None:
        return None if parts is None else "".join(parts)

    message: _Json = {"role": "assistant", "content": joined(choice.content), "refusal": joined(choice.refusal)}
    if choice.reasoning:
        message["reasoning_content"] = joined(choice.reasoning)
    if choice.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(call.arguments)}}
            for call in choice.calls
        ]
    return message | {"annotations": []}


_UNFILTERED = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
_FILTERED_PROMPT: _Json = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _UNFILTERED}],
}
"""What Azure's stream begins with."""


def answering_model(name: str) -> str:
    """Return the model that answers for a requested one."""
    return DATED.get(name, name)


def refuse(refusal: Refusal, request_id: str, form: Form) -> bytes:
    """Return the body of an error. Azure's door keepers say less than its models do."""
    if form == "azure" and refusal.code is not None and (refusal.code.isdigit() or refusal.code[0].isupper()):
        return _encode({"error": {"code": refusal.code, "message": refusal.message}})
    return refusal.body


CHAT = Voice(
    read=read,
    speak=Writer,
    refuse=refuse,
    headers=((b"openai-version", b"2020-10-01"),),
)
