"""What an expression comes to, as JSON: every type of CEL's, and maps that become several names."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from sluice.policies.json_value import MAX_DEPTH, NOT_JSON, json_value, spread


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        ("text", "text"),
        (b"text", "text"),
        (b"\xff\x00", "/wA="),
        (datetime(2026, 11, 21, 10, tzinfo=UTC), "2026-11-21T10:00:00Z"),
        (timedelta(seconds=90.5), "90.5s"),
        (timedelta(seconds=1234567, microseconds=1), "1234567.000001s"),
        (timedelta(hours=100000), "360000000s"),
        (timedelta(0), "0s"),
        ({True: 1, 2: "b"}, {"true": 1, "2": "b"}),
        ((1, [2, {"a": b"b"}]), [1, [2, {"a": "b"}]]),
        ({1: math.inf, "a": object()}, {"1": None, "a": None}),
    ],
)
def test_every_type_has_its_form(value: object, expected: object) -> None:
    found = json_value(value)
    assert found == expected
    assert json.loads(json.dumps(found)) == expected


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, object()])
def test_what_json_cannot_say_has_no_value(value: object) -> None:
    assert json_value(value) is NOT_JSON


def test_maps_of_the_same_members_look_the_same() -> None:
    found = [json.dumps(json_value([dict(pairs)])) for pairs in ([("b", 1), ("a", 2)], [("a", 2), ("b", 1)])]
    assert found == ['[{"a": 2, "b": 1}]'] * 2


def test_what_is_too_deep_is_null_and_nothing_overflows() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    found, depth = json_value(deep), 0
    while isinstance(found, list):
        found, depth = found[0], depth + 1
    assert (found, depth) == (None, MAX_DEPTH)


MAP = {"a": 1, "b": {"c": [2, {"d": None}]}, "none": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", {"n": MAP}),
        ("flatten(x)", {"n.a": 1, "n.b": MAP["b"]}),
        (" flatten ( x ) ", {"n.a": 1, "n.b": MAP["b"]}),
        ('flatten(f(")"))', {"n.a": 1, "n.b": MAP["b"]}),
        ("flattenRecursive(x)", {"n.a": 1, "n.b.c.0": 2}),
        ("flatten(x).a", {"n": MAP}),
        ("flatten(x) + flatten(y)", {"n": MAP}),
        ("flattened(x)", {"n": MAP}),
        ('"flatten(x)"', {"n": MAP}),
        ("flatten(", {"n": MAP}),
    ],
)
def test_only_a_call_that_is_the_whole_expression_spreads_its_map(text: str, expected: object) -> None:
    assert dict(spread(text)("n", MAP)) == expected


def test_a_list_is_numbered_and_what_has_no_members_keeps_its_name() -> None:
    assert dict(spread("flatten(x)")("n", ["a", "b"])) == {"n.0": "a", "n.1": "b"}
    assert dict(spread("flatten(x)")("n", "text")) == {"n": "text"}
