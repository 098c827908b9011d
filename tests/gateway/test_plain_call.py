"""Embeddings, rerank and what nobody knows, through the gateway to each kind of provider, over real sockets."""

import base64
import struct

import msgspec
import pytest

from sluice.config.plan import Limits
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.providers.azure import AZURE
from sluice.providers.bedrock import BEDROCK
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.presets import COHERE, PRESETS
from sluice.providers.provider import Provider
from sluice.providers.vertexai import VERTEXAI
from sluice.testing.fake_desk import Options
from sluice.testing.fake_vectors import vector
from tests.gateway.plain_calls import VERTEX, asked, to
from tests.support.http_answer import Answer, error_of
from tests.support.plans import KEY
from tests.support.raw_client import request
from tests.support.raw_upstream import Call
from tests.support.waiting import until
from tests.support.world import World

TEXTS = ["the cat sat", "a dog ran far", "the cat sat"]
ASK = {"model": "m", "input": TEXTS}
RERANK = {"model": "m", "query": "red fox", "documents": ["a blue whale", "a red fox", "the fox"], "top_n": 2}


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
    fake = await world.fake()
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
    fake = await world.fake(Options(remember=1000))
    texts = [f"text number {number}" for number in range(100)]
    body = {"model": "m", "input": texts}
    answer, serving = await asked(world, to(BEDROCK, fake.port, model=TITAN, aws=True), "/v1/embeddings", body)
    assert [row.embedding for row in embeddings_of(answer).data] == [vector(text) for text in texts]
    signatures = {request.header(b"authorization") for request in fake.requests}
    assert len(signatures) == len(fake.requests) == 100
    assert 1 < serving.pool.open_connections <= 8
    record = await serving.record()
    assert (record.outcome, record.attempts) == ("completed", 1)
    assert record.added_s < record.duration_s


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


async def _silent(call: Call) -> None:
    await call.request()
    await call.gone()


async def _stalls(call: Call) -> None:
    await call.request()
    call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{")
    await call.gone()


async def test_a_client_that_leaves_ends_all_of_its_requests(world: World) -> None:
    upstream = await world.upstream(_silent)
    serving = await world.gateway(to(BEDROCK, upstream.port, model=TITAN))
    client = await world.client(serving)
    client.writer.write(request(msgspec.json.encode(ASK), path="/v1/embeddings"))
    await until(lambda: len(upstream.asked) == len(TEXTS))
    client.writer.transport.abort()
    assert (await serving.record()).outcome == "client_gone"
    await until(lambda: upstream.open_connections == 0)


@pytest.mark.parametrize(("clock", "code"), [("total_s", "timeout_total"), ("idle_s", "timeout_idle")])
async def test_the_clocks_run_for_each_of_its_requests(world: World, clock: str, code: str) -> None:
    upstream = await world.upstream(_stalls)
    whole = to(BEDROCK, upstream.port, model=TITAN, deadlines=Deadlines(**{clock: 0.08}))
    answer, serving = await asked(world, whole, "/v1/embeddings", ASK)
    assert (answer.status, error_of(answer).code) == (504, code)
    assert (await serving.record()).outcome == "timeout"
    await until(lambda: upstream.open_connections == 0)


async def test_answers_that_are_too_long_together_are_a_502(world: World) -> None:
    fake = await world.fake(Options(key=KEY))
    whole = to(BEDROCK, fake.port, model=TITAN)
    tight = msgspec.structs.replace(whole, limits=Limits(max_body_bytes=1500))
    answer, serving = await asked(world, tight, "/v1/embeddings", ASK | {"dimensions": 256})
    assert (answer.status, error_of(answer).message) == (502, "the provider's answer is too large")
    assert (await serving.record()).outcome == "upstream_error"


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


# -- what is not known ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [False, True])
async def test_a_detected_answer_crosses_and_its_usage_is_read(world: World, streams: bool) -> None:
    fake = await world.fake()
    usage = b'{"model":"img-1","usage":{"input_tokens":7,"output_tokens":9,"input_tokens_details":{"cached_tokens":3}}}'
    body = b"event: x\ndata: %b\n\ndata: [DONE]\n\n" % usage if streams else usage
    kind = "text/event-stream" if streams else "application/json"
    fake.answer_with(body=body, content_type=kind)
    policy = AiPolicy(routes=(("/images/generations", "detect"),), overrides=(("model", msgspec.Raw(b'"other"')),))
    asks = {"model": "img", "prompt": "p"}
    answer, serving = await asked(world, to(OPENAI, fake.port, ai=policy), "/v1/images/generations", asks)
    assert (answer.status, answer.body) == (200, body)
    assert msgspec.json.decode(fake.requests[-1].body) == asks
    record = await serving.record()
    assert (record.request_model, record.response_model) == ("img", "img-1")
    assert record.usage is not None
    assert (record.usage.input_tokens, record.usage.output_tokens, record.usage.cache_read_tokens) == (7, 9, 3)
