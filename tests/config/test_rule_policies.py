"""Policies in layers: what wins, what adds up, what is locked, what is looked at early, and who is said to say it."""

import pytest

from sluice.policies.access import OPEN
from sluice.policies.guards import HeaderChange, TextRules
from sluice.policies.shaping import NO_SHAPING

from .layered import BELOW, GATEWAY, LISTENER, ROUTE, RULE, TO_LLM, ai, listener, ruled, traffic
from .loading import BACKEND, entries, plan, route

NAMES = ("gateway", "listener", "route", "rule")


def everywhere(said: str, *, locked: str = "", tag: str = "") -> list[str]:
    """A policy at every place; `%s` is that place. `locked`: the places whose policy says Override."""
    places = zip(BELOW, NAMES, strict=True)
    return [traffic(target, said % name, f"{name}{tag}", locked=name in locked.split()) for target, name in places]


def setting(name: str) -> HeaderChange:
    return HeaderChange(set=(("x-from", name),))


HEADERS = "headerModifiers: {request: {set: {x-from: %s}}}"
BASIC = "basicAuthentication: {users: ['u:$2y$05$abcdefghijklmnopqrstuuIHD9x3tPPrE2WQv9nJYDpUaCaAZ3Sd2'], realm: %s}"


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_of_each_kind_the_strongest_layer_wins_whole(number: int) -> None:
    rule = ruled(*everywhere(HEADERS)[:number], *everywhere(BASIC, tag="-b")[:number])
    assert rule.shaping.request_headers == setting(NAMES[number - 1])
    assert rule.access.basic is not None
    assert rule.access.basic.realm == NAMES[number - 1]


def test_what_the_rule_itself_says_stands_above_all_policies() -> None:
    own = ", filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-from, value: own}]}}]"
    own += ", timeouts: {request: 9s}"
    rule = ruled(*everywhere(HEADERS), traffic(RULE, "timeouts: {request: 1s}", "t"), rule=own)
    assert rule.shaping.request_headers == setting("own")
    assert rule.deadlines.total_s == 9


@pytest.mark.parametrize(
    ("locked", "wins"),
    [("gateway", "gateway"), ("route", "route"), ("gateway route", "gateway"), ("rule listener", "listener")],
)
def test_what_is_locked_stands_above_everything_below_it(locked: str, wins: str) -> None:
    own = ", filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-from, value: own}]}}]"
    rule = ruled(*everywhere(HEADERS, locked=locked), *everywhere(BASIC, locked=locked, tag="-b"), rule=own)
    assert rule.shaping.request_headers == setting(wins)
    assert rule.access.basic is not None
    assert rule.access.basic.realm == wins


def test_a_lock_holds_for_the_kinds_that_its_policy_says_and_for_no_other() -> None:
    locked = traffic(GATEWAY, "timeouts: {request: 1s}, errorFormat: text", "g", locked=True)
    rule = ruled(locked, traffic(ROUTE, "timeouts: {request: 2s, firstToken: 3s}, csrf: {}", "r"), rule="")
    assert (rule.deadlines.total_s, rule.deadlines.first_token_s, rule.error_format) == (1, 3, "text")
    assert rule.shaping.csrf is not None


def test_rules_of_authorization_add_up() -> None:
    said = "authorization: {action: Require, policy: {matchExpressions: ['request.path != \"%s\"']}}"
    assert ruled(*everywhere(said)).access.authorization.require == tuple(f'request.path != "{name}"' for name in NAMES)


@pytest.mark.parametrize("locked", ["", "route"])
def test_limits_and_budgets_add_up_the_gateways_first(locked: str) -> None:
    said = "rateLimit: {local: [{requests: 5, unit: Minutes}]}, budgets: [{name: %s, tokens: 1, period: Day}]"
    rule = ruled(*everywhere(said, locked=locked))
    names = [group[0].limits.machine.rates[0].name.split()[0] for group in rule.limits.groups]
    assert names == [f"default/{name}" for name in NAMES]
    assert [budget.name for budget in rule.budgets] == list(NAMES)


def test_guards_add_up_and_the_gateways_look_first_whatever_stands_below() -> None:
    said = "promptGuard: {streaming: %s, request: [{regex: {matches: [%s]}}]}"
    rule = ruled(
        ai(ROUTE, said % ("Disabled", "below"), "r"),
        ai(GATEWAY, said % ("Enabled", "above"), "g"),
        ai(LISTENER, "defaults: [{field: a, value: 1}]", "l"),
    )
    (above,), (below,) = rule.gateway_ai.guards.request, rule.ai.guards.request
    assert isinstance(above, TextRules)
    assert isinstance(below, TextRules)
    assert (above.patterns, above.open_layer, above.name) == (("above",), False, "default/g request[0] regex")
    assert (below.patterns, below.open_layer) == (("below",), True)


def test_early_policies_are_the_listeners_and_not_the_rules() -> None:
    early = traffic(GATEWAY, "phase: PreRouting, " + BASIC % "early" + ", cors: {allowOrigins: ['*']}", "e")
    late = traffic(LISTENER, BASIC % "late", "l")
    found = listener(early, late)
    assert found.access.basic is not None
    assert found.access.basic.realm == "early"
    assert found.shaping.cors is not None
    rule = found.entries[0].rule
    assert rule.access.basic is not None
    assert rule.access.basic.realm == "late"
    assert rule.shaping == NO_SHAPING
    assert ("basicAuthentication", "AgentgatewayPolicy default/e") in found.sources


def test_where_nobody_says_anything_everybody_may_and_nothing_is_changed() -> None:
    rule, found = ruled(), listener()
    assert (rule.access, rule.shaping, rule.limits.groups, rule.sources) == (OPEN, NO_SHAPING, (), ())
    assert (found.access, found.shaping, found.sources) == (OPEN, NO_SHAPING, ())


def test_rules_under_the_same_policies_share_what_they_come_to() -> None:
    """What was verified for one of them is known for the other, and a limit has one counter for both."""
    said = traffic(ROUTE, BASIC % "r" + ", rateLimit: {local: [{requests: 1, unit: Hours}]}")
    rules = f"{{name: a, {TO_LLM}}}, {{name: b, matches: [{{path: {{value: /b}}}}], {TO_LLM}}}"
    one, other = entries(plan(BACKEND + route(rules) + said))
    assert one.rule.name != other.rule.name
    assert one.rule.access is other.rule.access
    assert one.rule.limits is other.rule.limits


def test_each_kind_names_the_object_that_says_it() -> None:
    own = ", filters: [{type: CORS, cors: {allowOrigins: ['*']}}]"
    rule = ruled(
        traffic(GATEWAY, "cors: {allowOrigins: ['*']}, rateLimit: {local: [{requests: 1, unit: Hours}]}", "g"),
        traffic(ROUTE, "csrf: {}, rateLimit: {local: [{requests: 1, unit: Hours}]}", "r"),
        ai(GATEWAY, "promptGuard: {request: [{regex: {matches: [a]}}]}, defaults: [{field: a, value: 1}]", "ga"),
        ai(ROUTE, "promptGuard: {request: [{regex: {matches: [b]}}]}, defaults: [{field: a, value: 2}]", "ra"),
        rule=own,
    )
    assert rule.sources == (
        ("rateLimit", "AgentgatewayPolicy default/g"),
        ("rateLimit", "AgentgatewayPolicy default/r"),
        ("cors", "HTTPRoute default/r"),
        ("csrf", "AgentgatewayPolicy default/r"),
        ("ai.defaults", "AgentgatewayPolicy default/ra"),
        ("ai.promptGuard", "AgentgatewayPolicy default/ga"),
        ("ai.promptGuard", "AgentgatewayPolicy default/ra"),
    )
