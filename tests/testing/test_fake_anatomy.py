"""Events taken apart and changed: those of recorded streams too, however their vendors lay them out."""

import msgspec
import pytest

from sluice.testing import fake_frames
from sluice.testing.fake_anatomy import opened
from sluice.testing.fake_doors import Vendor
from sluice.testing.fake_fault import Kind


def sse(data: str, *before: str) -> bytes:
    return "".join(f"{line}\n" for line in (*before, f"data: {data}")).encode() + b"\n"


@pytest.mark.parametrize(
    ("vendor", "kind", "raw", "ends"),
    [
        ("openai", "sse", sse("[DONE]"), True),
        ("openai", "sse", b"data:[DONE]\r\n\r\n", True),
        ("openai", "sse", sse('{"choices":[{"finish_reason":"stop"}]}'), False),
        ("messages", "sse", sse('{"type":"message_stop"}', "event: message_stop"), True),
        ("messages", "sse", sse('{"type":"message_delta"}', "event: message_delta"), False),
        ("responses", "sse", sse('{"type":"response.incomplete"}', "event: response.incomplete"), True),
        ("responses", "sse", sse('{"type":"response.output_item.done"}'), False),
        ("gemini", "sse", b'data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n', True),
        ("gemini", "sse", b'data: {"candidates":[{"content":{}}]}\r\n\r\n', False),
        ("gemini", "array", b'[{"candidates":[{"finishReason":"STOP"}]}', False),
        ("gemini", "array", b"\n]", True),
        ("gemini", "array", b"]\n", True),
        ("converse", "frames", fake_frames.event("metadata", {}), True),
        ("converse", "frames", fake_frames.event("messageStop", {}), False),
    ],
)
def test_what_ends_a_stream_is_known(vendor: Vendor, kind: Kind, raw: bytes, ends: bool) -> None:
    assert opened(raw, vendor, kind).ends is ends


@pytest.mark.parametrize(
    ("vendor", "raw", "left"),
    [
        (
            "openai",
            sse('{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}', ": note", "id: 7"),
            sse('{"choices":[{"delta":{"content":"x"},"finish_reason":null}]}', ": note", "id: 7"),
        ),
        ("openai", sse('{"choices": [{"finish_reason": null}]}'), sse('{"choices": [{"finish_reason": null}]}')),
        ("openai", sse("[DONE]"), None),
        ("messages", sse('{"type":"message_delta","delta":{"stop_reason":"end_turn"}}'), None),
        ("responses", sse('{"type":"response.output_item.done","item":{}}'), None),
        (
            "gemini",
            b'data: {"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}\r\n\r\n',
            b'data: {"candidates":[{"content":{"parts":[{"text":"x"}]}}]}\r\n\r\n',
        ),
    ],
)
def test_a_finish_reason_is_taken_and_what_stands_beside_it_left(
    vendor: Vendor, raw: bytes, left: bytes | None
) -> None:
    assert opened(raw, vendor, "sse").without_finish() == left


@pytest.mark.parametrize(
    ("vendor", "raw", "left"),
    [
        ("openai", sse('{"choices":[],"usage":{"total_tokens":1}}'), None),
        ("openai", sse('{"choices":[],"prompt_filter_results":[]}'), sse('{"choices":[],"prompt_filter_results":[]}')),
        ("openai", sse('{"choices":[{"index":0}],"usage":null}'), sse('{"choices":[{"index":0}]}')),
        (
            "messages",
            sse('{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}'),
            sse('{"type":"message_start","message":{"id":"m"}}'),
        ),
        (
            "responses",
            sse('{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1}}}'),
            sse('{"type":"response.completed","response":{"id":"r","usage":null}}'),
        ),
    ],
)
def test_usage_is_taken_and_what_stands_beside_it_left(vendor: Vendor, raw: bytes, left: bytes | None) -> None:
    assert opened(raw, vendor, "sse").without_usage() == left


@pytest.mark.parametrize("raw", [b": comment\n\n", b"data: {", b"\n", b'data: ["no object"]\n\n', b""])
def test_what_cannot_be_read_stays_as_it_is(raw: bytes) -> None:
    event = opened(raw, "openai", "sse")
    assert (event.without_finish(), event.without_usage(), event.ends) == (raw, raw, False)
    broken = opened(b"\0\0\0\1", "converse", "frames")
    assert (broken.without_usage(), broken.malformed(), broken.ends) == (b"\0\0\0\1", b"\0\0\0\1", False)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("sse", sse('{"text":"üüüüüüüüüüüüü"}', "event: x")),
        ("sse", b'data:{"text":"x"}\r\n\r\n'),
        ("array", b',\r\n{\n  "text": "x"\n}'),
        ("array", b"\n]"),
        ("whole", b'{"text":"x"}'),
        ("frames", fake_frames.event("messageStart", {"role": "assistant"})),
    ],
)
def test_bad_json_stands_in_a_good_frame(kind: Kind, raw: bytes) -> None:
    bad = opened(raw, "converse" if kind == "frames" else "gemini", kind).malformed()
    assert bad != raw
    if kind == "frames":
        assert fake_frames.read(bad).headers == fake_frames.read(raw).headers
        bad = fake_frames.read(fake_frames.parted(bad)[0]).payload
    elif kind == "sse":
        assert bad.partition(b"data:")[0] == raw.partition(b"data:")[0]
        assert bad[-2:] == raw[-2:]
        bad = bad.partition(b"data:")[2].strip()
        bad.decode()
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(bad.strip(b",\r\n"))
