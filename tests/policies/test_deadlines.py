"""policies.deadlines: the clocks, what bounds them before the head, and what a request may ask for."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.deadlines import CLOCKS, Deadlines, OwnClocks


def test_the_clocks_are_those_of_the_specification() -> None:
    clocks = Deadlines()
    assert (clocks.connect_s, clocks.headers_s, clocks.first_token_s) == (5, 60, 0)
    assert (clocks.idle_s, clocks.total_s) == (300, 0)


def test_limits_before_the_head_are_the_shortest_that_apply() -> None:
    clocks = Deadlines(connect_s=5, headers_s=60)
    forever = float("inf")
    assert clocks.before_head(forever) == (5, 60)
    assert clocks.before_head(2) == (2, 2)
    assert clocks.before_head(30) == (5, 30)
    off = Deadlines(connect_s=0, headers_s=0)
    assert off.before_head(forever) == (0, 0)
    assert off.before_head(2) == (2, 2)


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
    expected = msgspec.structs.replace(clocks, wished=frozenset([phase]), wishes=((name, wanted),))
    assert ROUTE.narrowed({name: wanted}) == expected


@pytest.mark.parametrize("wanted", [0, 1e9, -1, float("inf"), float("nan"), float("-inf")])
@pytest.mark.parametrize("name", CLOCKS)
def test_a_request_can_neither_lengthen_nor_stop_a_clock(name: str, wanted: float) -> None:
    assert msgspec.structs.replace(ROUTE.narrowed({name: wanted}), wishes=()) == ROUTE


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


# -- the clocks of one target -----------------------------------------------------------------------------------------

FIELDS = ("connect_s", "headers_s", "first_token_s", "idle_s")


@pytest.mark.parametrize("seconds", [0.0, 1.0, 1000.0])
@pytest.mark.parametrize("field", FIELDS)
def test_a_targets_own_clock_holds_in_place_of_its_routes(field: str, seconds: float) -> None:
    """Longer, shorter or off; and it is that clock only."""
    assert ROUTE.at(OwnClocks(**{field: seconds}), 3.0) == msgspec.structs.replace(ROUTE, **{field: seconds})


def test_a_target_that_says_nothing_has_the_routes() -> None:
    assert ROUTE.at(OwnClocks(), 3.0) == ROUTE


def test_an_attempts_own_time_runs_from_when_it_is_asked() -> None:
    found = ROUTE.at(OwnClocks(attempt_s=20), 100.0)
    assert (found.total_s, found.one_attempt) == (120.0, True)
    found = Deadlines().at(OwnClocks(attempt_s=20), 100.0)
    assert (found.total_s, found.one_attempt) == (120.0, True)


@pytest.mark.parametrize("attempt_s", [None, 0, 500, 1e6])
def test_no_attempt_goes_on_after_the_exchange(attempt_s: float | None) -> None:
    found = ROUTE.at(OwnClocks(attempt_s=attempt_s), 100.0)
    assert (found.total_s, found.one_attempt) == (600, False)


@pytest.mark.parametrize(
    ("own", "wish", "expected", "is_wished"),
    [
        (90, 2, 2, True),
        (90, 30, 30, True),
        (90, 100, 90, False),
        (1, 2, 1, False),
        (0, 30, 30, True),
        (None, 2, 2, True),
    ],
)
@pytest.mark.parametrize("field", FIELDS)
def test_a_wish_shortens_a_targets_own_clock_and_never_lengthens_it(
    field: str, own: float | None, wish: float, expected: float, *, is_wished: bool
) -> None:
    """Even one that is longer than the route's, which the target does not have; and what ran out is the target's fault
    if that was its own."""
    name = next(key for key, value in CLOCKS.items() if value == field)
    route = msgspec.structs.replace(ROUTE, **{field: 10.0})
    found = route.narrowed({name: wish}).at(OwnClocks(**{field: own}), 3.0)
    assert getattr(found, field) == expected
    assert (field.removesuffix("_s") in found.wished) == is_wished


def test_a_wish_for_one_clock_says_nothing_of_another() -> None:
    found = ROUTE.narrowed({"idle": 1}).at(OwnClocks(connect_s=9, headers_s=90), 0.0)
    assert (found.connect_s, found.headers_s, found.idle_s) == (9, 90, 1)


def test_a_wish_for_the_total_is_for_the_whole_exchange() -> None:
    wished = ROUTE.narrowed({"total": 50})
    early, late = wished.at(OwnClocks(attempt_s=20), 10.0), wished.at(OwnClocks(attempt_s=20), 40.0)
    assert (early.total_s, early.one_attempt, early.wished) == (30.0, True, frozenset())
    assert (late.total_s, late.one_attempt, late.wished) == (50, False, frozenset(["total"]))


@given(
    st.fixed_dictionaries({field: st.floats(0, 1e6) for field in CLOCKS.values()}),
    st.fixed_dictionaries({field: st.none() | st.floats(0, 1e6) for field in (*FIELDS, "attempt_s")}),
    st.dictionaries(st.sampled_from([*CLOCKS, "x"]), st.floats()),
    st.floats(0, 1e6),
)
def test_no_wish_ever_goes_beyond_the_target(
    route: dict[str, float], own: dict[str, float | None], wanted: dict[str, float], elapsed_s: float
) -> None:
    before = Deadlines(**route).at(OwnClocks(**own), elapsed_s)
    after = Deadlines(**route).narrowed(wanted).at(OwnClocks(**own), elapsed_s)
    for field in CLOCKS.values():
        given_s, left_s = getattr(before, field), getattr(after, field)
        assert left_s == given_s or field.removesuffix("_s") in after.wished
        if given_s:
            assert 0 < left_s <= given_s
