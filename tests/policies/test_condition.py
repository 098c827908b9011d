"""policies.condition: what an expression sees, what it costs to be wrong, and what is refused at load."""

import re

import pytest

from sluice.policies.condition import MAX_CHARS, Condition, ResponseCondition
from sluice.policies.scene import Scene


def no_body() -> object:
    raise AssertionError("the body was asked for")


def asked(body: object = None, **headers: str) -> Scene:
    values = {name.replace("_", "-"): value for name, value in headers.items()}
    request = {"method": "POST", "path": "/v1/messages", "host": "llm.example", "headers": values, "body": no_body}
    return Scene({"request": request, "llmRequest": no_body if body is None else lambda: body})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('request.headers["x-model-tier"] == "premium"', True),
        ('request.headers["x-model-tier"] != "premium"', False),
        ('"x-model-tier" in request.headers', True),
        ('request.method == "POST" && request.path.startsWith("/v1/") && request.host.endsWith(".example")', True),
        ('request.headers["x-model-tier"].matches("^prem.*$")', True),
        ('request.headers["x-model-tier"].upperAscii() == "PREMIUM"', True),
        ('request.headers["X-Model-Tier"] == "premium"', True),
        ('default(request.headers["X-Absent"], request.headers["X-Model-Tier"]) == "premium"', True),
        ('"X-Model-Tier" in request.headers', True),
        ('request.headers["X-Model-Tier"] == "Premium"', False),  # a value is as it is
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


@pytest.mark.parametrize("error", [ValueError("no JSON"), RecursionError()])
def test_a_body_that_cannot_be_read_makes_a_condition_false(error: Exception) -> None:
    def body() -> object:
        raise error

    facts = Scene({"request": {"path": "/"}, "llmRequest": body})
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
        ('reqest.path == "/"', "there is no `reqest`; an expression knows request, source, jwt, apiKey, basicAuth"),
        ('request.header["x"] == "1"', "`request` has no `header`; it has method, path, pathAndQuery, host, uri"),
        ("response.code == 200", "there is no `response`; an expression knows request"),
        ('string(llm.streaming) == "true"', "`string` does not take what it is given here"),
        ("request.path", "a condition is true or false"),
        ("1", "a condition is true or false"),
        ("(" * 9000 + "true", "not a CEL expression"),
        ("true" + " " * MAX_CHARS, f"has {MAX_CHARS} characters at most"),
    ],
)
def test_what_can_never_hold_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        Condition(text)
    assert len(str(caught.value)) < 250


def test_a_name_inside_a_text_is_no_name() -> None:
    assert Condition("'request.foo' == \"request.foo\"").holds(asked())


@pytest.mark.parametrize(
    "text", ["!" * 16000 + "true", "1" + "+1" * 8000 + " > 0", "llmRequest" + ".b" * 8000 + " == 1"]
)
def test_long_expressions_are_no_crash(text: str) -> None:
    Condition(text).holds(asked({}))


# -- over a response --------------------------------------------------------------------------------------------------

HEADERS = [(b"X-Should-Retry", b"true"), (b"retry-after", b"7"), (b"retry-after", b"9"), (b"x-odd", b"caf\xe9")]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("response.code >= 500 || response.code == 429", True),
        ("response.code == 500", False),
        ("response.code in [502, 503, 504]", True),
        ('response["code"] == 503', True),
        ('response.headers["x-should-retry"] == "true"', True),
        ('response.headers["X-Should-Retry"] == "true"', True),
        ('"Retry-After" in response.headers && has(response.headers.X_Odd) == false', True),
        ('response.code == 503 && "retry-after" in response.headers', True),
        ('response.headers["retry-after"] == "7"', True),  # of two the first
        ('response.headers["x-odd"].endsWith("é")', True),
        ('int(response.headers["retry-after"]) < 60', True),
        ('response["headers"]["retry-after"] == "7"', True),
        ('response . headers["retry-after"] == "7"', True),
        ('r"\\" != response.headers["retry-after"]', True),
        ('[response].all(r, r.headers["retry-after"] == "7")', True),
        ("size(response) == 2 && size(response.headers) == 3", True),
        ('response.headers["absent"] == "x"', False),
        ('response.headers["absent"] != "x"', False),  # a failure is no truth
        ('response.code == "503"', False),
    ],
)
def test_conditions_over_a_response(text: str, holds: bool) -> None:
    assert ResponseCondition(text).holds(503, HEADERS) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a CEL expression"),
        ("response.code >=", "not a CEL expression"),
        ("failed(response)", "there is no function `failed`"),
        ("response.status == 500", "`response` has no `status`; it has code, headers"),
        ("response.body.error == 1", "`response` has no `body`; it has code, headers"),
        ('request.method == "POST"', "there is no `request`; an expression knows response"),
        ("respnse.code == 500", "there is no `respnse`; an expression knows response"),
        ("response.code", "a condition is true or false"),
        ("response.headers", "a condition is true or false"),
        ("true" + " " * MAX_CHARS, f"has {MAX_CHARS} characters at most"),
    ],
)
def test_what_can_never_hold_of_a_response_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ResponseCondition(text)


def test_each_response_is_judged_by_itself() -> None:
    condition = ResponseCondition('response.code == 503 || response.headers["x"] == "1"')
    assert [condition.holds(503, []), condition.holds(200, []), condition.holds(200, [(b"x", b"1")])] == [
        True,
        False,
        True,
    ]
    assert not condition.holds(200, [(b"x", b"2")])


def test_headers_of_any_bytes_are_no_crash() -> None:
    condition = ResponseCondition('response.headers["x"].endsWith("\u00ff")')
    assert condition.holds(200, [(b"x", bytes(range(256)))])
    assert not condition.holds(2**70, [(bytes(range(256)), b"")])


def test_a_member_of_the_body_that_is_called_as_a_variable_is_no_variable() -> None:
    assert Condition('llmRequest.request.foo == "x"').holds(asked({"request": {"foo": "x"}}))
