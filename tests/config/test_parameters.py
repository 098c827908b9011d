"""Parameters of a Gateway: labs A001 verbatim, whom they hold for, and what is refused."""

from pathlib import Path

import pytest

from sluice.config.plan import Logging

from .loading import plan, refusal
from .test_observing_policy import GATEWAY, parameters

A001 = (Path(__file__).parent / "manifests" / "lab-a001.yaml").read_text()
SAYS = "{rawConfig: {config: {logging: {fields: {add: {%s: '1'}}}}}}"


def referring(name: str, gateway: str = "gw", kind: str = "EnterpriseAgentgatewayParameters", port: int = 8080) -> str:
    group = "enterpriseagentgateway.solo.io" if kind.startswith("Ent") else "agentgateway.dev"
    ref = f"infrastructure: {{parametersRef: {{group: {group}, kind: {kind}, name: {name}}}}}"
    listeners = f"listeners: [{{name: http, port: {port}, protocol: HTTP}}]"
    return (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
        f"metadata: {{name: {gateway}}}\nspec: {{gatewayClassName: agentgateway, {ref}, {listeners}}}\n"
    )


def test_lab_a001_loads_as_it_is_written() -> None:
    found = plan(A001)
    assert found.logging == Logging(format="json", level="info")
    assert dict(found.observing.logging.add) == {
        "rq.headers.all": "request.headers",
        "jwt": "jwt",
        "request.body": "json(request.body)",
        "response.body": "json(response.body)",
        "rq.headers": "flatten(request.headers)",
        "x-foo": 'request.headers["x-foo"]',
        "request.body.modelId": "json(request.body).modelId",
    }
    assert [name for name, _ in found.observing.labels] == [
        *("user_org", "user_team", "user_tier", "user_name", "user_id"),
    ]
    assert found.listeners[0].observing is None  # what the process says holds


@pytest.mark.parametrize("kind", ["EnterpriseAgentgatewayParameters", "AgentgatewayParameters"])
def test_a_gateway_has_the_parameters_that_it_refers_to(kind: str) -> None:
    found = plan(
        referring("one", "a", kind),
        referring("two", "b", kind, port=8081),
        parameters(SAYS % "first", "one", kind),
        parameters(SAYS % "second", "two", kind),
    )
    said = {one.gateway: one.observing.logging.add if one.observing else () for one in found.listeners}
    assert said == {"default/a": (("first", "1"),), "default/b": (("second", "1"),)}


def test_a_class_refers_for_its_gateways() -> None:
    ref = (
        "{group: enterpriseagentgateway.solo.io, kind: EnterpriseAgentgatewayParameters, name: two, namespace: default}"
    )
    owner = (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: agentgateway}\n"
        f"spec: {{controllerName: a/b, parametersRef: {ref}}}\n"
    )
    found = plan(GATEWAY, owner, parameters(SAYS % "first", "one"), parameters(SAYS % "second", "two"))
    assert {one.observing.logging.add for one in found.listeners if one.observing} == {(("second", "1"),)}
    assert "Nobody refers to EnterpriseAgentgatewayParameters default/one: it holds nowhere." in found.notes


def test_missing_parameters_are_as_none_and_a_note_says_so() -> None:
    found = plan(referring("gone"))
    assert found.listeners[0].observing is None
    note = "Gateway default/gw refers to EnterpriseAgentgatewayParameters default/gone, which is not there"
    assert any(note in each for each in found.notes)


def test_what_is_typed_stands_over_what_is_raw() -> None:
    found = plan(
        GATEWAY, parameters("{logging: {level: warn, format: Plain}, rawConfig: {config: {logging: {format: json}}}}")
    )
    assert found.logging == Logging(format="text", level="warn")


REFUSED = [
    (SAYS.replace("'1'", "'('") % "a", "spec.rawConfig.config.logging.fields.add.a: not a CEL expression"),
    (
        "{rawConfig: {config: {adminAddr: 'localhost:1'}}}",
        "spec.rawConfig.config.adminAddr: `adminAddr` of a `rawConfig`",
    ),
    ("{rawConfig: {binds: [{port: 1}]}}", "spec.rawConfig.binds: `binds` is not implemented"),
    ("{logging: {format: xml}}", "spec.logging.format: unknown value `xml`"),
    ("{rawConifg: {}}", "spec.rawConifg: unknown field (did you mean `rawConfig`?)"),
]


@pytest.mark.parametrize(("spec", "words"), REFUSED)
def test_what_is_wrong_is_told_with_its_place(spec: str, words: str) -> None:
    (line,) = refusal(GATEWAY, parameters(spec))
    assert words in line


def test_one_process_has_one_format() -> None:
    (line,) = refusal(
        referring("one", "a"),
        referring("two", "b", port=8081),
        parameters("{logging: {format: json}}", "one"),
        parameters("{logging: {format: text}}", "two"),
    )
    assert "one process has one format of its log, and elsewhere it is said to be `json`" in line
