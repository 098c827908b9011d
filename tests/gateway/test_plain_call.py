"""Embeddings, rerank and token counts through the gateway to each kind of provider, over real sockets."""

import asyncio
import base64
import struct
from collections.abc import Mapping

import msgspec
import pytest

from sluice.config.plan import AiBackend, Plan
from sluice.config.targets import TargetSpec, make_target
from sluice.policies.ai import AiPolicy, RouteType
from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.azure import AZURE
from sluice.providers.bedrock import BEDROCK
from sluice.providers.credential import AwsKeys, Secret
from sluice.providers.custom import CUSTOM, formats
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.presets import COHERE, PRESETS
from sluice.providers.provider import Provider
from sluice.providers.vertexai import VERTEXAI
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from sluice.testing.fake_vectors import vector
from tests.support.http_answer import Answer, error_of
from tests.support.plans import KEY, here, plan, route
from tests.support.raw_client import request
from tests.support.serving import Serving
from tests.support.world import World

TEXTS = ["the cat sat", "a dog ran far", "the cat sat"]
ASK = {"model": "m", "input": TEXTS}
RERANK = {"model": "m", "query": "red fox", "documents": ["a blue whale", "a red fox", "the fox"], "top_n": 2}
MESSAGES = {"model": "m", "messages": [{"role": "user", "content": "How many tokens are in this sentence?"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "How many tokens are in this sentence?"}]}]}
VERTEX = {"project": "p", "region": "us-central1"}
AWS = AwsKeys(access_key_id="AKIDEXAMPLE", secret_access_key=Secret("x" * 40), region="us-east-1")


def to(
    provider: Provider,
    port: int,
    *,
    variables: Mapping[str, str] | None = None,
    model: str = "",
    ai: AiPolicy = AiPolicy(),  # noqa: B008 - frozen
    aws: bool = False,
    spec: TargetSpec | None = None,
) -> Plan:
    """A plan that sends everything to one target of a provider, played by the fake one."""
    whole = spec or TargetSpec(
        name="t",
        provider=provider,
        endpoint=here(port),
        model=model,
        variables=variables or {},
        credential=None if aws else Secret(KEY),
        cloud=AWS if aws else None,
        ai=ai,
    )
    return plan(route("/", AiBackend(name="test/t", groups=((make_target(whole),),))))


async def asked(world: World, whole: Plan, path: str, body: object, *headers: str) -> tuple[Answer, Serving]:
    serving = await world.gateway(whole)
    client = await world.client(serving)
    return await client.ask(request(msgspec.json.encode(body), path=path, headers=headers)), serving


class _Embedding(msgspec.Struct):
    index: int
    embedding: list[float] | str
    object: str


class _Usage(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class _Embeddings(msgspec.Struct):
    object: str
    data: list[_Embedding]
    model: str
    usage: _Usage


def embeddings_of(answer: Answer) -> _Embeddings:
    assert answer.status == 200, answer.body
    assert answer.header("content-type").startswith("application/json")
    found = msgspec.json.decode(answer.body, type=_Embeddings)
    assert (found.object, {row.object for row in found.data}) == ("list", {"embedding"})
    assert [row.index for row in found.data] == list(range(len(found.data)))
    return found


# -- embeddings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "variables", "path"),
    [
        (OPENAI, {}, "/v1/embeddings"),
        (AZURE, {"resource": "r"}, "/openai/v1/embeddings"),
        (AZURE, {"resource": "r", "api_version": "2024-10-21"}, "/openai/deployments/real/embeddings"),
        (GEMINI, {}, "/v1beta/openai/embeddings"),
        (COHERE, {}, "/compatibility/v1/embeddings"),
        *((row, {}, f"{row.base_path}/embeddings") for row in PRESETS if row is not COHERE),
    ],
)
async def test_openais_embeddings_cross_with_the_models_name_changed(
    world: World, provider: Provider, variables: dict[str, str], path: str
) -> None:
    fake = await world.fake(Options(key=KEY))
    policy = AiPolicy(aliases=(("m", "real"),), defaults=(("user", msgspec.Raw(b'"u"')),))
    body = ASK | {"dimensions": 8, "novelty": [1.0]}
    whole = to(provider, fake.port, variables=variables, ai=policy)
    answer, serving = await asked(world, whole, "/v1/embeddings", body)
    found = embeddings_of(answer)
    assert [row.embedding for row in found.data] == [vector(text, 8) for text in TEXTS]
    assert fake.requests[-1].path == path
    assert msgspec.json.decode(fake.requests[-1].body) == body | {"model": "real", "user": "u"}
    record = await serving.record()
    assert (record.operation, record.request_model, record.response_model) == ("embeddings", "m", "real")
    assert record.usage is not None
    assert record.usage.input_tokens == found.usage.prompt_tokens > 0


TITAN, NOVA = "amazon.titan-embed-text-v2:0", "amazon.nova-2-multimodal-embeddings-v1:0"
CLOUDS = [
    (VERTEXAI, VERTEX, "text-embedding-005", 1, True),
    (VERTEXAI, VERTEX, "google/gemini-embedding-001", 3, True),
    (BEDROCK, {}, TITAN, 3, True),
    (BEDROCK, {}, "cohere.embed-v4:0", 1, False),
    (BEDROCK, {}, NOVA, 3, False),
]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("provider", "variables", "model", "requests", "counts"), CLOUDS)
async def test_embeddings_of_clouds_are_openais(
    world: World,
    provider: Provider,
    variables: dict[str, str],
    model: str,
    requests: int,
    counts: bool,
    packed: bool,
) -> None:
    fake = await world.fake(Options(key=KEY))
    body = ASK | {"dimensions": 256, "encoding_format": "base64" if packed else "float"}
    answer, serving = await asked(
        world, to(provider, fake.port, variables=variables, model=model), "/v1/embeddings", body
    )
    found = embeddings_of(answer)
    rows = [_unpacked(row.embedding) if isinstance(row.embedding, str) else row.embedding for row in found.data]
    assert {isinstance(row.embedding, str) for row in found.data} == {packed}
    assert rows == [pytest.approx(vector(text, 256), abs=1e-6) for text in TEXTS]
    assert len(fake.requests) == requests
    assert found.model == model.removeprefix("google/")
    record = await serving.record()
    assert (record.operation, record.request_model, record.response_model) == ("embeddings", "m", found.model)
    assert (record.usage is not None, found.usage.prompt_tokens > 0) == (counts, counts)
    assert record.stream.bytes_to_client == len(answer.body)


def _unpacked(text: str) -> list[float]:
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


async def test_many_texts_for_a_provider_that_takes_one_are_signed_and_sent_side_by_side(world: World) -> None:
    fake = await world.fake(Options(key=KEY, remember=1000))
    texts = [f"text number {number}" for number in range(100)]
    answer, serving = await asked(
        world, to(BEDROCK, fake.port, model=TITAN, aws=True), "/v1/embeddings", {"model": "m", "input": texts}
    )
    assert [row.embedding for row in embeddings_of(answer).data] == [vector(text) for text in texts]
    assert len({asked.header(b"authorization") for asked in fake.requests}) > 1  # each body has a signature of its own
    assert 1 < serving.pool.opened <= 8 if hasattr(serving.pool, "opened") else True
    record = await serving.record()
    assert (record.outcome, record.attempts) == ("completed", 1)


async def test_one_refused_text_of_many_is_the_answer(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    body = b'{"message":"Malformed input request, please reformat your input and try again."}'
    fake.answer_with(status=400, body=body)
    answer, serving = await asked(world, to(BEDROCK, fake.port, model=TITAN), "/v1/embeddings", ASK)
    assert answer.status == 400
    assert error_of(answer).message == "Malformed input request, please reformat your input and try again."
    assert (await serving.record()).outcome == "upstream_error"


async def test_one_of_many_that_breaks_off_is_no_answer(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    fake.cut_after(10, times=1)
    answer, serving = await asked(world, to(BEDROCK, fake.port, model=TITAN), "/v1/embeddings", ASK)
    assert answer.status == 502
    assert (await serving.record()).outcome == "upstream_truncated"


async def test_a_client_that_leaves_ends_all_of_its_requests(world: World) -> None:
    silent = await world.upstream(_never)
    serving = await world.gateway(to(BEDROCK, silent.port, model=TITAN))
    client = await world.client(serving)
    client.writer.write(request(msgspec.json.encode(ASK), path="/v1/embeddings"))
    async with asyncio.timeout(5):
        while len(silent.requests) < 3:  # noqa: ASYNC110 - the raw upstream has no event for it
            await asyncio.sleep(0.002)
    client.writer.transport.abort()
    assert (await serving.record()).outcome == "client_gone"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (ASK | {"input": [[1, 2], [3]]}, "input"),
        (ASK | {"input": []}, "input"),
        (ASK | {"input": ["a", ""]}, "input"),
        (ASK | {"input_type": "poetry"}, "input_type"),
        (ASK | {"truncate": "END"}, "truncate"),
        (ASK | {"dimensions": "many"}, "dimensions"),
    ],
)
async def test_what_a_cloud_cannot_be_asked_is_named(world: World, body: dict[str, object], param: str) -> None:
    fake = await world.fake(Options(key=KEY))
    answer, serving = await asked(world, to(BEDROCK, fake.port, model=TITAN), "/v1/embeddings", body)
    assert (answer.status, error_of(answer).param) == (400, param)
    assert (await serving.record()).outcome == "rejected"
    assert not fake.requests


async def test_an_answer_that_is_none_is_a_502(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    fake.answer_with(body=b'{"predictions":[]}')
    whole = to(VERTEXAI, fake.port, variables=VERTEX, model="text-embedding-005")
    answer, _ = await asked(world, whole, "/v1/embeddings", ASK)
    assert (answer.status, "0 vectors" in error_of(answer).message) == (502, True)


# -- rerank -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
@pytest.mark.parametrize(
    ("provider", "variables", "model", "there"),
    [
        (COHERE, {}, "rerank-v3.5", "/v2/rerank"),
        (OPENAI, {}, "some-reranker", "/v1/rerank"),
        (BEDROCK, {}, "cohere.rerank-v3-5:0", "/rerank"),
        (
            VERTEXAI,
            VERTEX,
            "semantic-ranker-default@latest",
            "/v1/projects/p/locations/global/rankingConfigs/default_ranking_config:rank",
        ),
    ],
)
async def test_rerank_is_coheres_whoever_ranks(
    world: World, provider: Provider, variables: dict[str, str], model: str, there: str, path: str
) -> None:
    fake = await world.fake(Options(key=KEY))
    answer, serving = await asked(world, to(provider, fake.port, variables=variables, model=model), path, RERANK)
    assert answer.status == 200, answer.body
    results = msgspec.json.decode(answer.body)["results"]
    assert [row["index"] for row in results] == [1, 2]
    assert all(set(row) == {"index", "relevance_score"} for row in results)
    assert fake.requests[-1].path == there
    record = await serving.record()
    assert (record.operation, record.request_model) == ("rerank", "m")


async def test_a_refusal_of_rerank_is_in_coheres_shape(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    whole = to(BEDROCK, fake.port, model="cohere.rerank-v3-5:0")
    answer, _ = await asked(world, whole, "/v2/rerank", {"model": "m", "documents": ["a"]})
    assert (answer.status, answer.json()) == (400, {"message": "Missing required parameter: 'query'."})
    fake.answer_with(status=429, body=b'{"message":"Too many requests"}')
    answer, _ = await asked(world, whole, "/v2/rerank", RERANK)
    assert (answer.status, answer.json()) == (429, {"message": "Too many requests"})


# -- token counts -----------------------------------------------------------------------------------------------------

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
COUNT = [("Anthropic-Version: 2023-06-01", "/v1/messages/count_tokens", MESSAGES, "input_tokens")]
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
    fake = await world.fake(Options(key=KEY))
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


async def test_a_custom_provider_counts_if_its_formats_say_so(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    for said, estimated in [("anthropicTokenCount", ""), ("embeddings", "true")]:
        serves, paths = formats([("messages", ""), (said, "")])
        spec = TargetSpec(name="c", provider=CUSTOM, endpoint=here(fake.port), formats=serves, paths=paths)
        spec = msgspec.structs.replace(spec, credential=Secret(KEY), placement=ANTHROPIC.placement)
        answer, _ = await asked(
            world, to(CUSTOM, 0, spec=spec), "/v1/messages/count_tokens", MESSAGES, "anthropic-version: 2023-06-01"
        )
        assert (answer.status, answer.header("x-sluice-estimated")) == (200 if estimated else answer.status, estimated)
        assert len(fake.requests) == 1


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


# -- what is not known ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [False, True])
async def test_a_detected_answer_crosses_and_its_usage_is_read(
    world: World, fake_detect: FakeProvider, streams: bool
) -> None:
    usage = b'{"model":"img-1","usage":{"input_tokens":7,"output_tokens":9,"input_tokens_details":{"cached_tokens":3}}}'
    body = b"event: x\ndata: %b\n\ndata: [DONE]\n\n" % usage if streams else usage
    kind = "text/event-stream" if streams else "application/json"
    fake_detect.answer_with(body=body, content_type=kind)
    policy = AiPolicy(routes=(("/images/generations", "detect"),), overrides=(("model", msgspec.Raw(b'"other"')),))
    asks = {"model": "img", "prompt": "p"}
    answer, serving = await asked(world, to(OPENAI, fake_detect.port, ai=policy), "/v1/images/generations", asks)
    assert (answer.status, answer.body) == (200, body)
    assert msgspec.json.decode(fake_detect.requests[-1].body) == asks
    record = await serving.record()
    assert (record.request_model, record.response_model) == ("img", "img-1")
    assert record.usage is not None
    assert (record.usage.input_tokens, record.usage.output_tokens, record.usage.cache_read_tokens) == (7, 9, 3)


@pytest.fixture
async def fake_detect(world: World) -> FakeProvider:
    return await world.fake(Options(key=KEY))


def test_every_named_operation_is_a_route_type() -> None:
    from sluice.gateway.plain_call import OPERATION_NAMES

    named: set[RouteType] = {"embeddings", "rerank", "messages_token_count", "content_token_count"}
    assert set(OPERATION_NAMES) == named
