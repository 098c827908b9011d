"""What tests of providers' settings share: a registry of every row, without the dialects that they speak."""

from collections.abc import Mapping

import pytest

from sluice.config import Source, load
from sluice.config.plan import Plan
from sluice.errors import ConfigError
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

EVERY = Registry([OPENAI, ANTHROPIC, GEMINI, AZURE, BEDROCK, VERTEXAI, *PRESETS, CUSTOM, FAKE])
KEY_FILE = (
    '{"type": "service_account", "client_email": "a@b", "private_key": "canary-key", '
    '"token_uri": "http://127.0.0.1:1/token", "project_id": "from-file"}'
)


def loaded(*texts: str, env: Mapping[str, str] | None = None) -> Plan:
    """Load texts as the files a.yaml, b.yaml ..., with every provider."""
    return load([Source(f"{'abcdef'[i]}.yaml", text) for i, text in enumerate(texts)], env or {}, EVERY)


def refused(*texts: str, env: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of the error that loading these texts must raise."""
    with pytest.raises(ConfigError) as caught:
        loaded(*texts, env=env)
    return str(caught.value).split("\n")
