"""policies.expression: the functions that it knows, what it may look at, and when the library is imported."""

import subprocess
import sys

import pytest
from cel.stdlib import STDLIB_FUNCTIONS

from sluice.policies.expression import Expression

EMPTY: dict[str, object] = {"response": {"code": 200, "headers": {}}, "other": {}}


def holds(text: str, **values: object) -> bool:
    expression = Expression(text, empty=EMPTY)
    return expression.holds(expression.context(values.items()))


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("response.code >= 500 || response.code == 429", {"code"}),
        ("response\n. code == 1 && [200].exists(c, c == response.code)", {"code"}),
        ("other.headers == 1 || response.code == 1", {"code"}),
        ("true", set()),
        ("response.headers == {} || response.code == 1", {"code", "headers"}),
        ('response["code"] == 1', None),
        ("size(response) == 2", None),
        ("response == other", None),
        ('r"\\" == "" || response.headers == {} || "" == ""', {"headers"}),  # no quote ends where others think so
        ('"response" == "x" || response.code == 1', None),  # in doubt
    ],
)
def test_it_says_which_members_it_looks_at_and_in_doubt_all(text: str, members: set[str] | None) -> None:
    assert Expression(text, empty=EMPTY).members.get("response", set()) == members


def test_a_member_is_checked_only_where_the_variable_has_known_ones() -> None:
    with pytest.raises(ValueError, match="`response` has no `other`; it has code, headers"):
        Expression("response.other == 1", empty=EMPTY)
    assert holds("other.response.other == 1", other={"response": {"other": 1}})
    assert holds("'response.other' != \"response.other2\"")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("other.x ==", r"not a CEL expression: mismatched input '<EOF>' \(character 11\)"),
        ("f(other.x)", "not a CEL expression: there is no function `f`"),
        ("another == 1", "there is no `another`; an expression knows response, other"),
        ("other.team == guests", "there is no `guests`; an expression knows response, other"),
        ("other.team in banned.teams", "there is no `banned`; an expression knows response, other"),
        ('other.x || default(other.y, guests) == ""', "there is no `guests`; an expression knows response, other"),
        ("other.l.exists(x, x == guests)", "there is no `guests`; an expression knows response, other"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Expression(text, empty=EMPTY)


@pytest.mark.parametrize("text", ["other.x == 1", "1 / other.zero == 1", "other.zero == 'a' + 1", "[][other.zero]"])
def test_what_fails_does_not_hold_and_neither_does_its_contrary(text: str) -> None:
    assert not holds(text, other={"zero": 0})
    assert not holds(f"!({text})", other={"zero": 0})


def test_only_true_is_true() -> None:
    assert holds("other.x", other={"x": True})
    assert not any(holds("other.x", other={"x": value}) for value in (1, "true", [True], None, False))


def test_functions_of_the_library_that_brings_them_along_work() -> None:
    assert {"lowerAscii", "split", "min"} <= set(STDLIB_FUNCTIONS)
    assert holds('"a,b".split(",")[1].upperAscii() == "B" && min([1, 2]) == 1')


@pytest.mark.parametrize(
    "call",
    [
        'timestamp("2026-01-02T03:04:05Z").getFullYear() == 2026',
        'timestamp("2026-01-02T03:04:05Z").getMonth() == 0',
        'timestamp("2026-01-02T03:04:05Z").getDate() == 2',
        'timestamp("2026-01-02T03:04:05Z").getDayOfMonth() == 1',
        'timestamp("2026-01-02T03:04:05Z").getDayOfWeek() == 5',
        'timestamp("2026-01-02T03:04:05Z").getDayOfYear() == 1',
        'timestamp("2026-01-02T03:04:05Z").getHours() == 3',
        'timestamp("2026-01-02T03:04:05Z").getMinutes() == 4',
        'timestamp("2026-01-02T03:04:05Z").getSeconds() == 5',
        'timestamp("2026-01-02T03:04:05.500Z").getMilliseconds() == 500',
        'int("1") == 1 && uint("1") == 1u && double("1") == 1.0 && string(1) == "1" && bytes("a") == b"a"',
        "type(1) == int && dyn(1) == 1",
        "[1, 2].all(x, x > 0) && [1].exists(x, x == 1) && [1].exists_one(x, x == 1)",
        "[1, 2].map(x, x + 1) == [2, 3] && [1, 2].filter(x, x > 1) == [2]",
    ],
)
def test_every_function_that_is_native_works(call: str) -> None:
    assert holds(call)


def test_the_library_is_imported_with_the_first_condition_and_not_before() -> None:
    script = (
        "import sys; from sluice.policies.condition import ResponseCondition; assert 'cel' not in sys.modules;"
        " ResponseCondition('response.code == 500'); assert 'cel' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=30).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        'timestamp("9999-12-31T23:59:59Z") + duration("9000000h") == timestamp(other.x)',
        'timestamp("0001-01-01T00:00:00Z") - duration("9000000h") == timestamp(other.x)',
    ],
)
def test_the_librarys_own_end_is_a_failure_and_no_more(text: str) -> None:
    assert not holds(text, other={"x": "2026-01-01T00:00:00Z"})
    assert holds(f"default({text}, true)", other={"x": "2026-01-01T00:00:00Z"})


def test_a_macro_may_not_bind_the_name_of_a_variable_where_default_would_mistake_it() -> None:
    with pytest.raises(ValueError, match="`other` is a variable: call what a macro binds by another name"):
        Expression("[1].exists(other, default(other.x, 1) == 1)", empty=EMPTY)
    assert holds("[1].exists(other, other == 1)")


@pytest.mark.parametrize(
    "name", ["int", "uint", "double", "string", "bytes", "bool", "list", "map", "null_type", "type"]
)
def test_the_name_of_a_type_is_known(name: str) -> None:
    Expression(f"type(other.x) == {name}", empty=EMPTY)
