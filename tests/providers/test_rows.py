"""providers/: what a row says comes out as the request line and headers that the vendor's own pages and SDKs show."""

import re

import pytest

from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.azure import AZURE
from sluice.providers.bedrock import BEDROCK
from sluice.providers.credential import HeaderPlacement, Secret
from sluice.providers.custom import CUSTOM
from sluice.providers.fake import FAKE
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.presets import PRESETS
from sluice.providers.provider import Provider, chosen, filled, names_in, path_of, placed, served
from sluice.providers.quirks import MODEL_NAMES, QUIRKS
from sluice.providers.vertexai import VERTEXAI

ROWS = (OPENAI, ANTHROPIC, GEMINI, AZURE, BEDROCK, VERTEXAI, *PRESETS, CUSTOM, FAKE)
DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse")
OPENAPI = "endpoints/openapi/chat/completions"
NATIVE = "projects/p/locations/us-east5/publishers"


def address(provider: Provider, variables: dict[str, str], client: str, model: str, *, stream: bool) -> str:
    """Return dialect, host and request target of a chat request, as a URL."""
    known = {item.name: item.default for item in provider.variables if item.default} | variables
    row = chosen(provider, known)
    found = served(row.serves, f"dialect.{client}", model)
    assert found is not None
    path = path_of(found, model, stream=stream, variables=known, base=filled(row.base_path, known))
    query = f"?{filled(row.query, known)}" if row.query else ""
    return f"{found.dialect.removeprefix('dialect.')} {filled(row.host, known)}{path}{query}"


@pytest.mark.parametrize(
    ("provider", "variables", "client", "model", "whole", "stream"),
    [
        (OPENAI, {}, "gemini", "gpt-5", "openai_chat api.openai.com/v1/chat/completions", "same"),
        (OPENAI, {}, "openai_responses", "gpt-5", "openai_responses api.openai.com/v1/responses", "same"),
        (ANTHROPIC, {}, "openai_chat", "claude-x", "anthropic_messages api.anthropic.com/v1/messages", "same"),
        (
            GEMINI,
            {},
            "openai_chat",
            "gemini-2.5-pro",
            "gemini generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent",
            "gemini generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        ),
        (
            GEMINI,
            {},
            "gemini",
            "models/gemma-3",
            "gemini generativelanguage.googleapis.com/v1beta/models/gemma-3:generateContent",
            "gemini generativelanguage.googleapis.com/v1beta/models/gemma-3:streamGenerateContent?alt=sse",
        ),
        (
            GEMINI,
            {},
            "openai_chat",
            "tunedModels/mine",
            "gemini generativelanguage.googleapis.com/v1beta/tunedModels/mine:generateContent",
            "gemini generativelanguage.googleapis.com/v1beta/tunedModels/mine:streamGenerateContent?alt=sse",
        ),
        (
            GEMINI,
            {},
            "gemini",
            "other",
            "openai_chat generativelanguage.googleapis.com/v1beta/openai/chat/completions",
            "same",
        ),
        (
            VERTEXAI,
            {"project": "p"},
            "openai_chat",
            "google/gemini-2.5-flash-lite",
            (
                "gemini aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/"
                "gemini-2.5-flash-lite:generateContent"
            ),
            (
                "gemini aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/"
                "gemini-2.5-flash-lite:streamGenerateContent?alt=sse"
            ),
        ),
        (
            VERTEXAI,
            {"project": "p", "region": "us-east5"},
            "openai_chat",
            "anthropic/claude-sonnet-4-5-20250929",
            (
                f"anthropic_messages us-east5-aiplatform.googleapis.com/v1/{NATIVE}/anthropic/models/"
                "claude-sonnet-4-5@20250929:rawPredict"
            ),
            (
                f"anthropic_messages us-east5-aiplatform.googleapis.com/v1/{NATIVE}/anthropic/models/"
                "claude-sonnet-4-5@20250929:streamRawPredict"
            ),
        ),
        (
            VERTEXAI,
            {"project": "p", "region": "eu"},
            "anthropic_messages",
            "meta/llama-4",
            f"openai_chat aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/{OPENAPI}",
            "same",
        ),
        (
            BEDROCK,
            {},
            "anthropic_messages",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            (
                "bedrock_converse bedrock-runtime.us-east-1.amazonaws.com"
                "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
            ),
            (
                "bedrock_converse bedrock-runtime.us-east-1.amazonaws.com"
                "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"
            ),
        ),
        (
            BEDROCK,
            {"region": "cn-north-1"},
            "gemini",
            "arn:aws:bedrock:x/y",
            "bedrock_converse bedrock-runtime.cn-north-1.amazonaws.com.cn/model/arn%3Aaws%3Abedrock%3Ax%2Fy/converse",
            (
                "bedrock_converse bedrock-runtime.cn-north-1.amazonaws.com.cn/model/arn%3Aaws%3Abedrock%3Ax%2Fy"
                "/converse-stream"
            ),
        ),
        (
            AZURE,
            {"resource": "r"},
            "openai_chat",
            "dep",
            "openai_chat r.openai.azure.com/openai/v1/chat/completions",
            "same",
        ),
        (
            AZURE,
            {"resource": "r", "api_version": "preview"},
            "openai_responses",
            "dep",
            "openai_responses r.openai.azure.com/openai/v1/responses?api-version=preview",
            "same",
        ),
        (
            AZURE,
            {"resource": "r", "api_version": "2024-10-21"},
            "openai_responses",
            "my dep",
            "openai_chat r.openai.azure.com/openai/deployments/my%20dep/chat/completions?api-version=2024-10-21",
            "same",
        ),
        (
            AZURE,
            {"resource": "r", "api_version": "2025-04-01-preview"},
            "openai_responses",
            "dep",
            "openai_responses r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
            "same",
        ),
        (
            AZURE,
            {"resource": "r", "resource_type": "Foundry", "project": "p"},
            "openai_chat",
            "gpt-5",
            "openai_chat r.services.ai.azure.com/api/projects/p/openai/v1/chat/completions",
            "same",
        ),
        (
            AZURE,
            {"resource": "r", "resource_type": "Foundry", "project": "p", "api_version": "2024-10-21"},
            "openai_chat",
            "claude-haiku-4-5",
            "anthropic_messages r.services.ai.azure.com/anthropic/v1/messages",
            "same",
        ),
    ],
)
def test_where_a_chat_request_goes(
    provider: Provider, variables: dict[str, str], client: str, model: str, whole: str, stream: str
) -> None:
    assert address(provider, variables, client, model, stream=False) == whole
    assert address(provider, variables, client, model, stream=True) == (whole if stream == "same" else stream)


@pytest.mark.parametrize(
    ("provider", "key", "expected"),
    [
        (OPENAI, "sk-1", ("authorization", "Bearer ", ())),
        (ANTHROPIC, "sk-ant-api03-x", ("x-api-key", "", ())),
        (ANTHROPIC, "Bearer sk-ant-api03-x", ("x-api-key", "", ())),
        (ANTHROPIC, "sk-ant-oat01-x", ("authorization", "Bearer ", (("anthropic-beta", "oauth-2025-04-20"),))),
        (ANTHROPIC, "Bearer sk-ant-oat01-x", ("authorization", "Bearer ", (("anthropic-beta", "oauth-2025-04-20"),))),
        (GEMINI, "AIzaX", ("x-goog-api-key", "", ())),
        (GEMINI, "ya29.x", ("authorization", "Bearer ", ())),
        (VERTEXAI, "ya29.x", ("authorization", "Bearer ", ())),
        (VERTEXAI, "AIzaX", ("x-goog-api-key", "", ())),
        (AZURE, "0123abcd", ("api-key", "", ())),
        (AZURE, "eyJhbGciOi", ("authorization", "Bearer ", ())),
        (BEDROCK, "bedrock-api-key-x", ("authorization", "Bearer ", ())),
    ],
)
def test_where_a_key_goes(provider: Provider, key: str, expected: tuple[str, str, tuple[tuple[str, str], ...]]) -> None:
    name, prefix, headers = expected
    assert placed(provider, Secret(key)) == (HeaderPlacement(name, prefix), headers)


def test_every_path_of_google_is_without_a_key() -> None:
    """A key in an address is a key in every log on the way."""
    paths = [path for row in (GEMINI, VERTEXAI) for item in row.serves for path in (item.path, item.stream_path)]
    assert paths
    assert all("key=" not in path for path in paths)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_row_is_whole(row: Provider) -> None:
    """Names that a row refers to exist, and so does everything that its templates ask for."""
    every = [
        row,
        *(chosen(row, {name: values[0].replace("*", "1") for name, values in v.when.items()}) for v in row.variants),
    ]
    known = {item.name for item in row.variables}
    for version in every:
        paths = [version.host, version.base_path, version.query, *version.paths.values()]
        for item in version.serves:
            assert item.dialect.removeprefix("dialect.") in DIALECTS
            assert item.quirk in ("", *QUIRKS)
            assert item.model_name in ("", *MODEL_NAMES)
            paths += [item.path, item.stream_path]
        assert {name for path in paths for name in names_in(path)} <= known
    assert row.module_id == f"provider.{row.key}"
    assert re.fullmatch("[a-z]+", row.key)


def test_keys_aliases_and_variables_are_nobody_elses() -> None:
    words = [word for row in ROWS for word in (row.key, *row.aliases)]
    keys = [name for row in ROWS for name in (*row.key_env, *row.base_url_env, *row.model_env)]
    assert len(words) == len(set(words))
    assert len(keys) == len(set(keys))


def test_telemetry_names() -> None:
    named = {row.key: row.telemetry_name for row in ROWS if row.key != row.telemetry_name}
    assert named == {"gemini": "gcp.gemini", "vertexai": "gcp.vertex_ai", "bedrock": "aws.bedrock"}


@pytest.mark.parametrize(
    ("version", "asks"), [("v1", True), ("2024-10-21", True), ("2024-02-01", False), ("2023-05-15", False)]
)
def test_older_azure_is_not_asked_for_usage(version: str, asks: bool) -> None:
    assert chosen(AZURE, {"api_version": version}).asks_usage is asks
