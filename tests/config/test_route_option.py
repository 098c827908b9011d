"""RouteOption and VirtualHostOption: what their `rbac` and `rateLimitConfigs` come to (labs E3 and E4)."""

import pytest

from sluice.policies.condition import Condition
from tests.policies.scenes import scene

from .layered import loaded, ruled
from .loading import entries, refusal

CONFIG = """---
apiVersion: ratelimit.solo.io/v1alpha1
kind: RateLimitConfig
metadata: {name: per-user, namespace: far}
spec:
  raw:
    descriptors: [{key: user, rateLimit: {requestsPerUnit: 70, unit: HOUR}}]
    rateLimits: [{actions: [{remoteAddress: {}}]%s}]
"""


def option(options: str, kind: str = "RouteOption") -> str:
    target = ("HTTPRoute", "r") if kind == "RouteOption" else ("Gateway", "gw")
    ref = f"{{group: gateway.networking.k8s.io, kind: {target[0]}, name: {target[1]}}}"
    head = f"---\napiVersion: gateway.solo.io/v1\nkind: {kind}\nmetadata: {{name: o}}\n"
    return f"{head}spec: {{targetRefs: [{ref}], options: {{{options}}}}}\n"


def rbac(policy: str, others: str = "") -> str:
    return option(f"rbac: {{policies: {{viewer: {{{policy}}}{others}}}}}")


SOLO = "principals: [{jwtPrincipal: {claims: {org: solo.io}}}]"
LISTED = "principals: [{jwtPrincipal: {claims: {llms.openai: %s}, matcher: LIST_CONTAINS}}]"
CLAIMS: dict[str, object] = {
    "org": "solo.io",
    "admin": True,
    "email": "dev1@solo.io",
    "llms": {"openai": ["gpt-4o", "gpt-5"]},
    "llms.openai": "whole",
}


@pytest.mark.parametrize(
    ("policy", "holds"),
    [
        ("principals: [{jwtPrincipal: {claims: {org: solo.io}}}]", True),
        ("principals: [{jwtPrincipal: {claims: {org: solo}}}]", False),
        ("principals: [{jwtPrincipal: {claims: {team: dev}}}]", False),
        ("principals: [{jwtPrincipal: {claims: {team: dev}}}, {jwtPrincipal: {claims: {org: solo.io}}}]", True),
        ("principals: [{jwtPrincipal: {claims: {org: solo.io, email: nobody}}}]", False),
        (f"{LISTED % 'gpt-5'}, nestedClaimDelimiter: .", True),
        (f"{LISTED % 'gpt-3'}, nestedClaimDelimiter: .", False),
        (LISTED % "gpt-5", False),
        ("principals: [{jwtPrincipal: {claims: {llms.openai: whole}}}]", True),
        ("principals: [{jwtPrincipal: {claims: {admin: 'true'}, matcher: BOOLEAN}}]", True),
        ("principals: [{jwtPrincipal: {claims: {admin: 'false'}, matcher: BOOLEAN}}]", False),
        ("principals: [{jwtPrincipal: {claims: {email: 'dev[0-1]@solo\\.io'}, matcher: REGEX_MATCH}}]", True),
        ("principals: [{jwtPrincipal: {claims: {email: 'dev[0-1]'}, matcher: REGEX_MATCH}}]", False),
        (f"{SOLO}, permissions: {{pathPrefix: /openai, methods: [POST]}}", True),
        (f"{SOLO}, permissions: {{methods: [GET]}}", False),
        (f"{SOLO}, permissions: {{pathPrefix: /other}}", False),
    ],
)  # fmt: skip
def test_a_policy_lets_those_pass_whose_claims_fit(policy: str, holds: bool) -> None:
    (rule,) = ruled(rbac(policy)).access.authorization.require
    assert Condition(rule).holds(scene(jwt=CLAIMS)) is holds
    assert not Condition(rule).holds(scene())


def test_one_policy_of_several_is_enough_and_those_of_a_gateway_hold_too() -> None:
    other = ", other: {principals: [{jwtPrincipal: {claims: {org: solo.io}}}]}"
    (rule,) = ruled(rbac("principals: [{jwtPrincipal: {claims: {team: dev}}}]", other)).access.authorization.require
    assert Condition(rule).holds(scene(jwt=CLAIMS))
    own = "rbac: {policies: {viewer: {principals: [{jwtPrincipal: {claims: {org: solo.io}}}]}}}"
    both = ruled(option(own), option(own.replace("solo.io", "x"), "VirtualHostOption"))
    assert len(both.access.authorization.require) == 2
    assert ("authorization", "VirtualHostOption default/o") in both.sources


@pytest.mark.parametrize(
    ("said", "measure"), [("", "tokens"), (", type: REQUEST", "requests"), (", type: TOKEN", "tokens")]
)
def test_limits_of_a_route_option_count_tokens_unless_they_say_otherwise(said: str, measure: str) -> None:
    limits = option("rateLimitConfigs: {refs: [{name: per-user, namespace: far}]}")
    rule = ruled(limits, objects=CONFIG % said)
    (described,) = rule.limits.groups[0][0].limits.everywhere.described
    assert described.nodes[0].rate is not None
    assert described.nodes[0].rate.measure == measure


def test_a_virtual_host_option_is_a_gateways() -> None:
    plan = loaded(option("timeout: 7s", "VirtualHostOption"))
    assert entries(plan)[0].rule.deadlines.total_s == 7


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("ratelimit: {}", "`rateLimitConfigs` with a RateLimitConfig"),
        ("ratelimitBasic: {}", "`rateLimit.local` of an AgentgatewayPolicy"),
        ("extauth: {}", "`traffic.entExtAuth` of an EnterpriseAgentgatewayPolicy"),
        ("cors: {}", "the filter CORS of a rule"),
        ("rbac: {disable: true, policies: {v: {principals: [{jwtPrincipal: {claims: {a: b}}}]}}}", "rules add up here"),
        (
            "rbac: {policies: {v: {principals: [{jwtPrincipal: {provider: p, claims: {a: b}}}]}}}",
            "`iss` among `claims`",
        ),
    ],
)
def test_what_is_refused_names_what_to_use(options: str, hint: str) -> None:
    (line,) = refusal(option(options))
    assert "is not implemented by this version" in line
    assert hint in line


def test_limits_that_are_not_there_are_a_fault() -> None:
    text = option("rateLimitConfigs: {refs: [{name: nope}]}")
    assert "there is no RateLimitConfig default/nope" in refusal(text)[0]
