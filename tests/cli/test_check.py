"""`sluice check`: routes, whom each backend and each model asks, conditions, and the exit status."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sluice.cli import main

SHORT_FORM = """
llm:
  models:
    - {name: gpt-4o-mini, provider: openAI, params: {apiKey: x}}
    - {name: house, provider: anthropic, visibility: internal, params: {model: claude-sonnet-5-5, apiKey: x}}
    - {name: "local-*", provider: {custom: {formats: [{type: completions}]}}, params: {baseUrl: "https://llm.test:444/x"}}
    - {name: echo, provider: fake}
  virtualModels:
    - {name: smart, routing: {weighted: {targets: [{model: gpt-4o-mini, weight: 2}, {model: house}]}}}
    - {name: resilient, routing: {failover: {targets: [{model: house, priority: 0}, {model: echo, priority: 7}]}}}
    - {name: adaptive, routing: {conditional: {targets: [{model: echo, when: 'WHEN'}, {model: house}]}}}
"""
MANIFEST = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{name: g}]
  rules:
    - backendRefs: [{name: NAMED, group: agentgateway.dev, kind: AgentgatewayBackend}]
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {name: b}
spec:
  ai:
    groups:
      - providers:
          - {name: one, gemini: {model: gemini-2.5-flash}, policies: {auth: {key: x}}}
          - {name: two, fake: {}}
      - providers:
          - {name: three, openai: {}, host: localhost, port: 8000}
"""


def check(text: str, folder: Path) -> Result:
    file = folder / "given.yaml"
    file.write_text(text)
    return CliRunner().invoke(main, ["check", "-f", str(file)], env={"OPENAI_API_KEY": None})


def below(title: str, output: str) -> list[str]:
    """The lines of one part of the output, blanks at their beginning and end taken off."""
    part = output.partition(f"\n{title}\n")[2].partition("\n\n")[0]
    return [line.strip() for line in part.strip().split("\n")]


def test_each_model_is_shown_with_whom_it_asks(tmp_path: Path) -> None:
    when = 'request.headers["x-tier"] == "gold"'
    result = check(SHORT_FORM.replace("WHEN", when), tmp_path)
    assert result.exit_code == 0
    house = "anthropic as claude-sonnet-5-5 at https://api.anthropic.com (anthropic_messages)"
    openai = "https://api.openai.com (openai_chat, openai_responses)"
    fake = "at this process (openai_chat, openai_responses, anthropic_messages, gemini)"
    assert below("models", result.output) == [
        f"gpt-4o-mini                  openai at {openai}",
        f"house (internal)             {house}",
        "local-*                      custom at https://llm.test:444 (openai_chat)",
        f"echo                         fake {fake}",
        f"smart                        66.67 %: openai as gpt-4o-mini at {openai}",
        f"33.33 %: {house}",
        f"resilient                    group 1: {house}",
        f"group 2: fake as echo {fake}",
        f"adaptive                     if {when}: fake as echo {fake}",
        f"else: {house}",
    ]
    assert "\nbackends\n" not in result.output


def test_which_requests_a_model_is_for_stands_before_whom_it_asks(tmp_path: Path) -> None:
    matches = "[{headers: [{name: X-Tier, value: {exact: gold}}, {name: x-a, value: {regex: 'b|c'}}]}, "
    matches += "{headers: [{name: x-root, value: {exact: '1'}}]}]"
    text = f"llm: {{models: [{{name: m, provider: fake}}, {{name: m, provider: fake, matches: {matches}}}]}}\n"
    plain, matched = below("models", check(text, tmp_path).output)[:2]
    assert plain.split(maxsplit=1)[1].startswith("fake at")
    assert " if x-tier = gold and x-a ~ b|c or x-root = 1: fake at" in matched


def test_a_long_condition_is_cut(tmp_path: Path) -> None:
    when = f'request.path == "{"a" * 100}"'
    result = check(SHORT_FORM.replace("WHEN", when), tmp_path)
    assert f"if {when[:72]}…: fake" in result.output


def test_each_backend_is_shown_with_its_targets_in_order(tmp_path: Path) -> None:
    result = check(MANIFEST.replace("NAMED", "b"), tmp_path)
    assert result.exit_code == 0
    first, second, third = below("backends", result.output)
    assert first.startswith("default/b")
    assert first.endswith(
        "group 1: gemini as gemini-2.5-flash at https://generativelanguage.googleapis.com (gemini, openai_chat)"
    )
    assert second.startswith("group 1: fake at this process")
    assert third == "group 2: openai at http://localhost:8000 (openai_chat, openai_responses)"
    assert "\nmodels\n" not in result.output


def test_a_condition_that_is_false_is_the_exit_status(tmp_path: Path) -> None:
    result = check(MANIFEST.replace("NAMED", "nowhere"), tmp_path)
    assert result.exit_code == 1
    assert "False ResolvedRefs: BackendNotFound" in result.output


@pytest.mark.parametrize("text", ["llm: 1", "llm:\n  models: []", "a: ["])
def test_a_configuration_that_is_refused_is_the_exit_status(text: str, tmp_path: Path) -> None:
    result = check(text, tmp_path)
    assert result.exit_code == 2
    assert "given.yaml" in result.output


def test_without_a_file_the_environment_is_checked() -> None:
    result = CliRunner().invoke(main, ["check"], env={"OPENAI_API_KEY": None, "ANTHROPIC_API_KEY": "sk-canary-41d0"})
    assert result.exit_code == 0
    assert "claude-*                     anthropic at https://api.anthropic.com (anthropic_messages)" in result.output
    assert "sk-canary" not in result.output
