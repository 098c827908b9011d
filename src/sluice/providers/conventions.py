"""What OpenTelemetry's conventions call the providers that we call otherwise.

Source: opentelemetry.io, semantic conventions 1.41, registry attribute `gen_ai.provider.name` (read 2026-11-21).
"""

from typing import Final

NAMES: Final = {"azure": "azure.ai.openai", "mistral": "mistral_ai", "xai": "x_ai"}
"""`Provider.telemetry_name` -> `gen_ai.provider.name`; all others are alike."""
