"""THE list of built-in modules. A new dialect, provider or policy is one file and one line here."""

from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.dialects.gemini import GEMINI as GEMINI_API
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.policies.ai import RouteType
from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.azure import AZURE
from sluice.providers.bedrock import BEDROCK
from sluice.providers.custom import CUSTOM
from sluice.providers.fake import FAKE
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.presets import PRESETS
from sluice.providers.vertexai import VERTEXAI
from sluice.registry import Registry

DEFAULT_DIALECT = OPENAI_CHAT.module_id
"""What clients are answered in on an address that says nothing else."""

CLIENT_DIALECTS: dict[RouteType, str] = {
    "completions": OPENAI_CHAT.module_id,
    "messages": ANTHROPIC_MESSAGES.module_id,
    "messages_token_count": ANTHROPIC_MESSAGES.module_id,
    "responses": OPENAI_RESPONSES.module_id,
    "generate_content": GEMINI_API.module_id,
    "content_token_count": GEMINI_API.module_id,
}
"""What clients speak on an address of this type."""

LIST_DIALECTS = {"/v1beta/models": GEMINI_API.module_id, "anthropic-version": ANTHROPIC_MESSAGES.module_id}
"""How a client shows which API's list of models it wants: a part of the path, or a header that is there."""

STANDARD = Registry(
    [
        OPENAI_CHAT,
        OPENAI_RESPONSES,
        ANTHROPIC_MESSAGES,
        GEMINI_API,
        BEDROCK_CONVERSE,
        OPENAI,
        ANTHROPIC,
        GEMINI,
        AZURE,
        BEDROCK,
        VERTEXAI,
        *PRESETS,
        CUSTOM,
        FAKE,
    ]
)
