"""Method and path tell the operation, with and without `/v1/`."""

import pytest

from sluice.errors import MethodNotAllowed
from sluice.gateway.operation import operation


@pytest.mark.parametrize(
    "path",
    [
        "/openai",
        "/openai/",
        "/openai/gpt-4o",
        "/openai/chat/completions",
        "/openai/v1/chat/completions",
        "/v1/chat/completions",
    ],
)
def test_chat(path: str) -> None:
    assert operation("POST", path).kind == "chat"
    with pytest.raises(MethodNotAllowed):
        operation("GET", path)


@pytest.mark.parametrize(
    ("method", "path", "suffix"),
    [
        ("POST", "/openai/embeddings", "/embeddings"),
        ("POST", "/openai/responses", "/responses"),
        ("POST", "/openai/completions", "/completions"),
        ("POST", "/openai/images/generations", "/images/generations"),
        ("GET", "/openai/models", "/models"),
        ("GET", "/openai/models/a", "/models/a"),
        ("POST", "/openai/v1/embeddings", "/embeddings"),
        ("DELETE", "/openai/v1/files/f1", "/files/f1"),
    ],
)
def test_everything_else_crosses_to_its_own_address(method: str, path: str, suffix: str) -> None:
    assert operation(method, path) == operation(method, f"/other{path}")
    assert (operation(method, path).kind, operation(method, path).suffix) == ("passthrough", suffix)
