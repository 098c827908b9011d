"""The short form: every provider word, its settings, and the credentials it looks for."""

import pytest

from sluice.config.plan import Endpoint, Target, Tls
from sluice.providers.credential import AwsKeys, GoogleAccount, Secret
from sluice.providers.provider import filled, path_of, served

from .vendors import KEY_FILE, loaded, refused

FORMATS = "formats: [{type: completions}, {type: messages, path: /api/messages}, {type: generateContent}]"


def one(provider: str, params: str = "{}", env: dict[str, str] | None = None) -> Target:
    """Return the target of a file with a single model."""
    plan = loaded(f"llm: {{models: [{{name: m, provider: {provider}, params: {params}}}]}}\n", env=env)
    (route,) = plan.models
    assert route.backend is not None
    return route.backend.groups[0][0]


def wrong(provider: str, params: str, env: dict[str, str] | None = None) -> str:
    (line,) = refused(f"llm: {{models: [{{name: m, provider: {provider}, params: {params}}}]}}\n", env=env)
    return line


def url(found: Target, client: str = "openai_chat", model: str = "m") -> str:
    """Return where a chat request goes, and in which dialect."""
    row = served(found.serves or found.provider.serves, f"dialect.{client}", found.model or model)
    assert row is not None
    base = found.provider.base_path if found.base_path is None else found.base_path
    path = path_of(
        row, found.model or model, stream=False, variables=found.variables, base=filled(base, found.variables)
    )
    return f"{row.dialect.removeprefix('dialect.')} {found.endpoint.label}{found.chat_path or path}"


@pytest.mark.parametrize(
    ("provider", "params", "expected"),
    [
        ("openAI", "{}", "openai_chat api.openai.com:443/v1/chat/completions"),
        ("anthropic", "{}", "anthropic_messages api.anthropic.com:443/v1/messages"),
        ("anthropic", "{baseUrl: 'http://h:1'}", "anthropic_messages h:1/v1/messages"),
        ("anthropic", "{hostOverride: 'h:1', pathPrefix: /x}", "anthropic_messages h:1/x/messages"),
        (
            "gemini",
            "{model: gemini-x}",
            "gemini generativelanguage.googleapis.com:443/v1beta/models/gemini-x:generateContent",
        ),
        (
            "gemini",
            "{model: gemini-x, pathOverride: /v1beta/openai/chat/completions}",
            "openai_chat generativelanguage.googleapis.com:443/v1beta/openai/chat/completions",
        ),
        (
            "vertex",
            "{vertexProject: p, vertexRegion: us-east5, model: claude-x-20250514}",
            (
                "anthropic_messages us-east5-aiplatform.googleapis.com:443/v1/projects/p/locations/us-east5/publishers"
                "/anthropic/models/claude-x@20250514:rawPredict"
            ),
        ),
        (
            "bedrock",
            "{awsRegion: eu-west-1, model: 'a:0'}",
            "bedrock_converse bedrock-runtime.eu-west-1.amazonaws.com:443/model/a%3A0/converse",
        ),
        ("azure", "{azureResourceName: r}", "openai_chat r.openai.azure.com:443/openai/v1/chat/completions"),
        (
            "azure",
            "{azureResourceName: r, azureApiVersion: 2024-10-21}",
            "openai_chat r.openai.azure.com:443/openai/deployments/m/chat/completions",
        ),
        (
            "azure",
            "{azureResourceName: r, azureResourceType: foundry, azureProjectName: p}",
            "openai_chat r.services.ai.azure.com:443/api/projects/p/openai/v1/chat/completions",
        ),
        ("groq", "{}", "openai_chat api.groq.com:443/openai/v1/chat/completions"),
        ("ollama", "{baseUrl: 'http://box:11434'}", "openai_chat box:11434/v1/chat/completions"),
        ("togetherai", "{}", "openai_chat api.together.xyz:443/v1/chat/completions"),
        ("xai", "{}", "openai_chat api.x.ai:443/v1/chat/completions"),
        (f"{{custom: {{{FORMATS}}}}}", "{hostOverride: 'h:1'}", "openai_chat h:1/v1/chat/completions"),
        (f"{{custom: {{{FORMATS}}}}}", "{baseUrl: 'http://h:1/b'}", "openai_chat h:1/b/chat/completions"),
    ],
)
def test_every_word_leads_somewhere(provider: str, params: str, expected: str) -> None:
    assert url(one(provider, params)) == expected


def test_a_custom_provider_speaks_its_formats() -> None:
    found = one(f"{{custom: {{{FORMATS}, providerOverride: acme, model: theirs}}}}", "{hostOverride: h}")
    assert (found.provider.telemetry_name, found.model) == ("acme", "theirs")
    assert found.endpoint == Endpoint(host="h", port=443, tls=Tls())
    assert url(found, "anthropic_messages") == "anthropic_messages h:443/api/messages"
    assert url(found, "gemini") == "gemini h:443/v1beta/models/theirs:generateContent"
    own = one(f"{{custom: {{{FORMATS}, model: theirs}}}}", "{hostOverride: h, model: mine}")
    assert (own.provider.telemetry_name, own.model) == ("custom", "mine")


def test_settings_of_a_provider_are_defaults_of_its_models() -> None:
    text = """llm:
  providers: [{name: p, provider: vertex, params: {vertexProject: shared, vertexRegion: us-east5}}]
  models: [{name: m, provider: {reference: p}, params: {vertexProject: own}}]
"""
    (route,) = loaded(text).models
    assert route.backend is not None
    assert route.backend.groups[0][0].variables == {"project": "own", "region": "us-east5"}


@pytest.mark.parametrize(
    ("provider", "params", "expected"),
    [
        ("openAI", "{awsRegion: x}", "params: `awsRegion` is not a setting of the provider openai"),
        ("vertex", "{}", "params: the provider vertexai needs `projectId` or `vertexProject`"),
        ("azure", "{}", "params: the provider azure needs `resourceName` or `azureResourceName`"),
        (
            f"{{custom: {{{FORMATS}}}}}",
            "{}",
            "params: the provider custom needs an address: host and port, or a base URL",
        ),
        (
            f"{{custom: {{{FORMATS}}}}}",
            "{hostOverride: h, pathOverride: /x}",
            "provider.custom.formats: `params.pathOverride` and the paths of `formats` exclude each other",
        ),
        (
            "{custom: {formats: [{type: messages}, {type: messages}]}}",
            "{hostOverride: h}",
            "provider.custom: two formats have the same type",
        ),
        ("{custom: {formats: [{type: rerank}]}}", "{hostOverride: h}", "params: it is not said which formats"),
        ("copilot", "{}", "provider: provider copilot is not served by this version"),
        ("gemni", "{}", "provider: unknown provider `gemni` (did you mean `gemini`?)"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(provider: str, params: str, expected: str) -> None:
    assert wrong(provider, params).startswith(f"a.yaml:1: llm.models[0].{expected}")


def test_credentials_are_looked_for_where_each_vendors_own_tools_do() -> None:
    assert one("groq", env={"GROQ_API_KEY": "g"}).credential == Secret("g")
    assert one("huggingface", env={"HF_TOKEN": "h"}).credential == Secret("h")
    aws = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    signed = one("bedrock", "{awsRegion: eu-west-1}", aws)
    assert signed.cloud == AwsKeys(access_key_id="A", secret_access_key=Secret("s"), region="eu-west-1")
    bearer = one("bedrock", "{apiKey: b}", aws)
    assert (bearer.credential, bearer.cloud) == (Secret("b"), None)
    vertex = one("vertex", "{}", {"GOOGLE_APPLICATION_CREDENTIALS_JSON": KEY_FILE})
    assert (vertex.cloud, vertex.variables["project"]) == (GoogleAccount(info=Secret(KEY_FILE)), "from-file")


def test_a_credential_of_the_environment_that_cannot_be_one_is_refused() -> None:
    line = wrong("vertex", "{vertexProject: p}", {"GOOGLE_APPLICATION_CREDENTIALS_JSON": "canary"})
    assert "GOOGLE_APPLICATION_CREDENTIALS_JSON: expected the JSON key file" in line
    assert "canary" not in line


def test_what_has_no_credential_is_noted_once_it_needs_one() -> None:
    assert loaded("llm: {models: [{name: m, provider: ollama}]}\n").notes == ()
    (note,) = loaded("llm: {models: [{name: m, provider: bedrock}]}\n").notes
    assert note == (
        "Model m has no `apiKey` and AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID is not set: it is asked without a "
        "key."
    )
