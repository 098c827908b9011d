"""The official clients ask for embeddings and token counts, of providers that are not their own."""

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.bedrock import BEDROCK
from sluice.providers.gemini import GEMINI
from sluice.providers.openai import OPENAI
from sluice.providers.provider import Provider
from sluice.providers.vertexai import VERTEXAI
from sluice.testing.fake_desk import Options
from sluice.testing.fake_vectors import vector
from tests.gateway.plain_calls import VERTEX, to
from tests.support.plans import KEY
from tests.support.world import World

TEXTS = ["the cat sat", "a dog ran far"]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (OPENAI, "text-embedding-3-small"),
        (VERTEXAI, "gemini-embedding-001"),
        (BEDROCK, "amazon.titan-embed-text-v2:0"),
        (BEDROCK, "cohere.embed-multilingual-v3"),
    ],
)
async def test_openais_client_unpacks_what_it_asked_for_packed(world: World, provider: Provider, model: str) -> None:
    """It asks for base64 unless told otherwise, and unpacks it."""
    fake = await world.fake(Options(key=KEY))
    serving = await world.gateway(to(provider, fake.port, variables=VERTEX, model=model))
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{serving.url}/v1", max_retries=0, timeout=5) as client:
        answer = await client.embeddings.create(model="m", input=TEXTS)
        assert [row.embedding for row in answer.data] == [pytest.approx(vector(text), abs=1e-6) for text in TEXTS]
        with pytest.raises(openai.BadRequestError) as caught:
            await client.embeddings.create(model="m", input=[])
    assert caught.value.param == "input"


@pytest.mark.parametrize(
    ("provider", "model"), [(ANTHROPIC, "claude-opus-4-6"), (BEDROCK, "anthropic.claude-opus-4-6"), (OPENAI, "gpt-5")]
)
async def test_anthropics_client_counts(world: World, provider: Provider, model: str) -> None:
    fake = await world.fake(Options(key=KEY))
    serving = await world.gateway(to(provider, fake.port, model=model))
    async with anthropic.AsyncAnthropic(api_key="unused", base_url=serving.url, max_retries=0, timeout=5) as client:
        counted = await client.messages.count_tokens(
            model="m",
            system="Be brief.",
            messages=[{"role": "user", "content": "How many tokens are in this sentence?"}],
            tools=[{"name": "t", "input_schema": {"type": "object"}}],
        )
    assert 5 < counted.input_tokens < 80


@pytest.mark.parametrize(("provider", "model"), [(GEMINI, "gemini-2.5-pro"), (OPENAI, "gpt-5")])
async def test_googles_client_counts(world: World, provider: Provider, model: str) -> None:
    fake = await world.fake(Options(key=KEY))
    serving = await world.gateway(to(provider, fake.port, model=model))
    client = genai.Client(api_key="unused", http_options=types.HttpOptions(base_url=serving.url, timeout=5000))
    counted = await client.aio.models.count_tokens(model="m", contents="How many tokens are in this sentence?")
    assert counted.total_tokens is not None
    assert 5 < counted.total_tokens < 40
    await client.aio.aclose()
