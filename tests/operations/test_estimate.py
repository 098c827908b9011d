"""operations/estimate and media_size: counts that no tokenizer made."""

import base64
import struct
import time
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.content import Media, Message, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, OutputFormat, Tool
from sluice.operations.estimate import (
    MAX_IMAGE,
    MAX_VALUES,
    SAMPLED_CHARS,
    SAMPLES,
    conversation_tokens,
    members_tokens,
    text_tokens,
)
from sluice.operations.media_size import pixels
from tests.support.measuring import slowness, undisturbed

KNOWN = [
    # text, tokens by the o200k_base and cl100k_base encodings, as published tokenizer pages show them
    ("Hello, world!", 4, 4),
    ("The quick brown fox jumps over the lazy dog.", 10, 10),
    ("def add(a, b):\n    return a + b\n", 13, 14),
    ("1234567890", 4, 4),
]


@pytest.mark.parametrize(("text", "newer", "older"), KNOWN)
def test_a_text_counts_about_as_its_tokens(text: str, newer: int, older: int) -> None:
    assert min(newer, older) * 0.7 <= text_tokens(text) <= max(newer, older) * 1.5


def test_code_is_a_token_to_three_or_four_letters() -> None:
    source = Path("src/sluice/gateway/pump.py").read_text()
    assert len(source) / 4.5 < text_tokens(source) < len(source) / 3


def test_other_scripts_are_not_counted_as_english() -> None:
    assert 12 <= text_tokens("今天天气很好，我们去公园散步吧。") <= 20
    assert 14 <= text_tokens("Съешь же ещё этих мягких французских булок, да выпей чаю.") <= 35
    assert text_tokens("👍🏽") >= 2


@given(st.text(), st.text())
def test_more_text_is_not_fewer_tokens(first: str, second: str) -> None:
    assert text_tokens("") == 0
    assert text_tokens(first + "\n" + second) >= max(text_tokens(first), text_tokens(second)) > -1


@pytest.mark.timed
def test_a_long_text_is_judged_by_samples_of_it() -> None:
    piece = "The quick brown fox jumps over the lazy dog, again and again. "
    whole = piece * 20_000
    exact = text_tokens(piece) * 20_000
    assert text_tokens(whole) == pytest.approx(exact, rel=0.05)
    began = time.perf_counter()
    text_tokens(whole * 20)
    text_tokens(" \t" * 1_000_000)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("hidden", ["word ", "1234 ", "();{} ", "今天天气很好", "word\n\t"])
def test_no_text_is_written_so_that_it_counts_as_nothing(hidden: str) -> None:
    text = list(hidden * (1_000_000 // len(hidden)))
    whole = text_tokens("".join(text))
    size = SAMPLED_CHARS // SAMPLES
    step = (len(text) - size) / (SAMPLES - 1)
    for at in (int(sample * step) for sample in range(SAMPLES)):
        text[at : at + size] = " " * size
    assert text_tokens("".join(text)) > whole / 4


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x7f", "\x0b", "\r"])
def test_control_characters_are_tokens(character: str) -> None:
    assert text_tokens(character * 100) == 100


def test_a_run_of_blanks_is_few_tokens_and_not_none() -> None:
    assert text_tokens("a b") == 2
    assert text_tokens("a\n    b") == 3
    assert text_tokens(" " * 64) == 4
    assert text_tokens(" \t" * 32) == 4
    assert text_tokens(" " * 1_000_000) >= 1_000_000 / 16


def conversation(*parts: Text | Media | ToolUse | ToolResult, **more: object) -> Conversation:
    whole = Conversation(messages=(Message(role="user", parts=parts),))
    return msgspec.structs.replace(whole, **more)


EMPTY = conversation_tokens(conversation())


def test_everything_that_the_model_reads_counts() -> None:
    text = "How many tokens are in this sentence?"
    n = text_tokens(text)
    assert conversation_tokens(conversation(Text(text=text))) == EMPTY + n
    result = ToolResult(call_id="c", parts=(Text(text=text),))
    assert conversation_tokens(conversation(result)) > EMPTY + n
    assert conversation_tokens(conversation(ToolUse(id="c", name="t", arguments='{"a": 1}'))) > EMPTY + 5
    schema = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}')
    tools = conversation(tools=(Tool(name="weather", description=text, parameters=schema),))
    assert conversation_tokens(tools) > EMPTY + n + text_tokens(bytes(schema).decode())
    assert conversation_tokens(conversation(output=OutputFormat(schema=schema))) > EMPTY + 10
    assert conversation_tokens(conversation(output=OutputFormat())) == EMPTY


def png(width: int, height: int) -> str:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _b64(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Media(kind="image", data=png(750, 100)), 100),
        (Media(kind="image", data=png(1, 1)), 1),
        (Media(kind="image", data=png(30_000, 30_000)), MAX_IMAGE),
        (Media(kind="image", data=png(3136, 784)), 820),
        (Media(kind="image", data="bm90IGFuIGltYWdl"), MAX_IMAGE),
        (Media(kind="image", url="https://a/b.png"), MAX_IMAGE),
        (Media(kind="image", data=png(750, 100), detail="low"), 85),
        (Media(kind="file", data="x" * 100_000, media_type="application/pdf"), 3334),
        (Media(kind="file", data="x" * 1000, media_type="text/plain"), 200),
        (Media(kind="file", file_id="f"), 1600),
        (Media(kind="audio", data="x" * 6500), 10),
        (Media(kind="video", url="https://a/b.mp4"), 1600),
    ],
)
def test_images_and_files_count_by_their_size(media: Media, expected: int) -> None:
    assert conversation_tokens(conversation(media)) == EMPTY + expected


SOF = b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GIF89a" + struct.pack("<HH", 640, 480), (640, 480)),
        (b"\xff\xd8\xff\xe0\x00\x10" + b"J" * 14 + SOF, (640, 480)),
        (b"\xff\xd8\xff\xff\xe1\x00\x04ab\xff\xc4\x00\x03a" + SOF, (640, 480)),
        (b"RIFF....WEBPVP8 " + b"." * 10 + struct.pack("<HH", 640, 480), (640, 480)),
        (b"RIFF....WEBPVP8L....\x2f" + struct.pack("<I", 639 | 479 << 14) + b"....." * 2, (640, 480)),
        (b"RIFF....WEBPVP8X........" + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"), (640, 480)),
        (b"RIFF....WEBPVP9 " + b"." * 20, None),
        (b"\xff\xd8\xff\xe0\x00\x10", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"", None),
    ],
)
def test_the_size_of_an_image(data: bytes, expected: tuple[int, int] | None) -> None:
    assert pixels(_b64(data)) == expected


@given(
    st.sampled_from([b"", b"\xff\xd8", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBPVP8L"]), st.binary(max_size=64)
)
def test_no_image_breaks_it(head: bytes, rest: bytes) -> None:
    found = pixels(_b64(head + rest))
    assert found is None or min(found) >= 0


@pytest.mark.parametrize("data", ["", "=", "abc", "é", "\ud800", "////"])
def test_what_is_no_base64_has_no_size(data: str) -> None:
    assert pixels(data) is None


def test_members_that_nobody_here_understands_count_by_their_texts() -> None:
    raw = msgspec.Raw(b'[{"a":"one two three","b":[1,null]}]')
    assert members_tokens({"messages": raw}) == members_tokens({}) + 1 + 1 + 3 + 1
    for data in ("x" * 100_000, "data:image/png;base64," + "x" * 100_000 + "=="):
        picture = msgspec.Raw(msgspec.json.encode({"data": data}))
        assert MAX_IMAGE <= members_tokens({"messages": picture}) <= MAX_IMAGE + 10


@pytest.mark.parametrize("said", [{"text": "x" * 100_000}, {"data": "long_word." * 10_000}, {"data": "今天" * 50_000}])
def test_no_prompt_passes_for_data(said: dict[str, str]) -> None:
    assert members_tokens({"messages": msgspec.Raw(msgspec.json.encode([said]))}) > 100_000 / 10


@given(st.sampled_from(["text", "data"]), st.text())
def test_members_count_for_their_texts_at_least(name: str, text: str) -> None:
    assert members_tokens({name: msgspec.Raw(msgspec.json.encode(text))}) >= text_tokens(text)


def test_lists_of_tokens_count_for_as_many_and_are_not_read_one_by_one() -> None:
    for size in (10, 3 * MAX_VALUES):
        tokens = msgspec.Raw(msgspec.json.encode([list(range(size))]))
        assert members_tokens({"input": tokens}) == members_tokens({}) + size
    many = msgspec.Raw(msgspec.json.encode([{"text": "one two three"}] * MAX_VALUES))
    assert members_tokens({"input": many}) >= 3 * MAX_VALUES


@pytest.mark.timed
def test_the_tokens_of_millions_of_values_are_counted_at_once() -> None:
    for unit in (b"1", b'""', b"{}", b'"\\""'):
        raw = msgspec.Raw(b"[" + b",".join([unit] * (4 << 20)) + b"]")
        with undisturbed():
            bound, began = 0.25 * slowness(), time.thread_time()
            members_tokens({"input": raw})
            assert time.thread_time() - began < bound
