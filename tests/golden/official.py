"""What the official clients make of an answer that is already there: the oracles of the golden corpus. No network."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

import anthropic
import httpx2
import openai
from google import genai
from google.genai import types as google
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel

Json = dict[str, object]

_OWN = frozenset(["parsed", "parsed_arguments", "parsed_output"])
"""What the clients add by themselves."""


class Desk:
    """Answers every request with the same bytes."""

    def __init__(self) -> None:
        self.body, self.status, self.kind = b"", 200, ""

    def answer(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self.status, content=self.body, headers={"content-type": self.kind})

    def lay(self, body: bytes, status: int) -> None:
        self.body, self.status = body, status
        stream = status == 200 and not body.startswith(b"{")
        self.kind = "text/event-stream" if stream else "application/json"


DESK = Desk()


@cache
def _http() -> httpx2.Client:
    return httpx2.Client(transport=httpx2.MockTransport(DESK.answer))


@cache
def _openai() -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", http_client=_http(), max_retries=0)


@cache
def _anthropic() -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:9", http_client=_http(), max_retries=0)


@cache
def _google() -> genai.Client:
    options = google.HttpOptions(base_url="http://127.0.0.1:9", httpx_client=_http())
    return genai.Client(api_key="k", http_options=options)


# -- one function per client: read a stream to its end, return what it adds up to --------------------------------------


def _chat() -> Json:
    options = {"include_usage": True}
    with _openai().chat.completions.stream(model="m", messages=[], stream_options=options) as stream:  # type: ignore[arg-type]
        for _ in stream:
            pass  # what `get_final_completion` adds is an error for answers that were cut
        return _plain(stream.current_completion_snapshot)


def _responses() -> Json:
    last: ResponseStreamEvent | None = None
    for event in _openai().responses.create(model="m", input="x", stream=True):
        last = event
    if last is None or last.type not in ("response.completed", "response.incomplete"):
        raise openai.OpenAIError(f"the response did not end well: {last}")
    with _openai().responses.stream(model="m", input="x") as stream:  # the helper is stricter about the order
        for _ in stream:
            pass
    return _plain(last.response)


def _messages() -> Json:
    with _anthropic().messages.stream(model="m", max_tokens=1, messages=[]) as stream:
        return _plain(stream.get_final_message())


def _gemini() -> Json:
    chunks = _google().models.generate_content_stream(model="m", contents="x")
    return _joined([cast(Json, _bare(_plain(chunk))) for chunk in chunks])


def _plain(model: BaseModel) -> Json:
    return cast(Json, json.loads(model.model_dump_json(by_alias=True, exclude_none=True, warnings=False)))


_READ: dict[str, Callable[[], Json]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic_messages": _messages,
    "gemini": _gemini,
}
ERRORS = (openai.OpenAIError, anthropic.AnthropicError, genai.errors.APIError)
"""What the clients raise for an answer that failed."""


def accumulated(client: str, stream: bytes, status: int = 200) -> Json:
    """Return what this client's official library makes of a stream, without the members it adds itself.

    Raises:
        one of ERRORS: it takes the answer for a failure.
    """
    DESK.lay(stream, status)
    return cast(Json, _bare(_READ[client]()))


def comparable(client: str, answer: object) -> object:
    """An answer without what says nothing (null) or has no place in a whole one (indices of lists)."""
    plain = _bare(answer)
    return _joined([cast(Json, plain)]) if client == "gemini" else plain


def _bare(value: object) -> object:
    if isinstance(value, Mapping):
        kept = {name: _bare(each) for name, each in value.items() if name not in _OWN and each is not None}
        if kept.keys() & {"function", "custom", "url_citation"}:
            kept.pop("index", None)
        if "thoughtSignature" in kept:  # bytes, which the library writes in the other alphabet of base64
            kept["thoughtSignature"] = str(kept["thoughtSignature"]).replace("-", "+").replace("_", "/")
        return kept
    return [_bare(each) for each in value] if isinstance(value, list) else value


# -- Gemini's chunks, for which the official client has no sum ---------------------------------------------------------


def _joined(chunks: list[Json]) -> Json:
    """What chunks add up to: adjacent texts of one kind joined, empty ones left out, else the last word counts."""
    whole: Json = {}
    candidates: dict[object, Json] = {}
    for chunk in chunks:
        whole |= {name: value for name, value in chunk.items() if name not in ("candidates", "sdkHttpResponse")}
        for row in cast(list[Json], chunk.get("candidates", [])):
            index = row.get("index", 0)
            known = candidates.setdefault(index, {"parts": [], "index": index})
            for part in cast(list[Json], cast(Json, row.get("content", {})).get("parts", [])):
                _add(cast(list[Json], known["parts"]), part)
            _later(known, row)
    return whole | {"candidates": [candidates[index] for index in sorted(candidates, key=str)]}


def _later(known: Json, row: Json) -> None:
    for name, value in row.items():
        if name == "logprobsResult" and name in known:
            tokens = cast(dict[str, list[object]], value)
            sums = cast(dict[str, list[object]], known[name])
            known[name] = {kind: sums.get(kind, []) + tokens[kind] for kind in tokens}
        elif name != "content":
            known[name] = value


def _add(parts: list[Json], part: Json) -> None:
    last = parts[-1] if parts else {}
    if part == {"text": ""}:
        return
    alike = "text" in part and "text" in last and part.get("thought") == last.get("thought")
    if alike and "thoughtSignature" not in part and "thoughtSignature" not in last:
        parts[-1] = last | {"text": f"{last['text']}{part['text']}"}
    else:
        parts.append(part)
