"""What a rule of an HTTPRoute says itself: filters of the rule and of its backendRefs, mirrors; and what cannot hold
where it leads to."""

import pytest

from sluice.config.plan import HttpBackend
from sluice.policies.guards import HeaderChange
from sluice.policies.redirect import Redirect
from sluice.policies.rewrite import PathChange, Rewrite
from sluice.policies.shaping import NO_SHAPING

from .layered import GATEWAY, ROUTE, TO_LLM, ai, loaded, ruled, traffic
from .loading import BACKEND, backend, condition, entries, gateway, plan, refusal, route

HEADER = "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-a, value: b}]}}"
STATIC = backend("{static: {host: 10.0.0.1, port: 80}}", name="page")
TO_PAGE = "backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: page}]"
MIRROR = "{type: RequestMirror, requestMirror: {percent: %d, backendRef: {%s}}}"
PREFIX = "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}"
LISTENER = "{name: http, port: 8080, protocol: HTTP}"


def test_filters_of_a_rule_are_its_shaping() -> None:
    rewrite = "{type: URLRewrite, urlRewrite: {hostname: b.example, path: {type: ReplacePrefixMatch, "
    rewrite += "replacePrefixMatch: /v1}}}"
    rule = ruled(rule=f", matches: [{{path: {{value: /x}}}}], filters: [{HEADER}, {rewrite}]")
    assert rule.shaping.request_headers == HeaderChange(set=(("x-a", "b"),))
    assert rule.shaping.rewrite == Rewrite(hostname="b.example", path=PathChange("prefix", "/v1"))


def test_a_redirect_needs_no_backend() -> None:
    text = route("{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}")
    (entry,) = entries(plan(text))
    assert entry.rule.shaping.redirect == Redirect(scheme="https")
    assert entry.rule.backends == ()


def test_filters_of_a_backend_ref_are_its_own() -> None:
    refs = f"backendRefs: [{{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm, filters: [{HEADER}]}}]"
    (entry,) = entries(plan(BACKEND + route(f"{{{refs}}}")))
    assert entry.rule.backends[0].shaping.request_headers == HeaderChange(set=(("x-a", "b"),))
    assert entry.rule.shaping == NO_SHAPING


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (f"filters: [{HEADER}, {HEADER}]", "spec.rules[0].filters[1].type: two filters of the type RequestHeaderM"),
        ("filters: [{type: CORS}]", "spec.rules[0].filters[0]: the type CORS needs `cors`"),
        (
            f"matches: [{{path: {{type: Exact, value: /x}}}}], filters: [{{type: URLRewrite, urlRewrite: {PREFIX}}}]",
            "ReplacePrefixMatch needs matches of the type PathPrefix",
        ),
        ("filters: [{type: RequestRedirect, requestRedirect: {}}]", "a rule with RequestRedirect has no backends"),
    ],
)
def test_filters_that_cannot_be_are_refused_at_their_place(rule: str, words: str) -> None:
    (line,) = refusal(BACKEND + route(f"{{{TO_LLM}, {rule}}}"))
    assert words in line


def test_a_mirror_gets_its_share() -> None:
    to = "group: agentgateway.dev, kind: AgentgatewayBackend, name: page"
    (mirror,) = ruled(rule=f", filters: [{MIRROR % (25, to)}]", objects=STATIC).mirrors
    assert isinstance(mirror.backend, HttpBackend)
    assert (mirror.backend.name, mirror.share) == ("default/page", 0.25)


def test_a_mirror_that_is_not_there_gets_nothing_and_the_route_says_so() -> None:
    text = loaded(rule=f", filters: [{MIRROR % (100, 'name: nobody, port: 80')}]")
    (entry,) = entries(text)
    assert entry.rule.mirrors == ()
    assert entry.rule.backends[0].backend is not None
    found = condition(text, "HTTPRoute", "default/r", "ResolvedRefs", "default/gw")
    assert (found.status, found.reason) == (False, "BackendNotFound")


def test_a_provider_gets_no_copy_of_what_crosses_unread() -> None:
    to = "group: agentgateway.dev, kind: AgentgatewayBackend, name: llm"
    rule = f"{{{TO_PAGE}, filters: [{MIRROR % (100, to)}]}}"
    (line,) = refusal(BACKEND + STATIC + gateway(LISTENER) + route(rule))
    assert "default/llm can get no copy: this leads to plain HTTP, which crosses unread" in line


# -- filters that refer to a policy -----------------------------------------------------------------------------------

REFERS = "{type: ExtensionRef, extensionRef: {group: %s, kind: %s, name: %s}}"
OLDER = """---
apiVersion: gateway.kgateway.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: older}
spec:
  headerModifiers: {request: {set: [{name: x-a, value: older}]}}
  ai: {routeType: CHAT_STREAMING, promptGuard: {request: {regex: {matches: [a]}}}}
"""
TO_OLDER = REFERS % ("gateway.kgateway.dev", "TrafficPolicy", "older")


def test_a_policy_that_a_filter_refers_to_holds_on_that_rule_alone() -> None:
    rules = f"{{name: a, {TO_LLM}, filters: [{TO_OLDER}]}}, {{name: b, matches: [{{path: {{value: /b}}}}], {TO_LLM}}}"
    found = {entry.rule.name: entry.rule for entry in entries(plan(BACKEND + route(rules) + OLDER))}
    assert found["a"].shaping.request_headers == HeaderChange(set=(("x-a", "older"),))
    assert len(found["a"].ai.guards.request) == 1
    assert (found["a"].streams, found["b"].streams) == (True, False)
    assert ("headerModifiers", "TrafficPolicy default/older") in found["a"].sources
    assert (found["b"].shaping, found["b"].sources) == (NO_SHAPING, ())


def test_it_stands_above_what_is_attached_and_below_what_the_rule_says() -> None:
    attached = traffic(ROUTE, "headerModifiers: {request: {set: {x-a: attached}}}, csrf: {}")
    rule = ruled(attached, OLDER, rule=f", filters: [{TO_OLDER}]")
    assert rule.shaping.request_headers == HeaderChange(set=(("x-a", "older"),))
    assert rule.shaping.csrf is not None
    rule = ruled(attached, OLDER, rule=f", filters: [{HEADER}, {TO_OLDER}]")
    assert rule.shaping.request_headers == HeaderChange(set=(("x-a", "b"),))


def test_what_is_attached_and_referred_to_holds_once() -> None:
    said = "rateLimit: {local: [{requests: 1, unit: Hours}]}"
    refers = REFERS % ("agentgateway.dev", "AgentgatewayPolicy", "p")
    rule = ruled(
        traffic(ROUTE, said), ai(ROUTE, GUARD, "g"), rule=f", filters: [{refers}, {refers.replace('p}', 'g}')}]"
    )
    assert (len(rule.limits.groups), len(rule.ai.guards.request)) == (1, 1)


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        (REFERS % ("gateway.kgateway.dev", "TrafficPolicy", "nobody"), "BackendNotFound"),
        (REFERS % ("wrong.example", "TrafficPolicy", "older"), "BackendNotFound"),
        (REFERS % ("agentgateway.dev", "AgentgatewayPolicy", "early"), "UnsupportedValue"),
    ],
)
def test_a_filter_that_refers_to_nothing_fails_all_requests(ref: str, reason: str) -> None:
    early = traffic(GATEWAY, "phase: PreRouting, cors: {}", "early")
    text = loaded(OLDER, early, rule=f", filters: [{ref}]")
    (entry,) = entries(text)
    (weighted,) = entry.rule.backends
    assert weighted.backend is None
    found = condition(text, "HTTPRoute", "default/r", "ResolvedRefs", "default/gw")
    assert (found.status, found.reason) == (False, reason)


# -- where bodies cross unread ----------------------------------------------------------------------------------------


def page(*policies: str) -> str:
    return STATIC + gateway(LISTENER) + route(f"{{{TO_PAGE}}}") + "".join(policies)


CANNOT = "spec.rules[0].backendRefs[0]: %s cannot hold here: this leads to plain HTTP, which crosses unread"
GUARD = "promptGuard: {request: [{regex: {matches: [a]}}]}"
TOKENS = "rateLimit: {local: [{tokens: 1, unit: Hours}]}"


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        (ai(ROUTE, GUARD), "`backend.ai` of AgentgatewayPolicy default/p"),
        (ai(ROUTE, "defaults: [{field: a, value: 1}]"), "`backend.ai` of AgentgatewayPolicy default/p"),
        (ai(GATEWAY, GUARD), "`promptGuard` of AgentgatewayPolicy default/p"),
        (traffic(ROUTE, TOKENS), "a limit of tokens of AgentgatewayPolicy default/p"),
    ],
)
def test_what_needs_a_body_is_refused_where_bodies_cross_unread(policy: str, what: str) -> None:
    (line,) = refusal(page(policy))
    assert CANNOT % what in line
    assert line.endswith("(attach the policy to rules that lead to AI backends)")


def test_a_policy_that_a_filter_refers_to_is_no_exception() -> None:
    (line,) = refusal(STATIC + gateway(LISTENER) + route(f"{{{TO_PAGE}, filters: [{TO_OLDER}]}}") + OLDER)
    assert CANNOT % "`backend.ai` of TrafficPolicy default/older" in line


@pytest.mark.parametrize(
    "policy",
    [
        ai(GATEWAY, "defaults: [{field: a, value: 1}]"),
        traffic(GATEWAY, TOKENS),
        traffic(ROUTE, "rateLimit: {local: [{requests: 1, unit: Hours}]}"),
    ],
)
def test_what_a_gateway_says_of_ai_requests_is_not_about_other_ones(policy: str) -> None:
    (entry,) = entries(plan(page(policy)))
    assert isinstance(entry.rule.backends[0].backend, HttpBackend)
