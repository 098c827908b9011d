"""Durations and sizes: every legal text has one value, everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.config.units import MAX_DURATION_S, duration, duration_text, in_words, size, size_text

PARTS = st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(["h", "m", "s", "ms"])), min_size=1, max_size=4)
MILLIS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


@given(PARTS)
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    expected = sum(number * MILLIS[unit] for number, unit in parts) / 1000
    assert duration("".join(f"{number}{unit}" for number, unit in parts)) == expected


@given(st.integers(0, 99_999_999))
def test_a_duration_written_in_all_units_comes_back(millis: int) -> None:
    hours, rest = divmod(millis, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, rest = divmod(rest, 1000)
    if hours <= 8784:
        assert duration(f"{hours}h{minutes}m{seconds}s{rest}ms") * 1000 == pytest.approx(millis)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-1s", "1.5s", "1 s", "1d", "123456s", "1h2m3s4ms5s", "1s\n", 5, None, True]
)
def test_what_is_not_a_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        duration(text)


def test_a_duration_beyond_a_year_is_refused() -> None:
    assert duration("8784h") == MAX_DURATION_S
    with pytest.raises(ValueError, match="a year at most"):
        duration("8784h1ms")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16777216", 16777216),
        (5, 5),
        ("256Ki", 262144),
        ("1Mi", 1 << 20),
        ("2Gi", 2 << 30),
        ("1k", 1000),
        ("3M", 3 * 10**6),
        ("1G", 10**9),
    ],
)
def test_sizes(text: object, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "Mi", "1.5Mi", "-1", -1, "1 Mi", "1mi", "1KiB", True, None, 1.5])
def test_what_is_not_a_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="number of bytes"):
        size(text)


# -- and back ---------------------------------------------------------------------------------------------------------


@given(st.integers(0, round(MAX_DURATION_S * 1000)))
def test_a_duration_that_is_written_out_reads_the_same(millis: int) -> None:
    assert duration(duration_text(millis / 1000)) * 1000 == pytest.approx(millis)


@given(st.integers(0, 1 << 45))
def test_a_size_that_is_written_out_reads_the_same(count: int) -> None:
    assert size(size_text(count)) == count


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0s"), (0.25, "250ms"), (90, "1m30s"), (3600, "1h"), (5400.5, "1h30m500ms")]
)
def test_durations_as_people_write_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (1000, "1000"), (1024, "1Ki"), (256 << 10, "256Ki"), (16 << 20, "16Mi"), (3 << 30, "3Gi")],
)
def test_sizes_as_people_write_them(count: int, text: str) -> None:
    assert size_text(count) == text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("backoff_s", 0.025, "25ms"),
        ("max_event_bytes", 1 << 20, "1Mi"),
        ("drain_tokens", 4096, "4096"),
        ("codes", frozenset([503, 429]), "429 503"),
        ("condition", "true", "true"),
    ],
)
def test_the_name_of_a_field_tells_its_unit(field: str, value: object, text: str) -> None:
    assert in_words(field, value) == text
