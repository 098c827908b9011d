"""openai_responses/encode.py: what clients get. The official client and a strict replica of Codex are the judges."""

import json

import msgspec

from sluice.chat.content import Citation, ToolUse
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.seal import Reasoning, Seal, unpack
from sluice.chat.usage import Usage
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from tests.dialects.test_openai_responses_kit import (
    REQUEST,
    codex,
    encode,
    events_of,
    rows,
)

STARTED = Started("r1", "m", 7)
STOP = ChoiceFinished(0, "stop", "stop")
CALLS = ChoiceFinished(0, "tool_calls", "tool_use")


def types(stream: bytes) -> list[str]:
    return [str(row["type"]).removeprefix("response.") for row in events_of(stream)]


def test_the_lifecycle_of_a_text() -> None:
    stream = encode([STARTED, TextDelta(0, "text", "a"), TextDelta(0, "text", "b"), STOP, Ended()])
    assert types(stream) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    last = codex(stream)
    assert (last["id"], last["created_at"], last["model"], last["status"]) == ("resp_r1", 7, "m", "completed")
    assert last["output"] == [
        {
            "id": "msg_r1_0",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}],
        }
    ]


def test_every_text_is_written_as_it_comes() -> None:
    encoder = OPENAI_RESPONSES.encoder(REQUEST)
    encoder.encode(STARTED)
    for text in ("a", "b\n\u2028", "c"):
        (*_, delta) = events_of(encoder.encode(TextDelta(0, "text", text)))
        assert (delta["type"], delta["delta"], delta["logprobs"]) == ("response.output_text.delta", text, [])


def test_reasoning_is_a_summary_and_its_seal_a_token() -> None:
    seal = Seal("dialect.other", "reasoning", "c2ln\n+/=")
    stream = encode(
        [STARTED, TextDelta(0, "reasoning", "hm"), Sealed(0, seal), TextDelta(0, "text", "a"), STOP, Ended()]
    )
    assert types(stream)[2:8] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    item = rows(codex(stream)["output"])[0]
    assert item["summary"] == [{"type": "summary_text", "text": "hm"}]
    parts = unpack(str(item["encrypted_content"]))
    assert parts is not None
    assert parts[0].seal == seal


def test_an_own_seal_is_what_it_was() -> None:
    stream = encode(
        [STARTED, Sealed(0, Seal("dialect.openai_responses", "reasoning", "gAAA==", "rs_9")), STOP, Ended()]
    )
    (item,) = rows(codex(stream)["output"])
    assert (item["encrypted_content"], item["summary"]) == ("gAAA==", [])


def test_calls_that_interleave_are_written_one_after_the_other_and_the_first_live() -> None:
    encoder = OPENAI_RESPONSES.encoder(REQUEST)
    script: list[tuple[Event, list[str]]] = [
        (ToolCallStarted(0, 0, "t0", "f"), ["created", "in_progress", "output_item.added"]),
        (ToolCallStarted(0, 1, "t1", "g"), []),
        (ToolCallDelta(0, 0, '{"a"'), ["function_call_arguments.delta"]),
        (ToolCallDelta(0, 1, '{"b"'), []),
        (
            ToolCallDelta(0, 0, ":{}}"),
            [
                "function_call_arguments.delta",
                "function_call_arguments.done",
                "output_item.done",
                "output_item.added",
                "function_call_arguments.delta",
            ],
        ),
        (ToolCallDelta(0, 1, ":2}"), ["function_call_arguments.delta"]),
        (CALLS, ["function_call_arguments.done", "output_item.done"]),
        (Ended(), ["completed"]),
    ]
    stream = b""
    for event, expected in script:
        written = encoder.encode(event)
        stream += written
        assert types(written) == expected
    got = [(row["call_id"], row["name"], row["arguments"]) for row in rows(codex(stream)["output"])]
    assert got == [("t0", "f", '{"a":{}}'), ("t1", "g", '{"b":2}')]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    stream = encode([STARTED, ToolCallStarted(0, 0, "t", "f"), CALLS, Ended()])
    (item,) = rows(codex(stream)["output"])
    assert (item["arguments"], item["status"]) == ("{}", "completed")


def test_arguments_cut_by_length_keep_their_raw_text() -> None:
    stream = encode(
        [
            STARTED,
            ToolCallStarted(0, 0, "t", "f"),
            ToolCallDelta(0, 0, '{"a":"x'),
            ChoiceFinished(0, "length", "max_tokens"),
            Ended(),
        ]
    )
    last = codex(stream)
    assert types(stream)[-1] == "incomplete"
    assert (last["status"], last["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    (item,) = rows(last["output"])
    assert (item["arguments"], item["status"]) == ('{"a":"x', "incomplete")


def test_content_filter_is_incomplete_and_refusal_is_a_part() -> None:
    last = codex(encode([STARTED, TextDelta(0, "text", "a"), ChoiceFinished(0, "content_filter", "x"), Ended()]))
    assert last["incomplete_details"] == {"reason": "content_filter"}
    assert rows(last["output"])[0]["status"] == "incomplete"
    last = codex(encode([STARTED, TextDelta(0, "text", "a"), ChoiceFinished(0, "refusal", "refusal"), Ended()]))
    assert last["status"] == "completed"
    assert rows(last["output"])[1]["content"] == [{"type": "refusal", "refusal": ""}]
    last = codex(encode([STARTED, TextDelta(0, "refusal", "no"), ChoiceFinished(0, "refusal", "refusal"), Ended()]))
    assert [row["content"] for row in rows(last["output"])] == [[{"type": "refusal", "refusal": "no"}]]


def test_usage_includes_the_cache_and_comes_with_the_end_whenever_it_was_said() -> None:
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, cache_write_tokens=2, reasoning_tokens=3)
    late = encode([STARTED, TextDelta(0, "text", "a"), STOP, Reported(usage), Ended()])
    early = encode([Reported(usage), STARTED, TextDelta(0, "text", "a"), STOP, Ended()])
    assert codex(late)["usage"] == codex(early)["usage"]
    assert codex(late)["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 15,
    }
    assert codex(encode([STARTED, TextDelta(0, "text", "a"), STOP, Ended()]))["usage"] is None


def test_annotations_are_told_when_they_come_and_stand_in_the_part() -> None:
    web = Citation(url="https://e.com", title="E", start=1, end=3)
    paper = Citation(title="paper.pdf", document=2)
    stream = encode([STARTED, TextDelta(0, "text", "abc"), Cited(0, web), Cited(0, paper), STOP, Ended()])
    expected = [
        {"type": "url_citation", "url": "https://e.com", "title": "E", "start_index": 1, "end_index": 3},
        {"type": "file_citation", "file_id": "", "filename": "paper.pdf", "index": 2},
    ]
    told = [row for row in events_of(stream) if row["type"] == "response.output_text.annotation.added"]
    assert [row["annotation"] for row in told] == expected
    assert [row["annotation_index"] for row in told] == [0, 1]
    assert rows(rows(codex(stream)["output"])[0]["content"])[0]["annotations"] == expected


def test_logprobs_are_rows_of_this_api() -> None:
    rows_in = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1.0}]}]
    raw = msgspec.Raw(json.dumps({"content": rows_in, "refusal": None}).encode())
    stream = encode([STARTED, TextDelta(0, "text", "a", raw), STOP, Ended()])
    (delta,) = [row for row in events_of(stream) if row["type"] == "response.output_text.delta"]
    assert delta["logprobs"] == [{"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1.0}]}]
    assert rows(rows(codex(stream)["output"])[0]["content"])[0]["logprobs"] == [
        {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1.0, "bytes": [98]}]}
    ]
    odd = msgspec.Raw(b'{"content": [5]}')
    assert codex(encode([STARTED, TextDelta(0, "text", "a", odd), STOP, Ended()]))["status"] == "completed"


def test_a_brace_at_the_end_is_not_yet_an_object() -> None:
    events: list[Event] = [
        STARTED,
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallDelta(0, 1, "{}"),
        ToolCallDelta(0, 0, '{"a":{}'),
        ToolCallDelta(0, 0, "}"),
        ToolCallDelta(0, 0, ""),
        ToolCallDelta(0, 0, " "),
        TextDelta(0, "text", "after"),
        CALLS,
        Ended(),
    ]
    first, second, third = rows(codex(encode(events))["output"])
    assert (first["arguments"], second["arguments"]) == ('{"a":{}}', "{}")
    assert third["type"] == "message"


def test_space_and_nothing_after_a_whole_call_leave_it_whole_when_the_answer_is_cut() -> None:
    pieces = ['{"a":', " ", "1}", "", "\n", ""]
    deltas: list[Event] = [ToolCallDelta(0, 0, piece) for piece in pieces]
    cut = ChoiceFinished(0, "length", "length")
    (item,) = rows(codex(encode([STARTED, ToolCallStarted(0, 0, "t", "f"), *deltas, cut, Ended()]))["output"])
    assert (item["arguments"], item["status"]) == ('{"a": 1}', "completed")


def test_space_at_the_end_of_broken_arguments_is_kept() -> None:
    deltas: list[Event] = [ToolCallDelta(0, 0, '{"a":'), ToolCallDelta(0, 0, " ")]
    cut = ChoiceFinished(0, "length", "length")
    (item,) = rows(codex(encode([STARTED, ToolCallStarted(0, 0, "t", "f"), *deltas, cut, Ended()]))["output"])
    assert (item["arguments"], item["status"]) == ('{"a": ', "incomplete")


def test_a_delta_of_a_call_that_nobody_started_is_a_call_without_a_name() -> None:
    (item,) = rows(codex(encode([STARTED, ToolCallDelta(0, 3, "{}"), CALLS, Ended()]))["output"])
    assert (item["name"], item["arguments"]) == ("", "{}")
    assert item["call_id"]


def test_seals_survive_three_turns_byte_for_byte() -> None:
    """What Codex does: it sends the finished items back, as they came."""
    sent: list[object] = [{"role": "user", "content": "q"}]
    seals = [
        Seal("dialect.a", "reasoning", "RXJ/+=\n"),
        Seal("dialect.b", "call", "\u00e9"),
        Seal("dialect.c", "redacted", "x" * 3000),
    ]
    for turn, seal in enumerate(seals):
        words: list[Event] = [] if seal.kind == "redacted" else [TextDelta(0, "reasoning", f" think\n\n{turn} ")]
        calls: list[Event] = [ToolCallStarted(0, 0, f"t{turn}", "f"), ToolCallDelta(0, 0, "{}")]
        last = codex(encode([STARTED, *words, Sealed(0, seal), *calls, CALLS, Ended()]))
        sent += rows(last["output"])
        sent.append({"type": "function_call_output", "call_id": f"t{turn}", "output": "ok"})
    request = OPENAI_RESPONSES.read_request(json.dumps({"input": sent}).encode())
    messages = OPENAI_RESPONSES.read_conversation(request).messages
    turns = [message.parts for message in messages if message.role == "assistant"]
    assert [parts[0] for parts in turns] == [
        Reasoning(" think\n\n0 ", seals[0]),
        Reasoning(" think\n\n1 ", seals[1]),
        Reasoning("", seals[2]),
    ]
    assert [parts[1] for parts in turns] == [ToolUse(id=f"t{n}", name="f", arguments="{}") for n in range(3)]
