"""A reply as the JSON of the published API: the chunks of a stream, or one whole answer.

Pure. The shape of a chunk, order of members included, is that of tests/streams/openai-chat-gpt-3.5-turbo.sse.
"""

import zlib
from collections.abc import Iterator
from itertools import chain, zip_longest

import msgspec

from sluice.testing.fake_reply import Choice, Reply
from sluice.testing.fake_request import Asked
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
    """Writes one reply to one request. `created` is in seconds since 1970; `model` names who answers."""

    def __init__(self, asked: Asked, reply: Reply, *, model: str, created: int) -> None:
        self._asked = asked
        self._reply = reply
        self._model = model
        self._created = created

    @property
    def opening(self) -> int:
        """How many chunks of the stream carry no token: the first of each choice."""
        return len(self._reply.choices)

    def stream(self) -> Iterator[bytes]:
        """Yield the events of the stream, `[DONE]` last. Choices take turns, a token each."""
        turns = zip_longest(*(self._choice(i, choice) for i, choice in enumerate(self._reply.choices)))
        for row in chain.from_iterable(turns):
            if row is not None:
                yield self._chunk([row], None)
        if self._asked.wants_usage:
            yield self._chunk([], self._usage())
        yield DONE

    def _chunk(self, choices: list[_Json], usage: _Json | None) -> bytes:
        chunk = self._head("chat.completion.chunk") | {
            "service_tier": "default",
            "system_fingerprint": self._reply.fingerprint,
            "choices": choices,
        }
        if self._asked.wants_usage:
            chunk["usage"] = usage
        return sse.encode(_encode(chunk))

    def _head(self, kind: str) -> _Json:
        return {"id": self._reply.id, "object": kind, "created": self._created, "model": self._model}

    def _choice(self, index: int, choice: Choice) -> Iterator[_Json]:
        def row(delta: _Json, *, token: str = "", refusal: bool = False) -> _Json:
            logprobs = self._logprobs((token,), refusal=refusal) if token else None
            return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}

        first: _Json = {"role": "assistant", "content": None if choice.calls else "", "refusal": None}
        yield row(first)
        for piece in choice.reasoning:
            yield row({"reasoning_content": piece})
        for piece in choice.content or ():
            yield row({"content": piece}, token=piece)
        for piece in choice.refusal or ():
            yield row({"refusal": piece}, token=piece, refusal=True)
        for place, call in enumerate(choice.calls):
            function = {"name": call.name, "arguments": ""}
            opened = {"index": place, "id": call.id, "type": "function", "function": function}
            yield row({"tool_calls": [opened]})
            for piece in call.arguments:
                yield row({"tool_calls": [{"index": place, "function": {"arguments": piece}}]})
        yield {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.finish}

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
        return _encode(body | {"service_tier": "default", "system_fingerprint": self._reply.fingerprint})

    def _usage(self) -> _Json:
        reply = self._reply
        return {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "total_tokens": reply.prompt_tokens + reply.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
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
        rows = [_judged(token, self._asked.top_logprobs or 0) for token in tokens]
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


_OTHERS = (" the", " a", " and", " of", " to", ",", ".", " in", " is", " it")


def _judged(token: str, top: int) -> _Json:
    """A token with a probability that depends on nothing but the token, and the likeliest in its place."""
    chance = -(zlib.crc32(token.encode()) % 1000) / 10_000
    best = [_logprob(token, chance)][:top]
    others = (other for other in _others() if other != token)
    best += [_logprob(other, chance - 2.0 - rank) for rank, other in zip(range(top - 1), others, strict=False)]
    return _logprob(token, chance) | {"top_logprobs": best}


def _others() -> Iterator[str]:
    """Tokens that might have stood there."""
    yield from _OTHERS
    for number in range(100):
        yield f" {number}"


def _logprob(token: str, chance: float) -> _Json:
    return {"token": token, "logprob": chance, "bytes": list(token.encode())}


def model_row(name: str) -> _Json:
    """Return a model as `/v1/models` lists it."""
    return {"id": name, "object": "model", "created": 1_715_367_049, "owned_by": "system"}


def answering_model(name: str) -> str:
    """Return the model that answers for a requested one."""
    return DATED.get(name, name)


def tokens_of(reply: Reply) -> int:
    """Return how many pieces the longest choice of a reply has: what a whole answer takes the time of."""
    return max((choice.tokens for choice in reply.choices), default=0)
