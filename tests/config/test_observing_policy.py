"""What operators want to see, as they write it: what comes of it, what stands over what, and what is refused where."""

import pytest

from sluice.config.observing_policy import KEPT, RESERVED_LABELS, labelled
from sluice.config.plan import Logging as ProcessLogging
from sluice.config.plan import Plan
from sluice.policies.observing import NOTHING, Logging
from sluice.telemetry import names
from sluice.telemetry.metric import ROUTE_LABELS

from .loading import plan, refusal

MODELS = "llm: {models: [{name: m, provider: fake}]}"
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: agentgateway
  listeners: [{name: http, port: 8080, protocol: HTTP}, {name: other, port: 8081, protocol: HTTP}]
"""
TARGET = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw%s}]"


def short(config: str, more: str = "") -> Plan:
    return plan(f"config: {config}\n{MODELS}\n{more}")


def policy(frontend: str, name: str = "log", section: str = "", created: str = "2026-01-01T00:00:00Z") -> str:
    target = TARGET % (f", sectionName: {section}" if section else "")
    return (
        "---\napiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\n"
        f"metadata: {{name: {name}, creationTimestamp: {created}}}\nspec: {{{target}, frontend: {frontend}}}\n"
    )


def parameters(spec: str, name: str = "params", kind: str = "EnterpriseAgentgatewayParameters") -> str:
    group = "enterpriseagentgateway.solo.io" if kind.startswith("Ent") else "agentgateway.dev"
    return f"---\napiVersion: {group}/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def test_the_short_form_says_what_the_log_and_the_metrics_show() -> None:
    found = short(
        "{logging: {level: warn, format: json, sample: 0.25, filter: response.code >= 400, "
        "fields: {add: {jwt: jwt, 'request.body.modelId': json(request.body).modelId}, remove: [http.host]}}, "
        "metrics: {remove: [requests], fields: {add: {user_org: 'default(jwt.org, \"none\")'}}}, "
        "sensitiveHeaders: [X-Company]}"
    )
    assert found.logging == ProcessLogging(format="json", level="warn")
    assert found.observing.logging == Logging(
        filter="response.code >= 400",
        sample=0.25,
        add=(("jwt", "jwt"), ("request.body.modelId", "json(request.body).modelId")),
        remove=("http.host",),
    )
    assert found.observing.labels == (("user_org", 'default(jwt.org, "none")'),)
    assert (found.observing.removed_metrics, found.observing.sensitive_headers) == (("requests",), ("x-company",))


def test_who_says_nothing_wants_to_see_nothing() -> None:
    assert short("{logging: {level: debug}}").observing == NOTHING
    assert plan(GATEWAY).observing == NOTHING
    assert [listener.observing for listener in plan(GATEWAY).listeners] == [None, None]


def test_frontend_policies_stand_over_the_section_config_member_by_member() -> None:
    found = short(
        "{logging: {sample: 0.5, filter: response.code >= 400, fields: {add: {a: '1'}, remove: [http.host]}}}",
        "frontendPolicies: {accessLog: {filter: response.code == 200, add: {b: '2'}}}",
    )
    assert found.observing.logging == Logging(
        filter="response.code == 200", sample=0.5, add=(("b", "2"),), remove=("http.host",)
    )


PLACES = [
    ("{logging: {filter: 'request.'}}", "config.logging.filter: not a CEL expression"),
    ("{logging: {filter: '1'}}", "config.logging.filter: a condition is true or false, and this is neither"),
    ("{logging: {fields: {add: {a: nothing.here}}}}", "config.logging.fields.add.a: there is no `nothing`"),
    ("{logging: {fields: {add: {a: request.nothing}}}}", "config.logging.fields.add.a: `request` has no `nothing`"),
    ("{logging: {fields: {add: {scope: '1'}}}}", "config.logging.fields.add: the field `scope` tells what a line is"),
    ("{logging: {fields: {remove: [time]}}}", "config.logging.fields.remove: the field `time` tells what a line is"),
    ("{logging: {fields: {add: {'a b': '1'}}}}", "expected a string matching regex"),
    ("{logging: {sample: 1.5}}", "config.logging.sample: expected"),
    ("{logging: {database: {}}}", "config.logging.database: `database` is not implemented"),
    ("{logging: {feilds: {}}}", "config.logging.feilds: unknown field (did you mean `fields`?)"),
    (
        "{metrics: {fields: {add: {route: '1'}}}}",
        "config.metrics.fields.add.route: metrics have a label `route` already",
    ),
    ("{metrics: {fields: {add: {__x: '1'}}}}", "regex"),
    ("{metrics: {fields: {add: {a: '}'}}}}", "config.metrics.fields.add.a: not a CEL expression"),
    ("{metrics: {fields: {remove: [a]}}}", "config.metrics.fields.remove: unknown field"),
    ("{sensitiveHeaders: ['a b']}", "config.sensitiveHeaders"),
]


@pytest.mark.parametrize(("config", "words"), PLACES, ids=[config for config, _ in PLACES])
def test_what_is_wrong_is_told_with_its_place(config: str, words: str) -> None:
    (line,) = refusal(f"config: {config}\n{MODELS}\n")
    assert line.startswith("a.yaml:1: ")
    assert words in line


def test_every_wrong_expression_of_a_policy_is_told_with_its_place() -> None:
    frontend = (
        "{accessLog: {filter: '1 +', attributes: {add: [{name: a, expression: '('}, {name: b, expression: '1'}, "
        "{name: b, expression: '2'}]}}, metrics: {attributes: {add: [{name: status, expression: nope}]}}}"
    )
    assert {line.split(": ")[1] for line in refusal(GATEWAY, policy(frontend))} == {
        "spec.frontend.accessLog.attributes.add[0].expression",
        "spec.frontend.accessLog.attributes.add[2].name",
        "spec.frontend.accessLog.filter",
        "spec.frontend.metrics.attributes.add[0].expression",
        "spec.frontend.metrics.attributes.add[0].name",
    }


@pytest.mark.parametrize(
    "frontend", ["{accessLog: {}}", "{accessLog: {attributes: {}}}", "{metrics: {attributes: {}}}"]
)
def test_a_policy_that_says_nothing_is_refused(frontend: str) -> None:
    (line,) = refusal(GATEWAY, policy(frontend))
    assert "expected at least one of" in line or "`add` is missing" in line


def test_a_policy_of_a_route_has_no_log_of_its_own() -> None:
    target = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]"
    text = policy("{accessLog: {filter: response.code > 1}}").replace(TARGET % "", target)
    (line,) = refusal(GATEWAY, text)
    assert "`frontend` on a target of kind HTTPRoute is not implemented" in line
    assert "(it may target a Gateway)" in line


def test_a_listeners_policy_stands_over_its_gateways_and_the_older_over_the_younger() -> None:
    found = plan(
        GATEWAY,
        policy("{accessLog: {filter: response.code > 1, attributes: {add: [{name: a, expression: '1'}]}}}"),
        policy("{accessLog: {filter: response.code > 2}}", name="young", created="2026-02-01T00:00:00Z"),
        policy("{accessLog: {filter: response.code > 3}}", name="own", section="other", created="2026-03-01T00:00:00Z"),
    )
    http, other = (listener.observing for listener in found.listeners)
    assert found.observing == NOTHING
    assert http is not None
    assert other is not None
    assert (http.logging.filter, http.logging.add) == ("response.code > 1", (("a", "1"),))
    assert (other.logging.filter, other.logging.add) == ("response.code > 3", (("a", "1"),))


def test_all_listeners_have_the_same_labels_and_one_that_has_no_value_has_no_expression() -> None:
    text = "{metrics: {attributes: {add: [{name: team, expression: request.host}]}}}"
    found = plan(GATEWAY, policy(text, section="other"))
    http, other = (listener.observing or found.observing for listener in found.listeners)
    assert http.labels == found.observing.labels == (("team", ""),)
    assert other.labels == (("team", "request.host"),)


def test_a_reloaded_plan_keeps_the_labels_that_the_metrics_began_with() -> None:
    text = "{metrics: {attributes: {add: [{name: team, expression: request.host}, {name: new, expression: '1'}]}}}"
    began = plan(GATEWAY, policy(text.replace("name: new", "name: gone")))
    found = labelled(plan(GATEWAY, policy(text)), began)
    assert found.observing.labels == (("team", ""), ("gone", ""))
    assert [one.observing and one.observing.labels for one in found.listeners] == [
        (("team", "request.host"), ("gone", ""))
    ] * 2
    assert found.notes[-1] == "Which metrics there are, and their labels, changes when the process starts anew."
    assert labelled(began, began) is began


def test_no_label_of_ours_can_be_taken() -> None:
    own = {label for metric in names.METRICS for label in metric.labels} | {*ROUTE_LABELS, "le"}
    assert own <= RESERVED_LABELS
    assert len(KEPT) == 3
