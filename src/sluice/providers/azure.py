"""Azure OpenAI and Azure AI Foundry.

Sources: learn.microsoft.com/azure/ai-foundry/openai (API version lifecycle; reference; Claude in Foundry) and the
`openai` and `anthropic` SDKs' Azure clients, read 2026-11-21. The v1 API names the deployment in the body's `model`;
the dated ones name it in the path, so that a request's model is a deployment in either.
"""

from sluice.providers.anthropic import VERSION
from sluice.providers.credential import HeaderPlacement
from sluice.providers.provider import KeyRule, Operated, Provider, Served, Variable, Variant

_RESPONSES = Served(dialect="dialect.openai_responses", path="/responses")
_DEPLOYED = Served(dialect="dialect.openai_chat", path="/deployments/{model}/chat/completions")
_CLAUDE = ("claude-*",)
_FOUNDRY = {"resource_type": ("Foundry", "foundry", "aiServices")}

AZURE = Provider(
    key="azure",
    aliases=("azureopenai",),
    telemetry_name="azure",
    serves=(Served(dialect="dialect.openai_chat", path="/chat/completions"), _RESPONSES),
    host="{resource}.openai.azure.com",
    base_path="/openai/v1",
    variables=(
        Variable(name="resource", settings=("resourceName", "azureResourceName"), env=("AZURE_OPENAI_RESOURCE",)),
        Variable(name="resource_type", default="OpenAI", settings=("resourceType", "azureResourceType")),
        Variable(
            name="api_version",
            default="v1",
            settings=("apiVersion", "azureApiVersion"),
            env=("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"),
        ),
        Variable(name="project", settings=("projectName", "azureProjectName")),
    ),
    variants=(
        Variant(when={"api_version": ("preview", "latest")}, query="api-version={api_version}"),
        Variant(
            when={"api_version": ("20*",)},
            base_path="/openai",
            query="api-version={api_version}",
            serves=(_DEPLOYED,),
            paths={"embeddings": "/deployments/{model}/embeddings"},
        ),
        Variant(when={"api_version": ("2025-03*", "2025-04*")}, serves=(_DEPLOYED, _RESPONSES)),
        # Before 2024-09-01-preview `stream_options` was an unknown parameter, and refused.
        Variant(
            when={"api_version": ("2022*", "2023*", *(f"2024-0{month}*" for month in range(1, 9)))}, asks_usage=False
        ),
        Variant(
            when=_FOUNDRY,
            host="{resource}.services.ai.azure.com",
            base_path="/openai/v1",
            query="",
            serves=(
                Served(
                    dialect="dialect.anthropic_messages",
                    path="//anthropic/v1/messages",
                    models=_CLAUDE,
                    placement=HeaderPlacement("x-api-key", ""),
                ),
                Served(dialect="dialect.openai_chat", path="/chat/completions", not_models=_CLAUDE),
                Served(dialect="dialect.openai_responses", path="/responses", not_models=_CLAUDE),
            ),
            operations=(
                Operated(operation="messages_token_count", path="//anthropic/v1/messages/count_tokens", models=_CLAUDE),
            ),
            headers=(VERSION,),
            asks_usage=True,
        ),
        Variant(when={**_FOUNDRY, "project": ("*",)}, base_path="/api/projects/{project}/openai/v1"),
    ),
    placement=HeaderPlacement("api-key", ""),
    # An access token of Entra ID is a JWT.
    key_rules=(KeyRule(begins="eyJ", placement=HeaderPlacement()),),
    key_env=("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"),
    base_url_env=("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_BASE_URL"),
    model_env=("AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_DEPLOYMENT_NAME", "AZURE_OPENAI_MODEL"),
    base_url_ends=("/openai/v1", "/openai"),
)
