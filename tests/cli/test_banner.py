"""The banner of the real command: where, which prefixes, which dialects, what to try."""

from pathlib import Path

from tests.support.command import Sluice

STATIC = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{name: g}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /files}}]
      backendRefs: [{name: b, group: agentgateway.dev, kind: AgentgatewayBackend}]
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {name: b}
spec: {static: {host: localhost, port: 9}}
"""


async def test_the_prefixes_and_the_dialects_are_said() -> None:
    async with Sluice(env={"ANTHROPIC_API_KEY": "sk-canary-70e2"}) as sluice:
        said = sluice.stderr
        port = sluice.port
    assert f"  http://localhost:{port}   /v1  /v1beta  /v2  /fake  /anthropic  /openai\n" in said
    spoken = "Anthropic Messages, Gemini generateContent, OpenAI chat completions, OpenAI Responses"
    assert f"  spoken there: {spoken}\n" in said
    assert f'Try:  sluice chat "Hello" --url http://localhost:{port}/v1\n' in said
    assert "/anthropic and the models of /v1 go to api.anthropic.com:443 with the key of ANTHROPIC_API_KEY" in said
    assert "sk-canary" not in said


async def test_where_no_model_answers_no_dialect_is_spoken(tmp_path: Path) -> None:
    file = tmp_path / "static.yaml"
    file.write_text(STATIC)
    async with Sluice("-f", str(file)) as sluice:
        said = sluice.stderr
    assert "/files" in said
    assert "spoken there" not in said
    assert "Try:" not in said


async def test_of_many_prefixes_some_are_shown(tmp_path: Path) -> None:
    rules = "".join(
        f"""    - matches: [{{path: {{type: PathPrefix, value: /p{number}}}}}]
      backendRefs: [{{name: b, group: agentgateway.dev, kind: AgentgatewayBackend}}]
"""
        for number in range(9)
    )
    head, _, rest = STATIC.partition("    - matches")
    file = tmp_path / "many.yaml"
    file.write_text(head + rules + "---" + rest.partition("---")[2])
    async with Sluice("-f", str(file)) as sluice:
        said = sluice.stderr
    assert "/p0  /p1  /p2  /p3  /p4  /p5  /p6  /p7  …\n" in said
