"""gateway.scene: what expressions see of a request, and that nothing is decoded before one looks."""

import pytest

from sluice.policies.value import Value
from tests.gateway.identity import request


def value(text: str, *headers: str, **members: object) -> object:
    from sluice.gateway.scene import scene_of

    return Value(text).value(scene_of(request(*headers, **members), scheme="https"))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("request.method", "POST"),
        ("request.path", "/v1/chat/completions"),
        ("request.pathAndQuery", "/v1/chat/completions?a=1&b=%20&a=2&c"),
        ("request.host", "llm.example"),
        ("request.uri", "https://llm.example/v1/chat/completions?a=1&b=%20&a=2&c"),
        ("request.scheme", "https"),
        ("request.version", "HTTP/1.1"),
        ('request.headers["x-a"]', "first"),
        ('request.headers["x-bytes"]', "Ã©"),
        ('request.query["a"] + request.query.b + request.query["c"]', "1 "),
        ("json(request.body).model", "gpt-4o"),
        ("source.address", "192.0.2.7"),
        ("source.port", 4711),
        ("llmRequest.model", "gpt-4o"),
        ("llm.requestModel", "gpt-4o"),
        ("llm.streaming", True),
    ],
)
def test_an_expression_sees_the_request_as_it_came(text: str, result: object) -> None:
    assert value(text, "x-a: first", "X-A: second", "x-bytes: é", query="a=1&b=%20&a=2&c") == result


def test_an_address_of_the_newer_kind_is_bare() -> None:
    assert value("source.address", peer="[2001:db8::1]:443") == "2001:db8::1"


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("has(llmRequest.model)", {"body": b"no json"}),
        ("has(llm.requestModel)", {"body": b"[]"}),
        ("has(llm.requestModel)", {"body": b"{}"}),
        ("has(request.body)", {"body": b"\xff"}),
        ("has(request.query)", {"query": "&".join(["a=1"] * 2000)}),
        ("has(llmRequest.model)", {"body": b"[" * 100_000}),
    ],
)
def test_what_cannot_be_read_is_not_there(text: str, members: dict[str, object]) -> None:
    assert value(text, **members) is False
    assert value("request.path", **members) == "/v1/chat/completions"
