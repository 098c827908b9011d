"""The dump is JSON, whole, and hides what must be hidden."""

import json

import pytest

from sluice.config.dump import HIDDEN, dump
from sluice.config.plan import AiBackend, Alternative, Endpoint, Listener, ListenerTls, ModelRoute, Plan, Target, Tls
from sluice.providers.credential import Secret
from sluice.providers.openai import OPENAI

from .loading import BACKEND, backend, gateway, plan, route, source


def test_a_dump_is_json_and_has_every_part() -> None:
    loaded = plan(source("gateway-two-listeners.yaml").text)
    shown = json.loads(json.dumps(dump(loaded)))
    assert shown == dump(loaded)
    assert set(shown) == set(Plan.__struct_fields__)
    assert [listener["name"] for listener in shown["listeners"]] == ["http", "domain"]


def test_secrets_keys_and_passwords_are_hidden() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\nx"
    target = Target(
        name="a", provider=OPENAI, endpoint=Endpoint(host="h", port=1, tls=Tls(ca_pem=key)), credential=Secret("sk-1")
    )
    routes = (ModelRoute(pattern="*", backend=AiBackend(name="a", groups=((target,),))),)
    tls = ListenerTls(certificate_pem="-----BEGIN CERTIFICATE-----", key_pem=Secret(key))
    listener = Listener(name="l", gateway="a/b", port=1, tls=tls)
    loaded = Plan(listeners=(listener,), models=routes, notes=("see https://user:pass@h/x and http://tok@h, not a@b",))
    shown = json.dumps(dump(loaded))
    assert "PRIVATE" not in shown
    assert "sk-1" not in shown
    assert dump(loaded)["notes"] == [f"see https://{HIDDEN}@h/x and http://{HIDDEN}@h, not a@b"]
    assert '"credential": "***"' in shown
    assert '"key_pem": "***"' in shown


def test_what_a_policy_does_to_bodies_is_shown_without_secrets() -> None:
    setting = "{field: metadata, value: {api_key: sk-1, kept: [1, null], deep: [{password: sk-2}], max_tokens: 5}}"
    defaults = "[{field: x.authorization, value: Bearer sk-3}, {field: seed, value: 7}]"
    ai = f"{{overrides: [{setting}], defaults: {defaults}, prompt: {{append: [{{role: user, content: hi}}]}}}}"
    loaded = plan(backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{ai: {ai}}}}}") + route())
    shown = dump(loaded)
    assert "sk-" not in json.dumps(shown)
    rule = shown["listeners"][0]["entries"][0]["rule"]  # type: ignore[index]
    policy = rule["backends"][0]["backend"]["groups"][0][0]["ai"]
    kept = {"api_key": HIDDEN, "kept": [1, None], "deep": [{"password": HIDDEN}], "max_tokens": 5}
    assert policy["overrides"] == [["metadata", kept]]
    assert policy["defaults"] == [["x.authorization", HIDDEN], ["seed", 7]]
    assert policy["append"] == [["user", "hi"]]


HEADERS = """
llm:
  models: [{name: m, provider: fake, requestHeaders: {set: {authorization: Bearer sk-1, x-team: sk-2}}}]
  policies:
    headerModifiers: {request: {add: {x-a: sk-3}}, response: {set: {x-b: sk-4}}}
    transformations: {request: {set: {authorization: '"Bearer sk-5"', x-c: '"sk-6"'}}, response: {add: {x-d: '"sk-7"'}}}
    authorization: {rules: ['request.headers["authorization"] == "Bearer sk-8"']}
    directResponse: {status: 200, headers: {x-e: '"sk-9"'}}
"""
MATCH = "matches: [{headers: [{name: x-api-key, value: sk-1}, {name: x-env, value: dev}]}]"


def test_headers_that_are_set_are_shown_without_their_values() -> None:
    shown = json.dumps(dump(plan(HEADERS)))
    assert "sk-" not in shown
    assert f'["x-team", "{HIDDEN}"]' in shown
    assert f'request.headers[\\"authorization\\"] == \\"Bearer {HIDDEN}\\"' in shown


SEEN = """
config:
  logging: {fields: {add: {org: 'request.headers["x-org"]', x-api-key: '"sk-1"'}}}
  tracing:
    {otlpEndpoint: "http://h:4317", path: "/v1?api_key=sk-4&b=1", headers: {x-a: sk-2}, fields: {add: {team: jwt.team}}}
llm:
  models: [{name: m, provider: fake}]
  policies: {headerModifiers: {request: {add: {x-team: sk-3}}}}
"""


def test_expressions_of_what_operators_see_are_shown_and_headers_of_the_collector_are_not() -> None:
    shown = dump(plan(SEEN))
    seen = shown["observing"]
    assert seen["logging"]["add"] == [["org", 'request.headers["x-org"]'], ["x-api-key", HIDDEN]]  # type: ignore[index]
    assert seen["tracing"]["add"] == [["team", "jwt.team"]]  # type: ignore[index]
    assert seen["tracing"]["path"] == f"/v1?api_key={HIDDEN}&b=1"  # type: ignore[index]
    assert seen["tracing"]["headers"] == [["x-a", HIDDEN]]  # type: ignore[index]
    assert "sk-" not in json.dumps(shown)


def test_credentials_that_a_route_matches_are_hidden() -> None:
    shown = json.dumps(
        dump(plan(BACKEND + gateway("{name: http, port: 8080, protocol: HTTP}") + route(f"{{{MATCH}}}")))
    )
    assert "sk-1" not in shown
    assert '"value": "dev"' in shown


def test_alternatives_are_shown_without_secrets() -> None:
    target = Target(name="a", provider=OPENAI, endpoint=Endpoint(host="h", port=1), credential=Secret("sk-1"))
    alternative = Alternative(backend=AiBackend(name="a", groups=((target,),)), when="true")
    shown = dump(Plan(listeners=(), models=(ModelRoute(pattern="v", alternatives=(alternative,)),)))
    (model,) = shown["models"]  # type: ignore[misc]
    assert model["alternatives"][0]["when"] == "true"  # type: ignore[has-type]
    assert model["alternatives"][0]["backend"]["groups"][0][0]["credential"] == HIDDEN  # type: ignore[has-type]


def test_traffic_health_and_admission_are_shown_in_an_order_that_does_not_change() -> None:
    loaded = plan("""llm:
  models: [{name: m, provider: fake, health: {eviction: {duration: 5s}}}]
  policies:
    errorFormat: text
    stream: {onDisconnect: Drain}
    retry: {attempts: 2, codes: [599, 503, 429]}
    admission: {maxConcurrent: 3}
""")
    shown = json.loads(json.dumps(dump(loaded)))
    rule = shown["listeners"][0]["entries"][0]["rule"]
    assert (rule["error_format"], rule["streaming"]["on_disconnect"]) == ("text", "drain")
    assert (rule["retry"]["attempts"], rule["retry"]["codes"]) == (2, [429, 503, 599])
    assert shown["admission"]["max_concurrent"] == 3
    assert shown["models"][0]["backend"]["groups"][0][0]["health"]["duration_s"] == 5.0


def test_a_value_of_an_unknown_type_is_not_guessed_at() -> None:
    with pytest.raises(NotImplementedError):
        dump(Plan(listeners=(), notes=(object(),)))  # type: ignore[arg-type]
