"""The short form: models, providers, variables, and what it refuses."""

import pytest

from sluice.config.plan import Addresses, Endpoint, Logging, Plan, Target, Tls
from sluice.config.routing import model_route
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from sluice.providers.credential import Secret

from .loading import LATER, answering, plan, refusal, source


def one(params: str = "{}", provider: str = "openAI", env: dict[str, str] | None = None) -> Target:
    """Return the target of a file with a single model."""
    loaded = plan(f"llm: {{models: [{{name: m, provider: {provider}, params: {params}}}]}}\n", env=env)
    return answering(loaded.models[0]).groups[0][0]


def test_the_whole_form() -> None:
    loaded = plan(source("short-form.yaml").text, env={"KEY": "sk-1", "LOCAL_KEY": "sk-2"})
    assert [(item.name, item.gateway, item.port) for item in loaded.listeners] == [("http", "default/default", 4001)]
    assert [(m.pattern, m.public, answering(m).name) for m in loaded.models] == [
        ("gpt-4o", True, "default/gpt-4o"),
        ("local-*", False, "default/local-*"),
        ("*", True, "default/*"),
        ("smart", True, "default/smart"),
    ]
    exact, local, rest = (answering(m).groups[0][0] for m in loaded.models[:3])
    assert (exact.model, exact.credential) == ("gpt-4o-2024-08-06", Secret("sk-1"))
    assert exact.endpoint == Endpoint(host="api.openai.com", port=443, tls=Tls())
    assert (local.endpoint, local.base_path) == (Endpoint(host="vllm", port=8000), "/api")
    assert (local.model, local.credential) == ("other", Secret("sk-2"))
    assert (rest.provider.key, rest.endpoint.port, loaded.needs_fake) == ("fake", 0, True)
    assert loaded.logging == Logging(format="json", level="debug")
    assert loaded.addresses == Addresses(admin="localhost:15000", stats="[::]:15020", readiness="off")
    assert loaded.limits.pool_idle_timeout_s == 45.0
    assert loaded.notes == ()
    clocks = Deadlines(connect_s=3, first_token_s=10, total_s=120)
    assert {entry.rule.deadlines for entry in loaded.listeners[0].entries} == {clocks}
    held = Streaming(max_buffer_bytes=131072, max_event_bytes=1 << 20)
    assert {entry.rule.streaming for entry in loaded.listeners[0].entries} == {held}


def test_a_model_is_found_by_its_name() -> None:
    loaded = plan("llm: {models: [{name: m, provider: fake}]}\n")
    route = model_route(loaded, "m")
    assert route is not None
    assert model_route(loaded, "other") is None


@pytest.mark.parametrize(
    ("head", "llm", "expected"),
    [
        ("", "", [("default", 4000)]),
        ("", "port: 5000, ", [("default", 5000)]),
        ("gateways: {a: {port: 1}, b: {port: 2}}\n", "", [("a", 1), ("b", 2)]),
        ("gateways: {a: {port: 1}, b: {port: 2}}\n", "gateways: [b], ", [("b", 2)]),
        ("gateways: {a: {port: 1}}\n", "port: 7, ", [("default", 7)]),
        ("gateways: {a: {port: $P}}\n", "", [("a", 99)]),
    ],
)
def test_ports(head: str, llm: str, expected: list[tuple[str, int]]) -> None:
    loaded = plan(f"{head}llm: {{{llm}models: [{{name: m, provider: fake}}]}}\n", env={"P": "99"})
    assert [(item.gateway.removeprefix("default/"), item.port) for item in loaded.listeners] == expected


@pytest.mark.parametrize(
    ("params", "endpoint", "base_path", "chat_path"),
    [
        ("{baseUrl: 'https://x.org/v2'}", Endpoint(host="x.org", port=443, tls=Tls()), "/v2", ""),
        ("{baseUrl: 'http://x.org'}", Endpoint(host="x.org", port=80), "", ""),
        ("{baseUrl: 'http://x.org/a', pathPrefix: /b}", Endpoint(host="x.org", port=80), "/b", ""),
        ("{hostOverride: 'x.org:81', pathOverride: /c}", Endpoint(host="x.org", port=81), None, "/c"),
        ("{hostOverride: x.org}", Endpoint(host="x.org", port=443, tls=Tls()), None, ""),
    ],
)
def test_overrides(params: str, endpoint: Endpoint, base_path: str | None, chat_path: str) -> None:
    found = one(params)
    assert (found.endpoint, found.base_path, found.chat_path) == (endpoint, base_path, chat_path)


def test_of_two_fields_that_exclude_each_other_the_models_own_wins() -> None:
    text = """llm:
  providers: [{name: p, provider: openAI, params: {baseUrl: "http://h/x", pathPrefix: /y, apiKey: k}}]
  models: [{name: m, provider: {reference: p}, params: {hostOverride: "g:1", pathOverride: /z}}]
"""
    found = answering(plan(text).models[0]).groups[0][0]
    assert (found.endpoint, found.base_path, found.chat_path) == (Endpoint(host="g", port=1), None, "/z")
    assert found.credential == Secret("k")


def test_a_key_that_is_not_given_comes_from_the_environment() -> None:
    assert one(env={"OPENAI_API_KEY": "sk-env"}).credential == Secret("sk-env")
    assert one("{apiKey: own}", env={"OPENAI_API_KEY": "sk-env"}).credential == Secret("own")
    loaded = plan("llm: {models: [{name: m, provider: openai}]}\n")
    assert answering(loaded.models[0]).groups[0][0].credential is None
    assert loaded.notes == ("Model m has no `apiKey` and OPENAI_API_KEY is not set: it is asked without a key.",)
    assert plan("llm: {models: [{name: m, provider: fake}]}\n").notes == ()


@pytest.mark.parametrize("auth", ["", ", auth: {key: sk-1}"])
def test_a_model_without_any_credential_is_noted(auth: str) -> None:
    loaded = plan(f"llm: {{models: [{{name: m, provider: openAI{auth}}}]}}\n")
    assert [note for note in loaded.notes if "it is asked without a key" in note] == (
        [] if auth else ["Model m has no `apiKey` and OPENAI_API_KEY is not set: it is asked without a key."]
    )
    referred = "llm: {models: [{name: m, provider: {reference: p}}], providers: [{name: p, provider: openAI%s}]}\n"
    own = ", defaults: {auth: {key: sk-1}}" if auth else ""
    assert bool(plan(referred % own).notes) is not bool(auth)


def test_variables_are_expanded_in_every_value() -> None:
    assert one("{apiKey: $A-$$-x}", env={"A": "a"}).credential == Secret("a-$-x")
    assert one("{model: 'x${A}'}", env={"A": "a"}).model == "xa"


MODELS = "models: [{name: m, provider: fake}]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "config: {}\n",
            "a.yaml:1: the section `llm` is missing (an object of Kubernetes needs `apiVersion` and `kind`)",
        ),
        ("llm: {models: []}\n", "a.yaml:1: llm.models: expected a list of length >= 1"),
        (f"llm: {{{MODELS}, model: []}}\n", "a.yaml:1: llm.model: unknown field (did you mean `models`?)"),
        (
            "llm:\n  models:\n  - name: m\n    provider: openia\n",
            "a.yaml:4: llm.models[0].provider: unknown provider `openia` (did you mean `openai`?)",
        ),
        (
            "llm:\n  models:\n  - name: m\n    provider: copilot\n",
            "a.yaml:4: llm.models[0].provider: provider copilot is not served by this version",
        ),
        (
            f"llm:\n  {MODELS}\n  providers:\n  - {{name: p, provider: Copilot}}\n",
            "a.yaml:4: llm.providers[0].provider: provider Copilot is not served by this version",
        ),
        (
            (
                "llm:\n  models:\n  - name: m\n    provider: {reference: oia}\n  providers: [{name: "
                "oai, provider: openAI}]\n"
            ),
            "a.yaml:4: llm.models[0].provider.reference: no such provider is defined (did you mean `oai`?)",
        ),
        (
            "llm: {models: [{name: m, provider: {custom: {}}}]}\n",
            "a.yaml:1: llm.models[0].provider.custom: the field `formats` is missing",
        ),
        (
            "llm:\n  models:\n  - name: m\n    provider: openAI\n    params:\n      apiKey: $NOPE\n",
            "a.yaml:6: llm.models[0].params.apiKey: the environment variable NOPE is not set",
        ),
        (
            "llm: {models: [{name: m, provider: openAI, params: {baseUrl: 'ftp://x', apiKey: k}}]}\n",
            "a.yaml:1: llm.models[0].params.baseUrl: a base URL begins with `http://` or `https://` and a host",
        ),
        (
            "llm: {models: [{name: m, provider: openAI, params: {hostOverride: 'x/y', apiKey: k}}]}\n",
            "a.yaml:1: llm.models[0].params.hostOverride: expected `host:port`",
        ),
        (
            "llm: {models: [{name: m, provider: openAI, params: {hostOverride: h, baseUrl: 'http://h'}}]}\n",
            "a.yaml:1: llm.models[0].params: expected at most one of `baseUrl`, `hostOverride`",
        ),
        (
            'llm: {models: [{name: m, provider: openAI, params: {apiKey: "a\\nb"}}]}\n',
            "a.yaml:1: llm.models[0].params.apiKey: the key is empty or holds characters that a header cannot carry",
        ),
        (
            "llm:\n  models:\n  - {name: m, provider: fake}\n  - {name: m, provider: fake}\n",
            (
                "a.yaml:4: llm.models[1].name: another model has the same name "
                "(`matches` of one of them may say which requests it is for)"
            ),
        ),
        (
            (
                f"llm:\n  {MODELS}\n  virtualModels:\n  - name: m\n    routing: {{weighted: {{targets: "
                f"[{{model: m}}]}}}}\n"
            ),
            (
                "a.yaml:4: llm.virtualModels[0].name: another model has the same name "
                "(`matches` of one of them may say which requests it is for)"
            ),
        ),
        (
            (
                f"llm:\n  {MODELS}\n  virtualModels:\n  - name: v\n    routing: {{conditional: "
                f"{{targets: [{{model: n}}]}}}}\n"
            ),
            (
                "a.yaml:5: llm.virtualModels[0].routing.conditional.targets[0].model: no such model is "
                "defined (expected one of: m)"
            ),
        ),
        (
            f"llm:\n  {MODELS}\n  virtualModels:\n  - {{name: v, routing: {{}}}}\n",
            "a.yaml:4: llm.virtualModels[0].routing: expected exactly one of `weighted`, `failover`, `conditional`",
        ),
        (f"llm: {{{MODELS}, gateways: [x]}}\n", "a.yaml:1: llm.gateways: the section `gateways` does not define them"),
        (
            f"gateways: {{main: {{port: 1}}}}\nllm: {{{MODELS}, gateways: [man]}}\n",
            "a.yaml:2: llm.gateways[0]: no such gateway is defined (did you mean `main`?)",
        ),
        (
            f"config: {{adminAddr: 'localhost'}}\nllm: {{{MODELS}}}\n",
            "a.yaml:1: config.adminAddr: expected `host:port` or `off`",
        ),
        (
            f"config: {{statsAddr: 'unix:/x'}}\nllm: {{{MODELS}}}\n",
            "a.yaml:1: config.statsAddr: expected `host:port` or `off`",
        ),
        (
            f"config: {{logging: {{format: jsn}}}}\nllm: {{{MODELS}}}\n",
            "a.yaml:1: config.logging.format: unknown value `jsn` (did you mean `json`?)",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, expected: str) -> None:
    assert refusal(text) == [expected]


@pytest.mark.parametrize(
    "field",
    ["oidc", "extProc"],
)
def test_policies_that_are_not_implemented_are_refused(field: str) -> None:
    (line,) = refusal(f"llm: {{{MODELS}, policies: {{{field}: {{}}}}}}\n")
    assert f"llm.policies.{field}: `{field}` is not implemented by this version" in line
    assert ("`jwtAuth`" if field == "oidc" else "`transformation`") in line


@pytest.mark.parametrize("field", ["passthrough", "backendTLS"])
def test_parts_of_a_model_that_are_not_implemented_are_refused(field: str) -> None:
    (line,) = refusal(f"llm: {{models: [{{name: m, provider: fake, {field}: {{}}}}]}}\n")
    assert f"`{field}` is not implemented by this version" in line


@pytest.mark.parametrize("field", ["binds", "policies", "routes", "mcp", "ui", "backends"])
def test_the_route_based_form_is_refused(field: str) -> None:
    (line, *rest) = refusal(f"{field}: {{}}\nllm: {{{MODELS}}}\n")
    assert line == f"a.yaml:1: {field}: `{field}`" + LATER
    assert not rest


def test_two_documents_are_refused() -> None:
    text = f"llm: {{{MODELS}}}\n"
    assert "the short form stands alone" in refusal(text + "---\n" + text)[0]


def test_a_plan_of_the_short_form_has_no_statuses() -> None:
    loaded: Plan = plan(f"llm: {{{MODELS}}}\n")
    assert loaded.statuses == ()
