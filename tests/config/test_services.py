"""What a reference of a policy's leads to."""

import pytest

from sluice.config.faults import Faults
from sluice.config.guard_api import ServiceTarget
from sluice.config.objects import read_objects
from sluice.config.plan import Endpoint, Tls
from sluice.config.references import Grants, Unresolved, Values
from sluice.config.services import Services
from sluice.config.source import Source, read
from tests.config.loading import backend

SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {{name: hook, namespace: {}}}\nspec: {}\n"
GRANT = """---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: other}
spec:
  from: [{group: agentgateway.dev, kind: AgentgatewayPolicy, namespace: default}]
  to: [{group: "", kind: Service}]
"""


def services(*texts: str) -> Services:
    faults = Faults()
    objects = read_objects([part for text in texts for part in read(Source("s.yaml", text), faults)], faults)
    faults.check()
    return Services(objects, Values(objects, {}, faults), Grants(objects), faults)


def service(spec: str, namespace: str = "default") -> str:
    return SERVICE.format(namespace, spec)


@pytest.mark.parametrize(
    ("spec", "port", "endpoint"),
    [
        ("{ports: [{port: 8000}]}", 8000, Endpoint(host="hook", port=8000)),
        ("{ports: [{port: 8000}]}", None, Endpoint(host="hook", port=8000)),
        ("{}", 8000, Endpoint(host="hook", port=8000)),
        ("{ports: [{port: 443}]}", None, Endpoint(host="hook", port=443, tls=Tls())),
        ("{type: ExternalName, externalName: h.example}", 80, Endpoint(host="h.example", port=80)),
    ],
)
def test_a_service_is_known_by_its_name(spec: str, port: int | None, endpoint: Endpoint) -> None:
    assert services(service(spec)).endpoint(ServiceTarget(name="hook", port=port), "default") == endpoint


def test_a_service_of_another_namespace_needs_a_grant() -> None:
    target = ServiceTarget(name="hook", namespace="other", port=80)
    with pytest.raises(Unresolved, match="missing a ReferenceGrant"):
        services(service("{}", "other")).endpoint(target, "default")
    assert services(service("{}", "other"), GRANT).endpoint(target, "default") == Endpoint(host="hook.other", port=80)


def test_a_static_backend_is_reached_as_it_says() -> None:
    static = backend("{static: {host: 10.0.0.1, port: 8443}, policies: {tls: {sni: x.test}}}", name="b")
    target = ServiceTarget(name="b", kind="AgentgatewayBackend", group="agentgateway.dev")
    assert services(static).endpoint(target, "default") == Endpoint(
        host="10.0.0.1", port=8443, tls=Tls(server_name="x.test")
    )


@pytest.mark.parametrize(
    ("text", "target", "why"),
    [
        ("", ServiceTarget(name="hook", port=1), "Service default/hook not found"),
        (service("{ports: [{port: 2}]}"), ServiceTarget(name="hook", port=1), "has no port 1"),
        (service("{ports: [{port: 2}, {port: 3}]}"), ServiceTarget(name="hook"), "needs a `port`"),
        (service("{}"), ServiceTarget(name="hook"), "needs a `port`"),
        (
            "",
            ServiceTarget(name="b", kind="AgentgatewayBackend", group="agentgateway.dev"),
            "AgentgatewayBackend default/b not found",
        ),
        (
            backend("{ai: {provider: {openai: {}}}}", name="b"),
            ServiceTarget(name="b", kind="AgentgatewayBackend", group="agentgateway.dev"),
            "is not static",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(text: str, target: ServiceTarget, why: str) -> None:
    with pytest.raises(Unresolved, match=why):
        services(text).endpoint(target, "default")
