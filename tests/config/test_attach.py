"""HTTPRoutes find their listeners, or a reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.config.attach import common_hostnames
from sluice.config.routing import host_matches

from .loading import BACKEND, condition, entries, gateway, plan, route

HTTP = "{name: http, port: 8080, protocol: HTTP%s}"
NAMESPACE = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {ok: 'yes'}}\n"


def accepted(text: str, name: str = "default/r", scope: str = "default/gw") -> tuple[bool, str]:
    found = condition(plan(BACKEND + text), "HTTPRoute", name, "Accepted", scope)
    return found.status, found.reason


def test_an_accepted_route() -> None:
    assert accepted(gateway(HTTP % "") + route()) == (True, "Accepted")


@pytest.mark.parametrize(
    ("parent", "gateway_", "name", "port"),
    [
        ("{name: gw}", "default/gw", "http", 8080),
        ("{name: gw, namespace: infra}", "infra/gw", "http", 8080),
        ("{name: gw, port: 9000, sectionName: web}", "default/gw", "web", 9000),
    ],
)
def test_a_gateway_that_is_not_defined_is_a_default_listener(parent: str, gateway_: str, name: str, port: int) -> None:
    loaded = plan(BACKEND + route(parentRefs=f"[{parent}]"))
    (listener,) = loaded.listeners
    assert (listener.gateway, listener.name, listener.port) == (gateway_, name, port)
    assert listener.entries
    assert loaded.notes[0] == f"Gateway {gateway_} is not defined: its routes are served on a default listener."


def test_routes_of_one_undefined_gateway_share_its_listener_and_others_have_their_own() -> None:
    text = BACKEND + route(name="a") + route(name="b") + route(name="c", parentRefs="[{name: other}]")
    assert [(item.gateway, len(item.entries)) for item in plan(text).listeners] == [
        ("default/gw", 2),
        ("default/other", 1),
    ]


@pytest.mark.parametrize("reference", ["sectionName: nope", "port: 81"])
def test_no_matching_parent(reference: str) -> None:
    text = gateway(HTTP % "") + route(parentRefs=f"[{{name: gw, {reference}}}]")
    scope = "default/gw/nope" if "nope" in reference else "default/gw"
    assert accepted(text, scope=scope) == (False, "NoMatchingParent")
    assert not entries(plan(BACKEND + text))


def test_a_section_and_a_port_pick_listeners() -> None:
    two = gateway(HTTP % "", "{name: b, port: 2, protocol: HTTP}")
    for reference, names in (("sectionName: b", ["b"]), ("port: 8080", ["http"]), ("kind: Gateway", ["http", "b"])):
        loaded = plan(BACKEND + two + route(parentRefs=f"[{{name: gw, {reference}}}]"))
        assert [item.name for item in loaded.listeners if item.entries] == names


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("", (False, "NotAllowedByListeners")),
        (", allowedRoutes: {namespaces: {from: All}}", (True, "Accepted")),
        (", allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {ok: 'yes'}}}}", (True, "Accepted")),
        (
            ", allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {ok: 'no'}}}}",
            (False, "NotAllowedByListeners"),
        ),
        (
            (
                ", allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: "
                "{kubernetes.io/metadata.name: team}}}}"
            ),
            (True, "Accepted"),
        ),
        (", allowedRoutes: {namespaces: {from: All}, kinds: [{kind: GRPCRoute}]}", (False, "NotAllowedByListeners")),
        (", allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}", (True, "Accepted")),
    ],
)
def test_allowed_routes(allowed: str, expected: tuple[bool, str]) -> None:
    text = NAMESPACE + gateway(HTTP % allowed) + route(namespace="team", parentRefs="[{name: gw, namespace: default}]")
    assert accepted(text, "team/r") == expected


@pytest.mark.parametrize(
    ("listener", "hostnames", "expected"),
    [
        ("", (), ("",)),
        ("a.org", (), ("a.org",)),
        ("", ("B.org", "*.c.org"), ("b.org", "*.c.org")),
        ("*.org", ("a.org", "b.com", "*.x.org", "a.org"), ("a.org", "*.x.org")),
        ("a.x.org", ("*.x.org", "*.org", "x.org"), ("a.x.org",)),
        ("*.x.org", ("*.org", "x.org"), ("*.x.org",)),
        ("a.org", ("b.org",), ()),
    ],
)
def test_hostnames_in_common(listener: str, hostnames: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert common_hostnames(listener, hostnames) == expected


HOSTNAMES = st.sampled_from(["a.org", "x.a.org", "*.org", "*.a.org", "b.org", "*.b.org"])


@given(
    st.just("") | HOSTNAMES,
    st.lists(HOSTNAMES, max_size=3).map(tuple),
    st.sampled_from(["a.org", "x.a.org", "y.x.a.org", "b.org"]),
)
def test_a_host_is_in_common_if_and_only_if_both_mean_it(listener: str, hostnames: tuple[str, ...], host: str) -> None:
    both = host_matches(listener, host) and (not hostnames or any(host_matches(name, host) for name in hostnames))
    assert any(host_matches(name, host) for name in common_hostnames(listener, hostnames)) is both


def test_no_matching_listener_hostname() -> None:
    text = gateway(HTTP % ", hostname: a.org") + route(hostnames="[b.org]")
    assert accepted(text) == (False, "NoMatchingListenerHostname")


def test_a_route_without_parents_is_not_served_and_noted() -> None:
    loaded = plan(BACKEND + route(parentRefs="[]"))
    assert not entries(loaded)
    assert "HTTPRoute default/r names no parent and is not served." in loaded.notes
