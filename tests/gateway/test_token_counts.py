"""Token counts through the gateway: by the provider where it can, else an estimate that says so."""

import msgspec
import pytest

from sluice.config.targets import TargetSpec
from sluice.policies.ai import AiPolicy
from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.azure import AZURE
from sluice.providers.bedrock import BEDROCK
from sluice.providers.custom import CUSTOM, formats
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.provider import Provider
from sluice.providers.vertexai import VERTEXAI
from sluice.testing.fake_desk import Options
from tests.gateway.plain_calls import VERTEX, asked, to
from tests.support.http_answer import Answer
from tests.support.plans import KEY, here
from tests.support.world import World

MESSAGES = {"model": "m", "messages": [{"role": "user", "content": "How many tokens are in this sentence?"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "How many tokens are in this sentence?"}]}]}
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
GOOGLE = "/v1beta/models/m:countTokens"


@pytest.mark.parametrize(
    ("provider", "variables", "model", "path", "body", "there"),
    [
        (ANTHROPIC, {}, "claude-opus-4-6", "/v1/messages/count_tokens", MESSAGES, "/v1/messages/count_tokens"),
        (
            AZURE,
            {"resource": "r", "resource_type": "Foundry"},
            "claude-opus-4-6",
            "/v1/messages/count_tokens",
            MESSAGES,
            "/anthropic/v1/messages/count_tokens",
        ),
        (
            VERTEXAI,
            VERTEX,
            "claude-sonnet-4-5-20250929",
            "/v1/messages/count_tokens",
            MESSAGES,
            "/v1/projects/p/locations/us-central1/publishers/anthropic/models/count-tokens:rawPredict",
        ),
        (
            BEDROCK,
            {},
            CLAUDE,
            "/v1/messages/count_tokens",
            MESSAGES,
            "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens",
        ),
        (
            BEDROCK,
            {},
            CLAUDE,
            GOOGLE,
            CONTENTS,
            "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens",
        ),
        (GEMINI, {}, "gemini-2.5-pro", GOOGLE, CONTENTS, "/v1beta/models/gemini-2.5-pro:countTokens"),
        (
            VERTEXAI,
            VERTEX,
            "gemini-2.5-pro",
            GOOGLE,
            CONTENTS,
            "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:countTokens",
        ),
    ],
)
async def test_who_can_count_is_asked(
    world: World, provider: Provider, variables: dict[str, str], model: str, path: str, body: object, there: str
) -> None:
    fake = await world.fake()
    whole = to(provider, fake.port, variables=variables, model=model)
    answer, serving = await asked(world, whole, path, body)
    assert answer.status == 200, answer.body
    assert 5 <= _count(answer, path) <= 40
    assert not answer.header("x-sluice-estimated")
    assert fake.requests[-1].path == there
    record = await serving.record()
    assert (record.operation, record.usage, record.outcome) == ("count_tokens", None, "completed")


def _count(answer: Answer, path: str) -> int:
    member = "totalTokens" if path.endswith(":countTokens") else "input_tokens"
    tokens = msgspec.json.decode(answer.body)[member]
    assert isinstance(tokens, int)
    return tokens


@pytest.mark.parametrize(("path", "body"), [("/v1/messages/count_tokens", MESSAGES), (GOOGLE, CONTENTS)])
@pytest.mark.parametrize(
    ("provider", "variables", "model"),
    [(OPENAI, {}, "gpt-5"), (BEDROCK, {}, "amazon.nova-pro-v1:0"), (VERTEXAI, VERTEX, "meta/llama-4")],
)
async def test_where_nobody_counts_the_count_is_an_estimate_and_says_so(
    world: World, provider: Provider, variables: dict[str, str], model: str, path: str, body: object
) -> None:
    fake = await world.fake(Options(key=KEY))
    answer, serving = await asked(world, to(provider, fake.port, variables=variables, model=model), path, body)
    assert answer.status == 200, answer.body
    assert 10 <= _count(answer, path) <= 25
    assert answer.header("x-sluice-estimated") == "true"
    assert answer.header("content-type") == "application/json"
    assert not fake.requests
    record = await serving.record()
    assert (record.operation, record.reason, record.outcome) == ("count_tokens", "DirectResponse", "completed")
    assert (record.usage, record.answer_added_s < 5) == (None, True)


async def test_messages_and_contents_are_estimated_by_each_others_providers(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    for whole, path, body in [
        (to(GEMINI, fake.port, model="gemini-2.5-pro"), "/v1/messages/count_tokens", MESSAGES),
        (to(ANTHROPIC, fake.port, model="claude-opus-4-6"), GOOGLE, CONTENTS),
    ]:
        answer, _ = await asked(world, whole, path, body)
        assert (answer.status, answer.header("x-sluice-estimated")) == (200, "true")
    assert not fake.requests


@pytest.mark.parametrize(("said", "native"), [("anthropicTokenCount", True), ("embeddings", False)])
async def test_a_custom_provider_counts_if_its_formats_say_so(world: World, said: str, native: bool) -> None:
    fake = await world.fake()
    fake.answer_with(body=b'{"input_tokens":4711}')
    serves, paths = formats([("messages", ""), (said, "")])
    spec = TargetSpec(name="c", provider=CUSTOM, endpoint=here(fake.port), formats=serves, paths=paths)
    answer, _ = await asked(world, to(CUSTOM, 0, spec=spec), "/v1/messages/count_tokens", MESSAGES)
    assert answer.status == 200
    assert (_count(answer, "") == 4711) is native
    assert answer.header("x-sluice-estimated") == ("" if native else "true")
    assert [request.path for request in fake.requests] == ["/v1/messages/count_tokens"] * native


async def test_a_provider_of_the_clients_api_may_be_sent_what_nobody_else_understands(world: World) -> None:
    """What only that API has (a tool that the provider runs itself, with members of its own) is estimated too."""
    odd = MESSAGES | {"messages": [{"role": "user", "content": [{"type": "novelty", "text": "one two three"}]}]}
    serves, _ = formats([("messages", "")])
    spec = TargetSpec(name="c", provider=CUSTOM, endpoint=here(1), formats=serves)
    answer, serving = await asked(world, to(CUSTOM, 0, spec=spec), "/v1/messages/count_tokens", odd)
    assert (answer.status, answer.header("x-sluice-estimated")) == (200, "true")
    assert _count(answer, "") > 3
    answer, _ = await asked(world, to(OPENAI, 1, model="gpt-5"), "/v1/messages/count_tokens", odd)
    assert answer.status == 400
    assert (await serving.record()).operation == "count_tokens"


async def test_a_count_holds_what_a_count_may_hold(world: World) -> None:
    """An operator's bound on the output, and messages of theirs: the first is no part of a count, the second is."""
    fake = await world.fake(Options(key=KEY))
    policy = AiPolicy(overrides=(("max_tokens", msgspec.Raw(b"9")),), prepend=(("system", "Be brief."),))
    whole = to(ANTHROPIC, fake.port, model="claude-opus-4-6", ai=policy)
    body = MESSAGES | {"tools": [{"name": "t", "input_schema": {"type": "object"}}]}
    answer, _ = await asked(world, whole, "/v1/messages/count_tokens", body, "anthropic-beta: some-2025-01-01")
    assert answer.status == 200, answer.body
    sent = msgspec.json.decode(fake.requests[-1].body)
    assert set(sent) == {"model", "messages", "tools", "system"}
    assert sent["model"] == "claude-opus-4-6"
    assert fake.requests[-1].header(b"anthropic-beta") == "some-2025-01-01"


async def test_a_count_of_a_whole_request_is_wrapped_for_google(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    flat = CONTENTS | {"systemInstruction": {"parts": [{"text": "Be brief."}]}}
    whole = to(GEMINI, fake.port, model="gemini-2.5-pro")
    for body in (flat, {"generateContentRequest": {"model": "models/m", **flat}}):
        answer, _ = await asked(world, whole, GOOGLE, body)
        assert answer.status == 200, answer.body
        sent = msgspec.json.decode(fake.requests[-1].body)
        assert sent == {"generateContentRequest": {"model": "models/gemini-2.5-pro", **flat}}


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", GOOGLE])
@pytest.mark.parametrize("body", [[], {}, {"messages": 1, "contents": 1}])
async def test_what_cannot_be_counted_is_refused_in_the_clients_shape(world: World, path: str, body: object) -> None:
    fake = await world.fake(Options(key=KEY))
    answer, _ = await asked(world, to(OPENAI, fake.port, model="gpt-5"), path, body)
    assert answer.status == 400
    error = answer.json()["error"]
    assert isinstance(error, dict)
    assert "message" in error
