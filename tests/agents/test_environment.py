"""Which model the chatbot asks: seed 003's variables and defaults."""

import pytest

from sluice.agents.environment import Choice, chosen
from sluice.net.files import ConfigFiles
from sluice.standard import STANDARD


@pytest.mark.parametrize(
    ("env", "choice"),
    [
        ({}, Choice("fake", "fake-1", "fake/fake-1")),
        ({"LLM_PROVIDER": "anthropic"}, Choice("fake", "fake-1", "fake/fake-1")),
        ({"OPENAI_API_KEY": "k"}, Choice("openai", "gpt-3.5-turbo", "openai/gpt-3.5-turbo")),
        ({"OPENAI_API_KEY": "k", "OPENAI_MODEL": "gpt-4o"}, Choice("openai", "gpt-4o", "openai/gpt-4o")),
        (
            {"LLM_PROVIDER": "anthropic", "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"},
            Choice("anthropic", "claude-3-sonnet-20240229", "anthropic/claude-3-sonnet-20240229"),
        ),
        ({"LLM_PROVIDER": "gemini", "GOOGLE_API_KEY": "k"}, Choice("gemini", "gemini-pro", "gemini/gemini-pro")),
        ({"GEMINI_API_KEY": "k", "GEMINI_MODEL": "g"}, Choice("gemini", "g", "gemini/g")),
    ],
)
def test_the_provider_and_its_variables_choose_the_model(env: dict[str, str], choice: Choice) -> None:
    assert chosen(ConfigFiles((), env, STANDARD).load()) == choice
