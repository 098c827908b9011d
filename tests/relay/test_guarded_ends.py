"""relay/guarded_stream.py: the official clients read an answer that a guard has ended, and find it ended legally."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.dialects.dialect import Dialect
from sluice.dialects.gemini import GEMINI
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.relay.guarded_stream import GuardedStream
from sluice.relay.sinks import Translate
from sluice.wire.event_stream import EventStreamDecoder
from sluice.wire.sse import SseDecoder
from tests.dialects.sequence_responses import responses
from tests.dialects.sequence_writers import Writer, chat, converse, gemini, messages
from tests.golden.official import accumulated
from tests.relay.guarded import BANNED, compiled
from tests.relay.relays import TERMS, run

CLIENTS: dict[str, tuple[Dialect, ChatRequest]] = {
    "openai_chat": (OPENAI_CHAT, ChatRequest(model="m", stream=True, wants_usage=True)),
    "openai_responses": (OPENAI_RESPONSES, OPENAI_RESPONSES.read_request(b'{"model":"m","input":"x","stream":true}')),
    "anthropic_messages": (ANTHROPIC_MESSAGES, ChatRequest(model="m", stream=True)),
    "gemini": (GEMINI, ChatRequest(model="m", stream=True)),
}
PROVIDERS: dict[str, tuple[Dialect, Writer]] = {
    "chat": (OPENAI_CHAT, chat),
    "responses": (OPENAI_RESPONSES, responses),
    "messages": (ANTHROPIC_MESSAGES, messages),
    "gemini": (GEMINI, gemini),
    "converse": (BEDROCK_CONVERSE, converse),
}
SEAL = Sealed(0, Seal("dialect.anthropic_messages", "reasoning", "cHJvb2Y="))
CALL: list[Event] = [ToolCallStarted(0, 0, "call_1", "look"), ToolCallDelta(0, 0, '{"a": 1}')]
WHERE: dict[str, list[Event]] = {
    "in the text": [TextDelta(0, "text", "it is forbidden to say")],
    "in the reasoning": [TextDelta(0, "reasoning", "it is forbidden to think"), SEAL],
    "in the first word of a text": [TextDelta(0, "text", "forbidden")],
    "in half a call": [
        ToolCallStarted(0, 0, "call_1", "look"),
        ToolCallDelta(0, 0, '{"a": "forb'),
        ToolCallDelta(0, 0, 'idden"}'),
    ],
    "after a call": [*CALL, TextDelta(0, "text", "forbidden")],
    "in the second call": [*CALL, ToolCallStarted(0, 1, "call_2", "look"), ToolCallDelta(0, 1, '{"a": "forbidden"}')],
    "in the name of a call": [*CALL, ToolCallStarted(0, 1, "call_2", "forbidden"), ToolCallDelta(0, 1, "{}")],
}
FINISH = {
    "openai_chat": "content_filter",
    "openai_responses": "incomplete",
    "anthropic_messages": "refusal",
    "gemini": "SAFETY",
}


def ended(client: str, provider: str, where: Sequence[Event]) -> bytes:
    dialect, request = CLIENTS[client]
    asked, write = PROVIDERS[provider]
    answer: list[Event] = [
        Started("c1", "m", 7),
        TextDelta(0, "text", "Well, "),
        TextDelta(0, "text", "now. "),
        *where,
        ChoiceFinished(0, "stop", "stop"),
        Reported(Usage(input_tokens=3, output_tokens=4)),
        Ended(),
    ]
    relay = GuardedStream(
        compiled(BANNED),
        wire=EventStreamDecoder() if provider == "converse" else SseDecoder(),
        decoder=asked.decoder(keep_leftovers=asked is dialect),
        sink=Translate(dialect.encoder(request)),
        shape=dialect.facts.shape,
        terms=TERMS,
    )
    body = write(answer)
    got, outcome = run(relay, [body[at : at + 100] for at in range(0, len(body), 100)])
    assert outcome is not None
    assert outcome.kind == "blocked"
    assert b"forbidden" not in got
    return got


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_official_client_finds_an_answer_that_was_filtered(client: str, provider: str, where: str) -> None:
    seen: Any = accumulated(client, ended(client, provider, WHERE[where]))
    match client:
        case "openai_chat":
            finish, text = seen["choices"][0]["finish_reason"], seen["choices"][0]["message"]["content"]
            calls = [call["function"]["name"] for call in seen["choices"][0]["message"].get("tool_calls", ())]
        case "openai_responses":
            finish, text = seen["status"], seen["output"][0]["content"][0]["text"]
            assert seen["incomplete_details"] == {"reason": "content_filter"}
            calls = [item["name"] for item in seen["output"] if item["type"] == "function_call"]
        case "anthropic_messages":
            finish, text = seen["stop_reason"], seen["content"][0]["text"]
            calls = [block["name"] for block in seen["content"] if block["type"] == "tool_use"]
        case _:
            row = seen["candidates"][0]
            finish, text = row["finishReason"], row["parts"][0]["text"]
            calls = [part["functionCall"]["name"] for part in row["parts"] if "functionCall" in part]
    assert finish == FINISH[client]
    assert text.startswith("Well, now. ")
    assert "forbid" not in json.dumps(seen)
    whole_calls = 1 if where in ("after a call", "in the second call", "in the name of a call") else 0
    half_calls = client in ("openai_chat", "openai_responses") and where in (
        "in half a call",
        "in the second call",
    )
    assert calls == ["look"] * (whole_calls + half_calls)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_that_has_no_arguments_yet_is_not_made_one_without_any(client: str) -> None:
    """Agents would run it."""
    begun: list[Event] = [ToolCallStarted(0, 0, "call_1", "look"), TextDelta(0, "text", "forbidden")]
    seen = json.dumps(accumulated(client, ended(client, "chat", begun)))
    assert '"arguments": "{}"' not in seen
    assert '"args"' not in seen
    assert '"input"' not in seen


TERMINATORS = {
    "openai_chat": b"data: [DONE]\n\n",
    "openai_responses": b"event: response.incomplete\n",
    "anthropic_messages": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    "gemini": b'"finishReason":"SAFETY"',
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_it_ends_once_and_not_as_an_error(client: str, provider: str) -> None:
    got = ended(client, provider, WHERE["in half a call"])
    assert got.count(TERMINATORS[client]) == 1
    for error in (b'{"error"', b"event: error", b"response.failed", b"response.completed"):
        assert error not in got
