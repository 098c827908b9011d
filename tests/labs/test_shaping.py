"""Labs that shape, each from its manifest to its result: A017, A019, A022, A024, A030, B8, C15, C17, C21, D3."""

import msgspec
import pytest

from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import Forbidden
from sluice.gateway.operation import operation
from sluice.gateway.shaper import Shaper
from sluice.policies.ai import AiPolicy
from sluice.policies.rest import rest_s
from sluice.policies.transformation import body_fields
from tests.gateway.shapes import request, sent, shape
from tests.labs.shaping_manifests import Lab, lab
from tests.policies.scenes import scene

POLICY = "apiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\nmetadata: {name: p}\nspec:\n"
ROUTE = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: openai}\nspec:\n"
TARGET = "  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: openai}]\n"
BACKEND = "[{group: agentgateway.dev, kind: AgentgatewayBackend, name: openai}]"


def policy(body: str) -> str:
    return POLICY + TARGET + body


def body_after(found: Lab, body: dict[str, object], headers: dict[str, str] | None = None) -> dict[str, object]:
    """A chat request's members as they are sent."""
    chat = OPENAI_CHAT.read_request(msgspec.json.encode(body))
    fields = body_fields(AiPolicy(), found.transformations, chat.fields, scene(headers))
    return {name: msgspec.json.decode(raw) for name, raw in fields.items()}


def test_a017_headers_of_the_answer_say_who_asked_for_what() -> None:
    first = policy("""
  traffic:
    transformation:
      response:
        set:
        - {name: x-user-id, value: 'default(request.headers["x-user-id"], "anonymous")'}
""")
    for headers, user in (((b"x-user-id", b"bob"),), b"bob"), ((), b"anonymous"):
        found, reply = lab(first).ask(request("POST", "/openai", *headers))
        assert reply is None
        assert found.to_client(200, [(b"x-ratelimit-limit-requests", b"9")]) == [
            (b"x-ratelimit-limit-requests", b"9"),
            (b"x-user-id", user),
        ]
    second = policy("""
  traffic:
    transformation:
      response:
        set:
        - {name: x-llm-provider, value: llm.provider}
        - {name: x-llm-request-model, value: llm.requestModel}
        - {name: x-request-method, value: request.method}
        - {name: x-request-path, value: request.path}
""")
    llm = {"provider": "openai", "requestModel": "gpt-4o-mini"}
    found, _ = lab(second).ask(request("POST", "/openai"), llm=llm)
    assert dict(found.to_client(200, [])) == {
        b"x-llm-provider": b"openai",
        b"x-llm-request-model": b"gpt-4o-mini",
        b"x-request-method": b"POST",
        b"x-request-path": b"/openai",
    }


def test_a019_a_direct_response() -> None:
    text = policy("""
  traffic:
    directResponse: {status: 200, body: "Status: Healthy"}
""")
    _, reply = lab(text).ask(request("GET", "/health"))
    assert reply is not None
    assert (reply.status, reply.body, len(reply.body)) == (200, b"Status: Healthy", 15)


@pytest.mark.parametrize(
    ("rule", "path", "rewritten", "kind"),
    [
        (0, "/openai/chat", "/v1/chat/completions", "completions"),
        (1, "/openai/embeddings", "/v1/embeddings", "embeddings"),
    ],
)
def test_a022_a_rewritten_path_decides_what_is_asked(rule: int, path: str, rewritten: str, kind: str) -> None:
    rules = "\n".join(
        f"""
  - matches: [{{path: {{type: PathPrefix, value: {given}}}}}]
    filters:
    - type: URLRewrite
      urlRewrite: {{path: {{type: ReplacePrefixMatch, replacePrefixMatch: {wanted}}}}}
    backendRefs: {BACKEND}"""
        for given, wanted in (("/openai/chat", "/v1/chat/completions"), ("/openai/embeddings", "/v1/embeddings"))
    )
    found, reply = lab(f"{ROUTE}  rules:{rules}\n", rule).ask(request("POST", path))
    assert reply is None
    assert found.request.path == rewritten
    assert operation(found.request.path, found.request.query).kind == kind


def test_a024_a_header_that_the_route_adds_lets_the_target_rest() -> None:
    text = f"""{ROUTE}  rules:
  - matches: [{{path: {{type: PathPrefix, value: /openai}}}}]
    filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier: {{add: [{{name: Retry-After, value: "60"}}]}}
    backendRefs: {BACKEND}
"""
    found, _ = lab(text).ask(request("POST", "/openai"))
    assert rest_s(429, found.heard(429, [(b"content-type", b"application/json")]), wall=0.0) == 60.0
    assert (b"retry-after", b"60") in found.to_client(429, [])


def test_a030_a_filter_takes_the_clients_credentials_away() -> None:
    text = f"""{ROUTE}  rules:
  - matches: [{{path: {{type: PathPrefix, value: /claude}}}}]
    filters:
    - type: RequestHeaderModifier
      requestHeaderModifier: {{remove: [x-api-key, authorization]}}
    backendRefs: {BACKEND}
"""
    asked = request("POST", "/claude/v1/messages", (b"x-api-key", b"mine"), (b"authorization", b"Bearer mine"))
    found, _ = lab(text).ask(asked)
    assert found.request.header(b"x-api-key") is None
    assert found.request.header(b"authorization") is None
    assert sent(found, same_api=True) == []


def test_b8_the_model_of_the_body_becomes_a_header_that_routes() -> None:
    text = policy("""
  traffic:
    transformation:
      request:
        set:
        - {name: x-gateway-model-name, value: json(request.body).model}
        - name: x-gateway-model-status
          value: '"model" in json(request.body) ? "present" : "missing"'
""")
    found = shape(request("POST", "/v1/chat/completions", body=b'{"model":"claude-3-5-haiku"}'))
    assert found.early(Shaper(lab(text).shaping)) is None
    assert found.request.header(b"x-gateway-model-name") == "claude-3-5-haiku"
    assert found.request.header(b"x-gateway-model-status") == "present"
    bare = shape(request("POST", "/v1/chat/completions", body=b"{}"))
    bare.early(Shaper(lab(text).shaping))
    assert bare.request.header(b"x-gateway-model-name") is None
    assert bare.request.header(b"x-gateway-model-status") == "missing"


def test_c15_a_wildcards_prefix_is_stripped() -> None:
    found = lab(
        policy("""
  backend:
    ai:
      transformations: [{field: model, expression: 'llmRequest.model.stripPrefix("openai/")'}]
""")
    )
    assert body_after(found, {"model": "openai/gpt-5-mini", "messages": []})["model"] == "gpt-5-mini"


def test_c17_a_bound_is_capped_and_a_failing_expression_removes_the_field() -> None:
    found = lab(
        policy("""
  backend:
    ai:
      transformations: [{field: max_completion_tokens, expression: 'min(llmRequest.max_completion_tokens, 10)'}]
""")
    )
    chat: dict[str, object] = {"model": "m", "messages": []}
    assert body_after(found, chat | {"max_completion_tokens": 5000})["max_completion_tokens"] == 10
    assert body_after(found, chat | {"max_completion_tokens": 5})["max_completion_tokens"] == 5
    assert body_after(found, chat | {"max_completion_tokens": None}) == chat
    assert body_after(found, chat) == chat


def test_c17_headers_tell_the_model_that_was_asked_and_the_one_that_answered() -> None:
    text = policy("""
  traffic:
    transformation:
      response:
        set:
        - {name: x-requested-model, value: llm.requestModel}
        - {name: x-actual-model, value: llm.responseModel}
""")
    found, _ = lab(text).ask(request("POST", "/openai"))
    found._scene.learn("llm", {"requestModel": "gpt-4", "responseModel": "gpt-4-0613"})
    assert found.to_client(200, []) == [(b"x-requested-model", b"gpt-4"), (b"x-actual-model", b"gpt-4-0613")]
    found._scene.learn("llm", {"requestModel": "gpt-4"})  # the head of a stream
    assert found.to_client(200, []) == [(b"x-requested-model", b"gpt-4")]


def test_c21_a_preflight_is_answered() -> None:
    text = f"""{ROUTE}  rules:
  - matches: [{{path: {{type: PathPrefix, value: /}}}}]
    filters:
    - type: CORS
      cors:
        allowOrigins: ["https://example.com"]
        allowMethods: [GET, POST, OPTIONS]
        allowHeaders: [Origin, X-Requested-With, Content-Type]
        exposeHeaders: [Origin, X-HTTPRoute-Header]
        allowCredentials: true
        maxAge: 86400
    backendRefs: {BACKEND}
"""
    preflight = request(
        "OPTIONS", "/get", (b"origin", b"https://example.com"), (b"access-control-request-method", b"GET")
    )
    found, reply = lab(text).ask(preflight)
    assert reply is not None
    told = dict(found.to_client(reply.status, list(reply.headers)))
    assert reply.status == 200
    assert told[b"access-control-allow-origin"] == b"https://example.com"
    assert told[b"access-control-allow-credentials"] == b"true"
    assert told[b"access-control-allow-methods"] == b"GET, POST, OPTIONS"
    assert told[b"access-control-allow-headers"] == b"Origin, X-Requested-With, Content-Type"
    assert told[b"access-control-max-age"] == b"86400"
    found, reply = lab(text).ask(request("GET", "/get", (b"origin", b"https://example.com")))
    assert reply is None
    answer = dict(found.to_client(200, []))
    assert answer[b"access-control-expose-headers"] == b"Origin, X-HTTPRoute-Header"


def test_c21_a_cross_site_request_is_403() -> None:
    found = lab(
        policy("""
  traffic:
    csrf: {additionalOrigins: ["https://example.org"]}
""")
    )
    for origin, passes in ((b"https://example.org", True), (b"https://malicious.example", False)):
        asked = request("POST", "/post", (b"origin", origin))
        if passes:
            assert found.ask(asked)[1] is None
            continue
        with pytest.raises(Forbidden) as refused:
            found.ask(asked)
        assert refused.value.status == 403


@pytest.mark.parametrize(("code", "scheme", "location"), [(301, "https", b"https://gw.example/get"), (302, "", b"")])
def test_c21_a_redirect(code: int, scheme: str, location: bytes) -> None:
    where = f"scheme: {scheme}, " if scheme else "hostname: www.example.com, "
    text = f"""{ROUTE}  rules:
  - matches: [{{path: {{type: PathPrefix, value: /get}}}}]
    filters:
    - type: RequestRedirect
      requestRedirect: {{{where}statusCode: {code}}}
"""
    _, reply = lab(text).ask(request("GET", "/get"))
    assert reply is not None
    assert (reply.status, reply.headers[0][1]) == (code, location or b"http://www.example.com:8080/get")


def test_d3_who_asks_decides_the_bound() -> None:
    """In the short form a model's `transformation` is a mapping."""
    found = lab(
        policy("""
  backend:
    ai:
      transformations:
        max_tokens: 'default(request.headers["x-user-id"], "") == "admin" ? 100 : 10'
""")
    )
    chat: dict[str, object] = {"model": "m", "messages": [], "max_tokens": 5000}
    assert body_after(found, chat, {"x-user-id": "admin"})["max_tokens"] == 100
    assert body_after(found, chat)["max_tokens"] == 10


def test_c4_prompt_caching_in_a_manifest() -> None:
    found = lab(
        policy("""
  backend:
    ai:
      promptCaching: {cacheSystem: true, cacheMessages: true, cacheTools: false, minTokens: 1024}
""")
    )
    assert found.caching is not None
    assert (found.caching.min_tokens, found.caching.tools) == (1024, False)
