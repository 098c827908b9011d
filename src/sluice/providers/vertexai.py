"""Google Vertex AI: Gemini, Claude by rawPredict, everything else by the OpenAI-compatible address.

Sources: docs.cloud.google.com/vertex-ai/generative-ai/docs (locations; Claude; OpenAI compatibility), the tables of
hosts in the `anthropic` and `google-genai` SDKs, read 2026-11-21.
"""

from sluice.providers.gemini import KEY
from sluice.providers.provider import KeyRule, Operated, Provider, Served, Variable, Variant

_PLACE = "/projects/{project}/locations/{region}"
_GOOGLE = f"{_PLACE}/publishers/google/models/{{model}}"
_ANTHROPIC = f"{_PLACE}/publishers/anthropic/models"

_GEMINI = ("gemini-*", "google/gemini-*", "publishers/google/models/*")
_CLAUDE = ("claude-*", "anthropic/claude-*", "publishers/anthropic/models/*")

VERTEXAI = Provider(
    key="vertexai",
    aliases=("vertex",),
    telemetry_name="gcp.vertex_ai",
    serves=(
        Served(
            dialect="dialect.gemini",
            path=f"{_GOOGLE}:generateContent",
            stream_path=f"{_GOOGLE}:streamGenerateContent?alt=sse",
            models=_GEMINI,
            model_name="google",
        ),
        Served(
            dialect="dialect.anthropic_messages",
            path=f"{_ANTHROPIC}/{{model}}:rawPredict",
            stream_path=f"{_ANTHROPIC}/{{model}}:streamRawPredict",
            models=_CLAUDE,
            quirk="vertex_messages",
            model_name="vertex_anthropic",
        ),
        Served(
            dialect="dialect.openai_chat",
            path=f"{_PLACE}/endpoints/openapi/chat/completions",
            not_models=(*_GEMINI, *_CLAUDE),
        ),
    ),
    host="{region}-aiplatform.googleapis.com",
    operations=(
        Operated(operation="embeddings", path=f"{_PLACE}/endpoints/openapi/embeddings", models=("intfloat/*",)),
        Operated(operation="embeddings", path=f"{_GOOGLE}:predict", form="vertex_embeddings", model_name="google"),
        Operated(
            operation="rerank",
            host="discoveryengine.googleapis.com",
            path="//v1/projects/{project}/locations/global/rankingConfigs/default_ranking_config:rank",
            form="vertex_rerank",
        ),
        Operated(
            operation="messages_token_count",
            path=f"{_ANTHROPIC}/count-tokens:rawPredict",
            models=_CLAUDE,
            quirk="vertex_count",
            model_name="vertex_anthropic",
        ),
        Operated(operation="content_token_count", path=f"{_GOOGLE}:countTokens", models=_GEMINI, model_name="google"),
    ),
    variables=(
        Variable(
            name="project",
            settings=("projectId", "vertexProject"),
            env=("GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID"),
        ),
        Variable(
            name="region",
            default="global",
            settings=("region", "vertexRegion"),
            env=("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION", "CLOUD_ML_REGION"),
        ),
    ),
    variants=(
        Variant(when={"region": ("global",)}, host="aiplatform.googleapis.com"),
        Variant(when={"region": ("us", "eu")}, host="aiplatform.{region}.rep.googleapis.com"),
    ),
    auth="google",
    key_rules=(KeyRule(begins="AIza", placement=KEY), KeyRule(begins="AQ.", placement=KEY)),
    base_url_env=("VERTEX_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "ANTHROPIC_VERTEX_BASE_URL"),
    model_env=("VERTEX_MODEL",),
    base_url_ends=("/v1", "/v1beta1"),
    families=("gemini-*", "claude-*"),
)
