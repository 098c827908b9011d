"""Messages streams, decoded, encoded, folded and read by the official client: shared by the dialect's tests."""

import json
from collections.abc import Iterable, Mapping

import anthropic
import httpx2
from anthropic.types import Message

from sluice.chat.events import Event
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.chat.request import ChatRequest
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.wire.sse import Frame, SseDecoder

Json = dict[str, object]
REQUEST = ChatRequest(model="claude-asked", stream=True)


def event(kind: str, **members: object) -> bytes:
    """One event as Anthropic writes it."""
    data = json.dumps({"type": kind} | members, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def start(usage: Mapping[str, object] | None = None, **more: object) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []} | more
    return event("message_start", message=message | ({"usage": usage} if usage else {}))


def block(index: int, kind: str, *deltas: Json, **members: object) -> bytes:
    """A whole block: its start, these deltas and its end."""
    pieces = [event("content_block_start", index=index, content_block={"type": kind} | members)]
    pieces += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return b"".join(pieces) + event("content_block_stop", index=index)


def words(text: str) -> Json:
    return {"type": "text_delta", "text": text}


def thought(text: str) -> Json:
    return {"type": "thinking_delta", "thinking": text}


def piece(text: str) -> Json:
    return {"type": "input_json_delta", "partial_json": text}


def end(reason: str = "end_turn", usage: Mapping[str, object] | None = None, **delta: object) -> bytes:
    change = {"stop_reason": reason, "stop_sequence": None} | delta
    return event("message_delta", delta=change, **({"usage": usage} if usage else {})) + event("message_stop")


def frames_of(*chunks: bytes) -> list[Frame]:
    """The frames of a stream that comes in these chunks."""
    decoder = SseDecoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return frames + decoder.finish()


def decode(*chunks: bytes, keep: bool = False) -> list[Event]:
    """The events of a stream that begins with these chunks."""
    decoder = ANTHROPIC_MESSAGES.decoder(keep_leftovers=keep)
    return [event for frame in frames_of(*chunks) for event in decoder.decode(frame)]


def encode(events: Iterable[Event], request: ChatRequest = REQUEST) -> bytes:
    """The stream that a client gets."""
    encoder = ANTHROPIC_MESSAGES.encoder(request)
    return b"".join([encoder.encode(event) for event in events])


def rows_of(stream: bytes) -> list[Json]:
    """The JSON of each event; its name is its type."""
    rows = []
    for frame in frames_of(stream):
        row = json.loads(frame.data or b"")
        assert row["type"] == frame.event
        rows.append(row)
    return rows


def kinds_of(stream: bytes) -> list[str]:
    """The types of the events, those of blocks with what they hold: `content_block_start text`."""
    kinds = []
    for row in rows_of(stream):
        inner = row.get("content_block") or (row.get("delta") if row["type"] == "content_block_delta" else None)
        kinds.append(f"{row['type']} {inner['type']}" if isinstance(inner, Mapping) else str(row["type"]))
    return kinds


def fold(events: Iterable[Event]) -> Answer:
    """The answer of a legal stream."""
    machine, grammar = Fold(), Grammar()
    for event in events:
        grammar.advance(event)
        machine.add(event)
    return machine.answer()


def whole(events: Iterable[Event], request: ChatRequest = REQUEST) -> Json:
    """The same answer as a client gets it in one piece."""
    body = json.loads(ANTHROPIC_MESSAGES.write_answer(fold(events), request))
    assert isinstance(body, dict)
    return body


class OfficialClient:
    """The official client, offline: it is answered with these bytes."""

    def __init__(self) -> None:
        self._body, self._status, self._type = b"", 200, "text/event-stream"
        transport = httpx2.MockTransport(self._answer)
        self._client = anthropic.Anthropic(
            api_key="k", base_url="http://127.0.0.1:9", max_retries=0, http_client=httpx2.Client(transport=transport)
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self._status, content=self._body, headers={"content-type": self._type})

    def stream(self, body: bytes) -> Message:
        """Read a stream with the streaming helper and return the message that it accumulated."""
        self._body, self._status, self._type = body, 200, "text/event-stream"
        asked = self._client.messages.stream(model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}])
        with asked as stream:
            return stream.get_final_message()

    def create(self, body: bytes, status: int = 200) -> Message:
        """Read a whole answer."""
        self._body, self._status, self._type = body, status, "application/json"
        return self._client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}])


def content_of(message: Json) -> list[Json]:
    """The blocks of a message."""
    content = message["content"]
    assert isinstance(content, list)
    return content


def plain(message: Message) -> Json:
    """A message as JSON, without members that say nothing."""
    body = json.loads(message.model_dump_json(exclude_none=True, warnings=False))
    assert isinstance(body, dict)
    return body


STREAMS: dict[str, bytes] = {
    "text": start({"input_tokens": 3, "output_tokens": 1})
    + event("ping")
    + block(0, "text", words("Grüße "), words("🌍\n\u2028"), words(""), text="")
    + end(usage={"output_tokens": 9}),
    "thinking": start({"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 11})
    + block(
        0,
        "thinking",
        thought("hm "),
        thought("ja"),
        {"type": "signature_delta", "signature": "Eq"},
        {"type": "signature_delta", "signature": "QB/+="},
        thinking="",
        signature="",
    )
    + block(1, "redacted_thinking", data="opaque+/=")
    + block(2, "text", words("so"), text="")
    + block(3, "tool_use", piece(""), piece('{"a":'), piece(' "}"}'), id="toolu_1", name="f", input={})
    + block(4, "tool_use", piece(""), id="toolu_2", name="g", input={})
    + end("tool_use", {"output_tokens": 40, "output_tokens_details": {"thinking_tokens": 30}}),
    "search": start({"input_tokens": 1, "output_tokens": 1})
    + block(0, "text", words("I search. "), text="")
    + block(1, "server_tool_use", piece('{"query":"x"}'), id="srvtoolu_1", name="web_search", input={})
    + block(2, "web_search_tool_result", tool_use_id="srvtoolu_1", content=[])
    + block(
        3,
        "text",
        {
            "type": "citations_delta",
            "citation": {
                "type": "web_search_result_location",
                "cited_text": "q",
                "url": "https://e.org",
                "title": "t",
                "encrypted_index": "Eo",
            },
        },
        words("found"),
        text="",
        citations=[],
    )
    + event("content_block_novelty", index=3)
    + end("end_turn", {"input_tokens": 9, "output_tokens": 3}),
}
"""Streams as the vendor documents them."""
