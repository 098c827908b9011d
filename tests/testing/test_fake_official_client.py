"""The fake provider as the official client sees it: nothing in between."""

from collections.abc import AsyncIterator, Iterator

import msgspec
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import BaseModel

from sluice.testing.fake_provider import FakeProvider, Options, Script
from tests.testing.threads import FakeThread

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is streaming?"}]


class Weather(BaseModel):
    city: str
    days: int


TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": Weather.model_json_schema()},
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=fake.url, api_key="any", max_retries=0) as one:
        yield one


async def test_stream_and_whole_answer_are_the_same_text(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    stream = await client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert {chunk.model for chunk in chunks} == {"gpt-4o-mini-2024-07-18"} == {whole.model}
    assert {chunk.id for chunk in chunks} == {whole.id}
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert whole.usage is not None
    assert whole.usage.completion_tokens == len(chunks) - 2


async def test_usage_is_the_last_chunk_when_asked_for(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_two_choices_come_interleaved_and_differ(client: AsyncOpenAI) -> None:
    texts = {0: "", 1: ""}
    order = []
    async for chunk in await client.chat.completions.create(model="m", messages=MESSAGES, n=2, stream=True):
        order.append(chunk.choices[0].index)
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert order[:4] == [0, 1, 0, 1]
    assert texts[0] != texts[1]
    whole = await client.chat.completions.create(model="m", messages=MESSAGES, n=2)
    assert [choice.message.content for choice in whole.choices] == [texts[0], texts[1]]


async def test_a_tool_is_called_and_its_result_quoted(client: AsyncOpenAI) -> None:
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Use get_weather, please"}]
    async with client.chat.completions.stream(model="m", messages=asked, tools=[TOOL]) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls"
    calls = final.choices[0].message.tool_calls or []
    assert Weather.model_validate_json(calls[0].function.arguments)
    history: list[ChatCompletionMessageParam] = [
        *asked,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": calls[0].id,
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": calls[0].function.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": calls[0].id, "content": "sunny all week"},
    ]
    answer = await client.chat.completions.create(model="m", messages=history, tools=[TOOL])
    assert "sunny all week" in (answer.choices[0].message.content or "")


async def test_structured_answers_parse(client: AsyncOpenAI) -> None:
    parsed = await client.chat.completions.parse(model="m", messages=MESSAGES, response_format=Weather)
    assert parsed.choices[0].message.parsed == Weather(city="Paris", days=1)


async def test_the_request_prescribes_content_reasoning_and_refusal(client: AsyncOpenAI) -> None:
    said = {"fake": {"content": "exactly", "reasoning": "because"}}
    whole = await client.chat.completions.create(model="m", messages=MESSAGES, extra_body=said)
    assert whole.choices[0].message.content == "exactly"
    assert whole.choices[0].message.model_extra == {"reasoning_content": "because"}
    refused = {"fake": {"refusal": "I would rather not"}}
    async with client.chat.completions.stream(model="m", messages=MESSAGES, extra_body=refused) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.refusal == "I would rather not"


async def test_logprobs_come_with_each_token(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="m", messages=MESSAGES, stream=True, logprobs=True, top_logprobs=2, max_tokens=3
    )
    rows = [row async for c in stream if c.choices[0].logprobs for row in c.choices[0].logprobs.content or []]
    assert len(rows) == 3
    assert all(row.logprob <= 0 and len(row.top_logprobs) == 2 for row in rows)


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    assert "gpt-4o" in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve("fake")).owned_by == "system"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("none")


async def test_a_client_that_closes_early_is_seen(fake: FakeProvider, client: AsyncOpenAI) -> None:
    fake.script(Script(chunks=[b'data: {"choices":[]}\n\n'], end="stall"))
    stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    async for _ in stream:
        break
    assert fake.open_streams == 1
    await stream.close()
    await fake.until(lambda: fake.aborted == 1, within_s=0.5)


async def test_errors_are_the_clients_own(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model="m", messages=[])
    assert (caught.value.code, caught.value.param) == ("empty_array", "messages")
    assert (caught.value.request_id or "").startswith("req_")


@pytest.fixture
def served() -> Iterator[FakeThread]:
    with FakeThread(Options(key="right")) as thread:
        yield thread


def test_the_synchronous_client_streams_and_is_refused(served: FakeThread) -> None:
    with OpenAI(base_url=served.fake.url, api_key="right", max_retries=0) as client:
        chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
        raw = client.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES, stream=True)
        with raw as response:
            lines = list(response.iter_lines())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).endswith(".")
    assert "data: [DONE]" in lines
    wrong = OpenAI(base_url=served.fake.url, api_key="wrong", max_retries=0)
    with wrong, pytest.raises(openai.AuthenticationError) as caught:
        wrong.chat.completions.create(model="m", messages=MESSAGES)
    assert caught.value.code == "invalid_api_key"
    assert msgspec.json.decode(served.fake.requests[-1].body)["model"] == "m"
