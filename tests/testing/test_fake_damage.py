"""What a fault does to an answer: which bytes leave, when, and how they end. Without sockets."""

from itertools import islice

import msgspec
import pytest
from botocore.eventstream import ChecksumMismatch  # type: ignore[import-untyped]  # ships no types

from sluice.testing import fake_filler
from sluice.testing.fake_script import EVENT, Pause
from sluice.wire.sse import SseDecoder
from tests.testing.damaged import (
    SAID,
    STREAMS,
    answer,
    events,
    messages,
    pauses,
    read,
    said,
    sent,
    text,
    undamaged,
)
from tests.testing.spoken import Json, obj, rows

TERMINATORS = {
    "chat": b"data: [DONE]",
    "messages": b'"message_stop"',
    "responses": b"event: response.completed",
    "gemini": b'"finishReason"',
    "array": b"\n]",
    "converse": b"metadata",
}
FINISHES = {
    "chat": b'"finish_reason":"stop"',
    "messages": b'"end_turn"',
    "responses": b"response.output_item.done",
    "gemini": b'"finishReason"',
    "array": b'"finishReason"',
    "converse": b'"end_turn"',
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(
    "fault", [{"tag": "x"}, {"at": {"event": 99}, "end": "fin"}, {"write_bytes": 5}, {"gap_ms": 1}]
)
def test_a_fault_that_changes_no_event_leaves_the_bytes_as_they_were(name: str, fault: Json) -> None:
    assert sent(answer(name, fault)) == b"".join(undamaged(name))


# -- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(("byte", "end"), [(0, "fin"), (1, "rst"), (9, "stall"), (1 << 20, "fin")])
def test_an_answer_ends_before_an_event_or_inside_it(name: str, byte: int, end: str) -> None:
    fault: Json = {"at": {"event": 2, "byte": byte}, "end": end}
    usual = undamaged(name)
    assert sent(answer(name, fault)) == usual[0] + usual[1] + usual[2][:byte]
    assert answer(name, fault).end == end
    assert sum(item == EVENT for item in answer(name, fault).chunks) == 2


@pytest.mark.parametrize("name", STREAMS)
def test_before_the_first_event_the_head_alone_leaves(name: str) -> None:
    script = answer(name, {"at": {"event": 0}, "end": "stall"})
    assert (list(script.chunks), script.status) == ([b""], 200)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [0, 1, 77, 400])
def test_an_answer_ends_at_a_byte_of_its_body(name: str, size: int) -> None:
    assert sent(answer(name, {"at": {"byte": size}, "end": "fin"})) == b"".join(undamaged(name))[:size]


@pytest.mark.parametrize("name", STREAMS)
def test_an_event_that_a_cut_leaves_whole_is_counted(name: str) -> None:
    for size, count in ((len(undamaged(name)[0]) - 1, 0), (len(undamaged(name)[0]), 1)):
        items = list(answer(name, {"at": {"byte": size}, "end": "fin"}).chunks)
        assert items.count(EVENT) == count


@pytest.mark.parametrize("name", STREAMS)
def test_without_a_place_not_even_the_head_leaves(name: str) -> None:
    script = answer(name, {"end": "rst", "head_delay_ms": 7})
    assert (list(script.chunks), script.end) == ([Pause(0.007)], "rst")


@pytest.mark.parametrize("name", STREAMS)
def test_an_answer_without_its_terminator_has_its_finish_reason(name: str) -> None:
    assert TERMINATORS[name] in sent(answer(name, {"gap_ms": 0}))
    left = sent(answer(name, {"terminator": False}))
    assert TERMINATORS[name] not in left
    assert (FINISHES[name] in left) == (name != "gemini")
    assert answer(name, {"terminator": False}).end == "finish"


@pytest.mark.parametrize("name", STREAMS)
def test_an_answer_without_a_finish_reason_has_no_terminator_and_all_of_its_text(name: str) -> None:
    left = sent(answer(name, {"finish": False}))
    assert FINISHES[name] not in left
    assert TERMINATORS[name] not in left
    assert said(name, left + b"\n]" if name == "array" else left) == SAID


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("at", [0, 1, 3])
def test_an_error_takes_the_place_of_an_event_and_nothing_follows_it(name: str, at: int) -> None:
    script = answer(name, {"error": {"at": at, "status": 429, "message": "Slow down."}})
    found = events(script)
    assert len(found) == at + 1
    assert script.end == "finish"
    assert b"Slow down." in found[-1]
    assert TERMINATORS[name] not in b"".join(found) or name == "array"
    if name == "responses":
        numbers = [event["sequence_number"] for event in read(name, b"".join(found))]
        assert numbers == list(range(at + 1))
    if name == "array":
        assert obj(msgspec.json.decode(b"".join(found))[-1]["error"])["code"] == 429
    if name == "converse":
        assert messages(found[-1])[0].headers[":exception-type"] == "throttlingException"


@pytest.mark.parametrize("name", STREAMS)
def test_an_error_behind_the_end_does_not_come(name: str) -> None:
    count = len(undamaged(name))
    for at in (count, count + 1):
        assert b"Slow" not in sent(answer(name, {"error": {"at": at, "message": "Slow down."}}))


# -- what the events are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("number", [0, 1, -1])
def test_one_event_is_no_json_and_the_others_are_as_they_were(name: str, number: int) -> None:
    usual = undamaged(name)
    number %= len(usual)
    found = events(answer(name, {"malformed": number}))
    assert found[:number] + found[number + 1 :] == usual[:number] + usual[number + 1 :]
    assert found[number] != usual[number]
    if name == "converse":
        assert len(messages(b"".join(found))) == len(usual), "the frame itself is good"
    elif name != "array":
        assert len(SseDecoder().feed(found[number])) == 1, "the event itself is good"
    with pytest.raises(msgspec.DecodeError):
        list(read(name, b"".join(found)))


@pytest.mark.parametrize(("fault", "broken"), [({"crc": True}, 1), ({"crc": True, "malformed": 3}, 3)])
def test_a_wrong_checksum_is_in_a_frame_that_is_good_otherwise(fault: Json, broken: int) -> None:
    usual, found = undamaged("converse"), events(answer("converse", fault))
    assert found[:broken] + found[broken + 1 :] == usual[:broken] + usual[broken + 1 :]
    assert found[broken][:-1] == usual[broken][:-1]
    with pytest.raises(ChecksumMismatch):
        messages(found[broken])


@pytest.mark.parametrize("name", STREAMS)
def test_usage_is_left_out_and_the_text_is_not(name: str) -> None:
    usual, left = sent(answer(name, {"gap_ms": 0})), sent(answer(name, {"usage": False}))
    for word in (b"prompt_tokens", b"_tokens", b"Tokens", b"TokenCount"):
        assert word not in left.replace(b"max_output_tokens", b"")
    assert b"oken" in usual
    assert FINISHES[name] in left
    assert TERMINATORS[name] in left
    assert said(name, left) == SAID


@pytest.mark.parametrize("name", STREAMS)
def test_a_giant_event_is_said_and_repeated_truthfully(name: str) -> None:
    pieces = [item for item in answer(name, {"giant_bytes": 200_000}).chunks if isinstance(item, bytes)]
    assert max(map(len, pieces)) <= fake_filler.BLOCK_BYTES
    found = list(read(name, b"".join(pieces)))
    assert fake_filler.text(200_000) in [text(name, event) for event in found], "as one event"
    assert said(name, b"".join(pieces)) == SAID + fake_filler.text(200_000)
    assert len(events(answer(name, {"giant_bytes": 200_000}))) == len(undamaged(name)) + 1
    if name == "responses":
        assert text_of_response(found[-1]) == SAID + fake_filler.text(200_000)


@pytest.mark.parametrize("name", STREAMS)
def test_a_flood_goes_on_in_small_events_until_the_body_is_long_enough(name: str) -> None:
    found = events(answer(name, {"flood_bytes": 400_000}))
    body = b"".join(found)
    count = len(found) - len(undamaged(name))
    assert 400_000 <= len(body) < 420_000
    assert count > 50
    assert said(name, body) == SAID + fake_filler.PIECE * count
    assert sorted(map(len, found))[-8] < 2500, "all but what Responses repeats at the end"
    if name == "responses":
        read_back = list(read(name, body))
        assert text_of_response(read_back[-1]) == SAID + fake_filler.PIECE * count
        assert [event["sequence_number"] for event in read_back] == list(range(len(read_back)))


@pytest.mark.parametrize("name", STREAMS)
def test_a_flood_is_made_while_it_is_sent(name: str) -> None:
    """A petabyte begins at once: 10,000 items of it are taken."""
    script = answer(name, {"flood_bytes": 1 << 40})
    assert sum(len(item) for item in islice(script.chunks, 10_000) if isinstance(item, bytes)) > 1 << 20


def test_a_flood_does_not_wait_for_gaps() -> None:
    slow = answer("chat", {"flood_bytes": 100_000, "gap_ms": 5})
    assert len(pauses(slow)) == len(undamaged("chat"))


def text_of_response(event: Json) -> str:
    (item,) = rows(obj(event["response"])["output"])
    return str(rows(item["content"])[0]["text"])
