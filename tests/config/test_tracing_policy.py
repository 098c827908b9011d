"""Tracing as operators write it: all the forms, and what is wrong with one."""

import pytest

from sluice.config.compile import load
from sluice.config.dump import dump
from sluice.config.plan import Plan
from sluice.config.source import Source
from sluice.errors import ConfigError
from sluice.policies.observing import Tracing
from sluice.standard import STANDARD

MODELS = "llm:\n  models: [{name: '*', provider: fake}]\n"


def plan(text: str, env: dict[str, str] | None = None) -> Plan:
    return load([Source("a.yaml", text)], env or {}, STANDARD)


def short(section: str, env: dict[str, str] | None = None) -> Tracing | None:
    return plan(f"{section}\n{MODELS}", env).observing.tracing


def spec(members: str) -> str:
    return f"config: {{tracing: {{otlpEndpoint: 'http://c:4317', {members}}}}}"


LABS = """
config:
  tracing:
    otlpProtocol: grpc
    otlpEndpoint: http://tempo-distributor.monitoring.svc.cluster.local:4317
    randomSampling: 'true'
    fields:
      add:
        gen_ai.operation.name: '"chat"'
        gen_ai.system: llm.provider
        gen_ai.prompt: llm.prompt
        gen_ai.completion: 'llm.completion.map(c, {"role":"assistant","content": c})'
        gen_ai.request: 'flatten(llm.params)'
        jwt: 'jwt'
        response.body: 'json(response.body)'
        x-foo: 'request.headers["x-foo"]'
"""


def test_the_labs_section_is_read_as_it_stands() -> None:
    tracing = short(LABS)
    assert tracing is not None
    assert tracing.endpoint == "http://tempo-distributor.monitoring.svc.cluster.local:4317"
    assert (tracing.protocol, tracing.random_sampling, tracing.client_sampling) == ("grpc", "true", "true")
    assert dict(tracing.add)["gen_ai.prompt"] == "llm.prompt"
    assert len(tracing.add) == 8


def test_the_standalone_section_is_read_as_it_stands() -> None:
    tracing = short(
        """
frontendPolicies:
  tracing:
    host: localhost:4317
    protocol: grpc
    randomSampling: "1.0"
    attributes: {environment: '"production"', route: request.path}
    resources: {service.name: '"agentgateway"'}
    remove: [src.addr]
"""
    )
    assert tracing == Tracing(
        endpoint="http://localhost:4317",
        random_sampling="1.0",
        add=(("environment", '"production"'), ("route", "request.path")),
        remove=("src.addr",),
        resources=(("service.name", '"agentgateway"'),),
    )


POLICY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: sluice
  listeners: [{name: http, port: 8080, protocol: HTTP}, {name: other, port: 8081, protocol: HTTP}]
---
apiVersion: v1
kind: Service
metadata: {name: collector, namespace: default}
spec: {ports: [{port: 4317}]}
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata: {name: traces}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge, sectionName: http}]
  frontend:
    tracing:
      backendRef: {name: collector, port: 4317}
      protocol: GRPC
      attributes: {add: [{name: tenant, expression: 'request.headers["x-tenant"]'}], remove: [src.addr]}
      resources: [{name: service.name, expression: '"edge"'}]
      randomSampling: "0.1"
"""


def test_a_policy_is_about_its_listener() -> None:
    first, other = plan(POLICY).listeners
    assert first.observing is not None
    assert first.observing.tracing == Tracing(
        endpoint="http://collector:4317",
        random_sampling="0.1",
        add=(("tenant", 'request.headers["x-tenant"]'),),
        remove=("src.addr",),
        resources=(("service.name", '"edge"'),),
    )
    assert other.observing is None


def test_a_policys_protocol_is_http_unless_it_says_otherwise() -> None:
    listener = plan(POLICY.replace("      protocol: GRPC\n", "")).listeners[0]
    assert listener.observing is not None
    assert listener.observing.tracing is not None
    assert (listener.observing.tracing.protocol, listener.observing.tracing.path) == ("http", "/v1/traces")


def test_a_collector_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml:\d+: spec\.frontend\.tracing\.backendRef: Service default/gone"):
        plan(POLICY.replace("{name: collector, port: 4317}", "{name: gone, port: 4317}"))


@pytest.mark.parametrize(
    ("said", "text"),
    [("true", "true"), ("'true'", "true"), ("false", "false"), ("0.25", "0.25"), ("'0.1'", "0.1"), ("1", "1.0")],
)
def test_sampling_is_a_truth_or_a_share_as_text_or_not(said: str, text: str) -> None:
    tracing = short(spec(f"randomSampling: {said}"))
    assert tracing is not None
    assert tracing.random_sampling == text


def test_sampling_may_be_an_expression_over_the_request() -> None:
    tracing = short(spec("""clientSampling: 'request.headers["x-debug"] == "1"'"""))
    assert tracing is not None
    assert tracing.client_sampling == 'request.headers["x-debug"] == "1"'


@pytest.mark.parametrize(
    ("members", "where", "what"),
    [
        ("randomSampling: 1.5", "randomSampling", "1.5 is no share"),
        ("randomSampling: 'nan'", "randomSampling", "nan is no share"),
        ("randomSampling: 'x y'", "randomSampling", "not a CEL expression"),
        ("clientSampling: 'response.code == 200'", "clientSampling", "there is no `response`"),
        ("fields: {add: {a: 'no.such'}}", "fields.add.a", "there is no `no`"),
        ("resources: {a: request.path}", "resources.a", "a resource is of the process"),
        ("otlpProtocol: udp", "otlpProtocol", "unknown value `udp`"),
        ("path: traces", "path", ""),
        ('headers: {a: "x\\r\\ny"}', "headers", ""),
        ("sampling: 1", "", "sampling"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(members: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as failure:
        short(spec(members))
    assert f"a.yaml:1: config.tracing{'.' if where else ''}{where}" in str(failure.value)
    assert what in str(failure.value)


@pytest.mark.parametrize("url", ["ftp://c", "http://", "http://c:99999", "http://c?x=1", "http://a b"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.tracing\.otlpEndpoint"):
        short(f"config: {{tracing: {{otlpEndpoint: '{url}'}}}}")


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="headers") as failure:
        short("config: {tracing: {otlpEndpoint: 'http://u:canary@c:4317'}}")
    assert "canary" not in str(failure.value)


def test_it_has_to_be_said_where_spans_go() -> None:
    with pytest.raises(ConfigError, match="it is not said where spans go"):
        short("config: {tracing: {randomSampling: true}}")
    with pytest.raises(ConfigError, match="expected `host`"):
        short("frontendPolicies: {tracing: {randomSampling: true}}")


def test_headers_are_not_shown() -> None:
    whole = plan(f"{spec('headers: {x-key: canary}')}\n{MODELS}")
    assert whole.observing.tracing is not None
    assert whole.observing.tracing.headers == (("x-key", "canary"),)
    assert "canary" not in repr(dump(whole))


@pytest.mark.parametrize(
    ("said", "endpoint"),
    [
        ("host: c", "http://c:4317"),
        ("host: c, protocol: http", "http://c:4318"),
        ("host: '[::1]:7'", "http://[::1]:7"),
        ("host: '[::1]'", "http://[::1]:4317"),
    ],
)
def test_a_host_without_a_port_is_asked_at_the_usual_one(said: str, endpoint: str) -> None:
    tracing = short(f"frontendPolicies: {{tracing: {{{said}}}}}")
    assert tracing is not None
    assert tracing.endpoint == endpoint


def test_no_collector_listens_at_port_0() -> None:
    with pytest.raises(ConfigError, match=r"config\.tracing\.otlpEndpoint"):
        short("config: {tracing: {otlpEndpoint: 'http://c:0'}}")
