"""Anthropic. Sources: docs.claude.com/en/api/overview and the `anthropic` SDK (`_client.py`, `lib/credentials`), read
2026-11-21. Base URLs end before `/v1`, as the SDK's do.
"""

from sluice.providers.credential import HeaderPlacement
from sluice.providers.provider import KeyRule, Provider, Served

VERSION = ("anthropic-version", "2023-06-01")

ANTHROPIC = Provider(
    key="anthropic",
    telemetry_name="anthropic",
    serves=(Served(dialect="dialect.anthropic_messages", path="/messages"),),
    host="api.anthropic.com",
    paths={"messages_token_count": "/messages/count_tokens"},
    headers=(VERSION,),
    placement=HeaderPlacement("x-api-key", ""),
    key_rules=(
        # The token of a subscription, which is no API key.
        KeyRule(begins="sk-ant-oat", placement=HeaderPlacement(), headers=(("anthropic-beta", "oauth-2025-04-20"),)),
    ),
    key_env=("ANTHROPIC_API_KEY",),
    base_url_env=("ANTHROPIC_BASE_URL",),
    model_env=("ANTHROPIC_MODEL",),
    base_url_ends=("/v1",),
    families=("claude-*",),
)
