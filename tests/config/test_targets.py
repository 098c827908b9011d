"""targets: one meaning of addresses, paths, settings and credentials, whoever writes them."""

import re

import pytest

from sluice.config.plan import Endpoint, Target, Tls
from sluice.config.targets import Missing, TargetSpec, make_target, model_for, providers, served_provider, settings
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import OwnClocks
from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.azure import AZURE
from sluice.providers.bedrock import BEDROCK
from sluice.providers.credential import AwsKeys, HeaderPlacement, Secret
from sluice.providers.custom import CUSTOM
from sluice.providers.fake import FAKE
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.presets import GROQ, OLLAMA
from sluice.providers.provider import Provider, Served, path_of
from sluice.providers.vertexai import VERTEXAI

from .vendors import EVERY

CHAT = Served(dialect="dialect.openai_chat", path="/chat/completions")
KEYS = AwsKeys(access_key_id="A", secret_access_key=Secret("s"), region="eu-west-1")


def asked(target: Target, model: str = "m", *, stream: bool = False) -> str:
    """Return the path of a chat request in the target's first dialect, as an outbound request has it."""
    if target.chat_path:
        return target.chat_path
    row = (target.serves or target.provider.serves)[0]
    base = target.provider.base_path if target.base_path is None else target.base_path
    return path_of(row, model, stream=stream, variables=target.variables, base=base)


def test_a_target_is_where_its_row_says() -> None:
    target = make_target(TargetSpec(name="x", provider=OPENAI, model="gpt-4o", default_model="d", strips="o/"))
    assert target == Target(
        name="x",
        provider=OPENAI,
        endpoint=Endpoint(host="api.openai.com", port=443, tls=Tls()),
        model="gpt-4o",
        default_model="d",
        strips="o/",
    )
    assert target.provider is OPENAI


def test_everything_else_is_handed_on() -> None:
    ai = AiPolicy(aliases=(("a", "b"),))
    placement = HeaderPlacement("x-key", "")
    target = make_target(
        TargetSpec(
            name="x",
            provider=OPENAI,
            credential=Secret("Bearer k"),
            placement=placement,
            ai=ai,
            clocks=OwnClocks(connect_s=1.0, attempt_s=2.0),
        )
    )
    assert (target.credential, target.placement, target.ai) == (Secret("Bearer k"), placement, ai)
    assert target.clocks == OwnClocks(connect_s=1.0, attempt_s=2.0)
    assert make_target(TargetSpec(name="x", provider=OPENAI, passthrough=True)).passthrough


@pytest.mark.parametrize(
    ("provider", "url", "path"),
    [
        (OPENAI, "http://h:1/v1", "/v1/chat/completions"),
        (OPENAI, "http://h:1", "/chat/completions"),
        (ANTHROPIC, "http://h:1", "/v1/messages"),
        (ANTHROPIC, "http://h:1/v1/", "/v1/messages"),
        (ANTHROPIC, "http://h:1/proxy", "/proxy/v1/messages"),
        (GEMINI, "http://h:1", "/v1beta/models/m:generateContent"),
        (GEMINI, "http://h:1/v1beta/openai/", "/v1beta/models/m:generateContent"),
        (GEMINI, "http://h:1/g/v1beta", "/g/v1beta/models/m:generateContent"),
        (BEDROCK, "http://h:1", "/model/m/converse"),
        (BEDROCK, "http://h:1/aws", "/aws/model/m/converse"),
        (AZURE, "https://r.openai.azure.com/", "/openai/v1/chat/completions"),
        (AZURE, "https://r.openai.azure.com/openai/v1/", "/openai/v1/chat/completions"),
        (AZURE, "https://apim.example.com/llm/openai", "/llm/openai/v1/chat/completions"),
        (OLLAMA, "http://box:11434", "/v1/chat/completions"),
        (OLLAMA, "http://box:11434/v1", "/v1/chat/completions"),
        (GROQ, "https://api.groq.com", "/openai/v1/chat/completions"),
    ],
)
def test_base_urls_as_each_vendors_own_tools_write_them(provider: Provider, url: str, path: str) -> None:
    assert asked(make_target(TargetSpec(name="x", provider=provider, base_url=url))) == path


def test_a_dated_azure_api_stands_below_its_endpoint_too() -> None:
    spec = TargetSpec(
        name="x", provider=AZURE, base_url="https://r.openai.azure.com", variables={"api_version": "2024-10-21"}
    )
    assert asked(make_target(spec)) == "/openai/deployments/m/chat/completions"


def test_of_several_addresses_the_most_definite_wins() -> None:
    endpoint = Endpoint(host="e", port=1)
    every = TargetSpec(name="x", provider=OPENAI, endpoint=endpoint, base_url="http://u:2/p", host="h", port=3)
    assert make_target(every).endpoint == endpoint
    url = TargetSpec(name="x", provider=OPENAI, base_url="http://u:2/p", host="h", port=3)
    assert (make_target(url).endpoint, make_target(url).base_path) == (Endpoint(host="u", port=2), "/p")
    host = TargetSpec(name="x", provider=OPENAI, host="h", port=3, base_path="/q")
    assert (make_target(host).endpoint, make_target(host).base_path) == (Endpoint(host="h", port=3), "/q")


def test_tls_is_spoken_as_it_was_said() -> None:
    tls = Tls(server_name="s")
    own = TargetSpec(name="x", provider=OPENAI, tls=tls)
    secure = TargetSpec(name="x", provider=OPENAI, base_url="https://u", tls=tls)
    plain = TargetSpec(name="x", provider=OPENAI, base_url="http://u", tls=tls)
    assert [make_target(spec).endpoint.tls for spec in (own, secure, plain)] == [tls, tls, None]
    assert make_target(TargetSpec(name="x", provider=OLLAMA)).endpoint == Endpoint(host="localhost", port=11434)
    assert make_target(TargetSpec(name="x", provider=FAKE)).endpoint == Endpoint(host="127.0.0.1", port=0)


@pytest.mark.parametrize(
    ("provider", "path", "dialect", "whole", "stream"),
    [
        (OPENAI, "/x", "openai_chat", "/x", "/x"),
        (OPENAI, "/x/responses", "openai_responses", "/x/responses", "/x/responses"),
        (ANTHROPIC, "/x/chat", "anthropic_messages", "/x/chat", "/x/chat"),
        (GEMINI, "/b/chat/completions", "openai_chat", "/b/chat/completions", "/b/chat/completions"),
        (
            GEMINI,
            "/b/{model}:generateContent",
            "gemini",
            "/b/m:generateContent",
            "/b/m:streamGenerateContent?alt=sse",
        ),
        (OPENAI, "/ü{x", "openai_chat", "/%C3%BC{x", "/%C3%BC{x"),
        (OPENAI, "//x", "openai_chat", "//x", "//x"),
    ],
)
def test_a_path_of_the_operators_tells_the_dialect(
    provider: Provider, path: str, dialect: str, whole: str, stream: str
) -> None:
    target = make_target(TargetSpec(name="x", provider=provider, path=path))
    (row,) = target.serves
    assert (row.dialect, row.models, row.not_models) == (f"dialect.{dialect}", ("*",), ())
    assert (asked(target), asked(target, stream=True)) == (whole, stream)


def test_formats_replace_what_the_row_serves() -> None:
    paths = {"rerank": "//r"}
    target = make_target(TargetSpec(name="x", provider=CUSTOM, host="h", port=1, formats=(CHAT,), paths=paths))
    assert (target.serves, target.provider.paths) == ((CHAT,), paths)
    assert CUSTOM.paths == {}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (TargetSpec(name="x", provider=VERTEXAI), "the provider vertexai needs `projectId` or `vertexProject`"),
        (TargetSpec(name="x", provider=AZURE), "the provider azure needs `resourceName` or `azureResourceName`"),
        (
            TargetSpec(name="x", provider=CUSTOM, formats=(CHAT,)),
            "the provider custom needs an address: host and port, or a base URL",
        ),
        (TargetSpec(name="x", provider=CUSTOM, host="h", port=1), "which formats the provider speaks"),
        (TargetSpec(name="x", provider=OPENAI, base_url="ftp://u"), "begins with `http://` or `https://`"),
        (
            TargetSpec(name="x", provider=BEDROCK, variables={"region": "evil.org/"}),
            "`region` or `awsRegion` goes into",
        ),
        (TargetSpec(name="x", provider=AZURE, variables={"resource": "evil.org#"}), "goes into a host name"),
    ],
)
def test_what_is_missing_or_wrong_is_named(spec: TargetSpec, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        make_target(spec)
    assert "evil" not in str(caught.value)


def test_a_missing_variable_says_which() -> None:
    with pytest.raises(Missing) as caught:
        make_target(TargetSpec(name="x", provider=VERTEXAI, host="h", port=1))
    assert caught.value.variable == "project"


def test_a_host_of_ones_own_needs_no_resource() -> None:
    assert make_target(TargetSpec(name="x", provider=AZURE, host="h", port=1)).variables["api_version"] == "v1"


@pytest.mark.parametrize(
    ("provider", "key", "expected"),
    [
        (ANTHROPIC, "Bearer sk-ant", "sk-ant"),
        (ANTHROPIC, "sk-ant", "sk-ant"),
        (AZURE, "bearer eyJ", "eyJ"),
        (OPENAI, "Bearer sk", "Bearer sk"),
    ],
)
def test_a_secret_written_for_another_header_loses_its_prefix(provider: Provider, key: str, expected: str) -> None:
    target = make_target(TargetSpec(name="x", provider=provider, host="h", port=1, credential=Secret(key)))
    assert target.credential == Secret(expected)


def test_a_key_wins_over_what_a_cloud_would_sign_with() -> None:
    both = TargetSpec(name="x", provider=BEDROCK, credential=Secret("k"), cloud=KEYS)
    assert make_target(both).cloud is None
    assert make_target(TargetSpec(name="x", provider=BEDROCK, passthrough=True, cloud=KEYS)).cloud is None
    assert make_target(TargetSpec(name="x", provider=BEDROCK, cloud=KEYS)).cloud == KEYS


def test_settings_are_a_providers_own() -> None:
    assert settings(VERTEXAI, {"vertexProject": "p", "vertexRegion": None}) == {"project": "p"}
    with pytest.raises(ValueError, match="`awsRegion` is not a setting of the provider vertexai"):
        settings(VERTEXAI, {"awsRegion": "x"})


@pytest.mark.parametrize(
    ("word", "key"),
    [("openAI", "openai"), ("vertex", "vertexai"), ("VertexAI", "vertexai"), ("azureopenai", "azure"), ("XAI", "xai")],
)
def test_words_for_providers(word: str, key: str) -> None:
    found = served_provider(EVERY, word)
    assert found is not None
    assert found.key == key
    assert found in providers(EVERY)


def test_words_that_are_none() -> None:
    assert served_provider(EVERY, "copilot") is None


@pytest.mark.parametrize(
    ("model", "strips", "default", "said", "expected"),
    [
        ("fixed", "g/", "d", "g/x", "fixed"),
        ("", "g/", "d", "g/x", "x"),
        ("", "g/", "d", "g/g/x", "g/x"),
        ("", "", "d", "g/x", "g/x"),
        ("", "", "d", "", "d"),
        ("", "g/", "d", "g/", "d"),
    ],
)
def test_which_model_is_asked_for(model: str, strips: str, default: str, said: str, expected: str) -> None:
    target = make_target(TargetSpec(name="x", provider=GROQ, model=model, strips=strips, default_model=default))
    assert model_for(target, said) == expected


@pytest.mark.parametrize("said", [{"base_path": "/../x"}, {"path": "v1/./chat/completions"}])
def test_a_path_cannot_leave_its_place(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="segment"):
        make_target(TargetSpec(name="x", provider=OPENAI, host="a.example", port=443, **said))  # type: ignore[arg-type]  # texts, both
