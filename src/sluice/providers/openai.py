"""OpenAI. Source: platform.openai.com/docs/api-reference/chat, read 2026-11-21."""

from sluice.providers.provider import Provider

OPENAI = Provider(
    key="openai",
    telemetry_name="openai",
    dialect="dialect.openai_chat",
    host="api.openai.com",
    key_env=("OPENAI_API_KEY",),
    base_url_env=("OPENAI_BASE_URL",),
)
