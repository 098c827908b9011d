"""Whole files to whole Plans: the documents that users paste, and a manifest with every kind that is served."""

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.config import Source, load
from sluice.config.plan import AiBackend, Endpoint, HttpBackend, Match, PathMatch, Plan, Tls, ValueMatch
from sluice.config.routing import PortRouter, Router
from sluice.errors import ConfigError
from sluice.policies.deadlines import Deadlines, OwnClocks
from sluice.providers.credential import Secret

from .loading import BACKEND, REGISTRY, condition, entries, plan, refusal, route, secret, source, status, target

OPENAI_SECRET = secret(
    "openai-secret", namespace="agentgateway-system", string_data='{Authorization: "Bearer ${OPENAI_API_KEY}"}'
)
ENV = {"OPENAI_API_KEY": "sk-test"}


def seed_000() -> Plan:
    return load([source("seed-000-openai.yaml"), Source("secret.yaml", OPENAI_SECRET)], ENV, REGISTRY)


def test_seed_000_loads_verbatim_with_its_secret() -> None:
    loaded = seed_000()
    (listener,) = loaded.listeners
    assert (listener.bind, listener.name) == ("8080/agentgateway-system/agentgateway-proxy", "http")
    (entry,) = listener.entries
    assert (entry.route, entry.match) == ("agentgateway-system/openai", Match(path=PathMatch(value="/openai")))
    assert entry.rule.deadlines == Deadlines(total_s=120)
    backend = entry.rule.backends[0].backend
    assert isinstance(backend, AiBackend)
    ((target,),) = backend.groups
    assert (backend.name, target.provider.key, target.credential) == (
        "agentgateway-system/openai-all-models",
        "openai",
        Secret("Bearer sk-test"),
    )
    assert target.endpoint == Endpoint(host="api.openai.com", port=443, tls=Tls())
    assert all(c.status for item in loaded.statuses for c in item.conditions)


@pytest.mark.parametrize("path", ["/openai", "/openai/v1/chat/completions", "/openai/v1/models"])
def test_seed_000_answers_under_its_path(path: str) -> None:
    hit = PortRouter(seed_000().listeners).find("localhost:8080", "POST", path, {}, "")
    assert hit is not None
    assert hit[1].route == "agentgateway-system/openai"


def test_seed_000_loads_without_its_secret_and_says_what_is_missing() -> None:
    loaded = load([source("seed-000-openai.yaml")], ENV, REGISTRY)
    accepted = condition(loaded, "AgentgatewayBackend", "agentgateway-system/openai-all-models", "Accepted")
    assert (accepted.status, accepted.message) == (False, "Secret agentgateway-system/openai-secret not found")
    assert "stringData" in loaded.notes[-1]


def test_seed_001_loads_verbatim() -> None:
    loaded = load([source("seed-001-gemini-policy.yaml")], {}, REGISTRY)
    attached = condition(loaded, "AgentgatewayPolicy", "default/gemini-opt", "Attached")
    assert (attached.status, attached.message) == (False, "not found: HTTPRoute default/gemini")
    assert [listener.port for listener in loaded.listeners] == [8080]
    assert "There is no HTTPRoute: every request is answered with 404." in loaded.notes
    assert any("deprecated and not needed" in note for note in loaded.notes)


def test_seed_001_attaches_to_its_route() -> None:
    loaded = load(
        [source("seed-001-gemini-policy.yaml"), Source("b.yaml", BACKEND + route(name="gemini"))], {}, REGISTRY
    )
    assert condition(loaded, "AgentgatewayPolicy", "default/gemini-opt", "Attached").status


def test_a_manifest_with_every_kind_that_is_served() -> None:
    loaded = load([source("gateway-two-listeners.yaml")], {}, REGISTRY)
    assert [(item.name, item.hostname, len(item.entries)) for item in loaded.listeners] == [
        ("http", "", 2),
        ("domain", "*.example.com", 2),
    ]
    first, second = loaded.listeners[1].entries
    assert first.match == Match(
        path=PathMatch(kind="Exact", value="/chat"),
        headers=(ValueMatch(name="x-model", value="gpt-4o"),),
        query=(ValueMatch(name="v", value="1"),),
        method="POST",
    )
    assert (second.match.path.kind, first.hostname, first.rule.name) == (
        "RegularExpression",
        "llm.example.com",
        "exact",
    )
    assert first.rule.deadlines == Deadlines(headers_s=0.5, first_token_s=7, idle_s=9, total_s=2)
    heavy, light = first.rule.backends
    assert (heavy.weight, light.weight) == (9, 1)
    assert light.backend == HttpBackend(name="infra/legacy", endpoint=Endpoint(host="legacy.infra", port=80))
    assert isinstance(heavy.backend, AiBackend)
    (primary, local), (last,) = heavy.backend.groups
    assert (primary.model, primary.credential) == ("gpt-4o", Secret("sk-inline"))
    assert primary.clocks == OwnClocks(connect_s=1.0, headers_s=20.0)
    assert (local.endpoint, local.chat_path) == (Endpoint(host="vllm.internal", port=8000), "/v2/chat")
    assert (last.provider.key, last.clocks) == ("fake", primary.clocks)
    assert loaded.needs_fake
    assert all(c.status for item in loaded.statuses for c in item.conditions)
    assert status(loaded, "Gateway", "infra/gw").attached_routes == {"http": 1, "domain": 1}
    assert [item.kind for item in loaded.statuses] == [
        "Gateway",
        "HTTPRoute",
        "AgentgatewayBackend",
        "AgentgatewayPolicy",
    ]
    assert loaded.notes == ()


def test_per_model_routes_by_path_header_and_query() -> None:
    def rule(match: str, model: str) -> str:
        ref = f"{{group: agentgateway.dev, kind: AgentgatewayBackend, name: {model}}}"
        return f"{{name: {model}, matches: [{match}], backendRefs: [{ref}]}}"

    text = route(
        f"{rule('{path: {value: /openai/a}}', 'by-path')},"
        f"{rule('{path: {value: /openai}, headers: [{name: model, value: b}]}', 'by-header')},"
        f"{rule('{path: {value: /openai}, queryParams: [{name: model, value: c}]}', 'by-query')}"
    )
    router = PortRouter(plan(text).listeners)
    requests = [("/openai/a", {}, ""), ("/openai", {"model": "b"}, ""), ("/openai", {}, "model=c"), ("/openai", {}, "")]
    hits = [router.find("h", "POST", path, headers, query) for path, headers, query in requests]
    assert [hit[1].rule.name if hit else None for hit in hits] == ["by-path", "by-header", "by-query", None]


def test_the_order_of_files_does_not_matter() -> None:
    assert entries(plan(BACKEND, route())) == entries(plan(route(), BACKEND))


@pytest.mark.parametrize("texts", [[], [""], ["# only words\n"], ["---\n---\n", ""]])
def test_nothing_is_refused(texts: list[str]) -> None:
    with pytest.raises(ConfigError, match="no configuration found"):
        plan(*texts)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- 1\n", "a.yaml:1: expected a mapping, not a list"),
        ("5\n", "a.yaml:1: expected a mapping, not a whole number"),
        ("x: 1\n", "a.yaml:1: x: unknown field"),
    ],
)
def test_what_is_neither_form_is_refused(text: str, line: str) -> None:
    assert refusal(text)[0].startswith(line)


def test_the_two_forms_do_not_mix() -> None:
    assert refusal(BACKEND, "llm: {}\ngateways: {}\n") == [
        "b.yaml:1: llm: it cannot stand beside objects (the object for it is AgentgatewayModel)",
        "b.yaml:2: gateways: it cannot stand beside objects (the object for it is Gateway)",
    ]


@pytest.mark.parametrize("text", ["apiversion: v1\n", "- 1\n", "5\n"])
def test_what_is_neither_form_is_refused_beside_objects(text: str) -> None:
    assert refusal(BACKEND, text) == [
        (
            "b.yaml:1: this is neither an object nor a section of the process (an object needs `apiVersion` and "
            "`kind`; beside objects may stand a section `config`)"
        )
    ]


REF = "backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"
VARIABLE = """apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {name: llm}
spec:
  ai:
    provider: {openai: {model: "${MODEL}"}, host: "${HOST}", port: "${PORT}"}
  policies: {auth: {key: "${KEY}"}}
"""


def test_a_whole_value_of_an_object_may_be_a_variable_and_is_what_it_comes_to() -> None:
    env = {"MODEL": "4", "HOST": "10.0.0.9", "PORT": "8000", "KEY": "sk-live"}
    found = target(plan(VARIABLE, route(), env=env))
    assert (found.endpoint.host, found.endpoint.port, found.model) == ("10.0.0.9", 8000, "4")
    assert found.credential == Secret("sk-live")


@pytest.mark.parametrize(
    ("port", "line"),
    [
        (None, "a.yaml:6: spec.ai.provider.port: the environment variable PORT is not set"),
        ("eight", "a.yaml:6: spec.ai.provider.port: expected a whole number, not a string"),
        ("70000", "a.yaml:6: spec.ai.provider.port: expected a whole number <= 65535"),
    ],
)
def test_what_a_variable_of_an_object_comes_to_is_checked_in_its_place(port: str | None, line: str) -> None:
    env = {"MODEL": "m", "HOST": "h", "KEY": "k"} | ({} if port is None else {"PORT": port})
    assert refusal(VARIABLE, env=env) == [line]


def test_a_secret_that_is_a_number_stays_a_text() -> None:
    text = secret("s", string_data='{Authorization: "${KEY}"}')
    backend = VARIABLE.replace('{key: "${KEY}"}', "{secretRef: {name: s}}").replace('"${PORT}"', "80")
    found = target(plan(backend, text, route(), env={"MODEL": "m", "HOST": "h", "KEY": "12"}))
    assert found.credential == Secret("12")


def test_expressions_and_patterns_of_objects_keep_their_dollars() -> None:
    header = 'headers: [{name: a, type: RegularExpression, value: "^$USD|x${A}$"}]'
    (entry,) = entries(plan(BACKEND, route(f"{{matches: [{{{header}}}], {REF}}}"), env={}))
    assert entry.match.headers == (ValueMatch(name="a", value="^$USD|x${A}$", regex=True),)


def test_a_broken_file_is_told_before_anything_is_compiled() -> None:
    assert refusal("a: [1", "b: 'x") == [
        "a.yaml:1: not valid YAML: did not find expected ',' or ']'",
        "b.yaml:1: not valid YAML: found unexpected end of stream",
    ]


# -- whatever is written ----------------------------------------------------------------------------------------------

WHOLE = ["seed-000-openai.yaml", "seed-001-gemini-policy.yaml", "gateway-two-listeners.yaml", "short-form.yaml"]
JUNK: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", "$X", "${X}", "*", "/", "1s", [], [None], ["x"], {}, {"x": {}}, {"name": "x"}]
)


def places(value: object) -> list[list[str | int]]:
    """Return the way to every value inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [[key, *rest] for key, inner in items for rest in [[], *places(inner)]]


def changed(value: object, way: list[str | int], new: object) -> object:
    """Return a value in which the one at the end of a way is another, or gone if `new` is an Ellipsis."""
    if not way:
        return new
    items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    inner = [(key, changed(item, way[1:], new) if key == way[0] else item) for key, item in items]
    kept = [(key, item) for key, item in inner if item is not ...]
    return dict(kept) if isinstance(value, dict) else [item for _, item in kept]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_any_change_of_a_right_file_gives_a_plan_or_a_refusal_with_places(name: str, data: st.DataObject) -> None:
    documents: object = list(yaml.safe_load_all(source(name).text))
    for _ in range(data.draw(st.integers(1, 3))):
        ways = places(documents)
        if ways:
            documents = changed(documents, data.draw(st.sampled_from(ways)), data.draw(JUNK | st.just(...)))
    assert isinstance(documents, list)
    text = "\n---\n".join(msgspec.json.encode(document).decode() for document in documents)
    message = ""
    try:
        loaded = load([Source("f.yaml", text)], {"X": "x", "KEY": "k", "LOCAL_KEY": "l"}, REGISTRY)
        assert loaded.listeners
        assert all(Router(listener) for listener in loaded.listeners)  # every pattern compiles
    except ConfigError as error:
        message = str(error)
    assert all(line.startswith("f.yaml") for line in message.split("\n") if line)
