"""AgentgatewayModel: what one model compiles to, and what is refused."""

from collections.abc import Mapping

import pytest

from sluice.config import Source, load
from sluice.config.plan import Endpoint, Target, Tls
from sluice.errors import ConfigError
from sluice.providers.credential import AwsKeys, HeaderPlacement, Secret
from sluice.providers.fake import FAKE
from sluice.providers.openai import OPENAI
from sluice.registry import Registry

from .loading import answering, secret
from .model_texts import CONCRETE, GATEWAY, model, plan, refusal


def one(spec: str, *more: str, env: Mapping[str, str] | None = None) -> Target:
    (found,) = plan(GATEWAY, model(spec), *more, env=env).models
    ((target,),) = answering(found).groups
    return target


def test_a_model_answers_to_the_name_of_its_object() -> None:
    (route_,) = plan(GATEWAY, model("provider: OpenAI", "gpt-5")).models
    assert (route_.pattern, route_.public, answering(route_).name) == ("gpt-5", True, "default/gpt-5")
    ((target,),) = answering(route_).groups
    assert (target.name, target.provider.key, target.model) == ("gpt-5", "openai", "")
    assert target.endpoint == Endpoint(host="api.openai.com", port=443, tls=Tls())


@pytest.mark.parametrize("name", ["gpt-5", "gpt-*", "*-latest", "*", "openai/gpt-5"])
def test_a_model_answers_to_what_it_matches(name: str) -> None:
    (route_,) = plan(GATEWAY, model(f"provider: OpenAI, match: {{model: '{name}'}}, visibility: Internal")).models
    assert (route_.pattern, route_.public) == (name, False)


WORDS = "OpenAI Anthropic Gemini Fake Cohere Baseten Cerebras Deepinfra Deepseek Groq Huggingface Mistral Openrouter"


@pytest.mark.parametrize("word", [*WORDS.split(), "TogetherAI", "XAI", "Fireworks"])
def test_every_provider_word_without_settings(word: str) -> None:
    assert one(f"provider: {word}").provider.key == word.lower()


def test_providers_with_settings() -> None:
    azure = one("provider: Azure, azure: {resourceName: r, resourceType: OpenAI, apiVersion: 2024-10-21, model: d}")
    assert (azure.endpoint.host, azure.model) == ("r.openai.azure.com", "d")
    assert azure.variables["api_version"] == "2024-10-21"
    vertex = one("provider: VertexAI, vertexai: {projectId: p, region: europe-west1}")
    assert vertex.endpoint.host == "europe-west1-aiplatform.googleapis.com"
    assert (vertex.variables["project"], vertex.variables["region"]) == ("p", "europe-west1")
    guarded = "guardrail: {identifier: g, version: '1'}"
    bedrock = one(f"provider: Bedrock, bedrock: {{region: eu-west-1, model: x.y, {guarded}}}")
    assert (bedrock.endpoint.host, bedrock.model) == ("bedrock-runtime.eu-west-1.amazonaws.com", "x.y")
    assert (bedrock.variables["guardrail"], bedrock.variables["guardrail_version"]) == ("g", "1")


def test_a_custom_provider_is_a_service_or_an_address() -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: vllm}\nspec: {ports: [{port: 8000}]}\n"
    formats = "formats: [{type: Completions, path: /x/chat}, {type: Messages}, {type: Embeddings, path: /x/e}]"
    target = one(f"provider: Custom, custom: {{backendRef: {{name: vllm}}, model: q, {formats}}}", service)
    assert (target.endpoint, target.model) == (Endpoint(host="vllm", port=8000), "q")
    assert [row.dialect for row in target.serves] == ["dialect.openai_chat", "dialect.anthropic_messages"]
    target = one(f"provider: Custom, baseURL: 'http://127.0.0.1:8000/v1', custom: {{{formats}}}")
    assert (target.endpoint, target.base_path) == (Endpoint(host="127.0.0.1", port=8000), "/v1")


def test_a_base_url_may_lead_to_this_machine() -> None:
    target = one("provider: Ollama, baseURL: 'http://localhost:11434/v1'")
    assert (target.endpoint, target.base_path) == (Endpoint(host="localhost", port=11434), "/v1")


def test_the_clouds_of_the_environment() -> None:
    env = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    target = one("provider: Bedrock, bedrock: {region: eu-west-1}", env=env)
    assert target.cloud == AwsKeys(access_key_id="a", secret_access_key=Secret("s"), region="eu-west-1")
    keyed = one("provider: Bedrock, bedrock: {}, policies: {auth: {key: k}}", env=env)
    assert (keyed.cloud, keyed.credential) == (None, Secret("k"))


def test_policies_of_a_model() -> None:
    target = one(
        "provider: OpenAI, baseURL: 'https://h/v1', policies: {auth: {secretRef: {name: s}, location: {header: "
        "{name: X-Key, prefix: 'K '}}}, tls: {sni: name, insecureSkipVerify: All}}",
        secret(string_data="{Authorization: v}"),
    )
    assert (target.credential, target.placement) == (Secret("v"), HeaderPlacement("x-key", "K "))
    assert target.endpoint.tls == Tls(server_name="name", verify=False)
    assert one("provider: OpenAI, policies: {auth: {passthrough: {}}}").passthrough


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("match: {model: x}", "spec: expected exactly one of `provider`, `virtualModel`"),
        ("provider: OpnAI", "spec.provider: unknown value `OpnAI` (did you mean `OpenAI`?)"),
        ("provider: Ollama", "the provider Ollama needs `baseURL`"),
        ("provider: OpenAI, azure: {resourceName: r, resourceType: OpenAI}", "`azure` must be set if and only if"),
        ("provider: Bedrock", "`bedrock` must be set if and only if `provider` is Bedrock"),
        ("provider: Custom, custom: {formats: [{type: Completions}]}", "needs either `custom.backendRef` or `baseURL`"),
        ("provider: OpenAI, baseURL: 'ftp://x'", "a base URL begins with `http://` or `https://` and a host"),
        ("provider: OpenAI, baseURL: 'http://u:p@x'", "a base URL holds no credentials"),
        ("provider: OpenAI, match: {model: 'a*b'}", "spec.match.model"),
        ("provider: OpenAI, policies: {}", "expected at least one policy"),
        ("provider: OpenAI, policies: {transformations: [{field: a}]}", "the field `expression` is missing"),
        (
            "virtualModel: {weighted: {targets: []}}",
            "weighted.targets: expected a list of length >= 1",
        ),
        ("virtualModel: {}", "expected exactly one of `weighted`, `failover`, `conditional`"),
        ("virtualModel: {weighted: {targets: [{modelRef: {name: ant}, weight: 0}]}}", "targets[0].weight"),
        (
            "virtualModel: {weighted: {targets: [{modelRef: {name: oai}}]}}",
            "`model` is needed: oai stands for every",
        ),
        (
            "virtualModel: {weighted: {targets: [{modelRef: {name: oai}, model: gpt}]}}",
            "spec.virtualModel.weighted.targets[0].model: oai stands for no such model",
        ),
        (
            "virtualModel: {conditional: {targets: [{modelRef: {name: ant}}, {modelRef: {name: ant}, when: 'true'}]}}",
            "only the last target may have no `when`",
        ),
        (
            "virtualModel: {conditional: {targets: [{modelRef: {name: ant}, when: 'x +'}]}}",
            "spec.virtualModel.conditional.targets[0].when: not a CEL expression",
        ),
        (
            "visibility: Internal, virtualModel: {weighted: {targets: [{modelRef: {name: ant}}]}}",
            "a virtual model must be Public",
        ),
        (
            "match: {model: 'v*'}, virtualModel: {weighted: {targets: [{modelRef: {name: ant}}]}}",
            "the `match.model` of a virtual model must be an exact name",
        ),
        (
            "policies: {auth: {key: k}}, virtualModel: {weighted: {targets: [{modelRef: {name: ant}}]}}",
            "`policies` and `baseURL` do not go with `virtualModel`",
        ),
    ],
)
def test_what_is_wrong_is_told(spec: str, words: str) -> None:
    (line,) = refusal(*CONCRETE, model(spec))
    assert words in line


@pytest.mark.parametrize("kind", ["HTTPRoute", "ListenerSet"])
def test_other_parents_are_refused(kind: str) -> None:
    (line,) = refusal(model("provider: OpenAI", parents=f"{{name: x, kind: {kind}}}"))
    assert f"spec.parentRefs[0]: a parent of kind {kind} is not implemented" in line


def test_a_provider_without_a_row_is_refused() -> None:
    with pytest.raises(ConfigError, match="provider Groq is not served by this version"):
        load([Source("a.yaml", model("provider: Groq"))], {}, Registry([OPENAI, FAKE]))
