"""Thirteen vendors with OpenAI's chat API: addresses and formats of compat-agentgateway 1.1, key variables as the
vendors' own SDKs and pages call them (read 2026-11-21). One that needs more than a row gets a file of its own.
"""

from sluice.providers.provider import Provider, Served

_CHAT = Served(dialect="dialect.openai_chat", path="/chat/completions")
_RESPONSES = Served(dialect="dialect.openai_responses", path="/responses")
_MESSAGES = Served(dialect="dialect.anthropic_messages", path="/messages")
_ROOT_MESSAGES = Served(dialect="dialect.anthropic_messages", path="//anthropic/v1/messages")
"""DeepSeek and DeepInfra: Messages stand beside the chat API, not below it."""


def _preset(
    key: str,
    host: str,
    *serves: Served,
    base_path: str = "/v1",
    keys: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    families: tuple[str, ...] = (),
    ends: tuple[str, ...] | None = None,
    asks_usage: bool = True,
) -> Provider:
    names = tuple(name.upper() for name in (key, *aliases))
    return Provider(
        key=key,
        aliases=aliases,
        telemetry_name=key,
        serves=(_CHAT, *serves),
        host=host,
        base_path=base_path,
        key_env=keys or tuple(f"{name}_API_KEY" for name in names),
        base_url_env=tuple(f"{name}_BASE_URL" for name in names),
        model_env=tuple(f"{name}_MODEL" for name in names),
        base_url_ends=ends,
        families=families,
        asks_usage=asks_usage,
    )


COHERE = Provider(
    key="cohere",
    telemetry_name="cohere",
    serves=(Served(dialect="dialect.openai_chat", path="/compatibility/v1/chat/completions"),),
    host="api.cohere.ai",
    base_path="",
    paths={"embeddings": "/compatibility/v1/embeddings", "rerank": "/v2/rerank", "models": "/v1/models"},
    key_env=("COHERE_API_KEY", "CO_API_KEY"),
    base_url_env=("COHERE_BASE_URL", "CO_API_URL"),
    model_env=("COHERE_MODEL",),
    base_url_ends=("/compatibility/v1", "/v1", "/v2"),
    families=("command-*", "rerank-*", "embed-*"),
)
OLLAMA = Provider(
    key="ollama",
    telemetry_name="ollama",
    serves=(_CHAT, _RESPONSES),
    host="localhost",
    port=11434,
    tls=False,
    base_url_env=("OLLAMA_BASE_URL",),
    model_env=("OLLAMA_MODEL",),
    base_url_ends=("/v1", "/api"),
)
BASETEN = _preset("baseten", "inference.baseten.co", _MESSAGES)
CEREBRAS = _preset("cerebras", "api.cerebras.ai")
DEEPINFRA = _preset(
    "deepinfra",
    "api.deepinfra.com",
    _ROOT_MESSAGES,
    base_path="/v1/openai",
    keys=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
)
DEEPSEEK = _preset("deepseek", "api.deepseek.com", _ROOT_MESSAGES, _RESPONSES, families=("deepseek-*",))
GROQ = _preset("groq", "api.groq.com", _RESPONSES, base_path="/openai/v1", ends=("/openai/v1",))
HUGGINGFACE = _preset("huggingface", "router.huggingface.co", _RESPONSES, keys=("HF_TOKEN", "HUGGINGFACE_API_KEY"))
MISTRAL = _preset(
    "mistral",
    "api.mistral.ai",
    families=("mistral-*", "ministral-*", "magistral-*", "codestral-*", "devstral-*", "pixtral-*", "open-mistral-*"),
    asks_usage=False,  # it refuses members that it does not know (422), and sends usage without being asked
)
OPENROUTER = _preset("openrouter", "openrouter.ai", _MESSAGES, _RESPONSES, base_path="/api/v1")
TOGETHERAI = _preset(
    "togetherai", "api.together.xyz", aliases=("together",), keys=("TOGETHER_API_KEY", "TOGETHERAI_API_KEY")
)
XAI = _preset("xai", "api.x.ai", _RESPONSES, _MESSAGES, families=("grok-*",))
FIREWORKS = _preset("fireworks", "api.fireworks.ai", _RESPONSES, _MESSAGES, base_path="/inference/v1")

PRESETS = (
    *(COHERE, OLLAMA, BASETEN, CEREBRAS, DEEPINFRA, DEEPSEEK, GROQ, HUGGINGFACE, MISTRAL, OPENROUTER, TOGETHERAI),
    *(XAI, FIREWORKS),
)
