"""A reply as Gemini content: the events of a stream, the elements of an array, or one whole answer; and that vendor's
errors.

Pure. Source: ai.google.dev/api/generate-content and /gemini-api/docs/thought-signatures, cloud.google.com/apis/design/
errors, and the types of the official client, read 2026-11-21. A function call comes whole. The dialect has no part for
a refusal: its words are text, and the finish reason is `SAFETY`; a filtered answer without a word is a blocked prompt.
"""

from collections.abc import Iterator
from itertools import chain, repeat, zip_longest

import msgspec

from sluice.testing import fake_words
from sluice.testing.fake_asked import Asked
from sluice.testing.fake_gemini_request import read, read_count, signature, thinks_always
from sluice.testing.fake_gemini_schema import FunctionCall
from sluice.testing.fake_logprobs import judged
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import Call, Choice, Reply, prompt_tokens
from sluice.testing.fake_voice import Form, Told, Voice

_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode

ARRAY_TYPE = b"application/json; charset=UTF-8"
FINISHES = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class _Row(msgspec.Struct, frozen=True):
    """What one element of the stream adds to a candidate."""

    parts: list[_Json]
    tokens: int = 0
    thoughts: int = 0
    logprobs: tuple[str, ...] = ()
    finish: str | None = None


class Writer:
    """Writes one reply to one request."""

    opening = 1

    def __init__(self, asked: Asked, reply: Reply, told: Told) -> None:
        self._asked = asked
        self._reply = reply
        self._told = told
        self._array = told.form == "array"
        self._begun = False

    def stream(self) -> Iterator[bytes]:
        """Yield the elements of the stream. Candidates take turns, a token each."""
        tokens = thoughts = 0
        for index, row in self._rows():
            tokens, thoughts = tokens + row.tokens, thoughts + row.thoughts
            candidates = [] if self._blocked else [self._candidate(index, row)]
            yield self._element(self._answer(candidates, tokens, thoughts))
        if self._array:
            yield b"\n]"

    def failure(self, refusal: Refusal) -> bytes:
        """Return the element that ends a stream with an error."""
        return self._element({"error": _error(refusal)}) + (b"\n]" if self._array else b"")

    def whole(self) -> bytes:
        """Return the reply as one answer."""
        candidates: list[_Json] = []
        for index, choice in enumerate(self._reply.choices):
            rows = list(self._choice(choice))
            parts = _joined([part for row in rows for part in row.parts])
            spelled = tuple(token for row in rows for token in row.logprobs)
            candidates.append(self._candidate(index, _Row(parts, logprobs=spelled, finish=self._finish(choice))))
        thoughts = self._reply.reasoning_tokens
        tokens = self._reply.completion_tokens - thoughts
        return _pretty(self._answer([] if self._blocked else candidates, tokens, thoughts))

    def _element(self, answer: _Json) -> bytes:
        if not self._array:
            return b"data: " + _encode(answer) + b"\r\n\r\n"
        before, self._begun = (b",\r\n" if self._begun else b"["), True
        return before + _pretty(answer)

    @property
    def _blocked(self) -> bool:
        first = self._reply.choices[0]
        return first.finish == "content_filter" and first.tokens == 0 and first.refusal is None

    def _answer(self, candidates: list[_Json], tokens: int, thoughts: int) -> _Json:
        answer: _Json = {"candidates": candidates} if candidates else {"promptFeedback": {"blockReason": "SAFETY"}}
        return answer | {
            "usageMetadata": self._usage(tokens, thoughts),
            "modelVersion": self._told.model,
            "responseId": fake_words.name(self._reply.seed, "", 24),
        }

    def _usage(self, tokens: int, thoughts: int) -> _Json:
        prompt = self._reply.prompt_tokens
        usage: _Json = {"promptTokenCount": prompt}
        if tokens:
            usage["candidatesTokenCount"] = tokens
        usage["totalTokenCount"] = prompt + tokens + thoughts
        if self._reply.cached_tokens:
            usage["cachedContentTokenCount"] = self._reply.cached_tokens
        usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
        return usage | ({"thoughtsTokenCount": thoughts} if thoughts else {})

    def _candidate(self, index: int, row: _Row) -> _Json:
        content: _Json = {"parts": row.parts, "role": "model"} if row.parts else {"role": "model"}
        candidate: _Json = {"content": content}
        if row.finish is not None:
            candidate["finishReason"] = row.finish
        candidate["index"] = index
        if row.finish == "SAFETY":
            candidate["safetyRatings"] = [
                {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
            ]
        if self._asked.logprobs and row.logprobs:
            candidate["logprobsResult"] = self._logprobs(row.logprobs)
        return candidate

    def _logprobs(self, tokens: tuple[str, ...]) -> _Json:
        def worth(found: _Json) -> _Json:
            return {"token": found["token"], "logProbability": found["logprob"]}

        rows = [judged(token, self._asked.top_logprobs) for token in tokens]
        tops = [row["top_logprobs"] for row in rows]
        return {
            "chosenCandidates": [worth(row) for row in rows],
            "topCandidates": [{"candidates": list(map(worth, top))} for top in tops if isinstance(top, list)],
        }

    # -- candidates ---------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[int, _Row]]:
        candidates = (zip(repeat(index), self._choice(choice)) for index, choice in enumerate(self._reply.choices))
        for found in chain.from_iterable(zip_longest(*candidates)):
            if found is not None:
                yield found

    def _choice(self, choice: Choice) -> Iterator[_Row]:
        redacted = self._asked.wanted is not None and self._asked.wanted.redacted
        prescribed = self._asked.wanted is not None and not redacted
        hidden = 0
        for piece in choice.reasoning:
            if self._asked.shows_reasoning or prescribed:
                yield _Row([{"text": piece, "thought": True}], thoughts=1)
            else:
                hidden += 1
        for piece in chain(choice.said, choice.refusal or ()):
            yield _Row([{"text": piece}], tokens=1, thoughts=hidden, logprobs=(piece,))
            hidden = 0
        signs = bool(choice.reasoning) or thinks_always(self._asked.model)
        for place, call in enumerate(call for call in choice.calls if call.whole):
            part, size = self._called(call, signed=signs and place == 0), fake_words.count(call.name)
            yield _Row([part], tokens=size + len(call.arguments), thoughts=hidden)
            hidden = 0
        last: _Json = {"text": ""}
        if signs and not choice.calls:
            last["thoughtSignature"] = signature(None)
        yield _Row([last], thoughts=hidden, finish=self._finish(choice))

    def _finish(self, choice: Choice) -> str:
        return "SAFETY" if choice.refusal is not None else FINISHES[choice.finish]

    def _called(self, call: Call, *, signed: bool) -> _Json:
        args = _args("".join(call.arguments))
        found: _Json = {"name": call.name, "args": args}
        if thinks_always(self._asked.model):
            found["id"] = call.id.removeprefix("call_")
        part: _Json = {"functionCall": found}
        if signed:
            part["thoughtSignature"] = signature(FunctionCall(name=call.name, args=args))
        return part


def _args(text: str) -> dict[str, object]:
    """Arguments that are no JSON object cannot be said in this dialect."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _joined(parts: list[_Json]) -> list[_Json]:
    """Texts of one kind in a row as one part; the last signature stays with its text."""
    joined: list[_Json] = []
    for part in parts:
        before = joined[-1] if joined else {}
        if "text" in part and "text" in before and before.get("thought") == part.get("thought"):
            joined[-1] = before | part | {"text": f"{before['text']}{part['text']}"}
        elif part.get("text") != "" or "thoughtSignature" in part:
            joined.append(part)
    return joined


def _pretty(value: _Json) -> bytes:
    return msgspec.json.format(_encode(value), indent=2)


def _error(refusal: Refusal) -> _Json:
    status = _STATUSES.get(refusal.status, "INVALID_ARGUMENT" if refusal.status < 500 else "INTERNAL")
    error: _Json = {"code": refusal.status, "message": refusal.message, "status": status}
    if refusal.code is not None:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": kind, "reason": refusal.code, "domain": "googleapis.com"}]
    return error


def refuse(refusal: Refusal, request_id: str, form: Form) -> bytes:
    """Return the body of an error; where a stream would be an array, the error is one too."""
    body = msgspec.json.format(_encode({"error": _error(refusal)}), indent=2)
    return b"[" + body + b"\n]\n" if form == "array" else body + b"\n"


def count(body: bytes, model: str) -> bytes:
    """Return the answer to a request that asks how many tokens it has. Raises as `read_count` does."""
    tokens = prompt_tokens(read_count(body, model))
    return _encode({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]})


GEMINI = Voice(
    read=read,
    speak=Writer,
    refuse=refuse,
    count=count,
    stream_type=b"text/event-stream",
    headers=((b"server", b"scaffolding on HTTPServer2"), (b"x-content-type-options", b"nosniff")),
)
