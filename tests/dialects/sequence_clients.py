"""The official clients, offline, as judges: each reads a stream and the whole answer and finds them the same.

No sockets and no retries: a transport that hands out bytes. All the rest is the client's own: its reader of events, its
types, its accumulator.
"""

import json
from typing import Any, Protocol

import httpx2
import openai
from google.genai import types
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.responses import Response

from sluice.chat.request import ChatRequest
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from tests.dialects import gemini
from tests.dialects.messages_events import OfficialClient, plain
from tests.dialects.test_openai_responses_kit import codex, without_parsed

Json = dict[str, Any]


Said = tuple[dict[str, str], list[tuple[str, str]]]
"""The words by channel, empty ones left out, and the calls: name and arguments."""


class Reader(Protocol):
    """One kind of client: what it asked, and what it makes of a stream and of a whole answer."""

    request: ChatRequest
    refuses: bool
    """It has a place of its own for a refusal; otherwise the words are text."""

    def streamed(self, body: bytes) -> Json: ...

    def whole(self, body: bytes) -> Json: ...

    def said(self, seen: Json) -> Said:
        """What the first choice says, of what `streamed` returned."""
        ...


class _Desk:
    """What the client is answered with."""

    def __init__(self) -> None:
        self._body, self._type = b"", ""
        http = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self.sdk = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", http_client=http, max_retries=0)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=self._body, headers={"content-type": self._type})

    def answering(self, body: bytes, kind: str) -> openai.OpenAI:
        self._body, self._type = body, kind
        return self.sdk


_DESK = _Desk()
_SSE, _JSON = "text/event-stream", "application/json"


class Chat:
    """openai, chat completions."""

    request = ChatRequest(model="asked", stream=True, wants_usage=True, choices=2)
    refuses = True

    def streamed(self, body: bytes) -> Json:
        assert body.endswith(b"data: [DONE]\n\n")
        sdk = _DESK.answering(body, _SSE)
        state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
        stream = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
        for chunk in stream:
            for _ in state.handle_chunk(chunk):
                pass
        return _completion(state.current_completion_snapshot.to_dict(warnings=False))

    def whole(self, body: bytes) -> Json:
        sdk = _DESK.answering(body, _JSON)
        answer = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        return _completion(answer.to_dict(warnings=False))

    def said(self, seen: Json) -> Said:
        row = seen["choices"][0]
        words = row["words"]
        found = {"text": words["content"], "refusal": words["refusal"], "reasoning": words["reasoning_content"]}
        return _spoken(found), [(name, arguments) for _, _, name, arguments in row["calls"]]


def _spoken(words: dict[str, str]) -> dict[str, str]:
    return {channel: text for channel, text in words.items() if text}


def _completion(body: Json) -> Json:
    """What a program reads of it. Positions in lists exist in deltas only; so does a missing text that was opened."""
    choices = {}
    for row in body["choices"]:
        message = row["message"]
        names = ("role", "content", "refusal", "reasoning_content")
        choices[row["index"]] = {
            "finish": row["finish_reason"],
            "words": {name: message.get(name) or "" for name in names},
            "calls": [
                (call["id"], call["type"], call["function"]["name"], call["function"]["arguments"])
                for call in message.get("tool_calls") or ()
            ],
            "sources": [(note["type"], note["url_citation"]) for note in message.get("annotations") or ()],
        }
    return {"id": body["id"], "model": body["model"], "usage": body.get("usage"), "choices": choices}


class Responses:
    """openai, Responses; and Codex, whose rules are stricter than its maker's own client."""

    request = OPENAI_RESPONSES.read_request(b'{"model": "asked", "input": "hi", "stream": true}')
    refuses = True

    def streamed(self, body: bytes) -> Json:
        seen = codex(body)
        with _DESK.answering(body, _SSE).responses.stream(model="m", input="hi") as running:
            last = list(running)[-1]
            if last.type == "response.completed":
                assert running.get_final_response().id == seen["id"]
        got = without_parsed(last.to_dict(warnings=False)["response"])
        assert isinstance(got, dict)
        assert got == without_parsed(_typed(seen))
        return got

    def whole(self, body: bytes) -> Json:
        answer = _DESK.answering(body, _JSON).responses.create(model="m", input="hi")
        return answer.to_dict(warnings=False)

    def said(self, seen: Json) -> Said:
        words = dict.fromkeys(("text", "refusal", "reasoning"), "")
        for item in seen["output"]:
            for part in [*item.get("content", ()), *item.get("summary", ())]:
                words[_CHANNELS[part["type"]]] += part.get("text", part.get("refusal"))
        calls = [(item["name"], item["arguments"]) for item in seen["output"] if item["type"] == "function_call"]
        return _spoken(words), calls


_CHANNELS = {"output_text": "text", "refusal": "refusal", "summary_text": "reasoning"}


def _typed(body: dict[str, object]) -> Json:
    return Response.model_validate(body).to_dict(warnings=False)


class Messages:
    """anthropic."""

    request = ChatRequest(model="asked", stream=True)
    refuses = False

    def __init__(self) -> None:
        self._client = OfficialClient()

    def streamed(self, body: bytes) -> Json:
        return plain(self._client.stream(body))

    def whole(self, body: bytes) -> Json:
        return plain(self._client.create(body))

    def said(self, seen: Json) -> Said:
        words = {
            "text": "".join(block["text"] for block in seen["content"] if block["type"] == "text"),
            "reasoning": "".join(block["thinking"] for block in seen["content"] if block["type"] == "thinking"),
        }
        calls = [block for block in seen["content"] if block["type"] == "tool_use"]
        return _spoken(words), [(block["name"], json.dumps(block["input"])) for block in calls]


class Gemini:
    """google-genai. It has no accumulator: a program joins parts, as its chats do."""

    request = ChatRequest(model="asked", stream=True)
    refuses = False

    def streamed(self, body: bytes) -> Json:
        chunks = gemini.streamed(body)
        last = chunks[-1]
        rows = {index: _contents(row) for index, row in gemini.joined(chunks).items()}
        return {"id": last.response_id, "model": last.model_version, "usage": last.usage_metadata, "choices": rows}

    def whole(self, body: bytes) -> Json:
        one = gemini.answered(body)
        rows = {index: _contents(row) for index, row in gemini.joined([one]).items()}
        return {"id": one.response_id, "model": one.model_version, "usage": one.usage_metadata, "choices": rows}

    def said(self, seen: Json) -> Said:
        row = seen["choices"][0]
        calls = [json.loads(call) for call in row["calls"]]
        words = {"text": row["text"], "reasoning": row["thoughts"]}
        return _spoken(words), [(call["name"], json.dumps(call["args"])) for call in calls]


def _contents(row: Json) -> Json:
    """Texts, thoughts, calls and signatures, each in their order: where calls interleave, a part waits until it is
    whole."""
    parts = row["parts"]
    return {
        "text": "".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        "thoughts": "".join(part["text"] for part in parts if part.get("thought")),
        "calls": [json.dumps(part["function_call"]) for part in parts if "function_call" in part],
        "signatures": sorted(part["thought_signature"] for part in parts if "thought_signature" in part),
        "sources": _sources(row["sources"]),
        "finish": row["finish"],
    }


def _sources(found: types.GroundingMetadata | None) -> Json:
    """Where the words are from; not which words: those are places within parts, and a call that waits parts a text."""
    body = found.model_dump(exclude_none=True) if found else {}
    for support in body.get("grounding_supports", []):
        del support["segment"]
    return body
