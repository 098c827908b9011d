"""Documents to objects: every mistake has a place and a hint, and is told in one go."""

import pytest

from .loading import BACKEND, LATER, backend, gateway, plan, policy, refusal, route

OBJECT = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OBJECT + "spec:\n  rulez: []\n", "a.yaml:5: spec.rulez: unknown field (did you mean `rules`?)"),
        (
            OBJECT + "spec:\n  zzzz: []\n",
            "a.yaml:5: spec.zzzz: unknown field (expected one of: hostnames, parentRefs, rules, useDefaultGateways)",
        ),
        (OBJECT + "spec:\n  rules: 5\n", "a.yaml:5: spec.rules: expected a list, not a whole number"),
        (
            OBJECT + "spec:\n  rules:\n  - name: 5\n",
            "a.yaml:6: spec.rules[0].name: expected a string, not a whole number",
        ),
        (OBJECT + "speck: {}\nspec: {}\n", "a.yaml:4: speck: unknown field (did you mean `spec`?)"),
        (OBJECT, "a.yaml:1: the field `spec` is missing"),
        (
            OBJECT + "spec:\n  rules:\n  - matches:\n    - path:\n        type: prefix\n",
            "a.yaml:8: spec.rules[0].matches[0].path.type: unknown value `prefix` (did you mean `PathPrefix`?)",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - matches:\n    - method: get it\n",
            "a.yaml:7: spec.rules[0].matches[0].method: unknown value `get it` (did you mean `GET`?)",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - timeouts: {request: 5}\n",
            "a.yaml:6: spec.rules[0].timeouts.request: expected a duration such as `250ms`, `30s`, `5m` or `1h30m`",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - timeouts: {request: 1s, backendRequest: 2s}\n",
            "a.yaml:6: spec.rules[0].timeouts: `backendRequest` must not be longer than `request`",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - backendRefs:\n    - {name: s}\n",
            "a.yaml:7: spec.rules[0].backendRefs[0]: a Service needs a `port`",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - matches: [{path: {value: openai}}]\n",
            "a.yaml:6: spec.rules[0].matches[0].path: a path begins with `/`",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - matches: [{path: {value: /a//b}}]\n",
            "a.yaml:6: spec.rules[0].matches[0].path: a path holds no `//`, `/./`, `/../`, `?` or `#`",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - filters: [{type: URLRewrite}]\n",
            "a.yaml:6: spec.rules[0].filters[0]: the type URLRewrite needs `urlRewrite`",
        ),
        (
            OBJECT + "spec:\n  rules:\n  - sessionPersistence: {type: Cookie}\n",
            "a.yaml:6: spec.rules[0].sessionPersistence: `sessionPersistence`" + LATER,
        ),
        (
            OBJECT + "spec:\n  rules:\n  - matches:\n    - path: {type: RegularExpression, value: '(a+)+'}\n",
            (
                "a.yaml:7: spec.rules[0].matches[0].path.value: a repetition or alternative inside a "
                "repeated group is not allowed"
            ),
        ),
        (
            OBJECT + "spec:\n  rules:\n  - matches:\n    - headers: [{name: x, type: RegularExpression, value: '('}]\n",
            (
                "a.yaml:7: spec.rules[0].matches[0].headers[0].value: not a regular expression: missing "
                "), unterminated subpattern"
            ),
        ),
        (
            OBJECT
            + "spec:\n  rules:\n  - matches:\n    - queryParams: [{name: x, type: RegularExpression, value: '*'}]\n",
            "a.yaml:7: spec.rules[0].matches[0].queryParams[0].value: not a regular expression: nothing to repeat",
        ),
        (
            OBJECT + "spec:\n  parentRefs:\n  - {kind: Service, name: x, group: ''}\n",
            "a.yaml:6: spec.parentRefs[0]: a parent of kind Service" + LATER,
        ),
        ("kind: HTTPRout\napiVersion: v1\n", "a.yaml:1: kind: unknown kind `HTTPRout` (did you mean `HTTPRoute`?)"),
        (
            "kind: Deployment\napiVersion: apps/v1\n",
            "a.yaml:1: kind: unknown kind `Deployment` (only what configures the gateway is read)",
        ),
        (
            "apiVersion: gateway.networking.k8s.io/v2\nkind: Gateway\n",
            (
                "a.yaml:1: apiVersion: unknown apiVersion `gateway.networking.k8s.io/v2` for Gateway "
                "(expected `gateway.networking.k8s.io/v1`)"
            ),
        ),
        ("kind: Gateway\n", "a.yaml:1: the field `apiVersion` is missing"),
        ("kind: [Gateway]\napiVersion: v1\n", "a.yaml:1: kind: expected a string, not a list"),
        (
            gateway("{name: a, port: 70000, protocol: HTTP}"),
            "a.yaml:8: spec.listeners[0].port: expected a whole number <= 65535",
        ),
        (
            gateway("{name: a, port: 1, protocol: HTTP}", "{name: a, port: 2, protocol: HTTP}"),
            "a.yaml:5: spec: two listeners have the same name",
        ),
        (backend("{ai: {}}"), "a.yaml:5: spec.ai: expected exactly one of `provider`, `groups`"),
        (
            backend("{}"),
            "a.yaml:5: spec: expected exactly one of `static`, `ai`, `dynamicForwardProxy`, `mcp`, `aws`, `a2a`",
        ),
        (
            backend("{ai: {provider: {openai: {}, host: h}}}"),
            "a.yaml:5: spec.ai.provider: `host` and `port` must be set together",
        ),
        (
            backend("{ai: {provider: {openai: {}, host: h, port: 1, path: /a, pathPrefix: /b}}}"),
            "a.yaml:5: spec.ai.provider: `path` and `pathPrefix` exclude each other",
        ),
        (
            backend("{ai: {provider: {openai: {}, pathPrefix: /b}}}"),
            "a.yaml:5: spec.ai.provider: `pathPrefix` needs `host`",
        ),
        (
            backend("{ai: {groups: [{providers: [{name: a, fake: {}}, {name: a, fake: {}}]}]}}"),
            "a.yaml:5: spec.ai.groups[0]: two providers of the group have the same name",
        ),
        (backend("{static: {host: h}}"), "a.yaml:5: spec.static: `host` and `port` are needed"),
        (
            backend("{static: {host: h, port: 1}, policies: {auth: {key: a, passthrough: {}}}}"),
            (
                "a.yaml:5: spec.policies.auth: expected exactly one of `key`, `secretRef`, "
                "`passthrough`, `aws`, `azure`, `gcp`, `oauthTokenExchange`, `crossAppAccess`, `jwtSign`"
            ),
        ),
        (
            backend("{ai: {provider: {anthropic: {}}}}"),
            "a.yaml:5: spec.ai.provider.anthropic: provider anthropic is not served by this version",
        ),
        (
            policy("{targetRefs: [{group: g, kind: HTTPRoute, name: x}]}"),
            "a.yaml:5: spec: expected at least one of `frontend`, `traffic`, `backend`",
        ),
        (policy("{traffic: {}}"), "a.yaml:5: spec: expected exactly one of `targetRefs`, `targetSelectors`"),
        (
            policy(
                "{traffic: {}, targetRefs: [{group: a, kind: Gateway, name: x}, {group: b, kind: HTTPRoute, name: x}]}"
            ),
            "a.yaml:5: spec: all `targetRefs` must be of one kind",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: ExternalName}\n",
            "a.yaml:4: spec: a Service of type ExternalName needs `externalName`",
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n- {kind: Gatewa, apiVersion: v1}\n",
            "a.yaml:4: items[0].kind: unknown kind `Gatewa` (did you mean `Gateway`?)",
        ),
    ],
)
def test_one_mistake_is_told_with_its_place(text: str, expected: str) -> None:
    assert refusal(text) == [expected]


@pytest.mark.parametrize(
    "key",
    [
        "azureopenai: {endpoint: e}",
        "azure: {resourceName: r, resourceType: OpenAI}",
        "anthropic: {model: m}",
        "gemini: {}",
        "vertexai: {projectId: p}",
        "bedrock: {region: eu-west-1}",
        "custom: {backendRef: {name: s}, formats: [{type: Completions}]}",
    ],
)
def test_every_known_provider_that_is_not_served_is_told_so(key: str) -> None:
    (line,) = refusal(backend(f"{{ai: {{provider: {{{key}}}}}}}"))
    assert line.endswith(f"provider {key.partition(':')[0]} is not served by this version")


@pytest.mark.parametrize("field", ["tunnel", "mcp"])
def test_backend_policies_that_are_not_implemented_are_refused(field: str) -> None:
    (line,) = refusal(backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{{field}: {{}}}}}}"))
    assert f"spec.policies.{field}: `{field}` is not implemented by this version" in line


@pytest.mark.parametrize("field", ["extProc", "buffer"])
def test_traffic_policies_that_are_not_implemented_are_refused(field: str) -> None:
    ref = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]"
    (line,) = refusal(policy(f"{{{ref}, traffic: {{{field}: {{}}}}}}"))
    assert f"spec.traffic.{field}: `{field}` is not implemented by this version" in line


@pytest.mark.parametrize("field", ["unixPath: /x", "mcp: {}", "dynamicForwardProxy: {}", "aws: {}", "a2a: {}"])
def test_backends_that_are_not_implemented_are_refused(field: str) -> None:
    spec = f"{{static: {{{field}}}}}" if field.startswith("unix") else f"{{{field}}}"
    (line,) = refusal(backend(spec))
    assert "is not implemented by this version" in line


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    one = (
        OBJECT + "spec:\n  hostname: []\n  rules:\n  - timeouts: {request: soon, backendReqest: 1s}\n    filters: []\n"
    )
    two = OBJECT.replace("name: r", "nam: r") + "spec: {}\n---\nkind: Pod\napiVersion: v1\n"
    assert refusal(one, two) == [
        "a.yaml:5: spec.hostname: unknown field (did you mean `hostnames`?)",
        "a.yaml:7: spec.rules[0].timeouts.request: expected a duration such as `250ms`, `30s`, `5m` or `1h30m`",
        "a.yaml:7: spec.rules[0].timeouts.backendReqest: unknown field (did you mean `backendRequest`?)",
        "b.yaml:3: metadata.nam: unknown field (did you mean `name`?)",
        "b.yaml:3: metadata: the field `name` is missing",
        (
            "b.yaml:6: kind: unknown kind `Pod` (expected one of: AgentgatewayBackend, AgentgatewayModel, "
            "AgentgatewayParameters, AgentgatewayPolicy, ConfigMap, Gateway, GatewayClass, HTTPRoute, Namespace, "
            "ReferenceGrant, Secret, Service)"
        ),
    ]


def test_mistakes_found_by_the_compiler_are_told_together_too() -> None:
    lines = refusal(backend("{ai: {provider: {gemini: {}}}}"), backend("{ai: {provider: {bedrock: {}}}}", name="b"))
    assert [line.split(": ")[0] for line in lines] == ["a.yaml:5", "b.yaml:5"]


def test_the_same_object_twice_is_refused_and_the_first_is_named() -> None:
    assert refusal(BACKEND, BACKEND) == [
        "b.yaml:4: metadata.name: AgentgatewayBackend default/llm is defined twice (first in a.yaml:4)"
    ]


def test_what_kubectl_prints_loads() -> None:
    text = BACKEND + route(parentRefs="[{name: gw}]")
    server = (
        "uid: u, generation: 1, resourceVersion: '5', managedFields: [{manager: kubectl}], "
        "ownerReferences: [], finalizers: [x]"
    )
    text = text.replace(
        "{name: llm}\nspec",
        f"{{name: llm, creationTimestamp: 2026-01-01T00:00:00Z, {server}}}\nstatus: {{conditions: []}}\nspec",
    )
    assert plan(text).listeners[0].entries


def test_a_list_is_unpacked_also_inside_a_list() -> None:
    inner = (
        "  - apiVersion: v1\n    kind: List\n    items:\n    - {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n"
    )
    items = "  - {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n"
    text = f"apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: ''}}\nitems:\n{items}{inner}"
    assert refusal(text) == [
        "a.yaml:9: items[1].items[0].metadata.name: Namespace default/n is defined twice (first in a.yaml:5)"
    ]
