"""anthropic_messages/encode.py: what clients get. The official client's streaming helper is the judge."""

import json
from collections.abc import Sequence

import anthropic
import msgspec
import pytest

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Seal, SealKind, unwrap
from sluice.chat.usage import Usage
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.anthropic_messages.parts import UNSIGNED
from sluice.errors import InBandFailure, Truncated
from tests.dialects.messages_events import (
    REQUEST,
    STREAMS,
    OfficialClient,
    content_of,
    decode,
    encode,
    kinds_of,
    plain,
    rows_of,
    whole,
)

ORIGIN = "dialect.anthropic_messages"
STARTED = Started("msg_1", "claude-x")
STOP = ChoiceFinished(0, "stop", "stop")
CALLS = ChoiceFinished(0, "tool_calls", "tool_calls")
USAGE = Usage(input_tokens=100, output_tokens=9, cache_read_tokens=60, cache_write_tokens=10, reasoning_tokens=4)
CLIENT = OfficialClient()


def content(events: Sequence[Event]) -> list[dict[str, object]]:
    """The content that the official client accumulates from these events, which end the answer."""
    message = plain(CLIENT.stream(encode([STARTED, *events, Ended()])))
    assert isinstance(message["content"], list)
    return message["content"]


def test_text_from_the_beginning_to_the_end() -> None:
    events: list[Event] = [
        STARTED,
        TextDelta(0, "text", "a"),
        TextDelta(0, "text", "b"),
        STOP,
        Reported(USAGE),
        Ended(),
    ]
    usage = {
        "input_tokens": 30,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 60,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert rows_of(encode(events)) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-x",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 0,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 0,
                },
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "b"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]


def test_each_event_leaves_with_the_event_that_caused_it() -> None:
    encoder = ANTHROPIC_MESSAGES.encoder(REQUEST)
    assert encoder.encode(STARTED) == b""  # held: usage or a better name may come before the first token
    assert kinds_of(encoder.encode(TextDelta(0, "text", "a"))) == [
        "message_start",
        "content_block_start text",
        "content_block_delta text_delta",
    ]
    assert kinds_of(encoder.encode(TextDelta(0, "text", "b"))) == ["content_block_delta text_delta"]
    assert encoder.encode(TextDelta(0, "text", "")) == b""
    assert kinds_of(encoder.encode(TextDelta(0, "reasoning", "c"))) == [
        "content_block_stop",
        "content_block_start thinking",
        "content_block_delta thinking_delta",
    ]


def test_usage_that_is_known_early_stands_at_the_start() -> None:
    first, *_, last, _ = rows_of(
        encode([STARTED, Reported(Usage(input_tokens=7)), TextDelta(0, "text", "a"), STOP, Ended()])
    )
    assert isinstance(first["message"], dict)
    assert first["message"]["usage"]["input_tokens"] == 7
    assert isinstance(last["usage"], dict)
    assert last["usage"]["input_tokens"] == 7


def test_names_are_the_providers_or_the_clients_own() -> None:
    def names(*events: Event) -> tuple[str, str]:
        message = CLIENT.stream(encode([*events, TextDelta(0, "text", "a"), STOP, Ended()]))
        return message.id, message.model

    assert names(Started("chatcmpl-1", "gpt")) == ("msg_chatcmpl-1", "gpt")
    assert names(Started("", ""), Started("msg_2", "late")) == ("msg_2", "late")
    assert names() == ("msg_", "claude-asked")


# -- reasons ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finish", "called", "expected"),
    [
        (ChoiceFinished(0, "stop", "stop"), False, ("end_turn", None)),
        (ChoiceFinished(0, "stop", "stop", "END"), False, ("stop_sequence", "END")),
        (ChoiceFinished(0, "stop", "pause_turn"), False, ("pause_turn", None)),
        (ChoiceFinished(0, "stop", "stop"), True, ("tool_use", None)),
        (ChoiceFinished(0, "tool_calls", "tool_calls"), True, ("tool_use", None)),
        (ChoiceFinished(0, "tool_calls", "tool_calls"), False, ("end_turn", None)),
        (ChoiceFinished(0, "length", "length"), True, ("max_tokens", None)),
        (ChoiceFinished(0, "length", "model_context_window_exceeded"), False, ("model_context_window_exceeded", None)),
        (ChoiceFinished(0, "content_filter", "SAFETY"), False, ("refusal", None)),
        (ChoiceFinished(0, "refusal", "refusal"), False, ("refusal", None)),
    ],
)
def test_reasons(finish: ChoiceFinished, called: bool, expected: tuple[str, str | None]) -> None:
    calls: list[Event] = [ToolCallStarted(0, 0, "t", "f"), ToolCallDelta(0, 0, "{}")]
    events = [STARTED, TextDelta(0, "text", "a"), *(calls if called else []), finish, Ended()]
    message = CLIENT.stream(encode(events))
    assert (message.stop_reason, message.stop_sequence) == expected
    body = whole(events)
    assert (body["stop_reason"], body["stop_sequence"]) == expected


def test_a_refusal_is_text_and_a_reason() -> None:
    message = CLIENT.stream(encode([STARTED, TextDelta(0, "text", "a"), TextDelta(0, "refusal", "no"), STOP, Ended()]))
    assert message.stop_reason == "refusal"
    assert [part["text"] for part in content_of(plain(message))] == ["a", "no"]


# -- reasoning -------------------------------------------------------------------------------------------------------


def test_own_proofs_come_back_byte_for_byte() -> None:
    events = decode(STREAMS["thinking"])
    thinking, redacted, *_ = content_of(plain(CLIENT.stream(encode(events))))
    assert thinking == {"type": "thinking", "thinking": "hm ja", "signature": "EqQB/+="}
    assert redacted == {"type": "redacted_thinking", "data": "opaque+/="}


@pytest.mark.parametrize("kind", ["reasoning", "redacted", "call", "text"])
def test_other_providers_proofs_cross_as_tokens(kind: SealKind) -> None:
    seal = Seal("dialect.gemini", kind, "Ab+/=", "item")
    shown = [] if kind in ("redacted", "text") else [TextDelta(0, "reasoning", "hm")]
    (block,) = content([*shown, Sealed(0, seal), STOP])
    assert block["type"] == "thinking"
    assert block["thinking"] == ("hm" if shown else "")
    assert unwrap(str(block["signature"]), ORIGIN) == seal


def test_reasoning_that_nobody_signed_has_nobodys_signature() -> None:
    (block,) = content([TextDelta(0, "reasoning", "hm"), STOP])
    assert block == {"type": "thinking", "thinking": "hm", "signature": UNSIGNED}


def test_citations() -> None:
    web = Citation(url="https://e.org", title="t", quote="q", start=0, end=1)
    document = Citation(title="d", quote="q", document=2)
    (block,) = content([TextDelta(0, "text", "a"), Cited(0, web), Cited(0, document), STOP])
    assert block["text"] == "a"
    assert isinstance(block["citations"], list)
    first, second = block["citations"]
    assert (first["type"], first["url"], first["cited_text"]) == ("web_search_result_location", "https://e.org", "q")
    assert (second["type"], second["document_index"], second["document_title"]) == ("char_location", 2, "d")


# -- failures --------------------------------------------------------------------------------------------------------

BEFORE: list[list[Event]] = [
    [],
    [STARTED],
    [STARTED, TextDelta(0, "text", "a")],
    [STARTED, TextDelta(0, "reasoning", "a")],
    [STARTED, ToolCallStarted(0, 0, "t", "f"), ToolCallDelta(0, 0, '{"a')],
    [STARTED, TextDelta(0, "text", "a"), STOP],
]


@pytest.mark.parametrize("before", BEFORE)
def test_a_failure_is_one_event_and_no_success(before: list[Event]) -> None:
    stream = encode([*before, Failed(InBandFailure("no\nmore", status=429)), Ended(), TextDelta(0, "text", "b")])
    *_, last = rows_of(stream)
    assert last == {"type": "error", "error": {"type": "rate_limit_error", "message": "no\nmore"}}
    assert b"message_stop" not in stream
    with pytest.raises(anthropic.APIStatusError, match="rate_limit_error"):
        CLIENT.stream(stream)


def test_nothing_follows_the_end() -> None:
    events: list[Event] = [STARTED, TextDelta(0, "text", "a"), STOP, Ended()]
    after: list[Event] = [Failed(Truncated("cut")), TextDelta(0, "text", "b"), Ended()]
    assert encode([*events, *after]) == encode(events)
    assert b"message_stop" not in encode(events[:-1])


def test_leftovers_of_one_dialect_come_back() -> None:
    stream = encode(
        [
            STARTED,
            Leftover("", 0, {"container": _raw({"id": "c"})}),
            TextDelta(0, "text", "a"),
            Leftover("", 0, {"context_management": _raw({"x": 1})}),
            STOP,
            Ended(),
        ]
    )
    first, *_, last, _ = rows_of(stream)
    assert first["message"]["container"] == {"id": "c"}  # type: ignore[index]
    assert last["delta"]["context_management"] == {"x": 1}  # type: ignore[index]


def test_other_choices_and_what_is_not_recognised_leave_no_trace() -> None:
    events: list[Event] = [STARTED, TextDelta(0, "text", "a"), STOP, Ended()]
    more: list[Event] = [
        events[0],
        Unrecognised("event:x"),
        TextDelta(1, "text", "b"),
        events[1],
        ToolCallStarted(1, 0, "t", "f"),
        ChoiceFinished(1, "stop", "stop"),
        *events[2:],
    ]
    assert encode(more) == encode(events)
    assert whole(more) == whole(events)


def test_halves_of_surrogate_pairs_are_replaced_everywhere() -> None:
    bad = "a\ud800"
    events: list[Event] = [
        Started(bad, bad),
        TextDelta(0, "text", bad),
        TextDelta(0, "reasoning", bad),
        TextDelta(0, "refusal", bad),
        Cited(0, Citation(url=bad, title=bad, quote=bad)),
        ToolCallStarted(0, 0, bad, bad),
        ToolCallDelta(0, 0, '{"a":"' + bad + '"}'),
        ChoiceFinished(0, "stop", "stop", bad),
        Ended(),
    ]
    assert plain(CLIENT.stream(encode(events)))["content"] == whole(events)["content"]
    with pytest.raises(anthropic.APIStatusError):
        CLIENT.stream(encode([Failed(InBandFailure(bad))]))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())
