"""Amazon Bedrock: Converse and ConverseStream, for every model.

Sources: botocore's `bedrock-runtime` service model and endpoint rules; docs.aws.amazon.com/bedrock/latest/userguide/
api-keys.html for bearer keys; read 2026-11-21.
"""

from sluice.providers.provider import Operated, Provider, Served, Variable, Variant

_CONVERSE = Served(
    dialect="dialect.bedrock_converse", path="/model/{model}/converse", stream_path="/model/{model}/converse-stream"
)
_GUARDED = Served(
    dialect=_CONVERSE.dialect, path=_CONVERSE.path, stream_path=_CONVERSE.stream_path, quirk="bedrock_guardrail"
)
_EMBEDDINGS = Operated(operation="embeddings", path="/model/{model}/invoke", form="bedrock_embeddings")
_CLAUDE = (
    "anthropic.claude-*",
    *(f"{region}.anthropic.claude-*" for region in ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")),
)
_COUNTS = tuple(
    Operated(
        operation=operation,
        path="/model/{model}/count-tokens",
        form="converse_count",
        dialect=_CONVERSE.dialect,
        models=_CLAUDE,
        model_name="bedrock_base",
    )
    for operation in ("messages_token_count", "content_token_count")
)
"""CountTokens knows foundation models of Anthropic's only, and by their own names: no profile of a region."""


def _rerank(domain: str) -> Operated:
    """Signed like the rest of Bedrock. A bearer key is not taken there (api-keys.html): that takes AWS keys."""
    host = f"bedrock-agent-runtime.{{region}}.{domain}"
    return Operated(operation="rerank", host=host, path="//rerank", form="bedrock_rerank")


BEDROCK = Provider(
    key="bedrock",
    telemetry_name="aws.bedrock",
    serves=(_CONVERSE,),
    host="bedrock-runtime.{region}.amazonaws.com",
    base_path="",
    operations=(
        _EMBEDDINGS,
        _rerank("amazonaws.com"),
        *_COUNTS,
    ),
    variables=(
        Variable(
            name="region",
            default="us-east-1",
            settings=("region", "awsRegion"),
            env=("AWS_REGION", "AWS_DEFAULT_REGION"),
        ),
        Variable(name="guardrail", settings=("guardrail.identifier",)),
        Variable(name="guardrail_version", settings=("guardrail.version",)),
    ),
    variants=(
        Variant(
            when={"region": ("cn-*",)},
            host="bedrock-runtime.{region}.amazonaws.com.cn",
            operations=(_EMBEDDINGS, _rerank("amazonaws.com.cn"), *_COUNTS),
        ),
        Variant(when={"guardrail": ("*",)}, serves=(_GUARDED,)),
    ),
    auth="aws",
    key_env=("AWS_BEARER_TOKEN_BEDROCK",),
    base_url_env=("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "BEDROCK_BASE_URL"),
    model_env=("BEDROCK_MODEL", "BEDROCK_MODEL_ID"),
    base_url_ends=(),
    families=("anthropic.*", "amazon.*", "meta.*", "mistral.*", "cohere.*", "us.*", "eu.*", "apac.*", "global.*"),
)
