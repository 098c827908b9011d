"""A configuration of LiteLLM's proxy as the short form: what is carried over, what is said, and that it is served."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from sluice.config.compile import load
from sluice.config.litellm_words import HINTS
from sluice.config.source import Source
from sluice.errors import ConfigError
from sluice.standard import STANDARD
from sluice.testing.fake_provider import Options
from tests.config.litellm_files import DEPLOYMENTS, ONE, llm, made, notes, served
from tests.support.http_answer import Answer
from tests.support.raw_client import request
from tests.support.serving import Serving
from tests.support.world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "litellm"


# -- settings ---------------------------------------------------------------------------------------------------------


def test_settings_of_the_router_and_of_the_module() -> None:
    found = made(
        ONE.replace("PARAMS", "").replace("INFO", "")
        + "router_settings: {num_retries: 3, retry_after: 2, stream_timeout: 20, allowed_fails: 2, cooldown_time: 0.5,"
        " model_group_alias: {gpt-4: m, old: {model: m, hidden: true}}}\n"
        "litellm_settings: {num_retries: 9, request_timeout: 30, json_logs: true}\n"
        "general_settings: {master_key: os.environ/MASTER, global_max_parallel_requests: 50}\n"
    )
    form = yaml.safe_load(found.text)
    assert form["config"] == {"logging": {"format": "json"}}
    assert form["llm"]["policies"] == {
        "apiKey": {"keys": [{"name": "master", "key": "$MASTER"}]},
        "ai": {"modelAliases": {"gpt-4": "m", "old": "m"}},
        "timeouts": {"firstToken": "20s", "request": "30s"},
        "retry": {"attempts": 3, "backoff": "2s"},
        "admission": {"maxConcurrent": 50},
    }
    assert form["llm"]["models"][0]["health"] == {"eviction": {"duration": "1s", "consecutiveFailures": 3}}
    assert notes(found) == []
    assert served(found).admission.max_concurrent == 50


def test_retries_reach_the_last_of_the_fallbacks() -> None:
    found = made(
        DEPLOYMENTS.replace(", A", "").replace(", B", "")
        + "router_settings: {num_retries: 1, fallbacks: [{big: [small]}]}"
    )
    assert llm(found)["policies"]["retry"]["attempts"] == 2  # type: ignore[call-overload]
    assert any("`attempts` is more" in note for note in notes(found))


def test_without_cooldowns_nobody_rests() -> None:
    text = (
        ONE.replace("PARAMS", "").replace("INFO", "") + "router_settings: {disable_cooldowns: true, allowed_fails: 3}"
    )
    assert llm(made(text))["models"][0]["health"] == {"eviction": {"consecutiveFailures": 0}}


def test_everything_else_is_said_with_its_place_and_stands_in_the_head() -> None:
    found = made(
        ONE.replace("PARAMS", "rpm: 6, mock_response: hi").replace("INFO", "mode: chat, base_model: x")
        + "router_settings: {routing_strategy: least-busy, redis_host: r, num_retries: many}\n"
        "litellm_settings: {cache: true, callbacks: [otel]}\n"
        "general_settings: {master_key: os.environ/K, alerting: [slack]}\n"
        "environment_variables: {LANGFUSE_SECRET_KEY: canary-1}\n"
        "guardrails: [{guardrail_name: g}]\n"
    )
    paths = [note.place.path for note in found.notes]
    params, info = "model_list[0].litellm_params.", "model_list[0].model_info."
    assert set(paths) == {
        *(f"{params}rpm", f"{params}mock_response", f"{info}base_model"),
        *("router_settings.routing_strategy", "router_settings.redis_host", "router_settings.num_retries"),
        *("litellm_settings.cache", "litellm_settings.callbacks", "general_settings.alerting"),
        *("environment_variables.LANGFUSE_SECRET_KEY", "guardrails"),
    }
    assert len(paths) == len(set(paths))
    head = found.text.partition("\nllm:")[0]
    assert all(f"\n#   {note}" in head for note in notes(found))
    assert all(re.match(r"config\.yaml:[1-9]\d*: [\w.\[\]]+: \S", note) for note in notes(found))
    assert "canary" not in found.text + "".join(notes(found))


def test_a_hint_names_no_page_that_is_not_there() -> None:
    named = {page for text in HINTS.values() for page in re.findall(r"docs/[\w/-]+\.md", text)}
    assert named
    assert [page for page in sorted(named) if not (EXAMPLE.parents[1] / page).exists()] == []


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_written_is_neither_shown_nor_written() -> None:
    found = made(
        """
model_list:
  - {model_name: gpt-4o, litellm_params: {model: openai/a, api_key: sk-canary-1, extra_headers: {x-token: canary-2}}}
  - {model_name: other, litellm_params: {model: openai/b, api_key: sk-canary-1}}
  - {model_name: gpt 4o, litellm_params: {model: openai/c, api_key: sk-canary-3, api_base: "http://u:canary-4@h.test"}}
  - {model_name: aws, litellm_params: {model: bedrock/x, aws_access_key_id: canary-5, aws_secret_access_key: canary-5}}
general_settings: {master_key: sk-canary-6, database_url: "postgresql://u:canary-7@h/d"}
"""
    )
    assert "canary" not in found.text + "".join(notes(found)) + "".join(found.variables)
    keys = [msgspec.convert(one.get("params"), dict[str, str]).get("apiKey") for one in llm(found)["models"]]
    assert keys == ["$GPT_4O_API_KEY", "$GPT_4O_API_KEY", "$GPT_4O_API_KEY_2", None]
    assert found.variables == ("GPT_4O_API_KEY", "GPT_4O_API_KEY_2", "GPT_4O_X_TOKEN", "LITELLM_MASTER_KEY")
    assert served(found).models


# -- files that cannot be imported ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "config.yaml:1: the section `model_list` is missing (LiteLLM's proxy has one)"),
        ("llm: {}", "config.yaml:1: the section `model_list` is missing (LiteLLM's proxy has one)"),
        ("model_list: [", "config.yaml:1: not valid YAML: did not find expected node content"),
        ("model_list: []", "config.yaml:1: model_list: none of these models can be served"),
        (
            "a: 1\nmodel_list: [{model_name: m, litellm_params: {model: replicate/x}}]",
            (
                "config.yaml:2: model_list: none of these models can be served (left out: no provider here speaks it; "
                "`custom` takes one that speaks a published API)"
            ),
        ),
    ],
)
def test_a_file_that_is_no_use_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "model_list: 7",
        "model_list: [7, {model_name: 7}, {litellm_params: {}}, {model_name: m, litellm_params: [1]}]",
        (
            "model_list: [{model_name: m, litellm_params: {model: 7, weight: -1, order: x}, model_info: 7}]\n"
            "router_settings: 7\nlitellm_settings: [x]\ngeneral_settings: {master_key: {}}\ncredential_list: [7]\n"
            "environment_variables: [7]"
        ),
        (
            "model_list: [{model_name: m, litellm_params: {model: openai/x}}]\n"
            "router_settings: {fallbacks: [7, {m: 7}, {n: [m]}, {m: [{model: x}]}], model_group_alias: {a: 7, 'b*': m}}"
        ),
    ],
)
def test_whatever_stands_there_comes_to_a_refusal_or_to_notes(text: str) -> None:
    try:
        found = made(text)
    except ConfigError:
        return
    assert found.notes
    assert found.models


# -- end to end -------------------------------------------------------------------------------------------------------


def test_the_example_is_what_its_file_comes_to() -> None:
    found = made((EXAMPLE / "config.yaml").read_text(encoding="utf-8"))
    assert (EXAMPLE / "gateway.yaml").read_text(encoding="utf-8") == found.text
    assert [model.pattern for model in served(found).models if model.public] == [
        *("claude", "house", "openai/*", "gpt-4o", "mini")
    ]


async def ask(world: World, serving: Serving, model: str, key: str = "sk-master") -> Answer:
    body = msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "hi"}]})
    client = await world.client(serving)
    return await client.ask(request(body, path="/v1/chat/completions", headers=(f"authorization: Bearer {key}",)))


async def test_what_comes_out_serves_requests_and_asks_the_next_when_one_fails(world: World) -> None:
    fake, shut = await world.fake(Options(key="sk-provider")), await world.fake(Options(key="another"))
    found = made(f"""
model_list:
  - model_name: chat
    litellm_params: {{model: openai/first, api_base: "http://127.0.0.1:{shut.port}/v1", api_key: os.environ/KEY}}
  - model_name: backup
    litellm_params: {{model: anthropic/second, api_base: "http://127.0.0.1:{fake.port}", api_key: sk-provider}}
  - model_name: "mine/*"
    litellm_params: {{model: "openai/*", api_base: "http://127.0.0.1:{fake.port}/v1", api_key: os.environ/KEY}}
router_settings:
  fallbacks: [{{chat: [backup]}}]
  retry_policy: {{}}
  model_group_alias: {{gpt-4: backup}}
general_settings: {{master_key: sk-master}}
""")
    env = {"KEY": "sk-provider", "BACKUP_API_KEY": "sk-provider", "LITELLM_MASTER_KEY": "sk-master"}
    serving = await world.gateway(load([Source("gateway.yaml", found.text)], env, STANDARD))
    answers = {name: await ask(world, serving, name) for name in ("backup", "gpt-4", "mine/third")}
    assert [answer.status for answer in answers.values()] == [200, 200, 200]
    assert [sight.model for sight in fake.sights] == ["second", "second", "third"]
    assert (await ask(world, serving, "chat")).status == 200, "LiteLLM falls back after any failure, a 401 too"
    assert (shut.sights[-1].model, fake.sights[-1].model) == ("first", "second")
    assert (await ask(world, serving, "backup", key="sk-other")).status == 401
    await shut.close()
    assert (await ask(world, serving, "chat")).status == 200
    assert fake.sights[-1].model == "second"


async def test_shares_are_kept_and_a_deployment_that_fails_is_stood_in_for(world: World) -> None:
    first, second = await world.fake(Options()), await world.fake(Options())
    found = made(f"""
model_list:
  - model_name: chat
    litellm_params: {{model: openai/one, api_base: "http://127.0.0.1:{first.port}/v1", api_key: none, weight: 1}}
  - model_name: chat
    litellm_params: {{model: openai/two, api_base: "http://127.0.0.1:{second.port}/v1", api_key: none, weight: 0}}
""")
    serving = await world.gateway(served(found))
    assert [(await ask(world, serving, "chat")).status for _ in range(12)] == [200] * 12
    assert (len(first.sights), len(second.sights)) == (12, 0)
    await first.close()
    assert [(await ask(world, serving, "chat")).status for _ in range(3)] == [200] * 3
    assert len(second.sights) == 3
