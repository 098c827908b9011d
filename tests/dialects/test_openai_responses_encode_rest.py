"""openai_responses/encode.py: the response around the items, failures, and any legal answer. The official client and a
strict replica of Codex are the judges."""

import json

import msgspec
import openai
import pytest
from hypothesis import given, settings
from openai.types.responses import Response

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.seal import Seal
from sluice.dialects.dialect import Dialect
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.dialects.openai_responses.response import echo, failed_event
from sluice.errors import InBandFailure, Truncated
from tests.dialects.test_openai_responses_kit import (
    REQUEST,
    TYPED,
    accumulated,
    answers,
    client,
    codex,
    encode,
    events_of,
    fold,
    obj,
    rows,
    without_parsed,
)

STARTED = Started("r1", "m", 7)
STOP = ChoiceFinished(0, "stop", "stop")
CALLS = ChoiceFinished(0, "tool_calls", "tool_use")


def types(stream: bytes) -> list[str]:
    return [str(row["type"]).removeprefix("response.") for row in events_of(stream)]


def test_a_provider_that_names_itself_late_is_named_all_the_same() -> None:
    stream = encode([Started("req", "asked"), Started("r1", "m", 7), TextDelta(0, "text", "a"), STOP, Ended()])
    assert (codex(stream)["id"], codex(stream)["model"]) == ("resp_r1", "m")


def test_the_response_repeats_the_request_and_stores_nothing() -> None:
    body = b"""{"model": "m", "input": "hi", "stream": true, "store": true, "instructions": "be\\nkind",
      "temperature": 0, "tools": [{"type": "function",\n "name": "f"}], "tool_choice": "required",
      "metadata": {"a": "b"}, "reasoning": {"effort": "low"}, "top_p": null, "service_tier": "flex"}"""
    stream = encode([STARTED, TextDelta(0, "text", "a")], OPENAI_RESPONSES.read_request(body))
    first = obj(events_of(stream)[0]["response"])
    assert (first["instructions"], first["temperature"], first["top_p"]) == ("be\nkind", 0, 1.0)
    assert first["tools"] == [{"type": "function", "name": "f"}]
    assert (first["tool_choice"], first["metadata"]) == ("required", {"a": "b"})
    assert (first["store"], first["service_tier"], first["previous_response_id"]) == (False, "default", None)
    assert first["reasoning"] == {"effort": "low"}


def test_bytes_that_are_not_utf8_are_not_repeated() -> None:
    body = b'{"input": "hi", "metadata": {"a": "\xff"}}'
    stream = encode([STARTED, STOP, Ended()], OPENAI_RESPONSES.read_request(body))
    assert obj(codex(stream)["metadata"]) == {"a": "\ufffd"}


@pytest.mark.parametrize("odd", ['{"a": ' + "[" * 900 + "]" * 900 + "}", '{"a": 1e999}', '"text"', "[[[5]]]"])
def test_what_makes_no_sense_is_repeated_as_it_is_or_not_at_all(odd: str) -> None:
    body = f'{{"input": "hi", "metadata": {odd}, "tools": {odd}}}'
    assert codex(encode([STARTED, STOP, Ended()], OPENAI_RESPONSES.read_request(body.encode())))["output"] == []


def test_what_cannot_be_formatted_is_null() -> None:
    assert echo({"tools": msgspec.Raw(b"[" * 100_000)})["tools"] == msgspec.Raw(b"null")
    (last,) = events_of(failed_event(b"[]", Truncated("cut"), 5))
    assert (last["sequence_number"], obj(last["response"])["status"]) == (5, "failed")


def test_the_provider_s_own_members_win_over_the_request_s() -> None:
    leftover = Leftover("", 0, {"service_tier": msgspec.Raw(b'"priority"')})
    assert codex(encode([STARTED, leftover, STOP, Ended()]))["service_tier"] == "priority"


@pytest.mark.parametrize("late", [Started("r9", "m9", 9), Started("", "m9", 9)])
def test_who_answers_may_be_said_late_but_the_id_never_changes(late: Started) -> None:
    stream = encode([TextDelta(0, "text", "a"), late, TextDelta(0, "text", "b"), STOP, Ended()])
    last = codex(stream)
    assert (last["model"], last["created_at"]) == ("m9", 9)
    assert str(last["id"]).startswith("resp_")
    assert accumulated(stream).output_text == "ab"


@pytest.mark.parametrize(
    ("said", "expected"),
    [("resp_1", "resp_1"), ("chatcmpl-1", "resp_chatcmpl-1"), ("x/y", None), ("", None), ("z" * 99, None)],
)
def test_ids_have_the_form_that_clients_know(said: str, expected: str | None) -> None:
    last = codex(encode([Started(said, "m"), TextDelta(0, "text", "a"), STOP, Ended()]))
    assert last["id"] == expected if expected else str(last["id"]).startswith("resp_")
    item = str(rows(last["output"])[0]["id"])
    assert item.startswith("msg_")
    assert len(item) <= 64


def test_calls_with_one_id_or_none_are_told_apart() -> None:
    ids = ["t", "t", "", ""]
    events: list[Event] = [ToolCallStarted(0, index, said, "f") for index, said in enumerate(ids)]
    stream = encode([STARTED, *events, CALLS, Ended()])
    got = [row["call_id"] for row in rows(codex(stream)["output"])]
    assert got[0] == "t"
    assert len({*got, ""}) == 5
    assert len(accumulated(stream).output) == 4


def test_other_choices_and_empty_words_are_nothing() -> None:
    events: list[Event] = [
        STARTED,
        TextDelta(0, "text", ""),
        TextDelta(1, "text", "x"),
        ToolCallStarted(1, 0, "t", "f"),
        ToolCallDelta(1, 0, "{}"),
        Sealed(1, Seal("o", "reasoning", "s")),
        Cited(1, Citation(url="u")),
        ChoiceFinished(1, "length", "x"),
        TextDelta(0, "reasoning", ""),
        STOP,
        Ended(),
    ]
    last = codex(encode(events))
    assert (last["output"], last["status"]) == ([], "completed")


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_failure_is_the_last_event_and_no_success() -> None:
    error = InBandFailure("slow\ndown", status=429, code="rate_limit_exceeded")
    stream = encode([STARTED, TextDelta(0, "text", "a"), Failed(error), Ended()])
    assert types(stream)[-1] == "failed"
    last = obj(events_of(stream)[-1]["response"])
    assert (last["status"], last["error"]) == ("failed", {"code": "rate_limit_exceeded", "message": "slow\ndown"})
    assert [row["sequence_number"] for row in events_of(stream)] == list(range(6))
    with pytest.raises(RuntimeError, match="completed"):
        accumulated(stream)


@pytest.mark.parametrize("events", [[], [STARTED], [Started("", "")]])
def test_a_failure_before_anything_is_legal_too(events: list[Event]) -> None:
    stream = encode([*events, Failed(Truncated("cut"))])
    assert types(stream) == ["created", "in_progress", "failed"]
    with client(stream).responses.create(model="m", input="hi", stream=True) as running:
        assert [event.type for event in running][-1] == "response.failed"


def test_an_answer_that_finished_with_an_error_has_failed() -> None:
    stream = encode([STARTED, TextDelta(0, "text", "a"), ChoiceFinished(0, "error", "error"), Ended()])
    assert types(stream)[-1] == "failed"


def test_only_an_end_is_a_success() -> None:
    assert types(encode([STARTED, TextDelta(0, "text", "a"), STOP]))[-1] == "output_item.done"


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    events: list[Event] = [
        Started("\ud83d", "\udc00"),
        TextDelta(0, "reasoning", "\ud83d"),
        Sealed(0, Seal("dialect.openai_responses", "reasoning", "\ud83d")),
        TextDelta(0, "text", "a\ud83d\x00"),
        Cited(0, Citation(url="\ud83d", title="\ud83d")),
        ToolCallStarted(0, 0, "\ud83d", "\ud83d"),
        ToolCallDelta(0, 0, "\ud83d"),
        Failed(InBandFailure("\ud83d", code="\ud83d")),
    ]
    for end in (events[-1:], [STOP, Ended()]):
        last = events_of(encode([*events[:-1], *end]))[-1]
        assert "\ufffd" in json.dumps(last, ensure_ascii=False)


# -- any legal answer --------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(answers())
def test_a_strict_client_takes_any_answer_and_it_equals_the_whole_one(events: list[Event]) -> None:
    last = codex(encode(events))
    whole = json.loads(OPENAI_RESPONSES.write_answer(fold(events), REQUEST))
    assert last == whole


@settings(max_examples=100, deadline=None)
@given(answers())
def test_the_official_client_accumulates_any_answer_to_the_whole_one(events: list[Event]) -> None:
    stream = encode(events)
    whole = json.loads(OPENAI_RESPONSES.write_answer(fold(events), REQUEST))
    with client(stream).responses.stream(model="m", input="hi") as running:
        last = list(running)[-1]
    assert isinstance(last, openai.BaseModel)
    got = without_parsed(last.to_dict(warnings=False)["response"])
    assert got == without_parsed(Response.model_validate(whole).to_dict())


@settings(max_examples=60, deadline=None)
@given(answers())
def test_the_official_client_s_types_take_every_event(events: list[Event]) -> None:
    for row in events_of(encode(events)):
        event = TYPED[row["type"]].model_validate(row, strict=True)
        assert event.model_dump()["sequence_number"] == row["sequence_number"]


def test_it_is_a_dialect() -> None:
    dialect: Dialect = OPENAI_RESPONSES
    assert isinstance(dialect, Dialect)
    assert dialect.module_id == "dialect.openai_responses"
