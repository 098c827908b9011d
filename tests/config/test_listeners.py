"""Gateways: which listeners serve, and what the others report."""

import pytest

from sluice.config.gateway_api import LabelSelector, SelectorTerm
from sluice.config.listeners import selects

from .loading import BACKEND, condition, gateway, plan, refusal, route, secret, status

CERT = "-----BEGIN CERTIFICATE-----\\nc\\n-----END CERTIFICATE-----\\n"
KEY = "-----BEGIN PRIVATE KEY-----\\nk\\n-----END PRIVATE KEY-----\\n"
PAIR = f'{{tls.crt: "{CERT}", tls.key: "{KEY}"}}'
HTTPS = "{name: s, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: pair%s}]}}"
HTTP = "{name: http, port: 8080, protocol: HTTP}"


def conditions(text: str, listener: str) -> dict[str, tuple[bool, str]]:
    found = status(plan(text), "Gateway", "default/gw").conditions
    return {c.type: (c.status, c.reason) for c in found if c.scope == listener}


def test_a_gateway_that_works() -> None:
    text = gateway(HTTP)
    assert conditions(text, "") == {"Accepted": (True, "Accepted"), "Programmed": (True, "Programmed")}
    good = {"Accepted": (True, "Accepted"), "Programmed": (True, "Programmed"), "ResolvedRefs": (True, "ResolvedRefs")}
    assert conditions(text, "http") == good
    (listener,) = plan(text).listeners
    assert (listener.name, listener.gateway, listener.port, listener.bind) == (
        "http",
        "default/gw",
        8080,
        "8080/default/gw",
    )


def test_attached_routes_are_counted_per_listener() -> None:
    text = BACKEND + gateway(HTTP, "{name: b, port: 2, protocol: HTTP}") + route(name="r") + route(name="q")
    text += route(name="only", parentRefs="[{name: gw, sectionName: b}]")
    assert status(plan(text), "Gateway", "default/gw").attached_routes == {"http": 2, "b": 3}


def test_tls_from_a_secret() -> None:
    (listener,) = plan(gateway(HTTPS % "") + secret("pair", string_data=PAIR)).listeners
    assert listener.tls is not None
    assert listener.tls.certificate_pem.startswith("-----BEGIN CERTIFICATE-----\nc")
    assert "k" in listener.tls.key_pem.reveal()


def test_a_certificate_of_another_namespace_needs_a_grant() -> None:
    text = gateway(HTTPS % ", namespace: certs") + secret("pair", string_data=PAIR, namespace="certs")
    assert conditions(text, "s")["ResolvedRefs"] == (False, "RefNotPermitted")
    text += """---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: certs}
spec:
  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: default}]
  to: [{group: "", kind: Secret}]
"""
    assert conditions(text, "s")["ResolvedRefs"] == (True, "ResolvedRefs")
    assert len(plan(text).listeners) == 1


@pytest.mark.parametrize(
    "more",
    [
        "",
        secret("pair", string_data="{tls.crt: x}"),
        secret("pair", string_data="{tls.crt: x, tls.key: y}"),
        secret("pair", string_data=f'{{tls.crt: "{CERT}", tls.key: y}}'),
    ],
)
def test_a_certificate_that_cannot_be_used_leaves_the_listener_out(more: str) -> None:
    text = gateway(HTTP, HTTPS % "") + more
    assert conditions(text, "s")["ResolvedRefs"] == (False, "InvalidCertificateRef")
    assert conditions(text, "s")["Programmed"] == (False, "Invalid")
    assert conditions(text, "") == {"Accepted": (True, "ListenersNotValid"), "Programmed": (True, "Programmed")}
    assert [listener.name for listener in plan(text).listeners] == ["http"]


def test_a_certificate_must_be_a_secret() -> None:
    assert conditions(gateway(HTTPS % ", kind: ConfigMap"), "s")["ResolvedRefs"] == (False, "InvalidCertificateRef")
    assert conditions(gateway(HTTPS % ""), "")["Accepted"] == (False, "ListenersNotValid")


def test_https_without_tls_is_refused() -> None:
    assert refusal(gateway("{name: s, port: 443, protocol: HTTPS}")) == [
        "a.yaml:8: spec.listeners[0]: a listener with protocol HTTPS needs `tls.certificateRefs`"
    ]


def test_passthrough_is_refused() -> None:
    text = HTTPS.replace("tls: {", "tls: {mode: Passthrough, ") % ""
    assert "`Passthrough` is not implemented" in refusal(gateway(text) + secret("pair", string_data=PAIR))[0]


def test_other_protocols_are_not_accepted() -> None:
    text = gateway(HTTP, "{name: t, port: 1, protocol: TCP}")
    assert conditions(text, "t")["Accepted"] == (False, "UnsupportedProtocol")
    assert [listener.name for listener in plan(text).listeners] == ["http"]


def test_listeners_that_conflict_are_left_out_and_the_first_serves() -> None:
    text = gateway(
        HTTP, "{name: two, port: 8080, protocol: HTTP}", "{name: three, port: 8080, protocol: HTTP, hostname: a.org}"
    )
    assert conditions(text, "two")["Conflicted"] == (True, "HostnameConflict")
    assert conditions(text, "two")["Accepted"] == (False, "HostnameConflict")
    assert [listener.name for listener in plan(text).listeners] == ["http", "three"]


def test_a_port_has_one_protocol_across_gateways() -> None:
    text = gateway((HTTPS % "").replace("443", "8080"), name="a") + secret("pair", string_data=PAIR) + gateway(HTTP)
    assert conditions(text, "http")["Conflicted"] == (True, "ProtocolConflict")
    assert [listener.gateway for listener in plan(text).listeners] == ["default/a"]


def test_two_gateways_may_share_a_port() -> None:
    text = gateway(HTTP) + gateway(HTTP, name="other")
    assert [(item.gateway, item.port) for item in plan(text).listeners] == [
        ("default/gw", 8080),
        ("default/other", 8080),
    ]


TERMS = {"In": ("a", "b"), "NotIn": ("a", "b"), "Exists": (), "DoesNotExist": ()}


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("In", [True, False, False]),
        ("NotIn", [False, True, True]),
        ("Exists", [True, True, False]),
        ("DoesNotExist", [False, False, True]),
    ],
)
def test_label_selectors(operator: str, expected: list[bool]) -> None:
    term = SelectorTerm(key="k", operator=operator, values=TERMS[operator])  # type: ignore[arg-type]
    selector = LabelSelector(match_expressions=(term,))
    assert [selects(selector, labels) for labels in ({"k": "a"}, {"k": "z"}, {"x": "a"})] == expected


def test_no_selector_selects_everything_and_labels_must_all_match() -> None:
    assert selects(LabelSelector(), {})
    both = LabelSelector(match_labels={"a": "1", "b": "2"})
    assert selects(both, {"a": "1", "b": "2", "c": "3"})
    assert not selects(both, {"a": "1"})


def test_the_status_names_the_place() -> None:
    found = status(plan(gateway(HTTP)), "Gateway", "default/gw")
    assert (found.file, found.line) == ("a.yaml", 4)
    assert condition(plan(gateway(HTTP)), "Gateway", "default/gw", "Accepted").message == ""
