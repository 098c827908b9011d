"""Backends: addresses, credentials, TLS, groups, and which policy wins."""

import pytest

from sluice.config.plan import AiBackend, Endpoint, HttpBackend, Target, Tls
from sluice.policies.deadlines import OwnClocks
from sluice.providers.credential import HeaderPlacement, Secret

from .loading import backend, condition, entries, plan, policy, refusal, route, secret, target

OPENAI = "openai: {}"
CA = "-----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----\\n"
CONFIG_MAP = f'---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ca}}\ndata: {{ca.crt: "{CA}", other: x}}\n'
ON_BACKEND = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"


def ai(provider: str = OPENAI, policies: str = "{}", *more: str) -> Target:
    return target(plan(backend(f"{{ai: {{provider: {{{provider}}}}}, policies: {policies}}}") + route(), *more))


def static(spec: str, policies: str = "{}", *more: str) -> HttpBackend:
    loaded = plan(backend(f"{{static: {spec}, policies: {policies}}}") + route(), *more)
    found = entries(loaded)[0].rule.backends[0].backend
    assert isinstance(found, HttpBackend)
    return found


def test_a_provider_is_where_its_row_says() -> None:
    found = ai("openai: {model: gpt-4o}")
    assert found.endpoint == Endpoint(host="api.openai.com", port=443, tls=Tls())
    assert (found.name, found.model, found.chat_path, found.base_path) == ("llm", "gpt-4o", "", None)
    assert (found.credential, found.passthrough, found.placement) == (None, False, None)


@pytest.mark.parametrize(
    ("where", "policies", "expected"),
    [
        ("host: h, port: 8000", "{}", Endpoint(host="h", port=8000)),
        ("host: h, port: 443", "{}", Endpoint(host="h", port=443, tls=Tls())),
        ("host: h, port: 8443", "{tls: {}}", Endpoint(host="h", port=8443, tls=Tls())),
        ("host: '[::1]', port: 1", "{}", Endpoint(host="::1", port=1)),
        ("host: h, port: 443", "{tls: {sni: x.org}}", Endpoint(host="h", port=443, tls=Tls(server_name="x.org"))),
        ("host: h, port: 1", "{tls: {insecureSkipVerify: All}}", Endpoint(host="h", port=1, tls=Tls(verify=False))),
    ],
)
def test_an_override_moves_it(where: str, policies: str, expected: Endpoint) -> None:
    assert ai(f"{OPENAI}, {where}", policies).endpoint == expected


def test_policies_of_tls_apply_where_the_row_says_too() -> None:
    assert ai(OPENAI, "{tls: {sni: x.org}}").endpoint.tls == Tls(server_name="x.org")


def test_own_authorities_come_from_a_config_map() -> None:
    tls = ai(OPENAI, "{tls: {caCertificateRefs: [{name: ca}]}}", CONFIG_MAP).endpoint.tls
    assert tls is not None
    assert tls.ca_pem.startswith("-----BEGIN CERTIFICATE-----\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ConfigMap default/ca not found"),
        (CONFIG_MAP.replace("ca.crt", "crt"), "ConfigMap default/ca has no key `ca.crt`"),
        (CONFIG_MAP.replace("BEGIN", "begin"), "the key `ca.crt` holds no PEM certificate"),
    ],
)
def test_missing_authorities_make_the_backend_unusable(text: str, message: str) -> None:
    spec = "{ai: {provider: {openai: {}}}, policies: {tls: {caCertificateRefs: [{name: ca}]}}}"
    loaded = plan(backend(spec) + route(), text)
    assert condition(loaded, "AgentgatewayBackend", "default/llm", "Accepted").message == message
    assert entries(loaded)[0].rule.backends[0].backend is None


def test_paths() -> None:
    assert ai(f"{OPENAI}, host: h, port: 1, path: /x/chat").chat_path == "/x/chat"
    assert ai(f"{OPENAI}, host: h, port: 1, pathPrefix: /v2").base_path == "/v2"


@pytest.mark.parametrize("host", ["http://h", "h/x", "h:80", "u@h", "h h", ""])
def test_a_host_is_only_a_host(host: str) -> None:
    assert refusal(backend(f"{{ai: {{provider: {{openai: {{}}, host: '{host}', port: 1}}}}}}"))


def test_the_fake_provider_waits_for_its_port_unless_it_is_told_where() -> None:
    fake = plan(backend("{ai: {provider: {fake: {}}}}") + route())
    assert (target(fake).endpoint, fake.needs_fake) == (Endpoint(host="127.0.0.1", port=0), True)
    told = plan(backend("{ai: {provider: {fake: {model: m}, host: h, port: 9}}}") + route())
    assert (target(told).endpoint, told.needs_fake) == (Endpoint(host="h", port=9), False)
    assert not plan(backend("{ai: {provider: {openai: {}}}}") + route()).needs_fake


def test_credentials() -> None:
    assert ai(OPENAI, "{auth: {key: sk-1}}").credential == Secret("sk-1")
    assert ai(OPENAI, "{auth: {secretRef: {name: s, key: k}}}", secret(string_data="{k: sk-2}")).credential == Secret(
        "sk-2"
    )
    through = ai(OPENAI, "{auth: {passthrough: {}}}")
    assert (through.passthrough, through.credential) == (True, None)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("{name: X-Api-Key}", HeaderPlacement("x-api-key", "")),
        ("{name: a, prefix: 'Key '}", HeaderPlacement("a", "Key ")),
    ],
)
def test_the_place_of_a_credential(header: str, expected: HeaderPlacement) -> None:
    assert ai(OPENAI, f"{{auth: {{key: k, location: {{header: {header}}}}}}}").placement == expected


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ("{auth: {azure: {}}}", "`azure` is not implemented"),
        ("{auth: {aws: {assumeRole: {}}}}", "`assumeRole` is not implemented"),
        ("{auth: {gcp: {audience: x}}}", "`audience` is not implemented"),
        ("{http: {version: HTTP2}}", "`HTTP2` is not implemented"),
        ("{tls: {insecureSkipVerify: Hostname}}", "`Hostname` is not implemented"),
        ("{tls: {alpnProtocols: [h2]}}", "`alpnProtocols` is not implemented"),
        ("{tcp: {keepalive: {}}}", "`keepalive` is not implemented"),
        ('{auth: {key: "a\\nb"}}', "characters that a header cannot carry"),
    ],
)
def test_what_is_not_served_is_refused(policies: str, words: str) -> None:
    (line,) = refusal(backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {policies}}}"))
    assert line.startswith("a.yaml:5: spec.policies.")
    assert words in line


def test_static_backends() -> None:
    found = static("{host: h, port: 80}", "{http: {requestTimeout: 2s}, tcp: {connectTimeout: 100ms}}")
    clocks = OwnClocks(connect_s=0.1, headers_s=2.0)
    assert found == HttpBackend(name="default/llm", endpoint=Endpoint(host="h", port=80), clocks=clocks)
    assert static("{host: h, port: 443}").endpoint.tls == Tls()
    assert static("{host: h, port: 80}", "{tls: {sni: s}}").endpoint.tls == Tls(server_name="s")


def test_auth_on_a_static_backend_is_refused() -> None:
    (line,) = refusal(backend("{static: {host: h, port: 1}, policies: {auth: {key: k}}}"))
    assert "`auth on a static backend` is not implemented" in line


def test_groups_keep_their_order_and_their_own_policies_win() -> None:
    spec = """{ai: {groups: [{providers: [{name: a, openai: {}, policies: {auth: {key: own}, tcp: {connectTimeout: 1s}}
      },
      {name: b, openai: {model: m}}]}, {providers: [{name: c, fake: {}}]}]},
      policies: {auth: {key: shared}, tcp: {connectTimeout: 2s}, http: {requestTimeout: 3s}}}"""
    other = policy(f"{{{ON_BACKEND}, backend: {{http: {{requestTimeout: 9s}}, tls: {{sni: late}}}}}}")
    found = entries(plan(backend(spec) + route(), other))[0].rule.backends[0].backend
    assert isinstance(found, AiBackend)
    (a, b), (c,) = found.groups
    assert [t.name for t in (a, b, c)] == ["a", "b", "c"]
    assert [t.credential for t in (a, b, c)] == [Secret("own"), Secret("shared"), Secret("shared")]
    assert [t.clocks for t in (a, b, c)] == [OwnClocks(connect_s=each, headers_s=3.0) for each in (1.0, 2.0, 2.0)]
    assert a.endpoint.tls == Tls(server_name="late")


def test_a_policy_that_loses_is_not_asked_for_its_secret() -> None:
    other = policy(f"{{{ON_BACKEND}, backend: {{auth: {{secretRef: {{name: missing}}}}}}}}")
    assert ai(OPENAI, "{auth: {key: k}}", other).credential == Secret("k")
    loaded = plan(backend("{ai: {provider: {openai: {}}}}") + route(), other)
    assert not condition(loaded, "AgentgatewayBackend", "default/llm", "Accepted").status
