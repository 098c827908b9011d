"""policies.rest: how long each kind of header asks for, which comes first, and what is not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.rest import MAX_S, rest_s

WALL = 1_795_248_000.0
"""2026-11-21T08:00:00Z, a Saturday."""


def asked(*fields: tuple[str, str], status: int = 429) -> float | None:
    return rest_s(status, [(name.encode(), value.encode("utf-8")) for name, value in fields], WALL)


@pytest.mark.parametrize("status", [408, 429, 503, 529])
def test_statuses_that_ask_for_patience_are_listened_to(status: int) -> None:
    assert asked(("retry-after", "7"), status=status) == 7


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 500, 502, 504])
def test_other_statuses_are_not(status: int) -> None:
    assert asked(("retry-after", "7"), status=status) is None


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        (("retry-after", "60"), 60),
        (("retry-after", "0"), 0),
        (("retry-after", "1.5"), 1.5),
        (("retry-after", " 2\t"), 2),
        (("retry-after", "2592000"), MAX_S),
        (("retry-after", "Sat, 21 Nov 2026 08:01:30 GMT"), 90),
        (("retry-after", "Sat, 21 Nov 2026 07:59:59 GMT"), 0),  # has passed
        (("retry-after", "Sat, 21 Nov 2026 08:00:60 GMT"), 59),  # a leap second
        (("retry-after", "Saturday, 21-Nov-26 08:00:10 GMT"), 10),
        (("retry-after", "Sunday, 06-Nov-94 08:49:37 GMT"), 0),  # 1994, not 2094
        (("retry-after", "Sunday, 21-Nov-77 08:00:00 GMT"), 0),  # 51 years ahead would be too far
        (("retry-after", "Sat Nov 21 08:00:05 2026"), 5),
        (("retry-after", "Tue Dec  1 08:00:00 2026"), 10 * 86400),
        (("retry-after-ms", "1500"), 1.5),
        (("retry-after-ms", "20.5"), 0.0205),
        (("retry-after-ms", "2592000000"), MAX_S),
        (("x-ratelimit-reset", "30"), 30),
        (("x-ratelimit-reset", "2591999"), 2591999),
        (("x-ratelimit-reset", "1795248042"), 42),  # a point in time
        (("x-ratelimit-reset", "1795247000"), 0),
        (("x-ratelimit-reset-requests", "1m"), 60),
        (("x-ratelimit-reset-requests", "2m30s"), 150),
        (("x-ratelimit-reset-requests", "2m59.56s"), 179.56),
        (("x-ratelimit-reset-tokens", "6ms"), 0.006),
        (("x-ratelimit-reset-tokens", "250us"), 0.00025),
        (("x-ratelimit-reset-tokens", "12"), 12),
        (("x-ratelimit-reset-requests-day", "1d1h"), 90000),
        (("x-ratelimit-reset-tokens-minute", "7.5"), 7.5),
        (("x-ratelimit-reset-tokens-minute", "30d"), MAX_S),
    ],
)
def test_each_form_is_read(field: tuple[str, str], seconds: float) -> None:
    assert asked(field) == pytest.approx(seconds, abs=1e-9)


ORDER = [
    ("retry-after", "50"),
    ("retry-after-ms", "40000"),
    ("x-ratelimit-reset", "30"),
    ("x-ratelimit-reset-tokens", "20s"),
    ("some-ratelimit-tokens-reset", "2026-11-21T08:00:10Z"),
    ("some-ratelimit-tokens-remaining", "0"),
]


@pytest.mark.parametrize(("start", "seconds"), [(0, 50), (1, 40), (2, 30), (3, 20), (4, 10)])
def test_the_first_kind_decides_not_the_soonest_and_not_the_first_in_the_head(start: int, seconds: float) -> None:
    assert asked(*reversed(ORDER[start:])) == seconds


@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_a_kind_that_cannot_be_read_leaves_it_to_the_next(start: int) -> None:
    spoiled = [(name, "soon") for name, _ in ORDER[: start + 1]]
    assert asked(*spoiled, *ORDER[start + 1 :]) == [40, 30, 20, 10][start]


def test_of_several_limits_the_soonest_reset_counts() -> None:
    assert asked(("x-ratelimit-reset-requests", "8.64s"), ("x-ratelimit-reset-tokens", "1m")) == 8.64
    assert asked(("x-ratelimit-reset-requests", "1h"), ("x-ratelimit-reset-tokens-minute", "9")) == 9
    assert asked(("x-ratelimit-reset-requests", "never"), ("x-ratelimit-reset-requests-day", "9")) == 9


def limit(what: str, remaining: str, reset: str) -> list[tuple[str, str]]:
    return [
        (f"anthropic-ratelimit-{what}-limit", "1000"),
        (f"anthropic-ratelimit-{what}-remaining", remaining),
        (f"anthropic-ratelimit-{what}-reset", reset),
    ]


def test_of_a_providers_own_limits_the_soonest_of_those_used_up_counts() -> None:
    requests = limit("requests", "12", "2026-11-21T08:00:01Z")
    inputs = limit("input-tokens", "0", "2026-11-21T08:00:45Z")
    outputs = limit("output-tokens", "0", "2026-11-21T09:00:30+01:00")
    assert asked(*requests) is None
    assert asked(*requests, *inputs) == 45
    assert asked(*requests, *inputs, *outputs) == 30
    assert asked(*limit("tokens", "0", "2026-11-21t08:00:00.25z")) == 0.25
    assert asked(*limit("tokens", "0", "2026-11-21T07:00:00Z")) == 0
    assert asked(*limit("tokens", "0", "0001-01-01T00:00:00+23:59")) == 0
    assert asked(*limit("tokens", "0", "9999-12-31T23:59:59-23:59")) is None


@pytest.mark.parametrize(
    "fields",
    [
        [("some-ratelimit-tokens-reset", "2026-11-21T08:00:10Z")],  # nothing says that it is used up
        limit("tokens", "", "2026-11-21T08:00:10Z"),
        limit("tokens", "none", "2026-11-21T08:00:10Z"),
        limit("tokens", "-1", "2026-11-21T08:00:10Z"),
        limit("tokens", "0", "2026-11-21T08:00:10"),  # of which zone?
        limit("tokens", "0", "2026-13-41T08:00:10Z"),
        limit("tokens", "0", "2027-11-21T08:00:10Z"),
        limit("tokens", "0", "10"),
        [("x-ratelimit-tokens-reset", "2026-11-21T08:00:10Z"), ("x-ratelimit-tokens-remaining", "0")],
    ],
)
def test_a_limit_that_is_not_surely_used_up_or_not_surely_dated_says_nothing(fields: list[tuple[str, str]]) -> None:
    assert asked(*fields) is None


HOSTILE = [
    *("", "-1", "+1", "nan", "inf", "-inf", "1e3", "0x10", "1_000", "1 000", "1,5", ".5", "5.", "٣", "²", "\x00"),
    *("9" * 13, "9" * 1000, "0" * 1000, "1;2", "1s1", "s", "1y", "-1s", "1s " * 30, "ten", "1d" * 31),
    *("Sat, 21 Nov 2036 08:00:00 GMT", "Sat, 31 Feb 2026 08:00:00 GMT", "Sat, 21 Nov 2026 25:00:00 GMT"),
    *("Sat, 21 Nov 0000 08:00:00 GMT", "Sat, 21 Nov 2026 08:00:10 PST", "Sat, 21 Nov 2026"),
]
NAMES = [
    *("retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"),
    *("x-ratelimit-reset-requests-day", "x-ratelimit-reset-tokens-minute"),
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", NAMES)
def test_hostile_values_are_not_there(name: str, value: str) -> None:
    assert asked((name, value)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retry-after", "2592001"),
        ("retry-after", "Mon, 21 Dec 2026 08:00:01 GMT"),
        ("retry-after", "Saturday, 21-Nov-76 08:00:00 GMT"),
        ("retry-after-ms", "2592000001"),
        ("x-ratelimit-reset", "1797840001"),
        ("x-ratelimit-reset-tokens", "720h1s"),
    ],
)
def test_nothing_beyond_thirty_days_is_believed(name: str, value: str) -> None:
    assert asked((name, value)) is None


def test_of_a_name_that_stands_there_twice_the_first_counts() -> None:
    assert asked(("retry-after", "3"), ("retry-after", "9")) == 3


def test_no_header_is_no_wish() -> None:
    assert asked() is None
    assert asked(("content-type", "text/html"), ("x-ratelimit-limit-requests", "3")) is None


_TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=80),
    st.from_regex(r"[0-9]{1,16}(\.[0-9]+)?(d|h|m|s|ms)?", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", fullmatch=True),
    st.from_regex(r"[A-Z][a-z]{2}, [0-9]{2} (Jan|Feb|Nov) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", fullmatch=True),
)
_NAMES = st.sampled_from([*NAMES, "a-ratelimit-b-reset", "a-ratelimit-b-remaining", "-ratelimit--reset"])


@given(st.lists(st.tuples(_NAMES, _TEXTS), max_size=6), st.floats(0, 4e9))
def test_whatever_is_said_the_rest_is_none_or_between_now_and_thirty_days(
    fields: list[tuple[str, str]], wall: float
) -> None:
    headers = [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in fields]
    wait = rest_s(429, headers, wall)
    assert wait is None or 0 <= wait <= MAX_S
