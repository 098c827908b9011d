"""Models by other names, over sockets: aliases, weights, conditions, fail-over, and who is told what is there."""

import asyncio
from collections import Counter

import msgspec

from sluice.config.compile import load
from sluice.config.rewire import with_fake_at
from sluice.config.source import Source
from sluice.standard import STANDARD
from tests.support.http_answer import Answer
from tests.support.raw_client import get, request
from tests.support.serving import Serving
from tests.support.world import World

MODELS = """
llm:
  models:
    - {name: cheap, provider: fake, params: {model: fake-cheap}}
    - {name: dear, provider: fake, params: {model: fake-dear}}
    - {name: hidden, provider: fake, visibility: internal}
  virtualModels:
    - name: smart
      routing:
        conditional:
          targets:
            - {model: dear, when: 'request.headers["x-model-tier"] == "premium"'}
            - {model: cheap}
    - name: premium
      routing: {conditional: {targets: [{model: dear, when: '"x-model-tier" in request.headers'}]}}
    - name: mix
      routing: {weighted: {targets: [{model: cheap, weight: 3}, {model: dear, weight: 1}]}}
    - name: safe
      routing: {failover: {targets: [{model: cheap, priority: 0}, {model: dear, priority: 1}]}}
  policies:
    ai:
      modelAliases: {fast: cheap, "old-*": dear}
"""


async def serving_models(world: World) -> Serving:
    fake = await world.fake()
    return await world.gateway(with_fake_at(load([Source("models.yaml", MODELS)], {}, STANDARD), fake.port))


async def ask(world: World, serving: Serving, model: str, *headers: str, path: str = "/v1/chat/completions") -> Answer:
    body = {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
    return await (await world.client(serving)).ask(request(msgspec.json.encode(body), path=path, headers=headers))


def model_of(answer: Answer) -> object:
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body)["model"]


async def test_a_condition_looks_at_the_request(world: World) -> None:
    serving = await serving_models(world)
    assert model_of(await ask(world, serving, "smart")) == "fake-cheap"
    assert model_of(await ask(world, serving, "smart", "x-model-tier: premium")) == "fake-dear"
    assert model_of(await ask(world, serving, "premium", "X-Model-Tier: any")) == "fake-dear"
    assert (await ask(world, serving, "premium")).status == 404


async def test_weights_are_shares(world: World) -> None:
    serving = await serving_models(world)
    dice = iter([0.0, 0.5, 0.74, 0.76] * 40)
    serving.gateway.die = lambda: next(dice)
    seen = Counter([model_of(await ask(world, serving, "mix")) for _ in range(20)])
    assert set(seen) == {"fake-cheap", "fake-dear"}


async def test_aliases_and_failover_name_a_model_of_the_file(world: World) -> None:
    serving = await serving_models(world)
    assert model_of(await ask(world, serving, "fast")) == "fake-cheap"
    assert model_of(await ask(world, serving, "old-7")) == "fake-dear"
    assert model_of(await ask(world, serving, "safe")) == "fake-cheap"
    await asyncio.sleep(0)
    assert [record.request_model for record in serving.heard.records] == ["fast", "old-7", "safe"]


async def test_what_nobody_serves_is_404_in_the_clients_shape(world: World) -> None:
    serving = await serving_models(world)
    for model in ("hidden", "nobody"):
        chat = await ask(world, serving, model)
        assert chat.status == 404
        assert msgspec.json.decode(chat.body)["error"]["code"] == "model_not_found"
        messages = await ask(world, serving, model, path="/v1/messages")
        assert messages.status == 404
        assert msgspec.json.decode(messages.body)["error"]["type"] == "not_found_error"
        contents = b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
        asked = request(contents, path=f"/v1beta/models/{model}:generateContent")
        gemini = await (await world.client(serving)).ask(asked)
        assert (gemini.status, msgspec.json.decode(gemini.body)["error"]["status"]) == (404, "NOT_FOUND")


async def test_the_list_is_in_the_shape_that_its_reader_knows(world: World) -> None:
    serving = await serving_models(world)
    client = await world.client(serving)

    async def listed(path: str, member: str, name: str, *headers: str) -> list[object]:
        answer = await client.ask(get(path, *headers))
        rows = msgspec.json.decode(answer.body, type=dict[str, object])[member]
        return [row[name] for row in msgspec.convert(rows, list[dict[str, object]])]

    names = ["cheap", "dear", "smart", "premium", "mix", "safe"]
    assert await listed("/v1/models", "data", "id") == names
    assert await listed("/v1/models", "data", "display_name", "anthropic-version: 2023-06-01") == names
    assert await listed("/v1beta/models", "models", "name") == [f"models/{name}" for name in names]


async def test_one_model_may_be_asked_for_by_its_name(world: World) -> None:
    serving = await serving_models(world)
    client = await world.client(serving)
    openai = await client.ask(get("/v1/models/cheap"))
    assert msgspec.json.decode(openai.body)["id"] == "cheap"
    claude = await client.ask(get("/v1/models/smart", "anthropic-version: 2023-06-01"))
    assert msgspec.json.decode(claude.body)["type"] == "model"
    google = await client.ask(get("/v1beta/models/mix"))
    assert msgspec.json.decode(google.body)["name"] == "models/mix"
    for nobody in ("hidden", "nobody"):
        assert (await client.ask(get(f"/v1/models/{nobody}"))).status == 404
