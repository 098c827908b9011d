"""Path and query tell the operation, with and without a version."""

import pytest

from sluice.errors import MethodNotAllowed, UnsupportedMedia
from sluice.gateway.operation import Operation, check, operation, typed
from sluice.policies.ai import AiPolicy
from tests.gateway.asking import asked_with


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
def test_chat_completions(path: str) -> None:
    assert operation(path, "").kind == "completions"


@pytest.mark.parametrize(
    ("path", "query", "wanted"),
    [
        ("/v1/messages", "beta=true", Operation("messages", "/messages")),
        ("/claude/v1/messages", "", Operation("messages", "/messages")),
        ("/claude/messages", "", Operation("messages", "/messages")),
        ("/v1/messages/count_tokens", "", Operation("messages_token_count", "/messages/count_tokens")),
        ("/openai/responses", "", Operation("responses", "/responses")),
        ("/v1/responses", "", Operation("responses", "/responses")),
        ("/v2/rerank", "", Operation("rerank", "/rerank")),
        ("/openai/embeddings", "", Operation("embeddings", "/embeddings")),
        ("/v1beta/models", "", Operation("models", "/models")),
    ],
)
def test_the_other_operations(path: str, query: str, wanted: Operation) -> None:
    assert operation(path, query) == wanted


@pytest.mark.parametrize(
    "version", ["/v1beta", "/v1", "/g/v1beta", "/v1beta1/projects/p/locations/l/publishers/google"]
)
def test_an_address_may_name_the_model_and_whether_it_streams(version: str) -> None:
    def at(verb: str, query: str = "") -> tuple[object, ...]:
        found = operation(f"{version}/models/gemini-2.5-pro:{verb}", query)
        return found.kind, found.model, found.stream, found.framing

    assert at("generateContent") == ("generate_content", "gemini-2.5-pro", False, "sse")
    assert at("streamGenerateContent", "alt=sse") == ("generate_content", "gemini-2.5-pro", True, "sse")
    assert at("streamGenerateContent", "key=k") == ("generate_content", "gemini-2.5-pro", True, "json_array")
    assert at("countTokens") == ("content_token_count", "gemini-2.5-pro", False, "sse")
    assert at("streamRawPredict") == ("messages", "gemini-2.5-pro", True, "sse")
    assert at("rawPredict") == ("messages", "gemini-2.5-pro", False, "sse")
    assert at("embedContent")[0] == "passthrough"


def test_a_models_name_may_hold_colons_and_a_tuned_one_keeps_its_collection() -> None:
    found = operation("/v1beta/models/anthropic.claude-3-5-sonnet-20241022-v2:0:streamGenerateContent", "alt=sse")
    assert (found.kind, found.model) == ("generate_content", "anthropic.claude-3-5-sonnet-20241022-v2:0")
    assert operation("/v1beta/models/llama3:8b:generateContent", "").model == "llama3:8b"
    assert operation("/v1beta/tunedModels/mine:generateContent", "").model == "tunedModels/mine"


def test_a_models_name_is_decoded() -> None:
    assert operation("/v1beta/models/a%2Fb:generateContent", "").model == "a/b"


@pytest.mark.parametrize(
    ("path", "suffix"),
    [
        ("/openai/completions", "/completions"),
        ("/openai/images/generations", "/images/generations"),
        ("/openai/models/a", "/models/a"),
        ("/openai/v1/files/f1", "/files/f1"),
        ("/openai/v1/responses/r1", "/responses/r1"),
        ("/openai/v1/responses/compact", "/responses/compact"),
        ("/claude/v1/messages/batches", "/messages/batches"),
    ],
)
def test_everything_else_crosses_to_its_own_address(path: str, suffix: str) -> None:
    assert operation(path, "") == operation(f"/other{path}", "") == Operation("passthrough", suffix)


def test_the_operators_word_for_an_address_counts() -> None:
    policy = AiPolicy(routes=(("/v1/messages", "messages"), ("/models", "passthrough"), ("*", "completions")))
    for path, kind in (("/a/v1/messages", "messages"), ("/a/v1/models", "passthrough"), ("/a/v1/files", "completions")):
        assert typed(operation(path, ""), policy, path).kind == kind
    assert typed(operation("/a/v1/files", ""), AiPolicy(), "/a/v1/files").kind == "passthrough"


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(MethodNotAllowed):
        check(asked_with(method="GET"))
    with pytest.raises(UnsupportedMedia):
        check(asked_with(headers=((b"content-encoding", b"gzip"),)))
    check(asked_with(headers=((b"content-encoding", b"identity"),)))
