"""Which ports may be opened to the network: those where everybody is asked who they are."""

import pytest

from sluice.config.exposure import EVERYWHERE, LOOPBACK, Exposure, Hosts, authenticated_ports, is_wide, read_hosts
from sluice.config.plan import Plan
from sluice.errors import ConfigError

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


# -- where they listen ------------------------------------------------------------------------------------------------

ALL: Hosts = ("0.0.0.0",)
OPEN, ASKING = TWO = (HTTP, "{name: asks, port: 8081, protocol: HTTP}")


def two() -> Plan:
    """8080 answers anybody, 8081 asks."""
    asks = LISTENER.replace("sectionName: http", "sectionName: asks")
    return plan(BACKEND + gateway(*TWO) + route(f"{{{TO_LLM}}}") + traffic(asks, BASIC % ""))


def test_by_itself_a_port_is_open_where_everybody_is_asked_and_nowhere_else() -> None:
    assert Exposure().places(two()) == {8080: LOOPBACK, 8081: EVERYWHERE}
    assert Exposure(insecure=True).places(two()) == {8080: EVERYWHERE, 8081: EVERYWHERE}
    assert Exposure(hosts=("127.0.0.1",)).places(two()) == {8080: ("127.0.0.1",), 8081: ("127.0.0.1",)}


def test_beyond_this_machine_who_is_not_asked_is_named_and_what_would_be_right() -> None:
    with pytest.raises(ConfigError) as refused:
        Exposure(hosts=ALL).places(two())
    assert str(refused.value).startswith("port 8080 listens on 0.0.0.0, and route default/r asks nobody who they are (")
    for right in ("apiKeyAuthentication", "jwtAuthentication", "mode: Strict", "--insecure-bind", "leave --host out"):
        assert right in str(refused.value)
    assert Exposure(hosts=ALL, insecure=True).places(two()) == {8080: ALL, 8081: ALL}
    with pytest.raises(ConfigError, match="and listener http of default/gw asks nobody who they are"):
        Exposure(hosts=ALL).places(plan(gateway(HTTP)))


def test_a_port_that_is_open_stays_so_only_while_everybody_is_asked() -> None:
    Exposure().stay(two(), {8080: LOOPBACK, 8081: EVERYWHERE})
    with pytest.raises(ConfigError, match=r"port 8080 listens on 0\.0\.0\.0, ::, and .* or restart"):
        Exposure().stay(two(), {8080: EVERYWHERE, 8081: EVERYWHERE})
    Exposure(insecure=True).stay(two(), {8080: EVERYWHERE})


@pytest.mark.parametrize(
    ("hosts", "wide"),
    [
        (LOOPBACK, False),
        (("127.0.0.7",), False),
        ((), False),
        (EVERYWHERE, True),
        (("127.0.0.1", "::"), True),
        (("10.0.0.1",), True),
        (("169.254.0.1",), True),
    ],
)
def test_only_addresses_of_the_loopback_are_this_machines_own(hosts: Hosts, wide: bool) -> None:
    assert is_wide(hosts) is wide


def test_an_address_to_listen_on_is_an_address_or_localhost() -> None:
    assert read_hosts(()) == ()
    assert read_hosts(("localhost", "127.0.0.1", "[::]", "0.0.0.0")) == (*LOOPBACK, "::", "0.0.0.0")
    for wrong in ("gateway.test", "*", "0.0.0.0:80", "", "10.0.0.300"):
        with pytest.raises(ConfigError, match=r"--host: .* is no address to listen on \(an IP address"):
            read_hosts((wrong,))
