"""No file: the first request is answered, with a key and without one."""

import pytest

from sluice.config import PortRouter, from_environment, model_route
from sluice.config.plan import AiBackend, Endpoint, Plan, Tls
from sluice.errors import ConfigError
from sluice.providers.credential import Secret
from sluice.providers.fake import FAKE
from sluice.registry import Registry

from .loading import REGISTRY

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
    route = model_route(plan, model)
    assert route is not None
    return route.backend.groups[0][0].provider.key


PATHS = [
    "/openai",
    "/openai/v1/chat/completions",
    "/fake/v1/models",
    "/v1/models",
    "/v1/models/x",
    "/v1/chat/completions",
    "/x",
]


def test_without_a_key_the_fake_provider_answers_everywhere() -> None:
    plan = from_environment({}, REGISTRY)
    assert [answers(plan, p) for p in PATHS] == ["fake", "fake", "fake", "fake", "fake", "by_model", ""]
    assert [by_model(plan, m) for m in ("gpt-4o", "fake", "fake-1")] == ["fake", "fake", "fake"]
    assert plan.needs_fake
    assert plan.notes == (
        "OPENAI_API_KEY is not set: the built-in provider `fake` answers under /openai and for every model of /v1.",
    )


def test_with_a_key_the_provider_answers_and_fake_stays() -> None:
    plan = from_environment({"OPENAI_API_KEY": " sk-1\n"}, REGISTRY)
    assert [answers(plan, p) for p in PATHS] == ["openai", "openai", "fake", "openai", "openai", "by_model", ""]
    assert [by_model(plan, m) for m in ("gpt-4o", "fake", "fake-1")] == ["openai", "fake", "fake"]
    target = plan.models[-1].backend.groups[0][0]
    assert (target.credential, target.base_path) == (Secret("sk-1"), "")
    assert target.endpoint == Endpoint(host="api.openai.com", port=443, tls=Tls())
    assert plan.needs_fake
    assert plan.models[0].backend.groups[0][0].endpoint == FAKE_ENDPOINT
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
    target = from_environment({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url}, REGISTRY).models[-1].backend.groups[0][0]
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
