"""providers/presets and custom: vendors that speak somebody else's API."""

import pytest

from sluice.providers.custom import formats
from sluice.providers.fake import FAKE
from sluice.providers.presets import PRESETS
from sluice.providers.provider import Provider, Served, below, path_of, served

PRESET_URLS = {
    "cohere": ("https://api.cohere.ai/compatibility/v1/chat/completions", ("COHERE_API_KEY", "CO_API_KEY")),
    "ollama": ("http://localhost:11434/v1/chat/completions", ()),
    "baseten": ("https://inference.baseten.co/v1/chat/completions", ("BASETEN_API_KEY",)),
    "cerebras": ("https://api.cerebras.ai/v1/chat/completions", ("CEREBRAS_API_KEY",)),
    "deepinfra": ("https://api.deepinfra.com/v1/openai/chat/completions", ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN")),
    "deepseek": ("https://api.deepseek.com/v1/chat/completions", ("DEEPSEEK_API_KEY",)),
    "groq": ("https://api.groq.com/openai/v1/chat/completions", ("GROQ_API_KEY",)),
    "huggingface": ("https://router.huggingface.co/v1/chat/completions", ("HF_TOKEN", "HUGGINGFACE_API_KEY")),
    "mistral": ("https://api.mistral.ai/v1/chat/completions", ("MISTRAL_API_KEY",)),
    "openrouter": ("https://openrouter.ai/api/v1/chat/completions", ("OPENROUTER_API_KEY",)),
    "togetherai": ("https://api.together.xyz/v1/chat/completions", ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY")),
    "xai": ("https://api.x.ai/v1/chat/completions", ("XAI_API_KEY",)),
    "fireworks": ("https://api.fireworks.ai/inference/v1/chat/completions", ("FIREWORKS_API_KEY",)),
}


@pytest.mark.parametrize("row", PRESETS, ids=lambda row: row.key)
def test_presets(row: Provider) -> None:
    host = row.host if row.port == 443 else f"{row.host}:{row.port}"
    found = served(row.serves, "dialect.openai_chat", "any")
    assert found is not None
    path = path_of(found, "any", stream=True, variables={}, base=row.base_path)
    assert (f"http{'s' if row.tls else ''}://{host}{path}", row.key_env) == PRESET_URLS[row.key]
    assert row.telemetry_name == row.key
    assert len(PRESETS) == len(PRESET_URLS)


def test_messages_of_presets_stand_where_their_vendors_have_them() -> None:
    found = {}
    for row in PRESETS:
        item = next((item for item in row.serves if item.dialect == "dialect.anthropic_messages"), None)
        if item is not None:
            found[row.key] = path_of(item, "m", stream=False, variables={}, base=row.base_path)
    assert found == {
        "baseten": "/v1/messages",
        "deepinfra": "/anthropic/v1/messages",
        "deepseek": "/anthropic/v1/messages",
        "openrouter": "/api/v1/messages",
        "xai": "/v1/messages",
        "fireworks": "/inference/v1/messages",
    }


def test_formats_of_a_custom_provider() -> None:
    serves, paths = formats([("Completions", ""), ("messages", "/api/messages"), ("Rerank", "/r"), ("embeddings", "")])
    assert serves == (
        Served(dialect="dialect.openai_chat", path="/chat/completions"),
        Served(dialect="dialect.anthropic_messages", path="//api/messages"),
    )
    assert paths == {"rerank": "//r"}
    (gemini,), _ = formats([("generateContent", "/x/{model}:generateContent")])
    assert path_of(gemini, "m", stream=True, variables={}, base="/v1") == "/x/m:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("said", [[("Compltions", "")], [("messages", ""), ("Messages", "/x")]])
def test_formats_that_are_wrong(said: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="format"):
        formats(said)


def test_the_fake_provider_has_each_api_where_its_vendor_has_it() -> None:
    found = {row.dialect: path_of(row, "m", stream=True, variables={}, base=FAKE.base_path) for row in FAKE.serves}
    assert found == {
        "dialect.openai_chat": "/v1/chat/completions",
        "dialect.openai_responses": "/v1/responses",
        "dialect.anthropic_messages": "/v1/messages",
        "dialect.gemini": "/v1beta/models/m:streamGenerateContent?alt=sse",
    }
    assert {name: below(FAKE.base_path, path, {"model": "m"}) for name, path in FAKE.paths.items()} == {
        "rerank": "/v2/rerank",
        "messages_token_count": "/v1/messages/count_tokens",
    }
