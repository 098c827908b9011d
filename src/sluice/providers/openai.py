"""OpenAI. Source: platform.openai.com/docs/api-reference, read 2026-11-21."""

from sluice.providers.provider import Provider, Served

OPENAI = Provider(
    key="openai",
    telemetry_name="openai",
    serves=(
        Served(dialect="dialect.openai_chat", path="/chat/completions"),
        Served(dialect="dialect.openai_responses", path="/responses"),
    ),
    host="api.openai.com",
    key_env=("OPENAI_API_KEY",),
    base_url_env=("OPENAI_BASE_URL",),
    model_env=("OPENAI_MODEL",),
    families=("gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", "codex-*", "computer-use-*", "text-embedding-*"),
)
