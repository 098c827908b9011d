"""The pages about identity: every manifest and every short form on them is what it says it is."""

import re
from pathlib import Path

import pytest
import yaml

from sluice.policies.access import OPEN
from tests.config.access_texts import short
from tests.labs.identity_manifests import access_of

PAGES = Path(__file__).resolve().parents[2] / "docs/policies"
NAMES = ("jwt", "api-keys", "basic-auth", "external-auth", "authorization")
YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> list[str]:
    return YAML.findall((PAGES / f"{name}.md").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_every_manifest_of_a_page_is_accepted_and_says_something(name: str) -> None:
    manifests = [text for text in blocks(name) if "kind: AgentgatewayPolicy" in text]
    assert manifests
    for text in manifests:
        assert access_of(text) != OPEN


@pytest.mark.parametrize("name", NAMES)
def test_every_short_form_of_a_page_is_accepted_and_says_something(name: str) -> None:
    forms = [text for text in blocks(name) if text.startswith("llm:")]
    assert len(forms) == 1
    policies = yaml.safe_load(forms[0].replace("$ALICE_KEY", "sk-alice"))["llm"]["policies"]
    assert short(yaml.safe_dump(policies)).access != OPEN


@pytest.mark.parametrize("name", [*NAMES, "backend-auth"])
def test_a_page_says_what_every_page_says(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "What it promises",
        "Manifest",
        "Short form",
        "What the client sees",
        "What is logged and counted",
        "What it costs",
    ]
    assert [line for line in text.split("\n") if len(line) > 120 and not line.startswith("|")] == []
