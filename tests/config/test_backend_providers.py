"""Backends: every provider key of a manifest, where it leads and what it is signed with."""

import pytest

from sluice.config.plan import AiBackend, Endpoint, Target, Tls
from sluice.policies.ai import AiPolicy
from sluice.providers.credential import AwsKeys, GoogleAccount, Secret
from sluice.providers.provider import path_of, served

from .loading import backend, condition, entries, policy, route, secret, source, target
from .vendors import KEY_FILE, loaded, refused

FORMATS = "formats: [{type: Completions}, {type: Messages, path: /api/messages}, {type: Rerank, path: /r}]"
SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: vllm}\nspec: {ports: [{port: 8000}%s]}\n"
AWS = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
ON_BACKEND = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"


def ai(provider: str, policies: str = "", *more: str, env: dict[str, str] | None = None) -> Target:
    """Return the target of a backend with one provider."""
    tail = f", policies: {policies}" if policies else ""
    return target(loaded(backend(f"{{ai: {{provider: {{{provider}}}}}{tail}}}") + route(), *more, env=env))


def url(found: Target, client: str, model: str) -> str:
    """Return where a chat request goes, and in which dialect."""
    row = served(found.serves or found.provider.serves, f"dialect.{client}", model)
    assert row is not None
    base = found.provider.base_path if found.base_path is None else found.base_path
    path = found.chat_path or path_of(row, model, stream=False, variables=found.variables, base=base)
    return f"{row.dialect.removeprefix('dialect.')} {found.endpoint.label}{path}"


@pytest.mark.parametrize(
    ("provider", "client", "model", "expected"),
    [
        ("anthropic: {}", "openai_chat", "c", "anthropic_messages api.anthropic.com:443/v1/messages"),
        (
            "gemini: {}",
            "openai_chat",
            "gemini-x",
            "gemini generativelanguage.googleapis.com:443/v1beta/models/gemini-x:generateContent",
        ),
        (
            "gemini: {}, host: h, port: 1, path: /v1beta/openai/chat/completions",
            "openai_chat",
            "gemini-x",
            "openai_chat h:1/v1beta/openai/chat/completions",
        ),
        (
            "vertexai: {projectId: p}",
            "openai_chat",
            "google/gemini-x",
            (
                "gemini aiplatform.googleapis.com:443/v1/projects/p/locations/global/publishers/google/models/gemini-x"
                ":generateContent"
            ),
        ),
        (
            "vertexai: {projectId: p, region: us-east5}, host: h, port: 1",
            "openai_chat",
            "claude-x",
            "anthropic_messages h:1/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-x:rawPredict",
        ),
        (
            "bedrock: {region: eu-west-1}",
            "openai_chat",
            "a:0",
            "bedrock_converse bedrock-runtime.eu-west-1.amazonaws.com:443/model/a%3A0/converse",
        ),
        (
            "azure: {resourceName: r, resourceType: OpenAI}",
            "openai_chat",
            "d",
            "openai_chat r.openai.azure.com:443/openai/v1/chat/completions",
        ),
        (
            "azure: {resourceName: r, resourceType: Foundry, projectName: p}",
            "openai_chat",
            "claude-x",
            "anthropic_messages r.services.ai.azure.com:443/anthropic/v1/messages",
        ),
        (
            "azureopenai: {endpoint: my.openai.azure.com, deploymentName: d, apiVersion: 2024-10-21}",
            "openai_chat",
            "d",
            "openai_chat my.openai.azure.com:443/openai/deployments/d/chat/completions",
        ),
        (
            "azureopenai: {endpoint: 'https://my.openai.azure.com/', deploymentName: d}",
            "openai_chat",
            "d",
            "openai_chat my.openai.azure.com:443/openai/v1/chat/completions",
        ),
        (
            "azureopenai: {endpoint: my.openai.azure.com}, host: h, port: 1",
            "openai_chat",
            "d",
            "openai_chat h:1/openai/v1/chat/completions",
        ),
        (f"custom: {{{FORMATS}}}, host: h, port: 1", "openai_chat", "m", "openai_chat h:1/v1/chat/completions"),
        (f"custom: {{{FORMATS}}}, host: h, port: 1", "gemini", "m", "openai_chat h:1/v1/chat/completions"),
        (
            f"custom: {{{FORMATS}}}, host: h, port: 1, pathPrefix: /x",
            "anthropic_messages",
            "m",
            "anthropic_messages h:1/api/messages",
        ),
        (
            f"custom: {{{FORMATS}}}, host: h, port: 1, pathPrefix: /x",
            "openai_chat",
            "m",
            "openai_chat h:1/x/chat/completions",
        ),
    ],
)
def test_every_key_leads_somewhere(provider: str, client: str, model: str, expected: str) -> None:
    assert url(ai(provider), client, model) == expected


def test_models_of_the_keys() -> None:
    found = ai("azureopenai: {endpoint: e, deploymentName: dep}")
    assert found.model == "dep"
    assert ai("vertexai: {projectId: p, model: google/gemini-x}").model == "google/gemini-x"
    assert ai(f"custom: {{model: m, {FORMATS}}}, host: h, port: 1").model == "m"


def test_a_guardrail_of_bedrock_goes_into_every_body() -> None:
    found = ai("bedrock: {guardrail: {identifier: g, version: '3'}}")
    assert (found.variables["guardrail"], found.variables["guardrail_version"]) == ("g", "3")
    assert {row.quirk for row in found.provider.serves} == {"bedrock_guardrail"}
    assert {row.quirk for row in ai("bedrock: {}").provider.serves} == {""}


def test_a_custom_provider_is_where_its_service_is() -> None:
    found = ai(f"custom: {{{FORMATS}, backendRef: {{name: vllm}}}}", "", SERVICE % "")
    assert found.endpoint == Endpoint(host="vllm", port=8000)
    assert found.provider.paths == {"rerank": "//r"}
    secure = ai(f"custom: {{{FORMATS}, backendRef: {{name: vllm, port: 8000}}}}", "{tls: {sni: s}}", SERVICE % "")
    assert secure.endpoint == Endpoint(host="vllm", port=8000, tls=Tls(server_name="s"))


@pytest.mark.parametrize(
    ("reference", "more", "message"),
    [
        ("{name: vllm}", "", "Service default/vllm not found"),
        ("{name: vllm}", SERVICE % ", {port: 9000}", "the `backendRef` to Service default/vllm needs a `port`"),
        ("{name: vllm, port: 1}", SERVICE % "", "Service default/vllm has no port 1"),
        ("{name: vllm, kind: InferencePool}", "", "a `backendRef` of kind InferencePool is not implemented"),
    ],
)
def test_a_service_that_is_not_there_makes_the_backend_unusable(reference: str, more: str, message: str) -> None:
    spec = f"{{ai: {{provider: {{custom: {{{FORMATS}, backendRef: {reference}}}}}}}}}"
    plan = loaded(backend(spec) + route() + more)
    found = condition(plan, "AgentgatewayBackend", "default/llm", "Accepted")
    assert found.message.startswith(message)
    assert entries(plan)[0].rule.backends[0].backend is None


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("vertexai: {}", "the field `projectId` is missing"),
        ("azure: {resourceName: r, resourceType: Foundry}", "a resource of type Foundry needs `projectName`"),
        ("azure: {resourceName: 'r.evil.org/', resourceType: OpenAI}", "resourceName"),
        ("azureopenai: {endpoint: 'u@h/x'}", "endpoint"),
        ("bedrock: {region: 'a.b'}", "region"),
        ("bedrock: {guardrail: {identifier: g}}", "the field `version` is missing"),
        (f"custom: {{{FORMATS}}}", "a custom provider needs either `backendRef` or `host` and `port`"),
        (
            f"custom: {{{FORMATS}, backendRef: {{name: s}}}}, host: h, port: 1",
            "a custom provider needs either `backendRef` or `host` and `port`",
        ),
        (f"custom: {{{FORMATS}}}, host: h, port: 1, path: /x", "`path` and the paths of `formats` exclude each other"),
        ("custom: {formats: [{type: Rerank}, {type: Rerank}]}, host: h, port: 1", "two formats have the same type"),
        ("custom: {formats: [{type: Rerank}]}, host: h, port: 1", "which formats the provider speaks"),
        ("gemini: {}, pathPrefix: /x", "`pathPrefix` needs `host`"),
    ],
)
def test_what_is_wrong_is_named(provider: str, words: str) -> None:
    (line,) = refused(backend(f"{{ai: {{provider: {{{provider}}}}}}}"))
    assert line.startswith("a.yaml:5: spec.ai.provider")
    assert words in line


def test_bedrock_takes_the_keys_of_the_environment_unless_it_is_told_otherwise() -> None:
    keys = AwsKeys(access_key_id="A", secret_access_key=Secret("s"), region="eu-west-1")
    assert ai("bedrock: {region: eu-west-1}", env=AWS).cloud == keys
    assert ai("bedrock: {region: eu-west-1}", "{auth: {aws: {}}}", env=AWS).cloud == keys
    bearer = ai("bedrock: {}", env={**AWS, "AWS_BEARER_TOKEN_BEDROCK": "b"})
    assert (bearer.credential, bearer.cloud) == (Secret("b"), None)
    own = ai("bedrock: {}", "{auth: {key: k}}", env=AWS)
    assert (own.credential, own.cloud) == (Secret("k"), None)
    through = ai("bedrock: {}", "{auth: {passthrough: {}}}", env=AWS)
    assert (through.passthrough, through.cloud) == (True, None)


def test_without_any_credential_a_cloud_is_asked_all_the_same_and_a_note_says_so() -> None:
    plan = loaded(backend("{ai: {provider: {bedrock: {}}}}") + route())
    assert target(plan).cloud is None
    assert plan.notes[-1] == (
        "AgentgatewayBackend default/llm has no credential and AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID is not "
        "set: llm is asked without one."
    )


def test_keys_of_aws_from_a_secret() -> None:
    text = secret(string_data="{accessKey: A, secretKey: s, sessionToken: t}")
    found = ai("bedrock: {region: eu-west-1}", "{auth: {aws: {secretRef: {name: s}, region: us-west-2}}}", text)
    assert found.cloud == AwsKeys(
        access_key_id="A", secret_access_key=Secret("s"), session_token=Secret("t"), region="us-west-2"
    )
    short = ai(
        "bedrock: {region: eu-west-1}",
        "{auth: {aws: {secretRef: {name: s}, serviceName: other}}}",
        secret(string_data="{accessKey: A, secretKey: s}"),
    )
    assert short.cloud == AwsKeys(access_key_id="A", secret_access_key=Secret("s"), region="eu-west-1", service="other")


@pytest.mark.parametrize(
    ("auth", "data", "message"),
    [
        ("aws: {secretRef: {name: s}}", "{accessKey: A}", "Secret default/s has no text under the key `secretKey`"),
        ("aws: {secretRef: {name: s}}", "{accessKey: A, secretKey: ''}", "the keys of Secret default/s are empty"),
        ("gcp: {secretRef: {name: s}}", "{x: y}", "Secret default/s has no text under the key `Authorization`"),
        ("gcp: {secretRef: {name: s, key: x}}", "{x: canary}", "expected the JSON key file of a service account"),
    ],
)
def test_a_secret_that_holds_something_else(auth: str, data: str, message: str) -> None:
    spec = f"{{ai: {{provider: {{bedrock: {{}}}}}}, policies: {{auth: {{{auth}}}}}}}"
    plan = loaded(backend(spec) + route(), secret(string_data=data))
    found = condition(plan, "AgentgatewayBackend", "default/llm", "Accepted")
    assert (found.status, found.message.startswith(message)) == (False, True)
    assert "canary" not in found.message


@pytest.mark.parametrize("key", ["credentials.json", "key.json", "Authorization"])
def test_a_service_account_from_a_secret(key: str) -> None:
    text = secret(string_data=f"{{{key}: '{KEY_FILE}'}}")
    found = ai("vertexai: {projectId: p}", "{auth: {gcp: {secretRef: {name: s}}}}", text)
    assert found.cloud == GoogleAccount(info=Secret(KEY_FILE))


def test_a_service_account_or_a_token_of_vertex() -> None:
    env = {"GOOGLE_APPLICATION_CREDENTIALS_JSON": KEY_FILE}
    assert ai("vertexai: {projectId: p}", env=env).cloud == GoogleAccount(info=Secret(KEY_FILE))
    assert ai("vertexai: {projectId: p}", "{auth: {gcp: {}}}", env=env).cloud == GoogleAccount(info=Secret(KEY_FILE))
    token = secret(string_data="{Authorization: 'Bearer ya29.x'}")
    found = ai("vertexai: {projectId: p}", "{auth: {secretRef: {name: s}}}", token, env=env)
    assert (found.credential, found.cloud) == (Secret("Bearer ya29.x"), None)
    broken = loaded(
        backend("{ai: {provider: {vertexai: {projectId: p}}}}") + route(),
        env={"GOOGLE_APPLICATION_CREDENTIALS_JSON": "canary"},
    )
    found_condition = condition(broken, "AgentgatewayBackend", "default/llm", "Accepted")
    assert (found_condition.status, "canary" in found_condition.message) == (False, False)


def test_what_is_said_of_ai_goes_to_the_target_and_to_the_backend() -> None:
    spec = """{ai: {groups: [{providers: [
      {name: a, anthropic: {}, policies: {ai: {modelAliases: {x: own}}}}, {name: b, gemini: {}}]}]},
      policies: {ai: {modelAliases: {x: shared}, overrides: [{field: n, value: 1}]}}}"""
    other = policy(f"{{{ON_BACKEND}, backend: {{ai: {{modelAliases: {{x: late}}}}}}}}")
    found = entries(loaded(backend(spec) + route(), other))[0].rule.backends[0].backend
    assert isinstance(found, AiBackend)
    ((a, b),) = found.groups
    assert (a.ai.aliases, b.ai.aliases) == ((("x", "own"),), (("x", "shared"),))
    assert [name for name, _ in a.ai.overrides] == ["n"]
    assert found.ai == AiPolicy(aliases=(("x", "late"),))


def test_the_seeds_load_with_every_provider_there() -> None:
    token = secret("openai-secret", string_data="{Authorization: 'Bearer sk'}", namespace="agentgateway-system")
    found = target(loaded(source("seed-000-openai.yaml").text, token))
    assert (found.provider.key, found.credential) == ("openai", Secret("Bearer sk"))
    assert loaded(source("seed-001-gemini-policy.yaml").text).notes
