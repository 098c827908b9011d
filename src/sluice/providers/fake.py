"""The built-in provider that needs no key: `sluice.testing.fake_provider`, in this process or as `sluice fake`.

Where it listens is not known before it runs, so the row names no host: the lifecycle fills it in.
"""

from sluice.providers.provider import Operated, Provider, Served

FAKE = Provider(
    key="fake",
    telemetry_name="fake",
    serves=(
        Served(dialect="dialect.openai_chat", path="/chat/completions"),
        Served(dialect="dialect.openai_responses", path="/responses"),
        Served(dialect="dialect.anthropic_messages", path="/messages"),
        Served(
            dialect="dialect.gemini",
            path="//v1beta/models/{model}:generateContent",
            stream_path="//v1beta/models/{model}:streamGenerateContent?alt=sse",
            model_name="google",
        ),
    ),
    tls=False,
    port=0,
    paths={"rerank": "//v2/rerank", "messages_token_count": "/messages/count_tokens"},
    operations=(
        Operated(
            operation="content_token_count",
            path="//v1beta/models/{model}:countTokens",
            form="gemini_count",
            model_name="google",
        ),
    ),
    base_url_ends=("/v1",),
    families=("fake", "fake-*"),
)
