"""policies.cel_functions: each function does what its name says, and one that fails says nothing in a log."""

import logging

import pytest

from sluice.policies.cel_functions import OWN
from sluice.policies.scene import Scene
from sluice.policies.value import Value


def value(text: str) -> object:
    return Value(text).value(Scene())


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('json("{\\"a\\": [1]}").a[0]', 1),
        ('json(b"true")', True),
        ('toJson({"a": [1, "x", null]})', '{"a":[1,"x",null]}'),
        ('"openai/gpt-5".stripPrefix("openai/")', "gpt-5"),
        ('"gpt-5".stripPrefix("openai/")', "gpt-5"),
        ('"a.json".stripSuffix(".json")', "a"),
        ('{"a": 2, "k": "v"}.merge({"a": 3})', {"a": 3, "k": "v"}),
        ('flatten({"a": {"b": 1}})', {"a": {"b": 1}}),
        ('flatten([["a", ["b"]], "c"])', ["a", ["b"], "c"]),
        ('[["a", ["b"]], "c"].flatten(2)', ["a", "b", "c"]),
        ('flattenRecursive({"a": {"b": [1, {"c": "d"}]}, "e": null})', {"a.b.0": 1, "a.b.1.c": "d", "e": None}),
        ('flattenRecursive(["x", ["y"]])', {"0": "x", "1.0": "y"}),
        ('sha256.encode("x")', "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ('base64.encode("hello")', "aGVsbG8="),
        ('string(base64.decode("aGVsbG8="))', "hello"),
        ('ip("2001:db8:0::1")', "2001:db8::1"),
        ('isIP("10.0.0.1") && !isIP("10.0.0.1/8")', True),
        ('cidr("10.0.0.0/8").containsIP("10.1.2.3")', True),
        ('cidr("10.0.0.0/8").containsIP(ip("11.1.2.3"))', False),
        ('cidr("10.0.0.0/8").containsIP("::1")', False),
        ('"A".lowerAscii() + "b".upperAscii() + " c ".trim()', "aBc"),
        ("math.greatest([1, 3, 2])", 3),
    ],
)
def test_a_function_does_what_its_name_says(text: str, result: object) -> None:
    assert value(text) == result


def test_every_function_is_tried_above() -> None:
    tried = str(test_a_function_does_what_its_name_says.pytestmark)  # type: ignore[attr-defined]
    assert [name for name in OWN if f"{name}(" not in tried] == ["fail"]


@pytest.mark.parametrize(
    "text",
    [
        'json("{secret")',
        "json(1)",
        'base64.decode("?secret")',
        'ip("secret")',
        'cidr("secret")',
        'cidr("10.0.0.0/8").containsIP("secret")',
        '"secret".charAt(-7)',
        'fail("secret")',
    ],
)
def test_a_function_that_fails_makes_the_expression_fail_and_is_not_logged(
    text: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(LookupError) as caught:
        value(text)
    assert "secret" not in str(caught.value)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
