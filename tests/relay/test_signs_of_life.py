"""relay/stream.py: which of a provider's frames is a sign that its answer goes on, and which only that its connection
lives, in every dialect. Neither is a token."""

import json
from collections.abc import Callable

import pytest

from sluice.chat.request import ChatRequest
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.dialects.dialect import Dialect
from sluice.dialects.gemini import GEMINI
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.policies.deadlines import Deadlines
from sluice.relay.sinks import Folded, Mirror, Sink, Translate
from sluice.relay.stream import StreamRelay
from sluice.relay.terms import Terms
from sluice.wire import event_stream
from sluice.wire.sse import SseDecoder
from tests.relay.relays import ROLE, chunk, frame, result


def event(kind: str, **members: object) -> bytes:
    return b"event: " + kind.encode() + b"\n" + frame({"type": kind, **members})


def aws(kind: str, **members: object) -> bytes:
    return event_stream.encode(kind, json.dumps(members).encode())


BLOCK = {"type": "server_tool_use", "id": "s", "name": "code_execution", "input": {}}
TOOL = {"toolUse": {"toolUseId": "t", "name": "nova_code_interpreter", "type": "server_tool_use"}}
NAMES = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m"}
NAMED = frame({"candidates": [{"content": {"role": "model"}}], "modelVersion": "g", "responseId": "r"})
CREATED = event("response.created", sequence_number=0, response={"id": "r", "model": "m"})

DIALECTS: dict[str, tuple[Dialect, bytes]] = {
    "chat": (OPENAI_CHAT, ROLE),
    "messages": (
        ANTHROPIC_MESSAGES,
        event("message_start", message={"id": "m", "model": "c"})
        + event("content_block_start", index=0, content_block=BLOCK),
    ),
    "responses": (OPENAI_RESPONSES, CREATED),
    "gemini": (GEMINI, NAMED),
    "converse": (
        BEDROCK_CONVERSE,
        aws("messageStart", role="assistant") + aws("contentBlockStart", contentBlockIndex=0, start=TOOL),
    ),
}
"""Each dialect, and how an answer begins that has no token yet."""

LIFE: dict[str, tuple[str, bytes]] = {
    "the input of a server's own tool": (
        "messages",
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "x"}),
    ),
    "a delta of another kind": ("messages", event("content_block_delta", index=0, delta={"type": "new_delta"})),
    "an event of another kind": ("messages", event("progress")),
    "the input of Amazon's own tool": (
        "converse",
        aws("contentBlockDelta", contentBlockIndex=0, delta={"toolUse": {"input": "x"}}),
    ),
    "members of a delta without a word here": ("chat", chunk({"executed_tools": [{"output": "more"}]})),
    "an empty delta": ("chat", chunk({})),
    "a member beside no choice": ("chat", frame({"choices": [], "queue_position": 3})),
    "an event by another name": ("chat", b"event: queue\n" + frame({"position": 3})),
    "a part begins": ("responses", event("response.content_part.added", part={"type": "output_text", "text": ""})),
    "an empty text": ("responses", event("response.output_text.delta", delta="")),
    "a server's own tool at work": ("responses", event("response.web_search_call.searching", output_index=0)),
    "a candidate without a part": ("gemini", frame({"candidates": [{"index": 0}]})),
    "a member without a word here": ("gemini", frame({"queued": 3})),
}

PINGS: dict[str, tuple[str, bytes]] = {
    "comment": ("chat", b": ping\n\n"),
    "empty object": ("chat", b"data: {}\n\n"),
    "no choices": ("chat", b'data: {"choices":[]}\n\n'),
    "no choices of an answer with names": ("chat", frame(NAMES | {"choices": []})),
    "named": ("chat", b'event: ping\ndata: {"type":"ping"}\n\n'),
    "named otherwise": ("chat", b"event: keepalive\ndata: {}\n\n"),
    "typed": ("chat", b'data: {"type":"ping"}\n\n'),
    "named, with a time": ("chat", b"event: ping\ndata: 2026-11-21 12:00:00\n\n"),
    "of Messages": ("messages", event("ping")),
    "of Messages, typed": ("messages", b'data: {"type":"ping"}\n\n'),
    "keepalive in Messages": ("messages", b"event: keepalive\ndata: {}\n\n"),
    "of Responses": ("responses", event("keepalive", sequence_number=1)),
    "of Responses, named": ("responses", b"event: ping\ndata: {}\n\n"),
    "comment in Responses": ("responses", b": ping\n\n"),
    "empty object in Gemini": ("gemini", b"data: {}\n\n"),
    "no candidates in Gemini": ("gemini", frame({"candidates": [], "modelVersion": "", "responseId": "r"})),
    "named in Gemini": ("gemini", b"event: ping\ndata: {}\n\n"),
}

SINKS: dict[str, Callable[[Dialect], Sink | None]] = {
    "mirror": lambda dialect: None,
    "translate": lambda dialect: Translate(OPENAI_CHAT.encoder(ChatRequest(stream=True))),
    "folded": lambda dialect: Folded(OPENAI_CHAT, ChatRequest()),
}


def begun(name: str, sink: str, deadlines: Deadlines) -> StreamRelay:
    """A relay that was fed the beginning of an answer, at 0."""
    dialect, beginning = DIALECTS[name]
    decoder = dialect.decoder(keep_leftovers=sink != "mirror")
    relay = StreamRelay(
        wire=event_stream.EventStreamDecoder() if name == "converse" else SseDecoder(),
        decoder=decoder,
        sink=SINKS[sink](dialect) or Mirror(decoder, hide_usage=False),
        terms=Terms(deadlines=deadlines),
    )
    assert relay.feed(beginning, 0.0) == []
    return relay


def lived(relay: StreamRelay, data: bytes) -> tuple[float, str]:
    """For how long a provider may go on like this, a frame each second, up to a minute; and which clock ended it."""
    for second in range(60):
        _, outcome = result(relay.tick(float(second)))
        if outcome is not None:
            assert outcome.error is not None
            return second, outcome.error.code
        assert result(relay.feed(data, float(second)))[1] is None
    return 60, ""


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("name", LIFE)
def test_whatever_a_provider_says_shows_that_it_goes_on(name: str, sink: str) -> None:
    dialect, data = LIFE[name]
    assert lived(begun(dialect, sink, Deadlines(idle_s=5)), data) == (60, "")


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("name", PINGS)
def test_a_ping_shows_no_more_than_that_its_connection_lives(name: str, sink: str) -> None:
    dialect, data = PINGS[name]
    assert lived(begun(dialect, sink, Deadlines(idle_s=5)), data) == (5, "timeout_idle")


@pytest.mark.parametrize("name", LIFE | PINGS)
def test_neither_is_a_first_token(name: str) -> None:
    dialect, data = (LIFE | PINGS)[name]
    relay = begun(dialect, "mirror", Deadlines(first_token_s=7, idle_s=0))
    assert lived(relay, data) == (7, "timeout_first_token")
    assert not relay.committed
