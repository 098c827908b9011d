"""LiteLLM's words and ours: providers, members of a request, and what becomes of settings that have no counterpart.

PURE. Source: docs.litellm.ai/docs/proxy/config_settings, /docs/proxy/configs, /docs/providers, /docs/routing,
/docs/proxy/reliability, /docs/proxy/timeout (read 2026-11-21).
"""

from typing import Final

PROVIDERS: Final = {
    **{
        word: word
        for word in (
            *("anthropic", "azure", "bedrock", "gemini", "groq", "mistral", "deepseek", "xai", "openrouter"),
            *("cohere", "huggingface", "cerebras", "baseten", "deepinfra", "ollama"),
        )
    },
    "openai": "openAI",
    "text-completion-openai": "openAI",
    "azure_ai": "azure",
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "codestral": "mistral",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "ollama_chat": "ollama",
    "together_ai": "togetherai",
    "vertex_ai": "vertexai",
    "vertex_ai_beta": "vertexai",
}
"""What stands before the first slash of `litellm_params.model` -> the provider's word in the short form."""
COMPATIBLE: Final = {
    "ai21_chat": "https://api.ai21.com/studio/v1",
    "custom_openai": "",
    "databricks": "",
    "dashscope": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "docker_model_runner": "",
    "featherless_ai": "https://api.featherless.ai/v1",
    "friendliai": "https://api.friendli.ai/serverless/v1",
    "github": "https://models.inference.ai.azure.com",
    "hosted_vllm": "",
    "hyperbolic": "https://api.hyperbolic.xyz/v1",
    "infinity": "",
    "jina_ai": "https://api.jina.ai/v1",
    "lambda_ai": "https://api.lambda.ai/v1",
    "litellm_proxy": "",
    "llamafile": "",
    "lm_studio": "",
    "meta_llama": "https://api.llama.com/compat/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "nebius": "https://api.studio.nebius.ai/v1",
    "novita": "https://api.novita.ai/v3/openai",
    "nvidia_nim": "https://integrate.api.nvidia.com/v1",
    "openai_like": "",
    "perplexity": "https://api.perplexity.ai",
    "sambanova": "https://api.sambanova.ai/v1",
    "vllm": "",
    "voyage": "https://api.voyageai.com/v1",
    "xinference": "",
}
"""Others that speak OpenAI's chat API, and where; empty = `api_base` says it."""
UNSERVED: Final = frozenset(
    [
        *("ai21", "aiml", "aleph_alpha", "anthropic_text", "assemblyai", "aws_polly", "bytez", "chatgpt", "clarifai"),
        *("cloudflare", "cometapi", "custom", "datarobot", "deepgram", "elevenlabs", "empower", "fal_ai", "galadriel"),
        *("gigachat", "github_copilot", "gradient_ai", "helicone", "heroku", "lemonade", "maritalk", "nlp_cloud"),
        *("nscale", "oci", "oobabooga", "ovhcloud", "palm", "petals", "predibase", "publicai", "recraft", "replicate"),
        *(
            "runwayml",
            "sagemaker",
            "sagemaker_chat",
            "sagemaker_nova",
            "snowflake",
            "text-completion-codestral",
            "topaz",
        ),
        *("triton", "v0", "vercel_ai_gateway", "volcengine", "wandb", "watsonx", "watsonx_text"),
    ]
)
"""Providers of LiteLLM's whose words are known here and nothing else: never part of a model's name."""
FAMILIES: Final = (
    (("claude",), "anthropic"),
    (("gemini",), "vertexai"),
    (("command-", "rerank-", "embed-"), "cohere"),
    (("anthropic.", "amazon.", "meta.", "us.", "eu."), "bedrock"),
)
"""Beginnings of models that are named without a provider. All others are OpenAI's."""
EVERYTHING: Final = (("claude-*", "anthropic"), ("gemini-*", "gemini"), ("*", "openAI"))
"""What `model_name: "*"` with `model: "*"` comes to: who is asked by the model's name."""
NO_SECRETS: Final = frozenset(
    ["anything", "dummy", "empty", "fake", "fake-key", "n/a", "na", "no-key", "none", "not-needed"]
)
"""Keys of providers that want none."""
VARIABLES: Final = {
    "azure": {"api_key": "$AZURE_API_KEY", "api_base": "$AZURE_API_BASE"},
    "azure_ai": {"api_key": "$AZURE_AI_API_KEY", "api_base": "$AZURE_AI_API_BASE"},
    "vertexai": {"vertex_project": "$VERTEXAI_PROJECT"},
    "ai21_chat": {"api_key": "$AI21_API_KEY"},
    "dashscope": {"api_key": "$DASHSCOPE_API_KEY"},
    "databricks": {"api_key": "$DATABRICKS_API_KEY", "api_base": "$DATABRICKS_API_BASE"},
    "featherless_ai": {"api_key": "$FEATHERLESS_AI_API_KEY"},
    "friendliai": {"api_key": "$FRIENDLI_TOKEN"},
    "github": {"api_key": "$GITHUB_API_KEY"},
    "hyperbolic": {"api_key": "$HYPERBOLIC_API_KEY"},
    "jina_ai": {"api_key": "$JINA_AI_API_KEY"},
    "lambda_ai": {"api_key": "$LAMBDA_API_KEY"},
    "meta_llama": {"api_key": "$LLAMA_API_KEY"},
    "moonshot": {"api_key": "$MOONSHOT_API_KEY"},
    "nebius": {"api_key": "$NEBIUS_API_KEY"},
    "novita": {"api_key": "$NOVITA_API_KEY"},
    "sambanova": {"api_key": "$SAMBANOVA_API_KEY"},
    "voyage": {"api_key": "$VOYAGE_API_KEY"},
    "nvidia_nim": {"api_key": "$NVIDIA_NIM_API_KEY"},
    "perplexity": {"api_key": "$PERPLEXITYAI_API_KEY"},
    "hosted_vllm": {"api_base": "$HOSTED_VLLM_API_BASE"},
}
"""Where LiteLLM looks for what nobody says, where Sluice looks elsewhere."""
BODY: Final = frozenset(
    [
        *("temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "presence_penalty", "user", "n"),
        *("frequency_penalty", "seed", "stop", "logit_bias", "logprobs", "top_logprobs", "response_format", "tools"),
        *("tool_choice", "parallel_tool_calls", "reasoning_effort", "verbosity", "service_tier", "store", "dimensions"),
    ]
)
"""Members of a request that an entry may set: the client's own win, as with `defaults` of a model."""
RATES: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cacheRead",
    "cache_creation_input_token_cost": "cacheWrite",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "inputAudio",
    "output_cost_per_audio_token": "outputAudio",
}
"""Prices per token -> ours per million of them."""

NOTHING: Final = "has no counterpart here"
REQUEST: Final = "has no counterpart here; a member of requests may stand in `defaults` of the model"
FACT: Final = "a fact about the model that nothing here reads"
FALLBACK_CODES: Final = (401, 403, 404, 408, 429, 500, 502, 503, 504, 529)
"""After these another target is asked where there are fallbacks: LiteLLM falls back after any failure, so also where a
provider refuses its key or has withdrawn a model. 400 and 422 stay the client's."""
_CLOUD_KEYS = "keys of AWS are taken from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN"
_AZURE_TOKENS = "tokens of Azure AD are not fetched: `params.apiKey` takes a key, or a token"
_CLOCKS = "`llm.policies.timeouts` is for all models, `timeouts` of `llm.models[]` for one"
_SHARES = (
    "no limit of one deployment; `llm.policies.localRateLimit` limits clients, by `key` each model or each of them"
)
_SEEN = "what is seen of exchanges is the log, metrics and traces: docs/observability.md"
_STORE = "replicas count together in `config.sharedStore.url`, a Redis"
_LEDGER = "virtual keys and budgets are kept in `config.database.url`: make new ones with `sluice keys create`"
HINTS: Final = {
    "additional_drop_params": "`llm.models[].transformation` can leave a member out",
    "alert_types": "alerts are Prometheus rules: deploy/prometheus",
    "alerting": "alerts are Prometheus rules: deploy/prometheus",
    "allowed_fails_policy": "every failure counts alike; `llm.models[].health.unhealthyCondition` may choose",
    "allowed_ips": "`llm.policies.authorization` may look at `source.address`",
    "aws_access_key_id": _CLOUD_KEYS,
    "aws_profile_name": _CLOUD_KEYS,
    "aws_role_name": _CLOUD_KEYS,
    "aws_bedrock_runtime_endpoint": "`params.baseUrl` of the model names another host",
    "aws_secret_access_key": _CLOUD_KEYS,
    "aws_session_token": _CLOUD_KEYS,
    "budget_duration": _LEDGER,
    "cache": "there is no cache of answers",
    "cache_params": "there is no cache of answers",
    "callbacks": _SEEN,
    "client_id": _AZURE_TOKENS,
    "client_secret": _AZURE_TOKENS,
    "completion_model": "a request names its model; `model_group_alias` gave other names to one",
    "content_policy_fallbacks": "what a provider refuses for its content is not asked of another",
    "context_window_fallbacks": "a prompt that is too long is not asked of another: name the larger model",
    "custom_auth": "`llm.policies.extAuthz` asks a service of yours",
    "database_url": _LEDGER,
    "cooldown_time": "`health.eviction.duration` of the model",
    "default_team_settings": _SEEN,
    "drop_params": "what a provider cannot be told is left out or refused: docs/reference/translation.md",
    "enable_jwt_auth": "`llm.policies.jwtAuth` checks tokens",
    "failure_callback": _SEEN,
    "guardrails": "write them as `llm.policies.guardrails`: docs/policies/prompt-guards.md",
    "input_cost_per_second": "prices are per token",
    "include": "import each of these files, and put `llm.models` together",
    "litellm_jwtauth": "`llm.policies.jwtAuth` checks tokens",
    "max_budget": _LEDGER,
    "max_fallbacks": "all of the fallbacks are asked",
    "max_parallel_requests": "`llm.policies.localRateLimit` with `concurrency` bounds them",
    "max_retries": "retries are the same for all models here: `llm.policies.retry`",
    "num_retries": "retries are the same for all models here: `llm.policies.retry`",
    "redis_host": _STORE,
    "redis_password": _STORE,
    "redis_port": _STORE,
    "redis_url": _STORE,
    "retry_policy": "`llm.policies.retry.codes` says after which statuses a target is asked again",
    "rpm": _SHARES,
    "set_verbose": "`config.logging.level: debug`",
    "ssl_verify": "certificates are verified",
    "stream_timeout": _CLOCKS,
    "success_callback": _SEEN,
    "tenant_id": _AZURE_TOKENS,
    "thinking": "write it into `defaults` of the model, in the client's dialect",
    "timeout": _CLOCKS,
    "tpm": _SHARES,
    "vertex_location": "write it as `params.vertexRegion` of each model",
    "vertex_project": "write it as `params.vertexProject` of each model, or as VERTEXAI_PROJECT",
    "vertex_credentials": "the file that GOOGLE_APPLICATION_CREDENTIALS names is used",
}
"""The last step of a setting's path -> what to do instead."""
SHUFFLE: Final = "simple-shuffle"
BY_HEALTH: Final = "of targets that share requests the healthier and quicker is asked more"
STRATEGIES: Final = {
    SHUFFLE: "",
    "cost-based-routing": "prices do not decide; `order` does, as `priority` of a target",
}
