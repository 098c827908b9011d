"""What may be said of a fault, and what is refused with a sentence."""

import msgspec
import pytest

from sluice.testing.fake_fault import At, Fault, InBand, Kind, checked, read, refused

WHOLE_CONTRACT = {
    "head_delay_ms": 10,
    "gap_ms": [0, 5],
    "at": {"event": 9, "byte": 3},
    "end": "rst",
    "malformed": 1,
    "error": {"at": 8, "status": 529, "message": "Busy."},
    "content_type": "application/json",
    "terminator": False,
    "finish": False,
    "usage": False,
    "write_bytes": 1,
    "newline": "crlf",
    "bom": True,
    "comments": 2,
    "pings": True,
    "giant_bytes": 8388608,
    "gzip": True,
    "flood_bytes": 52428800,
    "headers": {"x-ratelimit-reset": "7"},
    "tag": "any text",
}


def test_every_member_that_is_about_the_answer_combines_with_the_others() -> None:
    fault = read(msgspec.json.encode(WHOLE_CONTRACT))
    assert msgspec.json.decode(msgspec.json.encode(fault)) == WHOLE_CONTRACT
    assert (fault.at, fault.error) == (At(event=9, byte=3), InBand(at=8, status=529, message="Busy."))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"status":503,"headers":{"retry-after":"2"}}',
        '{"status":200,"body":"<html>","content_type":"text/html"}',
        '{"status":500,"body":null}',
        '{"body":{"error":1},"gzip":true,"write_bytes":1,"head_delay_ms":5.0}',
        '{"empty":true,"head_delay_ms":5.0}',
        '{"end":"stall","head_delay_ms":5.0}',
        '{"at":{},"end":"fin"}',
        '{"at":{"event":2},"end":"stall","pings":true,"gap_ms":20.0}',
        '{"at":{"event":3,"byte":1},"end":"fin","malformed":3}',
        '{"malformed":1,"error":{"at":2}}',
    ],
)
def test_what_can_be_meant_is_read_and_written_as_it_was(text: str) -> None:
    fault = read(text)
    assert read(msgspec.json.encode(fault)) == fault
    assert msgspec.json.decode(msgspec.json.encode(fault)) == msgspec.json.decode(text)
    assert checked(fault) == fault


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"status":503,"end":"fin"}', "`status` is instead of the answer, which `end` is about"),
        ('{"status":503,"malformed":0}', "`status` is instead of the answer, which `malformed` is about"),
        ('{"status":503,"usage":false}', "`status` is instead of the answer, which `usage` is about"),
        ('{"body":"x","gap_ms":5}', "`body` is instead of the answer, which `gap_ms` is about"),
        ('{"status":500,"empty":true}', "`status` is instead of the answer, which `empty` is about"),
        ('{"empty":true,"write_bytes":1}', "`empty` leaves nothing for `write_bytes`"),
        ('{"empty":true,"at":{},"end":"fin"}', "`empty` leaves nothing for `at`"),
        ('{"status":200}', "`status` below 400 needs a `body`"),
        ('{"at":{"event":1}}', "`end` has to say how"),
        ('{"end":"fin","headers":{"a":"b"}}', "`headers` would never be seen"),
        ('{"end":"rst","giant_bytes":5}', "`giant_bytes` would never be seen"),
        ('{"at":{"event":2},"end":"fin","malformed":2}', "before its `malformed` comes"),
        ('{"at":{"event":2},"end":"fin","error":{"at":3}}', "before its `error` comes"),
        ('{"error":{"at":1},"malformed":1}', "`malformed` would never come"),
        ('{"at":{"event":1},"end":"stall","pings":true}', "need a `gap_ms` above 0"),
        ('{"at":{"byte":9},"end":"stall","pings":true,"gap_ms":1}', "`at` has to name an event"),
        ('{"at":{"event":1,"byte":9},"end":"stall","pings":true,"gap_ms":1}', "`at` has to name an event"),
        ('{"headers":{"a b":"c"}}', "no name of a header"),
        ('{"headers":{"a":"b\\r\\nc: d"}}', "cannot stand in a head"),
        ('{"content_type":"ü€"}', "cannot stand in a head"),
        ('{"headers":{"Content-Length":"3"}}', "the fake's own to write"),
        ('{"statuss":503}', "unknown field `statuss`"),
        ('{"gap_ms":[]}', "length >= 1"),
        ('{"gap_ms":-1}', ">= 0"),
        ('{"write_bytes":0}', ">= 1"),
        ('{"status":99}', ">= 200"),
        ('{"error":{"status":200}}', ">= 400"),
        ('{"end":"finish"}', "Invalid enum value 'finish'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        read(text)
    assert sentence in str(caught.value)


def test_python_is_held_to_the_same_rules() -> None:
    with pytest.raises(ValueError, match="instead of the answer"):
        Fault(status=503, end="fin")
    with pytest.raises(ValueError, match=">= 1"):
        checked(Fault(write_bytes=-1))


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        (Fault(newline="cr"), "frames", "`newline`"),
        (Fault(bom=True), "array", "`bom`"),
        (Fault(comments=1), "frames", "`comments`"),
        (Fault(pings=True), "frames", "`pings`"),
        (Fault(crc=True), "sse", "`crc`"),
        (Fault(crc=True), "array", "`crc`"),
        (Fault(crc=True), "frames", ""),
        (Fault(pings=True), "array", ""),
        (Fault(newline="cr", bom=True, comments=1, pings=True), "sse", ""),
        (Fault(newline="cr", bom=True, comments=1, pings=True, crc=True), "whole", ""),
    ],
)
def test_what_a_kind_of_stream_does_not_have_is_refused_there(fault: Fault, kind: Kind, word: str) -> None:
    sentence = refused(fault, kind)
    assert bool(sentence) == bool(word)
    assert word in sentence
