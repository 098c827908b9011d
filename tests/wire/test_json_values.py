"""wire/json_values.py: how many values a JSON text holds, whatever stands in its strings and wherever it is cut."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.wire import json_values
from sluice.wire.json_values import at_most_values, count_values
from tests.support.measuring import undisturbed

MANY = 1 << 40
texts = st.text(st.sampled_from('"\\,{}[]:a é\n'), max_size=6)
leaves = st.none() | st.booleans() | st.integers() | texts
trees = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=30)


def held(value: object) -> int:
    """What is to be counted: elements and members; what is empty counts for one."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else max(1, len(inner)) + sum(map(held, inner))


@given(trees, st.booleans(), st.sampled_from([None, 2]), st.integers(1, 20))
@example(['"'], True, None, 3)
@example({"\\": "\\\\", '\\"': [1, 2]}, True, None, 2)
def test_values_are_counted_and_strings_are_not_looked_into(
    value: object, ascii_only: bool, indent: int | None, size: int
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "_SLICE_BYTES", size)
        assert count_values(text, MANY) == held(value)
    assert count_values(text, MANY) == held(value)
    assert at_most_values(text, held(value) - 1) is False or held(value) == 0


def test_a_look_tells_of_most_texts_that_they_hold_few() -> None:
    assert at_most_values(b'{"a":"' + b"x" * 9999 + b'"}', 5)
    assert not at_most_values(b"[" + b"1," * 9999 + b"1]", 9999)
    assert not at_most_values(b'{"a":"' + b"," * 9999 + b'"}', 5)  # it looks alike: it has to be counted
    assert count_values(b'{"a":"' + b"," * 9999 + b'"}', 5) == 1


def test_counting_ends_where_it_is_enough() -> None:
    text = b"[" + b",".join([b"{}"] * 1_000_000) + b"]"
    assert 1000 < count_values(text, 1000) < 300_000
    assert count_values(text, MANY) == 2_000_000


@pytest.mark.timed
@pytest.mark.parametrize("piece", [b'"",', b'{"{":1},', b'"\\"",', b"1,", b'"{",', b'{"a":"b, c"},'])
def test_a_hostile_megabyte_is_counted_in_milliseconds(piece: bytes) -> None:
    text = b"[" + piece * ((1 << 20) // len(piece)) + b"1]"
    with undisturbed():
        began = time.thread_time()
        count_values(text, MANY)
        assert time.thread_time() - began < 0.1
