"""Streams and answers of Gemini's, decoded, encoded, folded and read by the official client: shared by the tests of
the dialect."""

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import httpx2
from google import genai
from google.genai import types

from sluice.chat.content import Message, Part, Text
from sluice.chat.conversation import Conversation
from sluice.chat.events import Event
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.gemini import GEMINI
from sluice.wire.json_array import JsonArrayDecoder
from sluice.wire.sse import Frame, SseDecoder

Json = dict[str, Any]


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def frame(value: object) -> Frame:
    """A frame of an event stream that holds this JSON."""
    return Frame(event(value), json.dumps(value).encode())


def chunk(*parts: Json, finish: str | None = None, index: int | None = None, **more: object) -> Json:
    """A chunk with one candidate; `more` are further members of the candidate."""
    candidate: Json = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
    candidate |= {name: value for name, value in {"finishReason": finish, "index": index}.items() if value is not None}
    return {"candidates": [candidate | more], "modelVersion": "gemini-x", "responseId": "r1"}


def decode(*chunks: Json, keep: bool = False) -> list[Event]:
    """The events of a stream of these chunks, without what its end adds."""
    decoder = GEMINI.decoder(keep_leftovers=keep)
    return [each for value in chunks for each in decoder.decode(frame(value))]


def deltas(*chunks: Json) -> list[Event]:
    """The same without the start."""
    return decode(*chunks)[1:]


def decode_bytes(pieces: Iterable[bytes], framing: Framing = "sse") -> list[Event]:
    """The events of a whole body, its end included."""
    wire = SseDecoder() if framing == "sse" else JsonArrayDecoder()
    decoder = GEMINI.decoder(keep_leftovers=False)
    frames = [each for piece in pieces for each in wire.feed(piece)] + wire.finish()
    events = [found for each in frames for found in decoder.decode(each)]
    assert wire.fault is None
    return [*events, *decoder.finish()]


def encode(events: Iterable[Event], framing: Framing = "sse") -> bytes:
    """The stream that a client gets."""
    encoder = GEMINI.encoder(ChatRequest(stream=True, framing=framing))
    return b"".join([encoder.encode(each) for each in events])


def chunks_of(stream: bytes) -> list[Json]:
    return [json.loads(each.data or b"") for each in SseDecoder().feed(stream)]


def fold(events: Iterable[Event]) -> Answer:
    """The answer of a legal stream."""
    machine, grammar = Fold(), Grammar()
    for each in events:
        grammar.advance(each)
        machine.add(each)
    return machine.answer()


def whole(events: Iterable[Event]) -> Json:
    """The answer that a client gets who does not stream."""
    body: Json = json.loads(GEMINI.write_answer(fold(events), ChatRequest()))
    return body


def body_of(fields: Json) -> bytes:
    return json.dumps(fields).encode()


class Desk:
    """What answers the official client: with `body`, whatever is asked. Keeps the last request."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, b"", b""

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked = request.content
        kind = "text/event-stream" if self.body.startswith(b"data:") else "application/json"
        return httpx2.Response(self.status, content=self.body, headers={"content-type": kind})


DESK = Desk()


@functools.cache
def _client() -> genai.Client:
    http = httpx2.Client(transport=httpx2.MockTransport(DESK.answer))
    return genai.Client(api_key="k", http_options=types.HttpOptions(base_url="http://gemini.test", httpx_client=http))


def client(body: bytes, *, status: int = 200) -> genai.Client:
    """The official client, whose requests are answered with this body from now on."""
    DESK.body, DESK.status = body, status
    return _client()


def streamed(stream: bytes) -> list[types.GenerateContentResponse]:
    """The chunks as the official client reads them."""
    return list(client(stream).models.generate_content_stream(model="m", contents="hi"))


def answered(body: bytes) -> types.GenerateContentResponse:
    """A whole answer as the official client reads it."""
    return client(body).models.generate_content(model="m", contents="hi")


def joined(chunks: Sequence[types.GenerateContentResponse]) -> dict[int, Json]:
    """What chunks add up to, by candidate: adjacent texts of one kind joined, empty ones without a signature left out,
    the last finish reason."""
    result: dict[int, Json] = {}
    for each in chunks:
        for candidate in each.candidates or ():
            row = result.setdefault(candidate.index or 0, {"parts": [], "finish": None, "sources": None})
            for part in (candidate.content and candidate.content.parts) or ():
                _add(row["parts"], part.model_dump(exclude_none=True))
            row["finish"] = candidate.finish_reason or row["finish"]
            row["sources"] = candidate.grounding_metadata or row["sources"]
    return result


def _add(parts: list[Json], part: Json) -> None:
    last = parts[-1] if parts else {}
    if part == {"text": ""}:
        return
    alike = "text" in part and "text" in last and part.get("thought") == last.get("thought")
    if alike and "thought_signature" not in part and "thought_signature" not in last:
        parts[-1] = last | {"text": last["text"] + part["text"]}
    else:
        parts.append(part)


# -- requests ---------------------------------------------------------------------------------------------------------

HI = {"role": "user", "parts": [{"text": "hi"}]}
ASKED = Message(role="user", parts=(Text(text="hi"),))


def read(body: bytes) -> Conversation:
    """A client's request in the vocabulary."""
    return GEMINI.read_conversation(GEMINI.read_request(body, model="m", stream=True))


def conversation(**fields: object) -> Conversation:
    return read(body_of({"contents": [HI]} | fields))


def messages(*contents: object) -> tuple[Message, ...]:
    return conversation(contents=list(contents)).messages


def model(*parts: object) -> tuple[Part, ...]:
    """The parts of one message of the model's."""
    (message,) = messages({"role": "model", "parts": list(parts)})
    return message.parts


def write(*given: Message, model: str = "gemini-2.5-flash", **asked: Any) -> Any:
    """The request for a provider, once the official client's types have found nothing that the API does not know."""
    asking = Conversation(messages=given or (ASKED,), **asked)
    body = json.loads(GEMINI.write_conversation(asking, model=model, stream=True, ask_usage=True))
    for content in [*body["contents"], body.get("systemInstruction", {"parts": []})]:
        types.Content.model_validate(content)
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))
    for tool in body.get("tools", []):
        types.Tool.model_validate(tool)
    return body
