"""unified: the addresses on which the body, or the path, names the model."""

import pytest

from sluice.config.plan import Listener, Rule
from sluice.config.routing import Router
from sluice.config.unified import unified_entries

BY_MODEL, LIST = Rule(name="chat", backends=()), Rule(name="models", backends=())
ROUTER = Router(
    Listener(name="l", gateway="g", port=1, entries=unified_entries("default/llm", by_model=BY_MODEL, model_list=LIST))
)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/chat/completions", "by_model"),
        ("/v1/messages", "by_model"),
        ("/v1/messages/count_tokens", "by_model"),
        ("/v1/responses", "by_model"),
        ("/v1/embeddings", "by_model"),
        ("/v2/rerank", "by_model"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "by_model"),
        ("/v1/models/gemini-2.5-pro:generateContent", "by_model"),
        ("/v1/models", "model_list"),
        ("/v1beta/models", "model_list"),
        ("/v1beta1/models", ""),
        ("/openai/v1/chat/completions", ""),
    ],
)
def test_addresses(path: str, answer: str) -> None:
    entry = ROUTER.find("h", "POST", path, {})
    assert (entry.answer if entry is not None else "") == answer
    if entry is not None:
        assert entry.rule is (LIST if answer == "model_list" else BY_MODEL)
        assert entry.route == "default/llm"


def test_a_hostname_narrows_them() -> None:
    entries = unified_entries("r", by_model=BY_MODEL, model_list=LIST, hostname="llm.example.com")
    assert {entry.hostname for entry in entries} == {"llm.example.com"}
