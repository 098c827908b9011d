"""policies.condition: what an expression sees, what it costs to be wrong, and what is refused at load."""

import re

import pytest
from cel.stdlib import STDLIB_FUNCTIONS

from sluice.policies.condition import MAX_CHARS, Asked, Condition


def no_body() -> object:
    raise AssertionError("the body was asked for")


def asked(body: object = None, **headers: str) -> Asked:
    values = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(
        method="POST",
        path="/v1/messages",
        host="llm.example",
        headers=values,
        body=no_body if body is None else lambda: body,
    )


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('request.headers["x-model-tier"] == "premium"', True),
        ('request.headers["x-model-tier"] != "premium"', False),
        ('"x-model-tier" in request.headers', True),
        ('request.method == "POST" && request.path.startsWith("/v1/") && request.host.endsWith(".example")', True),
        ('request.headers["x-model-tier"].matches("^prem.*$")', True),
        ('request.headers["x-model-tier"].upperAscii() == "PREMIUM"', True),
        ('request.headers["absent"] == "premium"', False),
        ('request.headers["absent"] != "premium"', False),  # a failure is no truth
        ('!("absent" in request.headers)', True),
        ('request.headers["x-model-tier"] > 3', False),
        ("1 / size(request.headers) > 0", True),
        ("1 / (size(request.headers) - 1) > 0", False),
        ("true", True),
        ("false || request.path == request.path", True),
    ],
)
def test_conditions_over_the_head(text: str, holds: bool) -> None:
    assert Condition(text).holds(asked(x_model_tier="premium")) is holds


BODY = {"model": "gpt-4", "max_tokens": 100, "stream": True, "messages": [{"role": "system", "content": "x"}]}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('llmRequest.model == "gpt-4"', True),
        ("llmRequest.max_tokens > 50", True),
        ("llmRequest.max_tokens > 50.5", True),
        ("llmRequest.stream", True),
        ("has(llmRequest.tools)", False),
        ('llmRequest.messages.exists(m, m.role == "system")', True),
        ("size(llmRequest.messages) == 1", True),
        ('llmRequest.tools[0].name == "x"', False),
        ("llmRequest.model", False),  # neither true nor false
    ],
)
def test_conditions_over_the_body(text: str, holds: bool) -> None:
    assert Condition(text).holds(asked(BODY)) is holds


def test_the_body_is_read_once_and_only_if_a_condition_looks_into_it() -> None:
    calls: list[int] = []

    def body() -> object:
        calls.append(1)
        return BODY

    facts = Asked(method="POST", path="/", host="", headers={}, body=body)
    assert Condition('request.path == "/"').holds(facts)
    assert not calls
    assert Condition('llmRequest.model == "gpt-4"').holds(facts)
    assert Condition("llmRequest.stream").holds(facts)
    assert len(calls) == 1


@pytest.mark.parametrize("error", [ValueError("no JSON"), RecursionError()])
def test_a_body_that_cannot_be_read_makes_a_condition_false(error: Exception) -> None:
    def body() -> object:
        raise error

    facts = Asked(method="POST", path="/", host="", headers={}, body=body)
    assert not Condition("llmRequest.stream").holds(facts)
    assert not Condition("!llmRequest.stream").holds(facts)
    assert Condition('request.path == "/"').holds(facts)


@pytest.mark.parametrize("value", ["\ud800", float("nan"), 2**80, ["\udfff"], {"a": {"b": None}}, b"x"])
def test_strange_values_are_no_crash(value: object) -> None:
    assert not Condition('llmRequest.x == "a"').holds(asked({"x": value}))


def test_a_body_as_deep_as_the_decoder_allows_is_no_crash() -> None:
    value: object = "x"
    for _ in range(900):
        value = [value]
    assert Condition("size(llmRequest.x) == 1").holds(asked({"x": value}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a CEL expression"),
        ("a ==", "not a CEL expression"),
        ('request.headers["x"', "not a CEL expression"),
        ("f(1)", "there is no function `f`"),
        ('llmRequest.model.stripPrefix("a") == ""', "there is no function `stripPrefix`"),
        ('reqest.path == "/"', "there is no `reqest`; an expression knows request, llmRequest"),
        ('request.header["x"] == "1"', "`request` has no `header`; it has method, path, host, headers"),
        ("request.path", "a condition is true or false"),
        ("1", "a condition is true or false"),
        ("(" * 9000 + "true", "not a CEL expression"),
        ("true" + " " * MAX_CHARS, f"has {MAX_CHARS} characters at most"),
    ],
)
def test_what_can_never_hold_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        Condition(text)
    assert len(str(caught.value)) < 200


def test_a_name_inside_a_text_is_no_name() -> None:
    assert Condition("'request.foo' == \"request.foo\"").holds(asked())


@pytest.mark.parametrize(
    "text", ["!" * 16000 + "true", "1" + "+1" * 8000 + " > 0", "llmRequest" + ".b" * 8000 + " == 1"]
)
def test_long_expressions_are_no_crash(text: str) -> None:
    Condition(text).holds(asked({}))


def test_functions_of_the_library_that_brings_them_along_work() -> None:
    assert {"lowerAscii", "split", "min"} <= set(STDLIB_FUNCTIONS)
    assert Condition('"a,b".split(",")[1].upperAscii() == "B" && min([1, 2]) == 1').holds(asked())


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
    assert Condition(call).holds(asked())
