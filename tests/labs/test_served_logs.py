"""A001 and C13: the expressions of the labs' logs, labels and spans, word by word, at a whole gateway."""

from tests.labs.served import FIRST_PAGES, POEM, always, lab
from tests.support.world import World

PARAMETERS = """---
apiVersion: enterpriseagentgateway.solo.io/v1alpha1
kind: EnterpriseAgentgatewayParameters
metadata: {name: agentgateway-config, namespace: agentgateway-system}
spec:
  rawConfig:
    config:
      logging:
        format: json
        fields:
          add:
            jwt: 'jwt'
            request.body: json(request.body)
            response.body: json(response.body)
            x-foo: 'request.headers["x-foo"]'
            request.body.modelId: json(request.body).modelId
            llm.prompt: llm.prompt
            llm.completion: llm.completion[0]
            toolCalls: llm.toolCalls
      metrics:
        fields:
          add:
            user_org: 'default(jwt.org, default(request.headers["x-org"], "public-tier"))'
            user_id: 'default(apiKey.user_id, "")'
      tracing:
        otlpProtocol: grpc
        otlpEndpoint: http://127.0.0.1:1
        randomSampling: 'true'
        fields:
          add:
            gen_ai.operation.name: '"chat"'
            gen_ai.system: "llm.provider"
            gen_ai.prompt: 'llm.prompt'
            gen_ai.completion: 'llm.completion.map(c, {"role":"assistant", "content": c})'
            gen_ai.usage.completion_tokens: 'llm.outputTokens'
            gen_ai.usage.prompt_tokens: 'llm.inputTokens'
            gen_ai.request.model: 'llm.requestModel'
            gen_ai.response.model: 'llm.responseModel'
            gen_ai.request: 'flatten(llm.params)'
            jwt: 'jwt'
            response.body: 'json(response.body)'
"""
REFERENCE = """spec:
  infrastructure:
    parametersRef:
      group: enterpriseagentgateway.solo.io
      kind: EnterpriseAgentgatewayParameters
      name: agentgateway-config
  gatewayClassName"""
FIRST = FIRST_PAGES.replace("spec:\n  gatewayClassName", REFERENCE, 1)
SAID = "It is a villanelle."


async def test_a001_a_whole_answer_is_in_the_log_and_in_its_span(world: World) -> None:
    found = await lab(world, PARAMETERS, model=always(SAID), first=FIRST)
    await found.curl("x-foo: bar", "x-org: acme", temperature=0.5, modelId="m-7")
    (line,) = found.serving.log_lines()
    asked, answered = line["request.body"], line["response.body"]
    assert isinstance(asked, dict)
    assert isinstance(answered, dict)
    assert asked["messages"][0]["content"] == POEM
    assert answered["choices"][0]["message"]["content"] == SAID
    assert (line["x-foo"], line["request.body.modelId"]) == ("bar", "m-7")
    assert (line["llm.prompt"], line["llm.completion"]) == ([{"role": "user", "content": POEM}], SAID)
    assert line.keys().isdisjoint(["jwt", "toolCalls"])
    attributes = dict(found.record.observed.attributes)
    assert attributes.pop("response.body") == answered
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.prompt": [{"role": "user", "content": POEM}],
        "gen_ai.completion": [{"role": "assistant", "content": SAID}],
        "gen_ai.usage.completion_tokens": 8,
        "gen_ai.usage.prompt_tokens": 12,
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": found.record.response_model,
        "gen_ai.request.temperature": 0.5,
    }


async def test_a001_a_stream_is_told_as_its_client_read_it(world: World) -> None:
    found = await lab(world, PARAMETERS, model=always(SAID), first=FIRST)
    await found.curl(stream=True)
    (line,) = found.serving.log_lines()
    assert line["llm.completion"] == SAID
    assert "response.body" not in line
    attributes = dict(found.record.observed.attributes)
    assert attributes["gen_ai.completion"] == [{"role": "assistant", "content": SAID}]
