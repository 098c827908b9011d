"""Which ports may be opened to the network: those where everybody is asked who they are."""

import pytest

from sluice.config.exposure import authenticated_ports

from .layered import GATEWAY, LISTENER, ROUTE, TO_LLM, traffic
from .loading import BACKEND, gateway, plan, route

BASIC = "basicAuthentication: {users: ['u:$2y$05$abcdefghijklmnopqrstuuIHD9x3tPPrE2WQv9nJYDpUaCaAZ3Sd2']%s}"
EXTERNAL = "extAuth: {url: 'http://a:1'%s}"
HTTP = "{name: http, port: 8080, protocol: HTTP}"


def ports(*policies: str, listeners: tuple[str, ...] = (HTTP,), rules: str = f"{{{TO_LLM}}}") -> frozenset[int]:
    return authenticated_ports(plan(BACKEND + gateway(*listeners) + route(rules) + "".join(policies)))


@pytest.mark.parametrize(
    "said",
    [
        BASIC % "",
        "apiKeyAuthentication: {secretRef: {name: nobody}}",
        "jwtAuthentication: {providers: [{issuer: i, jwks: {file: keys.json}}]}",
        EXTERNAL % "",
    ],
)
@pytest.mark.parametrize("where", [GATEWAY, LISTENER, ROUTE])
def test_a_port_where_everybody_is_asked_may_be_opened(where: str, said: str) -> None:
    assert ports(traffic(where, said)) == {8080}


@pytest.mark.parametrize("said", [BASIC % "", EXTERNAL % ""])
def test_who_is_asked_early_is_asked(said: str) -> None:
    assert ports(traffic(GATEWAY, f"phase: PreRouting, {said}")) == {8080}


@pytest.mark.parametrize(
    "said",
    [
        "csrf: {}",
        BASIC % ", mode: Optional",
        EXTERNAL % ", failureMode: FailOpen",
        "authorization: {policy: {matchExpressions: ['request.path == \"/a\"']}}",
        "extAuth: {conditional: [{condition: 'request.path == \"/a\"', policy: {url: 'http://a:1'}}]}",
    ],
)
def test_what_lets_somebody_pass_unasked_opens_nothing(said: str) -> None:
    assert ports(traffic(GATEWAY, said)) == frozenset()


def test_one_open_rule_or_listener_keeps_the_port_closed() -> None:
    rules = f"{{name: a, {TO_LLM}}}, {{name: b, matches: [{{path: {{value: /b}}}}], {TO_LLM}}}"
    only = traffic(ROUTE.replace("name: r", "name: r, sectionName: a"), BASIC % "")
    assert ports(only, rules=rules) == frozenset()
    two = (HTTP, "{name: other, port: 8080, protocol: HTTP, hostname: b.example}")
    assert ports(traffic(LISTENER, BASIC % ""), listeners=two) == frozenset()
    assert ports(traffic(GATEWAY, BASIC % ""), listeners=two) == {8080}


def test_without_routes_there_is_nothing_to_be_asked_for_and_no_reason_to_open() -> None:
    assert authenticated_ports(plan(gateway(HTTP))) == frozenset()
    assert authenticated_ports(plan("llm: {models: [{name: m, provider: fake}]}\n")) == frozenset()
    keyed = "llm: {models: [{name: m, provider: fake}], policies: {apiKey: {keys: [{key: sk-a}]}}}\n"
    assert authenticated_ports(plan(keyed)) == {4000}
