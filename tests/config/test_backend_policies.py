"""Policies of a backend: who may ask it, its headers, credentials and their places, and what a model says of itself."""

import pytest

from sluice.config.plan import AiBackend, HttpBackend
from sluice.policies.access import OPEN
from sluice.policies.guards import HeaderChange, TextRules
from sluice.providers.credential import Credential, Placement, Secret

from .loading import BACKEND, answering, backend, condition, entries, plan, policy, refusal, route, secret, target

BE = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"
MARKED = "transformation: {request: {set: {x-a: '\"%s\"'}}}"
ASKS = "extAuth: {url: 'http://%s:9000'}"


def inline(policies: str, *, kind: str = "ai: {provider: {openai: {}}}") -> str:
    return backend(f"{{{kind}, policies: {{{policies}}}}}") + route()


def asked(text: str) -> AiBackend | HttpBackend:
    found = entries(plan(text))[0].rule.backends[0].backend
    assert found is not None
    return found


def test_the_strongest_transformation_wins_whole() -> None:
    said = policy(f"{{{BE}, backend: {{{MARKED % 'policy'}}}}}")
    assert target(plan(BACKEND + route() + said)).shaping.transformations[0].request.set == (("x-a", '"policy"'),)
    assert target(plan(inline(MARKED % "own") + said)).shaping.transformations[0].request.set == (("x-a", '"own"'),)
    groups = "ai: {groups: [{providers: [{name: a, openai: {}, policies: {%s}}, {name: b, openai: {}}]}]}"
    found = asked(inline(MARKED % "backend", kind=groups % (MARKED % "provider")))
    assert isinstance(found, AiBackend)
    values = [one.shaping.transformations[0].request.set[0][1] for one in found.groups[0]]
    assert values == ['"provider"', '"backend"']


def test_a_static_backend_has_a_transformation_and_nothing_of_ai() -> None:
    static = "static: {host: 10.0.0.1, port: 80}"
    assert asked(inline(MARKED % "a", kind=static)).shaping.transformations
    (line,) = refusal(inline("ai: {modelAliases: {a: b}}", kind=static))
    assert "spec.policies.ai: `ai on a static backend` is not implemented" in line


@pytest.mark.parametrize("kind", ["ai: {provider: {openai: {}}}", "static: {host: 10.0.0.1, port: 80}"])
def test_a_backend_may_have_a_door_of_its_own(kind: str) -> None:
    own, other = asked(inline(ASKS % "own", kind=kind)), policy(f"{{{BE}, backend: {{{ASKS % 'policy'}}}}}")
    assert [one.server.host for one in own.access.external if one.server is not None] == ["own"]
    found = asked(inline(ASKS % "own", kind=kind) + other)
    assert found.access == own.access
    assert asked(BACKEND + route()).access == OPEN


def test_one_provider_of_several_has_none() -> None:
    groups = f"ai: {{groups: [{{providers: [{{name: a, openai: {{}}, policies: {{{ASKS % 'a'}}}}}]}}]}}"
    (line,) = refusal(backend(f"{{{groups}}}"))
    assert "policies.extAuth: `extAuth` of one provider is not implemented" in line


# -- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "placement"),
    [
        ("{header: {name: X-Key, prefix: 'Key '}}", Placement("x-key", "Key ")),
        ("{queryParameter: {name: key}}", Placement("key", "", "query")),
        ("{cookie: {name: session}}", Placement("session", "", "cookie")),
    ],
)
def test_a_credential_stands_where_the_operator_says(location: str, placement: Placement) -> None:
    found = target(plan(inline(f"auth: {{key: sk-a, location: {location}}}")))
    assert (found.credential, found.placement) == (Secret("sk-a"), placement)


def test_credentials_beside_the_usual_one_or_without_it() -> None:
    extra = "credentials: [{secretRef: {name: s, key: tenant}, location: {header: {name: x-tenant}}}]"
    keys = secret(string_data="{tenant: t-1}")
    for auth, key in ((f"{{key: sk-a, {extra}}}", Secret("sk-a")), (f"{{{extra}}}", None)):
        found = target(plan(inline(f"auth: {auth}") + keys))
        assert found.credential == key
        assert found.credentials == (Credential(secret=Secret("t-1"), placement=Placement("x-tenant", "")),)


def test_a_backend_whose_extra_credential_is_missing_cannot_be_used() -> None:
    extra = "credentials: [{secretRef: {name: s}, location: {cookie: {name: c}}}]"
    loaded = plan(inline(f"auth: {{key: sk-a, {extra}}}"))
    assert entries(loaded)[0].rule.backends[0].backend is None
    assert not condition(loaded, "AgentgatewayBackend", "default/llm", "Accepted").status


def test_what_a_cookie_cannot_hold_is_refused_and_not_told() -> None:
    (line,) = refusal(inline("auth: {key: 'sk;a', location: {cookie: {name: c}}}"))
    assert line.endswith("spec.policies.auth.location.cookie: the credential holds what a cookie cannot")
    assert "sk;a" not in line


# -- models -----------------------------------------------------------------------------------------------------------

MODEL = """---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayModel
metadata: {name: m}
spec:
  parentRefs: [{name: gw}]
  provider: OpenAI
  policies: {%s}
"""


def test_what_a_model_says_is_its_backends_and_its_targets() -> None:
    said = "authorization: {policy: {matchExpressions: ['jwt.sub == \"a\"']}}, headers: {request: {set: {x-a: b}}}, "
    said += "transformations: {user: jwt.sub}, finalTransformations: {seed: '1'}, "
    said += "promptGuard: {request: [{regex: {matches: [a]}}]}"
    found = answering(plan(MODEL % said).models[0])
    assert found.access.authorization.allow == ('jwt.sub == "a"',)
    (one,) = found.groups[0]
    assert one.shaping.request_headers == HeaderChange(set=(("x-a", "b"),))
    assert (one.ai.transformations, one.ai.final_transformations) == ((("user", "jwt.sub"),), (("seed", "1"),))
    (rules,) = one.ai.guards.request
    assert isinstance(rules, TextRules)
    assert rules.name == "default/m request[0] regex"


def test_a_model_that_says_nothing_of_the_kind_is_open() -> None:
    found = answering(plan(MODEL % "auth: {key: k}").models[0])
    assert found.access == OPEN


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("headers: {request: {set: {content-length: 'x'}}}", "spec.policies.headers.request.set.content-length: "),
        (
            "authorization: {policy: {matchExpressions: ['a(']}}",
            "spec.policies.authorization.policy.matchExpr",
        ),
        ("transformations: {user: 'a('}", "spec.policies.transformations.user: "),
    ],
)
def test_what_is_wrong_with_a_model_is_told_with_its_place(said: str, words: str) -> None:
    (line,) = refusal(MODEL % said)
    assert words in line
