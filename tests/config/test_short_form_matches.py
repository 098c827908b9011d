"""`matches` of models of the short form: several models with one name, chosen by the headers of a request."""

import pytest

from sluice.config.plan import Plan, ValueMatch
from sluice.config.routing import model_route

from .loading import plan, refusal

MODELS = """llm:
  models:
  - {name: smart, provider: fake, params: {model: plain}}
  - name: smart
    provider: fake
    params: {model: gold}
    matches:
    - headers: [{name: X-Tier, value: {exact: gold}}, {name: X-Team, value: {regex: "a|b"}}]
    - headers: [{name: x-root, value: {exact: "1"}}]
  - name: "sm*"
    provider: fake
    matches: [{headers: [{name: x-any, value: {regex: ".*"}}]}]
"""


@pytest.fixture(scope="module")
def three() -> Plan:
    return plan(MODELS)


@pytest.mark.parametrize(
    ("model", "headers", "answers"),
    [
        ("smart", {}, "plain"),
        ("smart", {"x-tier": "gold"}, "plain"),
        ("smart", {"x-tier": "gold", "x-team": "b"}, "gold"),
        ("smart", {"x-tier": "gold", "x-team": "bb"}, "plain"),
        ("smart", {"x-root": "1"}, "gold"),
        ("smart", {"x-any": "1"}, "plain"),
        ("small", {"x-any": ""}, ""),
        ("small", {}, None),
    ],
)
def test_the_headers_of_a_request_choose(three: Plan, model: str, headers: dict[str, str], answers: str | None) -> None:
    route = model_route(three, model, headers)
    if answers is None:
        assert route is None
        return
    assert route is not None
    assert route.backend is not None
    assert route.backend.groups[0][0].model == answers


def test_names_of_headers_are_in_lower_case_and_each_backend_has_a_name_of_its_own(three: Plan) -> None:
    assert three.models[1].matches[0] == (ValueMatch("x-tier", "gold"), ValueMatch("x-team", "a|b", regex=True))
    assert [route.backend.name for route in three.models if route.backend is not None] == [
        "default/smart",
        "default/smart/2",
        "default/sm*",
    ]


@pytest.mark.parametrize(
    ("matches", "said"),
    [
        ("[{headers: []}]", "expected a list of length >= 1"),
        ("[{headers: [{name: a, value: {}}]}]", "expected exactly one of `exact`, `regex`"),
        ("[{headers: [{name: a, value: {regex: '('}}]}]", "llm.models[0].matches[0].headers[0].value.regex"),
        ("[{headers: [{name: a, value: {exact: b}}], path: /x}]", "unknown field"),
    ],
)
def test_what_is_wrong_is_told(matches: str, said: str) -> None:
    (line,) = refusal(f"llm: {{models: [{{name: m, provider: fake, matches: {matches}}}]}}\n")
    assert said in line


def test_a_virtual_model_cannot_lead_to_one_that_asks_for_headers() -> None:
    head = "llm:\n  models: [{name: m, provider: fake, matches: [{headers: [{name: a, value: {exact: b}}]}]}]\n"
    (line,) = refusal(head + "  virtualModels: [{name: v, routing: {weighted: {targets: [{model: m}]}}}]\n")
    assert "this one's `matches`" in line
    assert "`when` of a conditional target" in line
