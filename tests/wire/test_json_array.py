"""wire/json_array.py: elements as they become whole, in any cutting."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import FrameTooLarge
from sluice.testing.cuts import every_single_cut, every_size, every_way, one_byte_at_a_time
from sluice.wire import json_array
from sluice.wire.json_array import JsonArrayDecoder
from sluice.wire.sse import Frame

GOOGLES = b'[{\n  "text": "a [ { \\" } ]",\n  "n": {"b": [1, {}]}\n}\n,\r\n{\n  "text": "\\\\"\n}\n]\n'
"""Pretty-printed, with a comma on a line of its own; strings that hold brackets, quotes and backslashes."""


def read(pieces: list[bytes], limit: int = 1 << 20) -> tuple[list[Frame], JsonArrayDecoder]:
    decoder = JsonArrayDecoder(limit)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return frames + decoder.finish(), decoder


def elements(pieces: list[bytes]) -> list[object]:
    return [json.loads(frame.data) for frame in read(pieces)[0] if frame.data is not None]


def test_the_elements_of_an_array_as_google_prints_it() -> None:
    assert elements([GOOGLES]) == [{"text": 'a [ { " } ]', "n": {"b": [1, {}]}}, {"text": "\\"}]


def test_no_cut_changes_the_frames_or_loses_a_byte() -> None:
    whole = read([GOOGLES])[0]
    assert b"".join(frame.raw for frame in whole) == GOOGLES
    for cut in [*every_single_cut(GOOGLES), one_byte_at_a_time(GOOGLES), *every_size(GOOGLES)]:
        frames, decoder = read(cut)
        assert frames == whole
        assert decoder.fault is None


def test_every_way_to_cut_a_string_with_escapes() -> None:
    body = b'[{"a":"\\"\\\\}"}]'
    for pieces in every_way(body[:13]):
        assert elements([*pieces, body[13:]]) == [{"a": '"\\}'}]


def test_an_element_is_a_frame_with_its_last_byte() -> None:
    decoder = JsonArrayDecoder()
    assert decoder.feed(b'[{"a": 1') == []
    assert decoder.feed(b"}") == [Frame(b'[{"a": 1}', b'{"a": 1}')]
    assert decoder.feed(b"\n,") == []
    assert decoder.feed(b"[2]]") == [Frame(b"\n,[2]", b"[2]"), Frame(b"]", None)]


@pytest.mark.parametrize(("body", "raws"), [(b"[]", [b"[]"]), (b" [ ]\n\n", [b" [ ]", b"\n\n"]), (b"", []), (b" ", [])])
def test_arrays_without_elements(body: bytes, raws: list[bytes]) -> None:
    frames, decoder = read([body])
    assert [(frame.raw, frame.data) for frame in frames] == [(raw, None) for raw in raws]
    assert decoder.fault is None


def test_what_follows_the_array_is_one_frame_without_data() -> None:
    assert read([b"[]", b" x", b"{}"])[0] == [Frame(b"[]", None), Frame(b" x{}", None)]


def test_an_unfinished_element_is_dropped() -> None:
    frames, decoder = read([b'[{"a":1},{"b":'])
    assert [frame.data for frame in frames] == [b'{"a":1}']
    assert decoder.fault is None


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"error":1}', b"[1]", b'["a"]', b"[,{}]", b"[{},]", b"[{}{}]", b"[{};", b"]"]
)
def test_what_is_no_array_of_objects_is_a_fault_and_nothing_follows(body: bytes) -> None:
    decoder = JsonArrayDecoder()
    frames = decoder.feed(body)
    assert decoder.fault is not None
    assert [frame.data for frame in frames if frame.data is not None] in ([], [b"{}"])
    assert decoder.feed(b"[{}]") == [] == decoder.finish()


def test_the_elements_before_a_fault_are_kept() -> None:
    frames, decoder = read([b'[{"a":1} ?'])
    assert [frame.data for frame in frames] == [b'{"a":1}']
    assert decoder.fault is not None


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_an_element_is_bounded_however_it_comes(cut: int) -> None:
    body = b'[{"a":1},{"b":"' + b"x" * 40 + b'"}]'
    decoder = JsonArrayDecoder(30)
    frames = [frame for at in range(0, len(body), cut) for frame in decoder.feed(body[at : at + cut])]
    assert [frame.data for frame in frames] == [b'{"a":1}']
    assert isinstance(decoder.fault, FrameTooLarge)


def test_the_limit_itself_is_allowed() -> None:
    assert read([b"[{}", b",[]]"], 3)[1].fault is None
    assert read([b"[{ }"], 3)[1].fault is not None


def test_white_space_is_bounded_too() -> None:
    assert isinstance(read([b"[" + b" " * 50], 30)[1].fault, FrameTooLarge)
    assert isinstance(read([b"[]" + b" " * 50], 30)[1].fault, FrameTooLarge)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), json_values, max_size=4)


@given(st.lists(objects, max_size=5), st.sampled_from([None, 2]), st.booleans(), st.lists(st.integers(0, 400)))
def test_any_array_in_any_cutting(values: list[object], indent: int | None, ascii_only: bool, at: list[int]) -> None:
    body = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    offsets = [0, *sorted(min(offset, len(body)) for offset in at), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(offsets)]
    frames, decoder = read(pieces)
    assert decoder.fault is None
    assert [json.loads(frame.data) for frame in frames if frame.data is not None] == values
    assert b"".join(frame.raw for frame in frames) == body


@given(st.lists(st.binary(max_size=20)))
def test_garbage_gives_frames_or_a_fault(pieces: list[bytes]) -> None:
    frames, decoder = read(pieces, 64)
    assert b"".join(pieces).startswith(b"".join(frame.raw for frame in frames))
    assert decoder.fault is None or decoder.feed(b"[{}]") == []


@pytest.mark.parametrize("values", [[{"a": 1}], [{"a": 1}, {"b": "]"}, {}]])
def test_what_is_written_is_read(values: list[object]) -> None:
    written = [json_array.encode(json.dumps(value).encode(), first=at == 0) for at, value in enumerate(values)]
    body = b"".join(written) + json_array.CLOSE
    assert json.loads(body) == values == elements([body])
