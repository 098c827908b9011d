"""A configuration of LiteLLM's proxy in a test: written, imported, looked into and compiled.

The files are written by hand, of the keys that docs.litellm.ai/docs/proxy/config_settings lists (read 2026-11-21).
"""

import msgspec
import yaml

from sluice.config.compile import load
from sluice.config.litellm import Imported, import_litellm
from sluice.config.plan import Plan
from sluice.config.source import Source
from sluice.standard import STANDARD

ONE = """
model_list:
  - model_name: m
    litellm_params: {model: openai/gpt-4o-mini, PARAMS}
    model_info: {INFO}
"""
DEPLOYMENTS = """
model_list:
  - {model_name: big, litellm_params: {model: openai/a, A}}
  - {model_name: big, litellm_params: {model: openai/b, B}, model_info: {id: second}}
  - {model_name: small, litellm_params: {model: openai/c}}
  - {model_name: "any/*", litellm_params: {model: "openai/*"}}
"""


def made(text: str) -> Imported:
    return import_litellm(Source("config.yaml", text))


def llm(found: Imported) -> dict[str, list[dict[str, object]]]:
    """The section `llm` of what comes out."""
    return msgspec.convert(yaml.safe_load(found.text), dict[str, object])["llm"]  # type: ignore[return-value]


def entry(model: str, params: str = "", info: str = "") -> dict[str, object]:
    """The entry that one deployment of this model becomes."""
    text = ONE.replace("openai/gpt-4o-mini", model).replace("PARAMS", params).replace("INFO", info)
    (found,) = llm(made(text))["models"]
    return found


def notes(found: Imported) -> list[str]:
    return [str(note) for note in found.notes]


def served(found: Imported, **env: str) -> Plan:
    """The Plan of what comes out; variables that nobody names hold something."""
    held = {name: f"value-of-{name.lower()}" for name in found.variables}
    return load([Source("gateway.yaml", found.text)], held | env, STANDARD)
