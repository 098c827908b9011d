"""When the bytes of an answer with a fault leave and how they are written; answers that are others, or in one piece.
Without sockets."""

import zlib
from itertools import islice

import msgspec
import pytest

from sluice.testing import fake_filler
from sluice.testing.fake_damage import BOM, COMMENT
from sluice.testing.fake_desk import Options
from sluice.testing.fake_messages import PING
from sluice.testing.fake_script import EVENT, Item, Pause
from tests.testing.damaged import (
    SSE,
    STREAMS,
    answer,
    events,
    parts,
    pauses,
    sent,
    undamaged,
)
from tests.testing.spoken import Json

# -- when they leave --------------------------------------------------------------------------------------------------


def test_gaps_stand_before_the_events_and_the_last_one_repeats() -> None:
    count = len(undamaged("chat"))
    assert pauses(answer("chat", {"gap_ms": 5})) == [0.005] * count
    assert pauses(answer("chat", {"gap_ms": [0, 30, 5]})) == [0.03] + [0.005] * (count - 2)
    first, second = list(islice(answer("chat", {"gap_ms": [9]}).chunks, 2))
    assert (first, second) == (b"", Pause(0.009)), "the head leaves before the first gap"


def test_without_gaps_of_its_own_an_answer_is_as_fast_as_the_fake_was_told() -> None:
    options = Options(first_token_s=0.2, gap_s=0.01)
    count = len(undamaged("chat"))
    assert pauses(answer("chat", {"terminator": False}, options=options)) == [0.2] + [0.01] * (count - 3)
    assert pauses(answer("chat", {"head_delay_ms": 50}, options=options)) == [0.05, 0.2] + [0.01] * (count - 2)


@pytest.mark.parametrize(
    ("name", "ping"),
    [("chat", b": ping\n\n"), ("responses", b": ping\n\n"), ("gemini", b": ping\n\n"), ("array", b"\n")],
)
def test_a_ping_stands_in_the_middle_of_every_gap(name: str, ping: bytes) -> None:
    expected: list[Item] = [b""]
    for event in undamaged(name):
        expected += [Pause(0.004), ping, Pause(0.004), event, EVENT]
    assert parts(answer(name, {"gap_ms": 8, "pings": True})) == expected


def test_anthropic_pings_are_events_and_follow_the_message_start() -> None:
    first, *others = undamaged("messages")
    expected: list[Item] = [b"", Pause(0.008), first, EVENT]
    for event in others:
        expected += [Pause(0.004), PING, Pause(0.004), event, EVENT]
    assert parts(answer("messages", {"gap_ms": 8, "pings": True})) == expected


@pytest.mark.parametrize(("name", "ping"), [("chat", b": ping\n\n"), ("messages", PING), ("array", b"\n")])
def test_a_stall_with_pings_pings_for_ever(name: str, ping: bytes) -> None:
    script = answer(name, {"at": {"event": 1}, "end": "stall", "gap_ms": [0, 20], "pings": True})
    items = list(islice(script.chunks, 200))
    assert items.count(EVENT) == 1
    assert items[-100:] == [Pause(0.02), ping] * 50 or items[-100:] == [ping, Pause(0.02)] * 50


# -- how they are written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SSE)
@pytest.mark.parametrize(("newline", "end"), [("crlf", b"\r\n"), ("cr", b"\r")])
def test_lines_end_as_told_with_comments_before_each_event(name: str, newline: str, end: bytes) -> None:
    usual = [(COMMENT * 2 + event.replace(b"\r\n", b"\n")).replace(b"\n", end) for event in undamaged(name)]
    assert sent(answer(name, {"newline": newline, "comments": 2, "bom": True})) == BOM + b"".join(usual)


@pytest.mark.parametrize("name", STREAMS)
def test_every_byte_can_be_a_write_of_its_own(name: str) -> None:
    items = list(answer(name, {"write_bytes": 1}).chunks)
    size = sum(map(len, undamaged(name)))
    assert [len(item) for item in items if isinstance(item, bytes)] == [1] * size
    assert items.count(Pause(0.0)) == size, "a turn of the loop parts them"
    assert items.count(EVENT) == len(undamaged(name))


@pytest.mark.parametrize("name", STREAMS)
def test_gzip_is_flushed_after_each_event(name: str) -> None:
    script = answer(name, {"gzip": True})
    assert (b"content-encoding", b"gzip") in script.headers
    unzip = zlib.decompressobj(wbits=31)
    assert [unzip.decompress(event) for event in events(script)] == [*undamaged(name), b""]
    assert unzip.eof


@pytest.mark.parametrize("name", STREAMS)
def test_gzip_that_is_cut_shows_what_came_before_the_cut(name: str) -> None:
    unzip = zlib.decompressobj(wbits=31)
    found = unzip.decompress(sent(answer(name, {"gzip": True, "at": {"event": 2, "byte": 5}, "end": "fin"})))
    assert found == b"".join(undamaged(name))[: len(found)]
    assert len(found) == len(undamaged(name)[0]) + len(undamaged(name)[1]) + 5
    assert not unzip.eof


# -- another answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
def test_a_status_has_the_vendors_own_error_and_the_headers_that_are_told(name: str) -> None:
    script = answer(name, {"status": 503, "headers": {"Retry-After": "2"}, "head_delay_ms": 9})
    delay, *rest = script.chunks
    body = b"".join(item for item in rest if isinstance(item, bytes))
    assert (script.status, delay, script.length) == (503, Pause(0.009), len(body))
    assert {(b"retry-after", b"2"), (b"content-type", b"application/json")} <= set(script.headers)
    words = {"converse": "message", "messages": "error", "array": "error"}.get(name, "error")
    found = msgspec.json.decode(body)
    assert "was asked to fail" in str((found[0] if name == "array" else found)[words])


@pytest.mark.parametrize(
    ("body", "kind", "written"),
    [
        ("<html>", b"text/plain; charset=utf-8", b"<html>"),
        ({"error": 1}, b"application/json", b'{"error":1}'),
        (None, b"application/json", b"null"),
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_a_body_is_a_text_or_any_json(body: object, kind: bytes, written: bytes, status: int) -> None:
    script = answer("chat", {"status": status, "body": body})
    assert (script.status, sent(script), dict(script.headers)[b"content-type"]) == (status, written, kind)
    relabelled = answer("chat", {"status": status, "body": body, "content_type": "text/html"})
    assert [value for name, value in relabelled.headers if name == b"content-type"] == [b"text/html"]


@pytest.mark.parametrize("name", STREAMS)
def test_an_empty_answer_is_200_and_has_no_body(name: str) -> None:
    script = answer(name, {"empty": True})
    assert (script.status, list(script.chunks), script.length, script.end) == (200, [b""], 0, "finish")


@pytest.mark.parametrize("name", STREAMS)
def test_headers_take_the_place_of_the_usual_ones(name: str) -> None:
    script = answer(name, {"content_type": "application/json", "headers": {"Cache-Control": "max-age=1", "x-a": "b"}})
    names = [header for header, _ in script.headers]
    assert len(names) == len(set(names))
    assert {(b"content-type", b"application/json"), (b"cache-control", b"max-age=1"), (b"x-a", b"b")} <= set(
        script.headers
    )


# -- in one piece -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chat", "messages", "responses", "gemini", "converse"])
def test_an_answer_in_one_piece_is_one_event(name: str) -> None:
    usual = sent(answer(name, stream=False))
    places: list[tuple[Json, int]] = [({"event": 0, "byte": 9}, 9), ({"event": 0}, 0), ({"byte": 20}, 20)]
    for at, left in places:
        script = answer(name, {"at": at, "end": "fin"}, stream=False)
        assert (sent(script), script.length) == (usual[:left], len(usual)), "it promises more than it sends"
    for number in (0, 7):
        script = answer(name, {"malformed": number}, stream=False)
        body = sent(script)
        assert (body, script.length) == (usual[: len(body)], len(body))
        assert len(usual) // 3 < len(body) < len(usual) * 2 // 3
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(body)


@pytest.mark.parametrize("name", ["chat", "messages", "responses", "gemini", "converse"])
def test_an_answer_in_one_piece_can_be_giant_and_lack_usage_and_finish(name: str) -> None:
    script = answer(
        name, {"giant_bytes": 100_000, "flood_bytes": 200_000, "usage": False, "finish": False}, stream=False
    )
    items = [item for item in script.chunks if isinstance(item, bytes)]
    body = b"".join(items)
    assert max(map(len, items)) <= fake_filler.BLOCK_BYTES
    assert script.length == len(body)
    found = msgspec.json.decode(body, type=Json)
    assert (fake_filler.text(100_000) + fake_filler.text(200_000)).encode() in body
    assert not found.get("usage")
    assert not found.get("usageMetadata")
    for word in (b'"stop"', b'"STOP"', b'"end_turn"'):
        assert word not in body


@pytest.mark.parametrize("name", ["chat", "messages", "responses", "gemini", "converse"])
def test_what_belongs_to_streams_has_no_effect_on_an_answer_in_one_piece(name: str) -> None:
    fault: Json = {"terminator": False, "newline": "cr", "bom": True, "comments": 3, "pings": True, "crc": True}
    assert sent(answer(name, fault, stream=False)) == sent(answer(name, stream=False))


@pytest.mark.parametrize("name", ["chat", "messages", "responses", "gemini", "converse"])
def test_an_error_in_an_answer_in_one_piece_is_its_status(name: str) -> None:
    script = answer(
        name, {"error": {"at": 3, "status": 429, "message": "Slow down."}, "head_delay_ms": 5}, stream=False
    )
    assert script.status == 429
    assert list(islice(script.chunks, 1)) == [Pause(0.005)]
    assert b"Slow down." in sent(script)


def test_a_whole_answer_is_gzipped_whole() -> None:
    script = answer("chat", {"gzip": True}, stream=False)
    assert script.length is None
    assert msgspec.json.decode(zlib.decompress(sent(script), wbits=31))["object"] == "chat.completion"
