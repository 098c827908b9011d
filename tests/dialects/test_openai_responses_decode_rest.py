"""openai_responses/decode.py: refusals, ends, annotations, what is unknown; every cut of the bytes."""

import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.fold import Answer
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.dialect import PING
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.testing.cuts import every_single_cut, one_byte_at_a_time, random_cuts
from sluice.wire.sse import Frame, SseDecoder
from tests.dialects.test_openai_responses_kit import (
    answers,
    data,
    decode,
    encode,
    fold,
    frames_of,
)
from tests.dialects.test_openai_responses_said import (
    COUNTED,
    HEAD,
    STARTED,
    STOP,
    added,
    completed,
    created,
    done,
    ev,
    message,
    text_delta,
)

# -- the rest of it ----------------------------------------------------------------------------------------------------


def test_a_refusal_finishes_as_one() -> None:
    part = {"type": "refusal", "refusal": "no"}
    got = decode(
        ev("refusal.delta", output_index=0, content_index=0, delta="no"),
        ev("refusal.done", output_index=0, content_index=0, refusal="no"),
        done(0, type="message", content=[part]),
        completed(),
    )
    assert got == [TextDelta(0, "refusal", "no"), STARTED, ChoiceFinished(0, "refusal", "completed"), *STOP[1:]]
    assert decode(completed({"type": "message", "content": [part]}))[1] == TextDelta(0, "refusal", "no")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_output_tokens", ChoiceFinished(0, "length", "max_output_tokens")),
        ("content_filter", ChoiceFinished(0, "content_filter", "content_filter")),
        ("steered", ChoiceFinished(0, "length", "steered")),
        ("completed", ChoiceFinished(0, "length", "completed")),
        (None, ChoiceFinished(0, "length", "incomplete")),
    ],
)
def test_an_incomplete_response_is_told_as_cut_whatever_the_reason(reason: str | None, finish: ChoiceFinished) -> None:
    body = HEAD | {"status": "incomplete", "incomplete_details": {"reason": reason}}
    assert decode(ev("incomplete", response=body)) == [STARTED, finish, Ended()]
    assert decode(ev("completed", response=body)) == [STARTED, finish, Ended()]
    assert OPENAI_RESPONSES.read_answer(msgspec.json.encode(body | {"output": []}))[1:] == [finish, Ended()]


@pytest.mark.parametrize("details", ["x", [], 5, {"reason": 7}, {}, None])
def test_so_is_one_whose_reason_cannot_be_read(details: object) -> None:
    body = HEAD | {"status": "incomplete", "incomplete_details": details}
    assert ChoiceFinished(0, "length", "incomplete") in decode(ev("incomplete", response=body))


def test_annotations_are_told_once() -> None:
    web = {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2}
    paper = {"type": "file_citation", "file_id": "f", "filename": "n", "index": 3}
    path = {"type": "file_path", "file_id": "f", "index": 0}
    got = decode(
        text_delta("abc"),
        ev("output_text.annotation.added", output_index=0, content_index=0, annotation_index=0, annotation=web),
        done(0, **message("abc", annotations=[web, paper, path])),
    )
    assert got[1:] == [
        Cited(0, Citation(url="u", title="t", start=1, end=2)),
        Cited(0, Citation(title="n")),
        Unrecognised("annotation:file_path"),
    ]


def test_logprobs_take_the_vocabulary_s_shape() -> None:
    delta = text_delta("a") | {"logprobs": [{"token": "a", "logprob": -0.5, "top_logprobs": []}]}
    (event,) = decode(delta)
    assert isinstance(event, TextDelta)
    assert event.logprobs is not None
    row = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    assert json.loads(bytes(event.logprobs)) == {"content": [row], "refusal": None}
    assert decode(text_delta("a") | {"logprobs": [5]}) == [TextDelta(0, "text", "a")]


def test_what_runs_at_the_provider_is_named_once() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}}
    got = decode(
        added(0, **search),
        ev("web_search_call.searching", output_index=0, item_id="ws"),
        done(0, **search),
        ev("audio.delta", delta={"not": "text"}),
        ev("content_part.done", output_index=1, content_index=0, part={"type": "hologram"}),
        completed(search),
    )
    assert [event.what for event in got if isinstance(event, Unrecognised)] == [
        "item:web_search_call",
        "event:response.web_search_call.searching",
        "event:response.audio.delta",
        "part:hologram",
    ]


def test_an_unknown_kind_may_have_any_shape() -> None:
    item = {"type": "tool_search_call", "arguments": {"q": 1}, "content": "x", "summary": 5, "id": []}
    part = {"type": "hologram", "text": {"x": 1}}
    annotation = {"type": "future", "url": 5}
    odd = message("a") | {"content": [part, {"type": "output_text", "text": "a", "annotations": [annotation]}]}
    events = [
        [added(0, **item), done(0, **item)],
        [ev("content_part.added", part=part), ev("content_part.done", part=part)],
        [ev("output_text.annotation.added", annotation=annotation)],
        [done(0, **odd)],
        [completed(item, odd)],
    ]
    unknown = (
        ["item:tool_search_call"],
        ["part:hologram"],
        ["annotation:future"],
        ["part:hologram", "annotation:future"],
    )
    got = [[event.what for event in decode(*rows) if isinstance(event, Unrecognised)] for rows in events]
    assert got == [*unknown, [*unknown[0], *unknown[3]]]


def test_arguments_of_a_call_that_was_never_added() -> None:
    custom = ev("custom_tool_call_input.delta", output_index=0, item_id="ctc", delta='"')
    assert decode(custom) == [ToolCallStarted(0, 0, "ctc", ""), ToolCallDelta(0, 0, '{"input":"\\"')]
    plain = ev("function_call_arguments.delta", output_index=0, item_id="fc", delta="{")
    assert decode(plain) == [ToolCallStarted(0, 0, "fc", ""), ToolCallDelta(0, 0, "{")]
    assert decode(ev("function_call_arguments.done", output_index=0, arguments="{}")) == []


def test_a_custom_tool_s_input_is_closed_at_the_end_at_the_latest() -> None:
    custom = ev("custom_tool_call_input.delta", output_index=0, item_id="ctc", delta="x")
    assert decode(custom, completed())[3] == ToolCallDelta(0, 0, '"}')


def test_a_call_of_a_tool_that_only_this_api_has_still_waits_for_the_client() -> None:
    got = decode(done(0, type="local_shell_call", call_id="t", action={"type": "exec"}), completed())
    assert got[0] == Unrecognised("item:local_shell_call")
    assert ChoiceFinished(0, "tool_calls", "completed") in got


def test_who_answers_is_said_once_unless_it_changes() -> None:
    late = HEAD | {"model": "m-2026"}
    got = decode(created(), ev("queued", response=HEAD), ev("in_progress", response=late), completed(model="m-2026"))
    assert [event for event in got if isinstance(event, Started)] == [STARTED, Started("resp_1", "m-2026", 7)]


def test_leftovers_are_kept_only_when_asked_for() -> None:
    head = HEAD | {"service_tier": "priority", "tools": [{"type": "web_search"}]}
    expected = {"service_tier": msgspec.Raw(b'"priority"'), "tools": msgspec.Raw(b'[{"type": "web_search"}]')}
    assert decode(ev("created", response=head), keep=True) == [STARTED, Leftover("", 0, expected)]
    assert decode(ev("created", response=head)) == [STARTED]


@pytest.mark.parametrize("frame", [Frame(b": ping\n", None), Frame(b"", b"[DONE]")])
def test_silence(frame: Frame) -> None:
    assert list(OPENAI_RESPONSES.decoder(keep_leftovers=False).decode(frame)) == []


@pytest.mark.parametrize(
    "frame",
    [
        data({"type": "keepalive", "sequence_number": 5}),
        data({"type": "ping", "delta": {}}),
        Frame(b"", b'{"sequence_number":5}', "keepalive"),
        Frame(b"", b"now", "ping"),
    ],
)
def test_pings(frame: Frame) -> None:
    assert OPENAI_RESPONSES.decoder(keep_leftovers=False).decode(frame) is PING
    assert PING == []


@pytest.mark.parametrize(
    "row",
    [
        text_delta(""),
        ev("content_part.added", part={"type": "output_text", "text": ""}),
        ev("output_text.annotation.done", annotation={}),
    ],
)
def test_what_says_nothing_new_is_no_ping(row: dict[str, object]) -> None:
    assert (events := OPENAI_RESPONSES.decoder(keep_leftovers=False).decode(data(row))) == []
    assert events is not PING


def test_what_follows_the_end_is_ignored_and_the_end_of_the_body_is_no_end() -> None:
    assert decode(completed(message("a")), text_delta("b"), ev("failed", response={}))[-1] == Ended()
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=False)
    decoder.decode(data(text_delta("a")))
    assert list(decoder.finish()) == []


# -- cuts and round trips ----------------------------------------------------------------------------------------------

STREAM = encode(
    [
        Started("r1", "m", 7),
        TextDelta(0, "reasoning", "h\u00e9"),
        Sealed(0, Seal("dialect.other", "reasoning", "x")),
        TextDelta(0, "text", "a\r\nb \U0001f600"),
        ToolCallStarted(0, 0, "t", "f"),
        ToolCallDelta(0, 0, '{"a":1}'),
        ChoiceFinished(0, "tool_calls", "x"),
        Reported(COUNTED),
        Ended(),
    ]
)


def cuttings(stream: bytes) -> Iterator[list[bytes]]:
    yield from every_single_cut(stream)
    yield one_byte_at_a_time(stream)
    yield from random_cuts(stream, seed=3, n=20)


@pytest.mark.parametrize("stream", [STREAM, STREAM.replace(b"\n", b"\r\n")])
def test_every_cut_gives_the_same_events(stream: bytes) -> None:
    def read(pieces: list[bytes]) -> list[Event]:
        wire, decoder = SseDecoder(), OPENAI_RESPONSES.decoder(keep_leftovers=False)
        return [event for piece in pieces for frame in wire.feed(piece) for event in decoder.decode(frame)]

    expected = read([stream])
    assert expected[-1] == Ended()
    assert all(read(pieces) == expected for pieces in cuttings(stream))


def test_no_cut_stream_ends() -> None:
    frames = frames_of(STREAM)
    for count in range(len(frames)):
        decoder = OPENAI_RESPONSES.decoder(keep_leftovers=False)
        events = [event for frame in frames[:count] for event in decoder.decode(frame)]
        assert Ended() not in [*events, *decoder.finish()]


def substance(answer: Answer, *, cut: bool) -> dict[str, object]:
    """What an answer says; ids and seals get another form in writing."""
    (choice,) = answer.choices
    return {
        "text": choice.text or "",
        "refusal": choice.refusal or "",
        "calls": [(call.name, call.arguments.rstrip() or ("" if cut else "{}")) for call in choice.tool_calls],
        "seals": sum(part.seal is not None for part in choice.parts if isinstance(part, Reasoning)),
        "usage": answer.usage,
    }


@settings(max_examples=150, deadline=None)
@given(answers())
def test_what_was_written_reads_as_the_same_answer(events: list[Event]) -> None:
    decoder = OPENAI_RESPONSES.decoder(keep_leftovers=False)
    again = [event for frame in frames_of(encode(events)) for event in decoder.decode(frame)]
    assert again[-1] == Ended()
    cut = any(isinstance(event, ChoiceFinished) and event.reason in ("length", "content_filter") for event in events)
    assert substance(fold(again), cut=cut) == substance(fold(events), cut=cut)
