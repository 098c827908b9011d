"""The models of a LiteLLM file: who is asked, where, with what, in which order and how often."""

import msgspec
import pytest
import yaml

from sluice.config.litellm_words import COMPATIBLE, PROVIDERS, UNSERVED
from sluice.config.targets import served_provider
from sluice.errors import ConfigError
from sluice.standard import STANDARD
from tests.config.litellm_files import DEPLOYMENTS, ONE, entry, llm, made, notes, served

# -- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "clocks"),
    [
        ("timeout: 30", {"attempt": "30s"}),
        ("stream_timeout: 2.5", {"firstToken": "2s500ms"}),
        ("timeout: 300, stream_timeout: 60", {"firstToken": "1m", "attempt": "5m"}),
        ("timeout: 0", None),
        ("", None),
    ],
)
def test_the_clocks_of_a_deployment_are_its_own(params: str, clocks: dict[str, str] | None) -> None:
    found = made(ONE.replace("PARAMS", params).replace("INFO", ""))
    assert llm(found)["models"][0].get("timeouts") == clocks
    assert not [note for note in notes(found) if "timeout" in note]
    served(found)


def test_an_attempt_that_would_cut_a_stream_short_is_named_and_left_out() -> None:
    found = made(ONE.replace("PARAMS", "timeout: 30, stream_timeout: 120").replace("INFO", ""))
    assert llm(found)["models"][0]["timeouts"] == {"firstToken": "2m"}
    (note,) = [note for note in notes(found) if "litellm_params.timeout" in note]
    assert "not carried over: `stream_timeout` is longer" in note
    served(found)


# -- providers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", sorted(PROVIDERS))
def test_every_provider_that_is_known_is_one_that_is_served(prefix: str) -> None:
    assert served_provider(STANDARD, PROVIDERS[prefix]) is not None
    found = made(ONE.replace("openai/gpt-4o-mini", f"{prefix}/some-model").replace("PARAMS", "").replace("INFO", ""))
    backend = served(found, AZURE_API_BASE="https://a.test", AZURE_AI_API_BASE="https://a.test").models[0].backend
    assert backend is not None
    ((target,),) = backend.groups
    assert target.model == "some-model"


@pytest.mark.parametrize("prefix", sorted(COMPATIBLE))
def test_every_provider_that_speaks_openais_api_is_asked_in_it(prefix: str) -> None:
    found = made(
        ONE.replace("openai/gpt-4o-mini", f"{prefix}/some/model")
        .replace("PARAMS", "" if COMPATIBLE[prefix] else "api_base: http://llm.test/v1")
        .replace("INFO", "")
    )
    (target,) = served(found).models[0].backend.groups[0]  # type: ignore[union-attr]
    assert (target.model, [row.dialect for row in target.serves]) == ("some/model", ["dialect.openai_chat"])


@pytest.mark.parametrize(
    ("model", "params", "provider", "settings"),
    [
        ("gpt-4o", "", "openAI", {"model": "gpt-4o"}),
        ("claude-sonnet-4-5", "", "anthropic", {"model": "claude-sonnet-4-5"}),
        (
            "my-model",
            "api_base: 'http://x.test/v1', api_key: none",
            "openAI",
            {"apiKey": "none", "baseUrl": "http://x.test/v1"},
        ),
        ("openrouter/openai/gpt-4o", "", "openrouter", {"model": "openai/gpt-4o"}),
        ("gpt-4o", "custom_llm_provider: azure, api_base: 'https://r.test'", "azure", {"model": "gpt-4o"}),
        (
            "bedrock/converse/us-west-2/amazon.nova-lite-v1:0",
            "",
            "bedrock",
            {"awsRegion": "us-west-2", "model": "amazon.nova-lite-v1:0"},
        ),
        ("bedrock/amazon.nova-lite-v1:0", "aws_region_name: eu-west-1", "bedrock", {"awsRegion": "eu-west-1"}),
        (
            "vertex_ai/gemini-2.5-flash",
            "vertex_project: p, vertex_location: europe-west4",
            "vertexai",
            {"vertexProject": "p", "vertexRegion": "europe-west4"},
        ),
        (
            "azure/dep",
            "api_base: os.environ/BASE, api_version: '2024-10-21', azure_ad_token: os.environ/AD",
            "azure",
            {"apiKey": "$AD", "baseUrl": "$BASE", "azureApiVersion": "2024-10-21", "model": "dep"},
        ),
        ("azure_ai/m", "api_base: 'https://r.services.ai.azure.com'", "azure", {"azureResourceType": "foundry"}),
    ],
)
def test_a_model_names_its_provider_and_its_settings(
    model: str, params: str, provider: str, settings: dict[str, str]
) -> None:
    found = entry(model, params)
    assert found["provider"] == provider
    assert settings.items() <= msgspec.convert(found["params"], dict[str, str]).items()


@pytest.mark.parametrize(
    ("model", "base", "wanted"),
    [
        (
            "azure/any",
            "https://r.test/openai/deployments/dep/chat/completions?api-version=2024-12-01-preview",
            {"baseUrl": "https://r.test", "azureApiVersion": "2024-12-01-preview", "model": "dep"},
        ),
        ("azure_ai/claude-x", "https://r.test/anthropic", {"baseUrl": "https://r.test", "model": "claude-x"}),
        ("openai/m", "https://r.test/v1?key=canary", {"baseUrl": "https://r.test/v1"}),
    ],
)
def test_a_whole_address_becomes_one_that_is_served(model: str, base: str, wanted: dict[str, str]) -> None:
    found = made(ONE.replace("openai/gpt-4o-mini", model).replace("PARAMS", f"api_base: '{base}'").replace("INFO", ""))
    (one,) = llm(found)["models"]
    assert wanted.items() <= msgspec.convert(one["params"], dict[str, str]).items()
    assert served(found).models
    assert "canary" not in found.text + "".join(notes(found))


@pytest.mark.parametrize("prefix", sorted(UNSERVED))
def test_a_provider_that_is_not_served_is_left_out_wherever_it_is(prefix: str) -> None:
    text = ONE.replace("openai/gpt-4o-mini", f"{prefix}/m").replace("PARAMS", "api_base: 'http://x.test'")
    with pytest.raises(ConfigError, match="left out: no provider here speaks it"):
        made(text.replace("INFO", ""))


@pytest.mark.parametrize("mode", ["chat", "embedding", "rerank"])
def test_whatever_a_model_is_for_it_can_be_served(mode: str) -> None:
    found = made(
        ONE.replace("openai/gpt-4o-mini", "hosted_vllm/m")
        .replace("PARAMS", "api_base: 'http://h.test/v1'")
        .replace("INFO", f"mode: {mode}")
    )
    assert served(found).models[0].pattern == "m"


def test_a_list_where_a_text_belongs_is_said() -> None:
    found = made(ONE.replace("PARAMS", "organization: [org-1, org-2]").replace("INFO", "mode: image_generation"))
    assert "requestHeaders" not in llm(found)["models"][0]
    assert [note.place.path for note in found.notes] == [
        "general_settings",
        "model_list[0].litellm_params.organization",
    ]


def test_members_of_a_request_and_headers_go_along() -> None:
    found = entry(
        "gpt-4o", "temperature: 0.2, stop: [a$b], extra_body: {x: 1}, organization: org-1, extra_headers: {a: b}"
    )
    assert found["defaults"] == {"temperature": 0.2, "stop": ["a$$b"], "x": 1}
    assert found["requestHeaders"] == {"set": {"a": "b", "openai-organization": "org-1"}}


def test_prices_per_token_become_prices_per_million() -> None:
    found = made(
        ONE.replace("PARAMS", "input_cost_per_token: 1.5e-07").replace("INFO", "output_cost_per_token: 0.0000006")
    )
    (source,) = yaml.safe_load(found.text)["config"]["modelCatalog"]
    assert source["inline"] == {
        "providers": {"openAI": {"models": {"gpt-4o-mini": {"rates": {"input": "0.15", "output": "0.6"}}}}}
    }
    assert served(found).prices


def test_a_credential_that_several_share_is_looked_up() -> None:
    text = ONE.replace("PARAMS", "litellm_credential_name: c").replace("INFO", "")
    found = made(
        f"{text}\ncredential_list: [{{credential_name: c, credential_values: {{api_key: os.environ/SHARED}}}}]\n"
    )
    assert llm(found)["models"][0]["params"] == {"apiKey": "$SHARED", "model": "gpt-4o-mini"}


# -- several deployments, fallbacks, patterns -------------------------------------------------------------------------


def virtual(a: str = "", b: str = "", more: str = "") -> dict[str, list[tuple[object, object, object]]]:
    """Virtual model -> its targets, each with its priority and its weight."""
    found = llm(made(DEPLOYMENTS.replace("A}", f"{a}}}").replace("B}", f"{b}}}") + more))
    shown: dict[str, list[tuple[object, object, object]]] = {}
    for item in found.get("virtualModels", []):
        ((_, kind),) = msgspec.convert(item["routing"], dict[str, dict[str, list[dict[str, object]]]]).items()
        assert kind["targets"]
        shown[str(item["name"])] = [(t["model"], t["priority"], t.get("weight", 1)) for t in kind["targets"]]
    return shown


def test_deployments_of_one_name_share_its_requests() -> None:
    assert virtual() == {"big": [("big/1", 0, 1), ("big/2", 0, 1)]}


@pytest.mark.parametrize(
    ("a", "b", "weights"),
    [
        ("weight: 0.75", "weight: 0.25", (3, 1)),
        ("weight: 9, rpm: 1", "weight: 1, rpm: 9", (9, 1)),
        ("rpm: 600, tpm: 1", "rpm: 60, tpm: 9", (10, 1)),
        ("tpm: 100000", "tpm: 300000", (1, 3)),
        ("weight: 1", "weight: 0", (1, 0)),
        ("weight: 1", "", (1, 1)),
        ("weight: 0", "weight: 0", (1, 1)),
        ("tpm: 30000000", "tpm: 1", (1_000_000, 1)),
    ],
)
def test_weights_are_shares_and_where_there_are_none_rates(a: str, b: str, weights: tuple[int, int]) -> None:
    assert virtual(a, b) == {"big": [("big/1", 0, weights[0]), ("big/2", 0, weights[1])]}


def test_a_strategy_that_knows_no_weights_has_none() -> None:
    more = "router_settings: {routing_strategy: least-busy}"
    assert virtual("weight: 3", "weight: 1", more) == {"big": [("big/1", 0, 1), ("big/2", 0, 1)]}


def test_an_order_is_a_priority() -> None:
    assert virtual("order: 2", "order: 1") == {"big": [("big/2", 0, 1), ("big/1", 1, 1)]}


def test_fallbacks_come_after_the_own_deployments() -> None:
    found = virtual(
        "rpm: 2", "rpm: 1", "litellm_settings: {fallbacks: [{big: [small, any/x]}, {small: [second, big]}]}"
    )
    assert found == {
        "big": [("big/1", 0, 2), ("big/2", 0, 1), ("small/1", 1, 1), ("any/x/1", 2, 1)],
        "small": [("small/1", 0, 1), ("big/2", 1, 1), ("big/1", 2, 2)],
    }


@pytest.mark.parametrize(
    "more", ["litellm_settings: {default_fallbacks: [small]}", "router_settings: {fallbacks: [{'*': [small]}]}"]
)
def test_default_fallbacks_are_those_of_every_other_model(more: str) -> None:
    assert virtual(more=more) == {"big": [("big/1", 0, 1), ("big/2", 0, 1), ("small", 1, 1)]}


def test_a_fallback_that_is_nowhere_is_said_where_it_stands() -> None:
    found = made(
        ONE.replace("PARAMS", "").replace("INFO", "") + "litellm_settings:\n  x: null\n  default_fallbacks: [gone]\n"
    )
    assert "virtualModels" not in llm(found)
    (note,) = [note for note in notes(found) if "gone" in note]
    assert note.startswith("config.yaml:8: litellm_settings.default_fallbacks: `gone` is no model of the file")


@pytest.mark.parametrize(
    ("name", "model", "computed"),
    [
        ("openai/*", "openai/*", 'llmRequest.model.stripPrefix("openai/")'),
        ("*", "openai/*", None),
        ("claude-*", "anthropic/claude-*", None),
        ("mine/*", "openai/ft:*", '"ft:" + llmRequest.model.stripPrefix("mine/")'),
    ],
)
def test_a_pattern_asks_for_what_its_star_stands_for(name: str, model: str, computed: str | None) -> None:
    found = made(f"model_list: [{{model_name: '{name}', litellm_params: {{model: '{model}'}}}}]")
    (one,) = llm(found)["models"]
    assert (one["name"], one.get("transformation")) == (name, {"model": computed} if computed else None)
    assert served(found).models[0].pattern == name


def test_a_pattern_that_cannot_be_written_is_left_out() -> None:
    found = made(
        "model_list: [{model_name: 'a:*:b:*', litellm_params: {model: 'openai/a:*:b:*'}},"
        " {model_name: m, litellm_params: {model: openai/m}}]"
    )
    assert [model.pattern for model in served(found).models] == ["m"]
    assert any("left out: a pattern has one star here" in note for note in notes(found))


def test_any_model_of_any_provider_is_asked_by_its_name() -> None:
    found = made("model_list: [{model_name: '*', litellm_params: {model: '*'}}]")
    assert [(one["name"], one["provider"]) for one in llm(found)["models"]] == [
        *(("claude-*", "anthropic"), ("gemini-*", "gemini"), ("*", "openAI"))
    ]
    assert len(notes(found)) == 2
