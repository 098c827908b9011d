"""The filter ExternalAuth of a rule: external authorization in other words, from the manifest to the rule."""

from sluice.policies.external_auth import ExternalAuth
from sluice.policies.server import Server

from .layered import GATEWAY, ROUTE, loaded, ruled, traffic
from .loading import condition, entries

SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: auth%s}\nspec: {ports: [{port: 9000}]}\n"


def filters(ref: str = "name: auth, port: 9000", more: str = "") -> str:
    return f", filters: [{{type: ExternalAuth, externalAuth: {{protocol: HTTP, backendRef: {{{ref}}}{more}}}}}]"


def test_a_rule_asks_the_service_that_its_filter_names() -> None:
    more = (
        ", http: {path: /check/, allowedHeaders: [X-Team], allowedResponseHeaders: [X-User]}, forwardBody: {maxSize: 9}"
    )
    rule = ruled(rule=filters(more=more), objects=SERVICE % "")
    assert rule.access.external == (
        ExternalAuth(
            server=Server(host="auth", port=9000),
            path='"/check" + request.pathAndQuery',
            request_headers=("authorization", "x-team"),
            to_provider=("x-user",),
            body_bytes=9,
            partial_body=True,
        ),
    )
    assert ("extAuth", "HTTPRoute default/r") in rule.sources


def test_little_is_needed_and_little_is_told() -> None:
    (external,) = ruled(rule=filters(), objects=SERVICE % "").access.external
    assert external == ExternalAuth(server=Server(host="auth", port=9000))


def test_the_filter_is_stronger_than_a_policy_of_the_route_and_weaker_than_a_lock() -> None:
    own = traffic(ROUTE, "extAuth: {url: 'http://10.0.0.1:1'}")
    assert ruled(own, rule=filters(), objects=SERVICE % "").access.external[0].server == Server(host="auth", port=9000)
    lock = traffic(GATEWAY, "extAuth: {url: 'http://10.0.0.1:1'}", locked=True)
    assert ruled(lock, rule=filters(), objects=SERVICE % "").access.external[0].server == Server(
        host="10.0.0.1", port=1
    )


def test_a_service_that_is_not_there_fails_every_request() -> None:
    (external,) = ruled(rule=filters()).access.external
    assert (external.server, external.fails_open) == (None, False)


def test_another_namespace_needs_a_grant() -> None:
    far = SERVICE % ", namespace: far"
    plan = loaded(rule=filters("name: auth, namespace: far, port: 9000"), objects=far)
    assert condition(plan, "HTTPRoute", "default/r", "ResolvedRefs", "default/gw").reason == "RefNotPermitted"
    assert entries(plan)[0].rule.backends[0].backend is None
    grant = (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: far}\n"
        "spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}], "
        "to: [{group: '', kind: Service}]}\n"
    )
    (external,) = ruled(rule=filters("name: auth, namespace: far, port: 9000"), objects=far + grant).access.external
    assert external.server == Server(host="auth.far", port=9000)
