"""policies.deadlines: the clocks, what bounds them before the head, and what a request may ask for."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.deadlines import CLOCKS, Deadlines


def test_the_clocks_are_those_of_the_specification() -> None:
    clocks = Deadlines()
    assert (clocks.connect_s, clocks.headers_s, clocks.first_token_s) == (5, 60, 0)
    assert (clocks.idle_s, clocks.total_s) == (300, 0)


def test_limits_before_the_head_are_the_shortest_that_apply() -> None:
    clocks = Deadlines(connect_s=5, headers_s=60)
    forever = float("inf")
    assert clocks.before_head(None, None, forever) == (5, 60)
    assert clocks.before_head(1, 0, forever) == (1, 0)
    assert clocks.before_head(None, None, 2) == (2, 2)
    assert clocks.before_head(0, 0, 2) == (2, 2)
    assert clocks.before_head(1, None, 30) == (1, 30)


ROUTE = Deadlines(connect_s=5, headers_s=60, first_token_s=10, idle_s=300, total_s=600)


@pytest.mark.parametrize(
    ("name", "wanted", "clocks"),
    [
        ("connect", 1, Deadlines(connect_s=1, headers_s=60, first_token_s=10, idle_s=300, total_s=600)),
        ("response-headers", 2.5, Deadlines(connect_s=5, headers_s=2.5, first_token_s=10, idle_s=300, total_s=600)),
        ("first-token", 3, Deadlines(connect_s=5, headers_s=60, first_token_s=3, idle_s=300, total_s=600)),
        ("idle", 4, Deadlines(connect_s=5, headers_s=60, first_token_s=10, idle_s=4, total_s=600)),
        ("total", 0.001, Deadlines(connect_s=5, headers_s=60, first_token_s=10, idle_s=300, total_s=0.001)),
    ],
)
def test_a_request_may_shorten_each_clock(name: str, wanted: float, clocks: Deadlines) -> None:
    phase = CLOCKS[name].removesuffix("_s")
    assert ROUTE.narrowed({name: wanted}) == msgspec.structs.replace(clocks, wished=frozenset([phase]))


def test_what_a_request_asked_for_bounds_a_targets_own_values_too() -> None:
    wished = ROUTE.narrowed({"connect": 1, "response-headers": 2})
    assert wished.before_head(9, 90, float("inf")) == (1, 2)
    assert wished.before_head(0.5, 0, float("inf")) == (0.5, 2)
    assert wished.before_head(None, None, float("inf")) == (1, 2)
    other = ROUTE.narrowed({"idle": 1})
    assert other.before_head(9, 90, float("inf")) == (9, 90), "a wish for one clock says nothing of another"


@pytest.mark.parametrize("wanted", [0, 1e9, -1, float("inf"), float("nan"), float("-inf")])
@pytest.mark.parametrize("name", CLOCKS)
def test_a_request_can_neither_lengthen_nor_stop_a_clock(name: str, wanted: float) -> None:
    assert ROUTE.narrowed({name: wanted}) is ROUTE


@pytest.mark.parametrize(("wanted", "total"), [(0, 0), (7, 7), (1e9, 1e9), (-1, 0), (float("inf"), 0)])
def test_a_clock_that_is_off_takes_any_time(wanted: float, total: float) -> None:
    assert Deadlines().narrowed({"total": wanted}).total_s == total


def test_a_name_that_is_no_clock_changes_nothing() -> None:
    assert ROUTE.narrowed({"total_s": 1, "headers": 1, "": 1}) is ROUTE
    assert ROUTE.narrowed({}) is ROUTE


@given(
    st.fixed_dictionaries({field: st.floats(0, 1e6) for field in CLOCKS.values()}),
    st.dictionaries(st.sampled_from([*CLOCKS, "x"]), st.floats()),
)
def test_no_wish_ever_goes_beyond_the_route(route: dict[str, float], wanted: dict[str, float]) -> None:
    clocks = Deadlines(**route)
    narrowed = clocks.narrowed(wanted)
    for name, field in CLOCKS.items():
        before, after = getattr(clocks, field), getattr(narrowed, field)
        assert after == before or after == wanted[name] > 0
        if before:
            assert 0 < after <= before
    assert narrowed.narrowed(wanted) == narrowed
