"""Google's Gemini API. Sources: ai.google.dev/api/generate-content and ai.google.dev/gemini-api/docs/openai, read
2026-11-21. The key goes into a header, never into the address, where logs would keep it.
"""

from sluice.providers.credential import HeaderPlacement
from sluice.providers.provider import KeyRule, Operated, Provider, Served

KEY = HeaderPlacement("x-goog-api-key", "")

_NATIVE = ("gemini-*", "learnlm-*", "gemma-*", "models/*", "google/gemini-*")
_TUNED = ("tunedModels/*",)

GEMINI = Provider(
    key="gemini",
    telemetry_name="gcp.gemini",
    serves=(
        Served(
            dialect="dialect.gemini",
            path="/models/{model}:generateContent",
            stream_path="/models/{model}:streamGenerateContent?alt=sse",
            models=_NATIVE,
            model_name="google",
        ),
        Served(
            dialect="dialect.gemini",
            path="/tunedModels/{model}:generateContent",
            stream_path="/tunedModels/{model}:streamGenerateContent?alt=sse",
            models=_TUNED,
            model_name="tuned",
        ),
        # Chat to Google's own models is translated: the compatible address loses what only the native one says.
        Served(
            dialect="dialect.openai_chat",
            path="/openai/chat/completions",
            not_models=(*_NATIVE, *_TUNED),
            placement=HeaderPlacement(),
        ),
    ),
    host="generativelanguage.googleapis.com",
    base_path="/v1beta",
    paths={"embeddings": "/openai/embeddings"},
    operations=(
        Operated(
            operation="content_token_count",
            path="/models/{model}:countTokens",
            form="gemini_count",
            models=_NATIVE,
            model_name="google",
        ),
        Operated(
            operation="content_token_count",
            path="/tunedModels/{model}:countTokens",
            form="gemini_count",
            models=_TUNED,
            model_name="tuned",
        ),
    ),
    placement=KEY,
    key_rules=(KeyRule(begins="ya29.", placement=HeaderPlacement()),),
    key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    base_url_env=("GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"),
    model_env=("GEMINI_MODEL",),
    base_url_ends=("/v1beta/openai", "/v1beta", "/v1"),
    families=("gemini-*", "learnlm-*", "gemma-*"),
)
