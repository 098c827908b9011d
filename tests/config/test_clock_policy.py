"""`timeouts` of a backend: what they compile to, in every place that has them, who wins, and what is refused."""

from collections.abc import Callable

import pytest

from sluice.config.clock_policy import OWN_CLOCKS
from sluice.config.plan import AiBackend, HttpBackend, Plan
from sluice.policies.deadlines import OwnClocks

from .loading import BACKEND, answering, backend, entries, plan, policy, refusal, route

BE = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"
CASES: list[tuple[str, OwnClocks | None]] = [
    ("{}", None),
    ("{firstToken: 30s}", OwnClocks(first_token_s=30)),
    ("{firstToken: 0s}", OwnClocks(first_token_s=0)),
    ("{responseIdle: 10m}", OwnClocks(idle_s=600)),
    ("{attempt: 2m}", OwnClocks(attempt_s=120)),
    ("{attempt: 0s, firstToken: 1s}", OwnClocks(attempt_s=0, first_token_s=1)),
    ("{firstToken: 1s, responseIdle: 2s, attempt: 2s}", OwnClocks(first_token_s=1, idle_s=2, attempt_s=2)),
]
OF_MODELS: list[tuple[str, OwnClocks | None]] = [
    ("{connect: 1s}", OwnClocks(connect_s=1)),
    ("{responseHeaders: 250ms}", OwnClocks(headers_s=0.25)),
    ("{connect: 1s, responseHeaders: 2s, firstToken: 3s}", OwnClocks(connect_s=1, headers_s=2, first_token_s=3)),
]


def clocks(loaded: Plan) -> list[OwnClocks | None]:
    """Those of the first route's targets, in order."""
    found = entries(loaded)[0].rule.backends[0].backend
    assert isinstance(found, AiBackend)
    return [target.clocks for group in found.groups for target in group]


def inline(text: str) -> OwnClocks | None:
    spec = f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{timeouts: {text}}}}}"
    return clocks(plan(backend(spec) + route()))[0]


def of_provider(text: str) -> OwnClocks | None:
    spec = f"{{ai: {{groups: [{{providers: [{{name: p, openai: {{}}, policies: {{timeouts: {text}}}}}]}}]}}}}"
    return clocks(plan(backend(spec) + route()))[0]


def of_policy(text: str) -> OwnClocks | None:
    return clocks(plan(BACKEND + route() + policy(f"{{{BE}, backend: {{timeouts: {text}}}}}")))[0]


def model(text: str) -> str:
    return f"""---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayModel
metadata: {{name: m}}
spec: {{parentRefs: [{{name: gw}}], provider: OpenAI, policies: {{timeouts: {text}}}}}
"""


def of_model(text: str) -> OwnClocks | None:
    return answering(plan(model(text)).models[0]).groups[0][0].clocks


def short_text(own: str = "", shared: str = "") -> str:
    """A model that refers to a provider."""
    mine, common = (f", timeouts: {own}" if own else ""), (f"{{timeouts: {shared}}}" if shared else "{}")
    return (
        f"llm:\n  providers: [{{name: p, provider: openAI, params: {{apiKey: k}}, defaults: {common}}}]\n"
        f"  models: [{{name: m, provider: {{reference: p}}{mine}}}]\n"
    )


def short(own: str = "", shared: str = "") -> OwnClocks | None:
    return answering(plan(short_text(own, shared)).models[0]).groups[0][0].clocks


def of_shared(text: str) -> OwnClocks | None:
    return short(shared=text)


MANIFESTS = (inline, of_provider, of_policy)
MODELS = (of_model, short, of_shared)


@pytest.mark.parametrize("place", [*MANIFESTS, *MODELS])
@pytest.mark.parametrize(("text", "expected"), CASES)
def test_every_key_in_every_place(
    place: Callable[[str], OwnClocks | None], text: str, expected: OwnClocks | None
) -> None:
    assert place(text) == expected


@pytest.mark.parametrize("place", MODELS)
@pytest.mark.parametrize(("text", "expected"), OF_MODELS)
def test_a_model_has_all_of_them(
    place: Callable[[str], OwnClocks | None], text: str, expected: OwnClocks | None
) -> None:
    assert place(text) == expected


def test_every_clock_has_a_key() -> None:
    assert set(OWN_CLOCKS.values()) == set(OwnClocks.__struct_fields__)


# -- who wins ---------------------------------------------------------------------------------------------------------


def test_provider_over_backend_over_policy_and_whole() -> None:
    spec = (
        "{ai: {groups: [{providers: [{name: a, openai: {}, policies: {timeouts: {firstToken: 1s}}}, "
        "{name: b, openai: {}}]}]}, policies: {timeouts: {firstToken: 2s, responseIdle: 2s}}}"
    )
    other = policy(f"{{{BE}, backend: {{timeouts: {{attempt: 9s}}, tcp: {{connectTimeout: 3s}}}}}}")
    assert clocks(plan(backend(spec) + route(), other)) == [
        OwnClocks(first_token_s=1, connect_s=3),
        OwnClocks(first_token_s=2, idle_s=2, connect_s=3),
    ]


def test_the_three_kinds_of_one_backend_add_up() -> None:
    spec = (
        "{ai: {provider: {openai: {}}}, policies: {tcp: {connectTimeout: 1s}, http: {requestTimeout: 2s}, "
        "timeouts: {firstToken: 3s, responseIdle: 4s, attempt: 5s}}}"
    )
    expected = OwnClocks(connect_s=1, headers_s=2, first_token_s=3, idle_s=4, attempt_s=5)
    assert clocks(plan(backend(spec) + route())) == [expected]


def test_a_model_of_the_short_form_wins_over_the_provider_that_it_refers_to() -> None:
    assert short("{firstToken: 1s}", "{firstToken: 2s, responseIdle: 3s}") == OwnClocks(first_token_s=1)
    assert short("{}", "{firstToken: 2s}") is None


def test_the_targets_of_a_fail_over_keep_their_own_clocks() -> None:
    text = """
llm:
  models:
    - {name: fast, provider: fake, timeouts: {firstToken: 5s}}
    - {name: thinker, provider: fake, timeouts: {firstToken: 2m, responseIdle: 10m}}
    - {name: plain, provider: fake}
  virtualModels:
    - name: both
      routing:
        failover:
          targets: [{model: fast, priority: 0}, {model: thinker, priority: 1}, {model: plain, priority: 2}]
"""
    groups = answering(plan(text).models[-1]).groups
    expected = [OwnClocks(first_token_s=5), OwnClocks(first_token_s=120, idle_s=600), None]
    assert [target.clocks for group in groups for target in group] == expected


def test_a_static_backend_has_those_that_need_no_tokens() -> None:
    policies = "{timeouts: {responseIdle: 5s, attempt: 9s}, tcp: {connectTimeout: 1s}}"
    spec = f"{{static: {{host: h, port: 80}}, policies: {policies}}}"
    found = entries(plan(backend(spec) + route()))[0].rule.backends[0].backend
    assert isinstance(found, HttpBackend)
    assert found.clocks == OwnClocks(idle_s=5, attempt_s=9, connect_s=1)


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_static_backend_has_no_first_token() -> None:
    (line,) = refusal(backend("{static: {host: h, port: 1}, policies: {timeouts: {firstToken: 1s}}}"))
    assert line == (
        "a.yaml:5: spec.policies.timeouts.firstToken: a static backend is passed on unread: it has no tokens "
        "(`responseIdle` holds)"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{firstToken: 5}", "timeouts.firstToken: expected a duration"),
        ("{responseIdle: -1s}", "timeouts.responseIdle: expected a duration"),
        ("{firstTokens: 5s}", "did you mean `firstToken`"),
        ("{firstToken: 11s, attempt: 10s}", "`firstToken` must not be longer than `attempt`, which is 10s"),
        ("{responseIdle: 11s, attempt: 10s}", "`responseIdle` must not be longer than `attempt`, which is 10s"),
        ("{request: 5s}", "`request` is not implemented"),
        ("{request: 5s}", "`attempt` bounds one attempt, `timeouts.request` of a route the whole exchange"),
    ],
)
@pytest.mark.parametrize("form", ["backend", "model", "short"])
def test_what_is_wrong_is_told_with_its_place(form: str, text: str, words: str) -> None:
    texts = {
        "backend": backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{timeouts: {text}}}}}"),
        "model": model(text),
        "short": short_text(text),
    }
    place = {
        "backend": "a.yaml:5: spec.policies.timeouts",
        "model": "a.yaml:5: spec.policies.timeouts",
        "short": "a.yaml:3: llm.models[0].timeouts",
    }
    (line,) = refusal(texts[form])
    assert line.startswith(place[form])
    assert words in line


@pytest.mark.parametrize(
    ("text", "words"),
    [("{connect: 1s}", "`tcp.connectTimeout`"), ("{responseHeaders: 1s}", "`http.requestTimeout`")],
)
def test_a_backend_has_two_of_them_elsewhere(text: str, words: str) -> None:
    (line,) = refusal(backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{timeouts: {text}}}}}"))
    assert f"({words} of the same policies is this clock)" in line


def test_an_attempt_that_is_off_bounds_nothing() -> None:
    assert short("{firstToken: 11s, attempt: 0s}") == OwnClocks(first_token_s=11, attempt_s=0)


def test_they_are_a_backends_and_no_routes() -> None:
    reference = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]"
    (line,) = refusal(BACKEND + route(), policy(f"{{{reference}, backend: {{timeouts: {{firstToken: 1s}}}}}}"))
    assert "timeouts" in line


def test_a_provider_that_no_model_refers_to_is_checked_too() -> None:
    text = (
        "llm:\n  providers: [{name: p, provider: openAI, defaults: {timeouts: {firstToken: 2s, attempt: 1s}}}]\n"
        "  models: [{name: m, provider: fake}]\n"
    )
    (line,) = refusal(text)
    assert line.startswith("a.yaml:2: llm.providers[0].defaults.timeouts")
