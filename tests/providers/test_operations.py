"""providers: where embeddings, rerank and token counts are asked for, in which form, of which models."""

import pytest

from sluice.config.plan import Endpoint, Tls
from sluice.config.targets import Missing, TargetSpec, make_target
from sluice.operations import token_count
from sluice.operations.forms import TRANSLATIONS
from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.azure import AZURE
from sluice.providers.bedrock import BEDROCK
from sluice.providers.custom import CUSTOM, formats
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.presets import COHERE, PRESETS
from sluice.providers.provider import Provider, below, chosen, filled, name_in_path, operated
from sluice.providers.quirks import QUIRKS
from sluice.providers.vertexai import VERTEXAI
from sluice.standard import STANDARD

EMBED, RANK, MESSAGES, CONTENTS = "embeddings", "rerank", "messages_token_count", "content_token_count"
AT_VERTEX = "/v1/projects/p/locations/global"
CLAUDE = "claude-sonnet-4-5-20250929"
FOUNDRY = {"resource": "r", "resource_type": "Foundry"}


def address(provider: Provider, variables: dict[str, str], operation: str, model: str) -> str:
    """Return form and path; empty = the client's own, or estimated."""
    known = {item.name: item.default for item in provider.variables if item.default} | variables
    row = chosen(provider, known)
    found = operated(row, operation, model)
    if found is None:
        return ""
    path = below(filled(row.base_path, known), found.path, {**known, "model": name_in_path(found, model)})
    return f"{found.form} {path}".strip()


@pytest.mark.parametrize(
    ("provider", "variables", "operation", "model", "expected"),
    [
        (OPENAI, {}, EMBED, "text-embedding-3-small", ""),
        (OPENAI, {}, MESSAGES, "gpt-5", ""),
        (AZURE, {"api_version": "2024-10-21"}, EMBED, "mine", "/openai/deployments/mine/embeddings"),
        (AZURE, FOUNDRY, MESSAGES, "claude-opus-4-6", "/anthropic/v1/messages/count_tokens"),
        (AZURE, FOUNDRY, MESSAGES, "gpt-5", ""),
        (AZURE, {"resource": "r"}, MESSAGES, "claude-opus-4-6", ""),
        (ANTHROPIC, {}, MESSAGES, "claude-opus-4-6", "/v1/messages/count_tokens"),
        (ANTHROPIC, {}, CONTENTS, "claude-opus-4-6", ""),
        (GEMINI, {}, EMBED, "gemini-embedding-001", "/v1beta/openai/embeddings"),
        (GEMINI, {}, CONTENTS, "models/gemini-3-pro", "gemini_count /v1beta/models/gemini-3-pro:countTokens"),
        (GEMINI, {}, CONTENTS, "tunedModels/mine", "gemini_count /v1beta/tunedModels/mine:countTokens"),
        (GEMINI, {}, MESSAGES, "gemini-3-pro", ""),
        (COHERE, {}, EMBED, "embed-v4.0", "/compatibility/v1/embeddings"),
        (COHERE, {}, RANK, "rerank-v3.5", "/v2/rerank"),
        (
            VERTEXAI,
            {"project": "p"},
            EMBED,
            "google/text-embedding-005",
            f"vertex_embeddings {AT_VERTEX}/publishers/google/models/text-embedding-005:predict",
        ),
        (
            VERTEXAI,
            {"project": "p"},
            EMBED,
            "intfloat/multilingual-e5-large",
            f"{AT_VERTEX}/endpoints/openapi/embeddings",
        ),
        (
            VERTEXAI,
            {"project": "p", "region": "us-central1"},
            RANK,
            "semantic-ranker-default@latest",
            f"vertex_rerank {AT_VERTEX}/rankingConfigs/default_ranking_config:rank",
        ),
        (
            VERTEXAI,
            {"project": "p"},
            MESSAGES,
            CLAUDE,
            f"{AT_VERTEX}/publishers/anthropic/models/count-tokens:rawPredict",
        ),
        (VERTEXAI, {"project": "p"}, MESSAGES, "gemini-3-pro", ""),
        (
            VERTEXAI,
            {"project": "p"},
            CONTENTS,
            "gemini-3-pro",
            f"{AT_VERTEX}/publishers/google/models/gemini-3-pro:countTokens",
        ),
        (VERTEXAI, {"project": "p"}, CONTENTS, CLAUDE, ""),
        (
            BEDROCK,
            {},
            EMBED,
            "amazon.titan-embed-text-v2:0",
            "bedrock_embeddings /model/amazon.titan-embed-text-v2%3A0/invoke",
        ),
        (BEDROCK, {}, RANK, "amazon.rerank-v1:0", "bedrock_rerank /rerank"),
        (
            BEDROCK,
            {},
            MESSAGES,
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            "converse_count /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/count-tokens",
        ),
        (BEDROCK, {}, CONTENTS, "anthropic.claude-x", "converse_count /model/anthropic.claude-x/count-tokens"),
        (BEDROCK, {}, MESSAGES, "amazon.nova-pro-v1:0", ""),
    ],
)
def test_where_an_operation_is(
    provider: Provider, variables: dict[str, str], operation: str, model: str, expected: str
) -> None:
    assert address(provider, variables, operation, model) == expected


def https(host: str) -> Endpoint:
    return Endpoint(host=host, port=443, tls=Tls())


@pytest.mark.parametrize(
    ("provider", "variables", "host"),
    [
        (BEDROCK, {}, "bedrock-agent-runtime.us-east-1.amazonaws.com"),
        (BEDROCK, {"region": "eu-west-1"}, "bedrock-agent-runtime.eu-west-1.amazonaws.com"),
        (BEDROCK, {"region": "cn-north-1"}, "bedrock-agent-runtime.cn-north-1.amazonaws.com.cn"),
        (VERTEXAI, {"project": "p", "region": "europe-west1"}, "discoveryengine.googleapis.com"),
    ],
)
def test_rerank_has_a_host_of_its_own_unless_an_operator_says_where(
    provider: Provider, variables: dict[str, str], host: str
) -> None:
    def endpoints(**said: object) -> dict[str, Endpoint]:
        spec = TargetSpec(name="t", provider=provider, variables=variables, **said)  # type: ignore[arg-type]  # per case
        return make_target(spec).endpoints

    assert endpoints() == {"rerank": https(host)}
    assert endpoints(base_url="https://proxy.test") == {}
    assert endpoints(host="proxy.test", port=1) == {}
    assert endpoints(endpoint=https("proxy.test")) == {}


def test_a_region_that_is_no_label_makes_no_host() -> None:
    with pytest.raises(ValueError, match="host"):
        make_target(TargetSpec(name="t", provider=BEDROCK, variables={"region": "evil.test/"}))
    with pytest.raises(Missing, match="projectId"):
        make_target(TargetSpec(name="t", provider=VERTEXAI))


def test_every_row_names_what_there_is() -> None:
    rows = [STANDARD.get(module_id, Provider) for module_id in STANDARD.ids("provider")]
    seen = set()
    for row in rows:
        known = [*row.operations, *(each for variant in row.variants for each in variant.operations or ())]
        for each in known:
            seen.add(each.form)
            if each.operation in (MESSAGES, CONTENTS):
                assert token_count.ask({}, each.form or each.operation, "m")
            else:
                assert not each.form or each.form in TRANSLATIONS
            assert not each.quirk or each.quirk in QUIRKS
            assert not each.dialect or each.dialect in STANDARD.ids("dialect")
    assert seen >= set(TRANSLATIONS)


def test_a_preset_is_asked_as_the_client_asks() -> None:
    assert {row.key for row in PRESETS if operated(row, MESSAGES, "m") or row.operations} == set()


def test_a_custom_provider_counts_only_if_it_says_so() -> None:
    assert formats([("anthropicTokenCount", "")])[1] == {MESSAGES: "/messages/count_tokens"}
    assert formats([("anthropicTokenCount", "/x")])[1] == {MESSAGES: "//x"}
    assert operated(CUSTOM, MESSAGES, "m") is None
