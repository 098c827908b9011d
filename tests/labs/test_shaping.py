"""Labs that shape, each from its manifest to what becomes of a request: A022, A024, A030, C4, C21. Those that a whole
gateway is asked about are in test_served_shaping.py."""

import pytest

from sluice.gateway.operation import operation
from sluice.policies.rest import rest_s
from tests.gateway.shapes import request, sent
from tests.labs.shaping_manifests import lab

POLICY = "apiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\nmetadata: {name: p}\nspec:\n"
ROUTE = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: openai}\nspec:\n"
TARGET = "  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: openai}]\n"
BACKEND = "[{group: agentgateway.dev, kind: AgentgatewayBackend, name: openai}]"


def policy(body: str) -> str:
    return POLICY + TARGET + body


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
