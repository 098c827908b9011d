"""What is said of a policy: Accepted (Valid, PartiallyValid, Invalid) and Attached; and that nothing opens when a
reference leads nowhere."""

import pytest

from sluice.config.judging import MissingJudge
from sluice.policies.guards import Judge
from sluice.policies.jwt import Jwt

from .layered import GATEWAY, ROUTE, ai, loaded, ruled, traffic
from .loading import condition

MISSING = {
    "apiKeyAuthentication": "apiKeyAuthentication: {secretRef: {name: nobody}}",
    "basicAuthentication": "basicAuthentication: {secretRef: {name: nobody}}",
    "jwtAuthentication": "jwtAuthentication: {providers: [{issuer: i, jwks: {remote: {jwksPath: /k, backendRef: "
    "{name: nobody, port: 80}}}}]}",
    "extAuth": "extAuth: {backendRef: {name: nobody, port: 80}}",
    "rateLimit": "rateLimit: {global: {domain: d, backendRef: {name: nobody, port: 80}, descriptors: "
    "[{entries: [{name: a, expression: '\"b\"'}]}]}}",
}


@pytest.mark.parametrize("said", MISSING.values(), ids=MISSING)
def test_a_policy_of_which_nothing_works_is_invalid_and_the_banner_says_why(said: str) -> None:
    plan = loaded(traffic(ROUTE, said))
    accepted = condition(plan, "AgentgatewayPolicy", "default/p", "Accepted")
    assert (accepted.status, accepted.reason) == (False, "Invalid")
    assert "nobody" in accepted.message
    assert accepted.message in plan.notes
    assert condition(plan, "AgentgatewayPolicy", "default/p", "Attached").status


@pytest.mark.parametrize("said", MISSING.values(), ids=MISSING)
def test_a_policy_of_which_a_part_works_is_partially_valid(said: str) -> None:
    plan = loaded(traffic(ROUTE, f"{said}, csrf: {{}}"))
    accepted = condition(plan, "AgentgatewayPolicy", "default/p", "Accepted")
    assert (accepted.status, accepted.reason) == (True, "PartiallyValid")
    assert "nobody" in accepted.message


def test_only_the_policy_that_refers_to_nobody_is_told_so() -> None:
    plan = loaded(traffic(ROUTE, MISSING["basicAuthentication"], "bad"), traffic(GATEWAY, "csrf: {}", "good"))
    assert condition(plan, "AgentgatewayPolicy", "default/good", "Accepted").reason == "Valid"
    assert condition(plan, "AgentgatewayPolicy", "default/bad", "Accepted").reason == "Invalid"


def test_keys_that_are_not_there_let_nobody_in() -> None:
    access = ruled(traffic(ROUTE, MISSING["apiKeyAuthentication"])).access
    assert access.api_keys is not None
    assert (access.api_keys.mode, access.api_keys.keys) == ("strict", ())


def test_a_key_set_that_is_not_there_proves_no_token() -> None:
    jwt = ruled(traffic(ROUTE, MISSING["jwtAuthentication"])).access.jwt
    assert isinstance(jwt, Jwt)
    assert jwt.mode == "strict"
    assert jwt.issuers[0].keys.missing == "Service default/nobody not found"


def test_services_that_are_not_there_are_kept_as_ones_that_cannot_be_asked() -> None:
    rule = ruled(traffic(ROUTE, MISSING["extAuth"], "a"), traffic(ROUTE, MISSING["rateLimit"], "l"))
    assert [(one.server, one.fails_open) for one in rule.access.external] == [(None, False)]
    (remote,) = rule.limits.groups[0][0].limits.remotes
    assert (remote.server, remote.fails_open) == (None, False)


def test_a_guard_whose_service_is_not_there_has_no_verdict() -> None:
    plan = loaded(ai(ROUTE, "promptGuard: {request: [{webhook: {backendRef: {name: nobody, port: 80}}}]}"))
    (guard,) = plan.listeners[0].entries[0].rule.ai.guards.request
    assert isinstance(guard, Judge)
    assert isinstance(guard, MissingJudge)
    assert not guard.fails_open
    accepted = condition(plan, "AgentgatewayPolicy", "default/p", "Accepted")
    assert (accepted.reason, accepted.status) == ("Invalid", False)
    assert "Service default/nobody not found" in accepted.message
