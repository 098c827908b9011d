"""THE list of built-in modules. A new dialect, provider or policy is one file and one line here."""

from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.providers.fake import FAKE
from sluice.providers.openai import OPENAI
from sluice.registry import Registry

CLIENT_DIALECT = OPENAI_CHAT.module_id
"""What clients speak on every address, until an address says otherwise."""

STANDARD = Registry(
    [
        OPENAI_CHAT,
        OPENAI,
        FAKE,
    ]
)
