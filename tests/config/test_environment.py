"""No file: the first request is answered, with a key and without one."""

import pytest

from sluice.config import PortRouter, from_environment, model_route
from sluice.config.plan import AiBackend, Endpoint, ModelRoute, Plan, Target, Tls
from sluice.config.targets import model_for
from sluice.errors import ConfigError
from sluice.providers.credential import AwsKeys, GoogleAccount, Secret
from sluice.providers.fake import FAKE
from sluice.registry import Registry

from .loading import REGISTRY
from .vendors import EVERY, KEY_FILE

FAKE_ENDPOINT = Endpoint(host="127.0.0.1", port=0)


def answers(plan: Plan, path: str) -> str:
    """Return the provider that answers a path; `by_model` where the body decides."""
    hit = PortRouter(plan.listeners).find("localhost:8080", "POST", path, {}, "")
    if hit is None:
        return ""
    entry = hit[1]
    if entry.answer != "backends":
        return entry.answer
    backend = entry.rule.backends[0].backend
    assert isinstance(backend, AiBackend)
    return backend.groups[0][0].provider.key


def by_model(plan: Plan, model: str) -> str:
    return model_target(plan, model).provider.key


def model_target(plan: Plan, model: str) -> Target:
    """Return who is asked for a model on the unified addresses."""
    route = model_route(plan, model)
    assert route is not None
    return first_target(route)


def first_target(route: ModelRoute) -> Target:
    assert route.backend is not None
    return route.backend.groups[0][0]


PATHS = [
    "/openai",
    "/openai/v1/chat/completions",
    "/fake/v1/models",
    "/v1/models",
    "/v1beta/models",
    "/v1/chat/completions",
    "/v1/messages",
    "/v2/rerank",
    "/v1beta/models/gemini-x:generateContent",
    "/x",
]
UNIFIED = ["model_list", "model_list", "by_model", "by_model", "by_model", "by_model", ""]


def test_without_a_key_the_fake_provider_answers_everywhere() -> None:
    plan = from_environment({}, REGISTRY)
    assert [answers(plan, p) for p in PATHS] == ["fake", "fake", "fake", *UNIFIED]
    assert [by_model(plan, m) for m in ("gpt-4o", "fake", "fake-1", "")] == ["fake", "fake", "fake", "fake"]
    assert plan.needs_fake
    assert plan.notes == (
        "OPENAI_API_KEY is not set: the built-in provider `fake` answers under /openai and for every model of /v1.",
    )


def test_with_a_key_the_provider_answers_and_fake_stays() -> None:
    plan = from_environment({"OPENAI_API_KEY": " sk-1\n"}, REGISTRY)
    assert [answers(plan, p) for p in PATHS] == ["openai", "openai", "fake", *UNIFIED]
    assert [by_model(plan, m) for m in ("gpt-4o", "fake", "fake-1")] == ["openai", "fake", "fake"]
    target = first_target(plan.models[-1])
    assert (target.credential, target.base_path) == (Secret("sk-1"), None)
    assert target.endpoint == Endpoint(host="api.openai.com", port=443, tls=Tls())
    assert plan.needs_fake
    assert first_target(next(m for m in plan.models if m.pattern == "fake")).endpoint == FAKE_ENDPOINT
    assert plan.notes == (
        "/openai and the models of /v1 go to api.openai.com:443 with the key of OPENAI_API_KEY; /fake needs no key.",
    )


@pytest.mark.parametrize(
    ("url", "endpoint", "path"),
    [
        ("http://localhost:9000/v1", Endpoint(host="localhost", port=9000), "/v1"),
        ("https://proxy.example.com/openai/v1/", Endpoint(host="proxy.example.com", port=443, tls=Tls()), "/openai/v1"),
        ("http://localhost:9000", Endpoint(host="localhost", port=9000), ""),
    ],
)
def test_a_base_url_moves_the_provider(url: str, endpoint: Endpoint, path: str) -> None:
    plan = from_environment({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url}, REGISTRY)
    target = first_target(plan.models[-1])
    assert (target.endpoint, target.base_path) == (endpoint, path)


def test_a_base_url_without_a_key_has_no_effect_and_is_noted() -> None:
    plan = from_environment({"OPENAI_BASE_URL": "http://h", "OPENAI_API_KEY": " "}, REGISTRY)
    assert answers(plan, "/openai") == "fake"
    assert plan.notes[1] == "OPENAI_BASE_URL is set and has no effect without OPENAI_API_KEY."


def test_the_default_listener() -> None:
    (listener,) = from_environment({}, REGISTRY).listeners
    assert (listener.bind, listener.name, listener.hostname, listener.tls) == ("8080/default/sluice", "http", "", None)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "h:80"}, "environment: OPENAI_BASE_URL: a base URL begins with"),
        (
            {"OPENAI_API_KEY": "k\nx: y"},
            "environment: OPENAI_API_KEY: the key holds characters that a header cannot carry",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(env: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment(env, REGISTRY)
    assert str(caught.value).startswith(words)


def test_a_registry_without_the_provider_still_has_fake() -> None:
    plan = from_environment({"OPENAI_API_KEY": "k"}, Registry([FAKE]))
    assert answers(plan, "/openai") == "fake"
    assert plan.notes == ("The built-in provider `fake` answers under /openai and /fake.",)


KEYS = {
    "OPENAI_API_KEY": "o",
    "ANTHROPIC_API_KEY": "a",
    "GEMINI_API_KEY": "g",
    "AZURE_OPENAI_API_KEY": "z",
    "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com",
    "GROQ_API_KEY": "q",
    "AWS_ACCESS_KEY_ID": "A",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_REGION": "eu-west-1",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON": KEY_FILE,
    "GOOGLE_CLOUD_LOCATION": "us-east5",
}


def test_every_provider_with_a_key_answers_under_its_names() -> None:
    plan = from_environment(KEYS, EVERY)
    words = ["openai", "anthropic", "gemini", "azure", "azureopenai", "vertexai", "vertex", "bedrock", "groq", "fake"]
    keys = ["openai", "anthropic", "gemini", "azure", "azure", "vertexai", "vertexai", "bedrock", "groq", "fake"]
    assert [answers(plan, f"/{word}/v1/x") for word in words] == keys
    assert answers(plan, "/mistral") == ""


@pytest.mark.parametrize(
    ("model", "provider", "asked"),
    [
        ("gpt-4o", "openai", "gpt-4o"),
        ("o3-mini", "openai", "o3-mini"),
        ("chatgpt-4o-latest", "openai", "chatgpt-4o-latest"),
        ("claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("gemini-2.5-pro", "gemini", "gemini-2.5-pro"),
        ("groq/llama-3.3", "groq", "llama-3.3"),
        ("groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        ("anthropic/claude-x", "anthropic", "claude-x"),
        ("azure/my-dep", "azure", "my-dep"),
        ("vertex/gemini-x", "vertexai", "gemini-x"),
        ("us.anthropic.claude-x:0", "bedrock", "us.anthropic.claude-x:0"),
        ("bedrock/x:0", "bedrock", "x:0"),
        ("fake/anything", "fake", "anything"),
        ("llama-3.3", "openai", "llama-3.3"),
    ],
)
def test_the_unified_addresses_go_by_the_name_of_the_model(model: str, provider: str, asked: str) -> None:
    target = model_target(from_environment(KEYS, EVERY), model)
    assert (target.provider.key, model_for(target, model)) == (provider, asked)


def test_clouds_sign_with_what_their_own_tools_read() -> None:
    plan = from_environment(KEYS, EVERY)
    bedrock, vertex = model_target(plan, "bedrock/x"), model_target(plan, "vertex/x")
    assert bedrock.cloud == AwsKeys(access_key_id="A", secret_access_key=Secret("s"), region="eu-west-1")
    assert bedrock.endpoint.host == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert vertex.cloud == GoogleAccount(info=Secret(KEY_FILE))
    assert vertex.variables == {"project": "from-file", "region": "us-east5"}
    told = from_environment({**KEYS, "GOOGLE_CLOUD_PROJECT": "p"}, EVERY)
    assert model_target(told, "vertex/x").variables["project"] == "p"


def test_a_region_that_nobody_says_is_signed_for_too() -> None:
    plan = from_environment({"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}, EVERY)
    cloud = model_target(plan, "any").cloud
    assert isinstance(cloud, AwsKeys)
    assert cloud.region == "us-east-1"


@pytest.mark.parametrize(
    ("keys", "default"),
    [
        (["GROQ_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY"], "anthropic"),
        (["GROQ_API_KEY", "GEMINI_API_KEY"], "gemini"),
        (["GROQ_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"], "azure"),
        (["GROQ_API_KEY"], "groq"),
    ],
)
def test_without_a_choice_the_first_provider_with_a_key_is_the_default(keys: list[str], default: str) -> None:
    plan = from_environment({name: KEYS[name] for name in keys}, EVERY)
    assert by_model(plan, "some-model") == default
    assert plan.notes[0].startswith(f"/{default} and the models of /v1 go to ")
    assert "/openai has no key of its own: the built-in provider `fake` answers there." in plan.notes


@pytest.mark.parametrize(("word", "default"), [("Gemini", "gemini"), ("vertex", "vertexai"), ("fake", "fake")])
def test_the_choice_of_llm_provider(word: str, default: str) -> None:
    plan = from_environment({**KEYS, "LLM_PROVIDER": word}, EVERY)
    assert by_model(plan, "some-model") == default
    assert by_model(plan, "gpt-4o") == "openai"


def test_a_choice_without_its_key_is_answered_by_fake_and_noted() -> None:
    plan = from_environment({"LLM_PROVIDER": "gemini", "OPENAI_API_KEY": "k"}, EVERY)
    assert by_model(plan, "some-model") == "fake"
    assert by_model(plan, "gpt-4o") == "openai"
    assert plan.notes[-1] == (
        "LLM_PROVIDER names gemini, and GEMINI_API_KEY or GOOGLE_API_KEY is not set: the built-in provider `fake` "
        "answers for it."
    )


def test_an_unknown_choice_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment({"LLM_PROVIDER": "gemni"}, EVERY)
    text = str(caught.value)
    assert text.startswith("environment: LLM_PROVIDER: there is no provider of this name; expected one of: openai, ")
    assert "anthropic, gemini, azure" in text
    assert text.endswith("(did you mean `gemini`?)")


def test_the_model_of_requests_that_name_none() -> None:
    env = {**KEYS, "OPENAI_MODEL": "gpt-4o-mini", "GEMINI_MODEL": "gemini-x", "GROQ_MODEL": "llama"}
    plan = from_environment(env, EVERY)
    assert plan.default_model == "gpt-4o-mini"
    assert [by_model(plan, m) for m in ("gpt-4o-mini", "gemini-x", "llama")] == ["openai", "gemini", "groq"]
    assert model_for(model_target(plan, "gemini-x"), "") == "gemini-x"
    assert from_environment({**env, "LLM_PROVIDER": "groq"}, EVERY).default_model == "llama"


def test_a_deployment_of_azure_stays_there_whatever_its_name() -> None:
    env = {
        **KEYS,
        "LLM_PROVIDER": "azure",
        "AZURE_OPENAI_DEPLOYMENT": "gpt-4o",
        "AZURE_OPENAI_API_VERSION": "2024-10-21",
    }
    plan = from_environment(env, EVERY)
    assert (plan.default_model, by_model(plan, "gpt-4o"), by_model(plan, "gpt-5")) == ("gpt-4o", "azure", "openai")
    target = model_target(plan, "gpt-4o")
    assert (target.endpoint.host, target.base_path) == ("r.openai.azure.com", "/openai")
    assert target.variables["api_version"] == "2024-10-21"


@pytest.mark.parametrize(
    ("env", "note"),
    [
        (
            {"AZURE_OPENAI_API_KEY": "k"},
            "AZURE_OPENAI_API_KEY is set and has no effect without AZURE_OPENAI_ENDPOINT or AZURE_OPENAI_RESOURCE.",
        ),
        (
            {"GOOGLE_APPLICATION_CREDENTIALS_JSON": KEY_FILE.replace("from-file", "")},
            (
                "GOOGLE_APPLICATION_CREDENTIALS_JSON is set and has no effect without GOOGLE_CLOUD_PROJECT or "
                "ANTHROPIC_VERTEX_PROJECT_ID."
            ),
        ),
        (
            {"ANTHROPIC_BASE_URL": "http://h"},
            "ANTHROPIC_BASE_URL is set and has no effect without ANTHROPIC_API_KEY.",
        ),
    ],
)
def test_what_is_not_enough_is_noted(env: dict[str, str], note: str) -> None:
    plan = from_environment(env, EVERY)
    assert note in plan.notes
    assert by_model(plan, "any") == "fake"


def test_a_provider_without_keys_answers_where_it_is_said_to_be() -> None:
    plan = from_environment({"OLLAMA_BASE_URL": "http://box:11434"}, EVERY)
    target = model_target(plan, "llama3")
    assert (target.provider.key, target.endpoint, target.base_path) == (
        "ollama",
        Endpoint(host="box", port=11434),
        "/v1",
    )
    assert plan.notes[0] == "/ollama and the models of /v1 go to box:11434; /fake needs no key."
