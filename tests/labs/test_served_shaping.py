"""Labs that shape, at a whole gateway: A010, A017, A019, B8, C15, C17, C21, D3; and two parts of the formats that no
lab shows: the filter ExternalAuth (compat 2.7) and `matches` of models (compat 3.1)."""

import json

import pytest

from tests.gateway.judged import saying
from tests.labs.served import META, POEM, PROXY, ROUTE, TEXT, Said, content, lab, policy
from tests.support.events import completion
from tests.support.raw_upstream import Asked, Call, sized
from tests.support.world import World

TO_OPENAI = "backendRefs: [{name: openai, group: agentgateway.dev, kind: AgentgatewayBackend}]"
SHORT = 'params: {baseUrl: "http://127.0.0.1:%d/v1", apiKey: k}'


def backend_ai(settings: str) -> str:
    head = f"---\napiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\n{META % 'ai'}\nspec:\n  {ROUTE}\n"
    return f"{head}  backend: {{ai: {{{settings}}}}}\n"


def route(rule: str, name: str) -> str:
    head = f"---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n{META % name}\n"
    return f"{head}spec: {{parentRefs: [{{name: agentgateway-proxy}}], rules: [{rule}]}}\n"


def counted(asked: Asked) -> Said:
    """A model that takes two tokens for each word of what it is asked."""
    messages = asked.json()["messages"]
    assert isinstance(messages, list)
    words = sum(len(message["content"].split()) for message in messages)
    return Said(prompt_tokens=2 * words)


async def test_a010_an_enriched_prompt_takes_more_tokens(world: World) -> None:
    wanted = "Return the response in JSON format"
    prepend = f"prompt: {{prepend: [{{role: system, content: {wanted}}}]}}"
    bare, enriched = await lab(world, model=counted), await lab(world, backend_ai(prepend), model=counted)
    tokens = [json.loads((await each.curl()).body)["usage"]["prompt_tokens"] for each in (bare, enriched)]
    assert tokens == [8, 20]
    (asked,) = enriched.asked
    assert asked.json()["messages"] == [{"role": "system", "content": wanted}, {"role": "user", "content": POEM}]


async def test_a017_headers_of_the_answer_say_who_asked_for_what(world: World) -> None:
    def answered(*pairs: tuple[str, str]) -> str:
        items = ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in pairs)
        return policy(f"    transformation: {{response: {{set: [{items}]}}}}\n", "headers", ROUTE)

    found = await lab(world, answered(("x-user-id", 'default(request.headers["x-user-id"], "anonymous")')))
    assert (await found.curl("x-user-id: bob")).header("x-user-id") == "bob"
    assert (await found.curl()).header("x-user-id") == "anonymous"
    found = await lab(
        world,
        answered(
            ("x-llm-provider", "llm.provider"),
            ("x-llm-request-model", "llm.requestModel"),
            ("x-request-method", "request.method"),
            ("x-request-path", "request.path"),
        ),
    )
    for stream in (False, True):
        answer = await found.curl(stream=stream)
        assert {name: value for name, value in answer.head.headers if name.startswith(("x-llm", "x-request-"))} == {
            "x-llm-provider": "openai",
            "x-llm-request-model": "gpt-4o-mini",
            "x-request-method": "POST",
            "x-request-path": "/openai",
            "x-request-id": answer.header("x-request-id"),
        }


async def test_a017_headers_of_the_provider_pass_through(world: World) -> None:
    async def play(call: Call) -> None:
        while True:
            await call.request()
            call.send(sized(completion(), "x-ratelimit-limit-requests: 9", "x-request-id: req_1", "x-secret: no"))

    found = await lab(world)
    found.provider.play = play
    answer = await found.curl()
    assert (answer.status, answer.header("x-ratelimit-limit-requests"), answer.header("x-secret")) == (200, "9", "")
    assert answer.header("x-request-id")  # the gateway's own, which its log shows too


async def test_a019_a_direct_response(world: World) -> None:
    rule = "{name: health, matches: [{path: {type: Exact, value: /health}}]}"
    health = PROXY.replace("Gateway", "HTTPRoute").replace("agentgateway-proxy", "health")
    own = policy('    directResponse: {status: 200, body: "Status: Healthy"}\n', "health", health)
    found = await lab(world, route(rule, "health"), own)
    answer = await found.curl(path="/health", method="GET")
    assert (answer.status, answer.body, answer.header("content-length")) == (200, b"Status: Healthy", "15")
    assert not found.asked


BY_BODY = """    phase: PreRouting
    transformation:
      request:
        set:
        - name: x-gateway-model-name
          value: 'json(request.body).model'
        - name: x-gateway-model-status
          value: '"model" in json(request.body) ? "present" : "missing"'
"""


async def test_b8_the_model_of_the_body_chooses_the_route(world: World) -> None:
    rules = [
        f"{{matches: [{{path: {{value: /chat}}, headers: [{{name: x-gateway-model-name, value: {model}}}]}}], "
        "filters: [{type: ResponseHeaderModifier, "
        f"responseHeaderModifier: {{set: [{{name: x-rule, value: {model}}}]}}}}], "
        f"{TO_OPENAI}}}"
        for model in ("gpt-4o", "claude-3-5-haiku")
    ]
    found = await lab(world, policy(BY_BODY), route(", ".join(rules), "by-body"))
    for model in ("gpt-4o", "claude-3-5-haiku"):
        answer = await found.curl("x-gateway-model-name: forged", path="/chat", model=model)
        assert (answer.status, answer.header("x-rule")) == (200, model)
    assert (await found.curl("x-gateway-model-name: gpt-4o", path="/chat", model="other")).status == 404


async def test_c15_a_wildcard_strips_its_prefix(world: World) -> None:
    text = f"""
llm:
  models:
  - name: "openai/*"
    provider: openAI
    {SHORT}
    transformation: {{model: 'llmRequest.model.stripPrefix("openai/")'}}
"""
    found = await lab(world, short=text)
    answer = await found.curl(path="/v1/chat/completions", model="openai/gpt-5-mini")
    assert (answer.status, found.asked[0].json()["model"]) == (200, "gpt-5-mini")
    unknown = await found.curl(path="/v1/chat/completions", model="other")
    assert (unknown.status, json.loads(unknown.body)["error"]["code"]) == (404, "model_not_found")
    assert json.loads(unknown.body)["error"]["message"] == "Model not found"


async def test_c17_a_bound_is_capped_and_the_models_are_told(world: World) -> None:
    capped = (
        "transformations: [{field: max_completion_tokens, expression: 'min(llmRequest.max_completion_tokens, 10)'}]"
    )
    names = "{name: x-requested-model, value: llm.requestModel}, {name: x-actual-model, value: llm.responseModel}"
    names += ", {name: x-tokens, value: string(llm.totalTokens)}"
    told = policy(f"    transformation: {{response: {{set: [{names}]}}}}\n", "told", ROUTE)
    found = await lab(world, backend_ai(capped), told)
    for stream in (False, True):
        answer = await found.curl(max_completion_tokens=5000, stream=stream)
        assert found.asked[-1].json()["max_completion_tokens"] == 10
        assert answer.header("x-requested-model") == "gpt-4o-mini"
        assert answer.header("x-actual-model") == ("m-1" if stream else "gpt-4o-mini-2024-07-18")
        assert answer.header("x-tokens") == "20"  # of this stream the end had come before its head left
    await found.curl()
    assert "max_completion_tokens" not in found.asked[-1].json()


CORS = """    cors:
      allowOrigins: ["https://example.com"]
      allowMethods: [GET, POST, OPTIONS]
      allowHeaders: [Origin, X-Requested-With, Content-Type]
      maxAge: 86400
"""


async def test_c21_cors_csrf_and_a_redirect(world: World) -> None:
    redirect = "{matches: [{path: {value: /get}}], filters: [{type: RequestRedirect, requestRedirect: %s}]}"
    found = await lab(
        world,
        policy(CORS, "cors", ROUTE),
        policy('    csrf: {additionalOrigins: ["https://example.org"]}\n', "csrf", ROUTE),
        route(redirect % "{scheme: https, hostname: gw.example, statusCode: 301}", "moved"),
    )
    answer = await found.curl("Origin: https://example.com", "Access-Control-Request-Method: POST", method="OPTIONS")
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == "https://example.com"
    assert answer.header("access-control-max-age") == "86400"
    assert (await found.curl("Origin: https://malicious.example")).status == 403
    assert (await found.curl("Origin: https://example.org")).status == 200
    answer = await found.curl(path="/get", method="GET")
    assert (answer.status, answer.header("location")) == (301, "https://gw.example/get")


async def test_d3_who_asks_decides_the_bound(world: World) -> None:
    text = f"""
llm:
  models:
  - name: "*"
    provider: openAI
    {SHORT}
    transformation: {{max_tokens: 'default(request.headers["X-User-ID"], "") == "admin" ? 100 : 10'}}
"""
    found = await lab(world, short=text)
    for headers in (("x-user-id: admin",), ()):
        assert (await found.curl(*headers, path="/v1/chat/completions", max_tokens=5000)).status == 200
    assert [asked.json()["max_tokens"] for asked in found.asked] == [100, 10]


@pytest.mark.parametrize("stream", [False, True])
async def test_compat_2_7_the_filter_external_auth_asks_a_service(world: World, stream: bool) -> None:
    async def play(call: Call) -> None:
        while True:
            asked = await call.request()
            if asked.header("x-team") == "dev":
                call.send(sized(b"", "x-user: ada"))
            else:
                call.send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nno")

    service = await world.upstream(play)
    spec = f"{{type: ExternalName, externalName: 127.0.0.1, ports: [{{port: {service.port}}}]}}"
    there = f"---\napiVersion: v1\nkind: Service\n{META % 'authz'}\nspec: {spec}\n"
    http = "http: {path: /check, allowedHeaders: [X-Team], allowedResponseHeaders: [X-User]}"
    external = f"{{protocol: HTTP, backendRef: {{name: authz, port: {service.port}}}, {http}}}"
    rule = f"{{matches: [{{path: {{value: /guarded}}}}], filters: [{{type: ExternalAuth, externalAuth: {external}}}], "
    found = await lab(world, there, route(f"{rule}{TO_OPENAI}}}", "guarded"), TEXT)
    refused = await found.curl(path="/guarded/v1/chat/completions", stream=stream)
    assert (refused.status, refused.body) == (403, b"no")
    answer = await found.curl("X-Team: dev", path="/guarded/v1/chat/completions?a=b", stream=stream)
    assert (answer.status, content(answer)) == (200, "It is a villanelle.")
    assert service.asked[1].line == "POST /check/guarded/v1/chat/completions?a=b HTTP/1.1"
    assert found.asked[0].header("x-user") == "ada"


async def test_compat_3_1_headers_choose_between_models_of_one_name(world: World) -> None:
    gold = await world.upstream(saying({"object": "chat.completion", "from": "gold"}))
    text = f"""
llm:
  models:
  - {{name: smart, provider: openAI, {SHORT}}}
  - name: smart
    provider: openAI
    params: {{baseUrl: "http://127.0.0.1:{gold.port}/v1", apiKey: k, model: gpt-gold}}
    matches: [{{headers: [{{name: X-Tier, value: {{exact: gold}}}}]}}]
"""
    found = await lab(world, short=text)
    assert (await found.curl(path="/v1/chat/completions", model="smart")).status == 200
    assert (len(found.asked), len(gold.asked)) == (1, 0)
    await found.curl("x-tier: gold", path="/v1/chat/completions", model="smart")
    assert (len(found.asked), gold.asked[0].json()["model"]) == (1, "gpt-gold")
    listed = await found.curl(path="/v1/models", method="GET")
    assert [row["id"] for row in json.loads(listed.body)["data"]] == ["smart"]
