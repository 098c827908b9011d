"""Secrets and ConfigMaps are found or said to be missing; grants open namespaces and nothing else does."""

import pytest

from sluice.config.plan import WeightedBackend
from sluice.config.references import fits_header
from sluice.providers.credential import Secret

from .loading import BACKEND, backend, condition, entries, plan, refusal, route, secret, target

WITH_SECRET = backend("{ai: {provider: {openai: {}}}, policies: {auth: {secretRef: {name: s}}}}") + route()


def error(*texts: str) -> str:
    """Return why the route's backend cannot be used; the condition and a note must say the same."""
    loaded = plan(*texts)
    (weighted,) = entries(loaded)[0].rule.backends
    accepted = condition(loaded, "AgentgatewayBackend", "default/llm", "Accepted")
    assert (weighted.backend, accepted.status, accepted.reason) == (None, False, "TranslationError")
    assert accepted.message == weighted.error
    assert any(weighted.error in note for note in loaded.notes)
    return weighted.error


def key(*texts: str, env: dict[str, str] | None = None) -> str:
    credential = target(plan(*texts, env=env)).credential
    assert credential is not None
    return credential.reveal()


def test_string_data_and_data() -> None:
    assert key(WITH_SECRET, secret(string_data="{Authorization: Bearer sk-1}")) == "Bearer sk-1"
    assert key(WITH_SECRET, secret(data="{Authorization: QmVhcmVyIHNrLTI=}")) == "Bearer sk-2"
    assert key(WITH_SECRET, secret(data="{Authorization: c2stMQ==}", string_data="{Authorization: sk-3}")) == "sk-3"


def test_base64_may_be_folded_and_end_in_a_line_end() -> None:
    assert key(WITH_SECRET, secret(data='{Authorization: "c2st\\n  MQo="}')).strip() == "sk-1"


def test_variables_in_string_data() -> None:
    assert key(WITH_SECRET, secret(string_data='{Authorization: "Bearer ${K}"}'), env={"K": "sk-9"}) == "Bearer sk-9"
    assert key(WITH_SECRET, secret(string_data='{Authorization: "${K}"}'), env={"K": "${X}"}) == "${X}"
    assert key(WITH_SECRET, secret(string_data="{Authorization: $K}"), env={"K": "sk-9"}) == "$K"


def test_a_missing_variable_refuses_the_configuration_and_is_named() -> None:
    assert refusal(WITH_SECRET, secret(string_data='{Authorization: "${K}"}')) == [
        "b.yaml:6: stringData.Authorization: the environment variable K is not set"
    ]


def test_a_missing_secret_makes_the_backend_unusable() -> None:
    assert error(WITH_SECRET) == "Secret default/s not found"
    assert error(WITH_SECRET, secret(namespace="other")) == "Secret default/s not found"
    assert (
        error(WITH_SECRET, secret(string_data="{a: b}")) == "Secret default/s has no text under the key `Authorization`"
    )
    assert (
        error(WITH_SECRET, secret(data="{Authorization: /w==}"))
        == "Secret default/s has no text under the key `Authorization`"
    )


@pytest.mark.parametrize("value", ['"a\\r\\nx: b"', '""', '" "', '"caf\\u00e9"', '"a\\tb"'])
def test_a_key_that_no_header_can_carry_makes_the_backend_unusable(value: str) -> None:
    message = error(WITH_SECRET, secret(string_data=f"{{Authorization: {value}}}"))
    assert (
        message == "the key `Authorization` of Secret default/s is empty or holds characters that a header cannot carry"
    )


def test_what_fits_a_header() -> None:
    assert fits_header(Secret("sk-1\n"))
    assert not fits_header(Secret("sk\n1"))


CROSS = route(
    "{backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm, namespace: default}]}",
    namespace="team",
)
FROM = "from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: team}]"


def grant(
    namespace: str = "default", origin: str = FROM, to: str = "{group: agentgateway.dev, kind: AgentgatewayBackend}"
) -> str:
    head = "---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"
    return f"{head}metadata: {{name: g, namespace: {namespace}}}\nspec:\n  {origin}\n  to: [{to}]\n"


def crossing(*texts: str) -> WeightedBackend:
    return entries(plan(BACKEND, CROSS, *texts))[0].rule.backends[0]


@pytest.mark.parametrize(
    "to",
    [
        "{group: agentgateway.dev, kind: AgentgatewayBackend}",
        "{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}",
    ],
)
def test_a_grant_permits_a_reference_across_namespaces(to: str) -> None:
    assert crossing(grant(to=to)).backend is not None
    assert condition(plan(BACKEND, CROSS, grant(to=to)), "HTTPRoute", "team/r", "ResolvedRefs", "team/gw").status


@pytest.mark.parametrize(
    "text",
    [
        "",
        grant(namespace="team"),
        grant(origin=FROM.replace("team", "other")),
        grant(origin=FROM.replace("HTTPRoute", "Gateway")),
        grant(to="{group: agentgateway.dev, kind: AgentgatewayBackend, name: other}"),
        grant(to='{group: "", kind: Service}'),
    ],
)
def test_without_the_right_grant_the_reference_is_not_permitted(text: str) -> None:
    loaded = plan(BACKEND, CROSS, text)
    resolved = condition(loaded, "HTTPRoute", "team/r", "ResolvedRefs", "team/gw")
    assert (resolved.status, resolved.reason) == (False, "RefNotPermitted")
    assert "missing a ReferenceGrant?" in resolved.message
    (weighted,) = entries(loaded)[0].rule.backends
    assert (weighted.backend, weighted.error) == (None, resolved.message)
