"""The fake's Responses, and OpenAI's other doors, as the official client sees them: nothing in between."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI
from openai.types.responses import FunctionToolParam, ResponseInputParam
from openai.types.shared_params import Reasoning
from pydantic import BaseModel

from sluice.testing.fake_provider import FakeProvider, Options

TOOL: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
REASONING: Reasoning = {"effort": "low", "summary": "auto"}


class Weather(BaseModel):
    city: str
    days: int


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(Options(key="right")) as provider:
        yield provider


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=fake.url, api_key="right", max_retries=0) as one:
        yield one


async def test_stream_and_whole_answer_are_the_same_response(client: AsyncOpenAI) -> None:
    whole = await client.responses.create(model="gpt-5", input="What is streaming?")
    async with client.responses.stream(model="gpt-5", input="What is streaming?") as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert final.output_text == whole.output_text
    assert (final.id, final.usage, final.status) == (whole.id, whole.usage, "completed")


async def test_reasoning_goes_back_encrypted_through_a_loop_of_tools(client: AsyncOpenAI) -> None:
    history: ResponseInputParam = [{"role": "user", "content": "get_weather please"}]
    async with client.responses.stream(
        model="gpt-5",
        input=history,
        tools=[TOOL],
        reasoning=REASONING,
        store=False,
        include=["reasoning.encrypted_content"],
    ) as stream:
        events = {event.type async for event in stream}
        final = await stream.get_final_response()
    assert {"response.reasoning_summary_text.delta", "response.function_call_arguments.done"} <= events
    thought, call = final.output
    assert thought.type == "reasoning"
    assert call.type == "function_call"
    assert thought.encrypted_content
    assert thought.summary[0].text.startswith("The user says")
    assert call.arguments == '{"city":"Paris"}'
    assert final.usage is not None
    assert final.usage.output_tokens_details.reasoning_tokens > 0
    history += [item.model_dump(exclude_none=True) for item in final.output]  # type: ignore[misc]
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny all week"})
    answer = await client.responses.create(model="gpt-5", input=history, tools=[TOOL], reasoning=REASONING, store=False)
    assert "sunny all week" in answer.output_text


async def test_structured_answers_parse(client: AsyncOpenAI) -> None:
    parsed = await client.responses.parse(model="gpt-5", input="hi", text_format=Weather)
    assert parsed.output_parsed == Weather(city="Paris", days=1)


async def test_refusals_and_limits_are_said_so(client: AsyncOpenAI) -> None:
    refusal = {"fake": {"refusal": "I would rather not"}}
    async with client.responses.stream(model="gpt-5", input="hi", extra_body=refusal) as stream:
        deltas = [event.delta async for event in stream if event.type == "response.refusal.delta"]
        final = await stream.get_final_response()
    assert "".join(deltas) == "I would rather not"
    assert final.output[0].type == "message"
    assert final.output[0].content[0].type == "refusal"
    limited = await client.responses.create(model="gpt-5", input="hi", max_output_tokens=2)
    assert limited.status == "incomplete"
    assert limited.incomplete_details is not None
    assert limited.incomplete_details.reason == "max_output_tokens"


async def test_logprobs_come_with_each_token(client: AsyncOpenAI) -> None:
    stream = await client.responses.create(
        model="gpt-5",
        input="hi",
        include=["message.output_text.logprobs"],
        top_logprobs=2,
        max_output_tokens=3,
        stream=True,
    )
    deltas = [event async for event in stream if event.type == "response.output_text.delta"]
    assert [[row.token for row in event.logprobs] for event in deltas] == [[event.delta] for event in deltas]
    assert all(len(event.logprobs[0].top_logprobs or []) == 2 for event in deltas)


async def test_a_failure_inside_a_stream_is_an_event(client: AsyncOpenAI) -> None:
    wanted = {"fake": {"content": "a b c", "error": {"status": 429, "message": "slow down", "after": 6}}}
    stream = await client.responses.create(model="gpt-5", input="hi", stream=True, extra_body=wanted)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(7))
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.error.code, last.response.error.message) == ("rate_limit_exceeded", "slow down")


async def test_input_tokens_are_counted_as_they_are_billed(client: AsyncOpenAI) -> None:
    counted = await client.responses.input_tokens.count(model="gpt-5", input="hi there", tools=[TOOL])
    answer = await client.responses.create(model="gpt-5", input="hi there", tools=[TOOL])
    assert answer.usage is not None
    assert counted.input_tokens == answer.usage.input_tokens


async def test_embeddings_are_read_in_either_encoding(client: AsyncOpenAI) -> None:
    plain = await client.embeddings.create(model="e", input=["one", "two"], encoding_format="float", dimensions=8)
    packed = await client.embeddings.create(model="e", input=["one", "two"], dimensions=8)
    assert [len(row.embedding) for row in plain.data] == [8, 8]
    for one, other in zip(plain.data, packed.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert plain.usage.total_tokens == 2
    assert plain.data[0].embedding != plain.data[1].embedding


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1", "/inference/v1", "/v1beta/openai", ""])
async def test_any_prefix_is_an_openai_compatible_vendors(fake: FakeProvider, prefix: str) -> None:
    async with AsyncOpenAI(base_url=fake.origin + prefix, api_key="right", max_retries=0) as client:
        chat = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        assert (await client.responses.create(model="m", input="hi")).output_text == chat.choices[0].message.content
        assert "gpt-4o" in [model.id async for model in client.models.list()]


async def test_azures_deployments_answer_in_azures_way(fake: FakeProvider) -> None:
    async with AsyncAzureOpenAI(
        azure_endpoint=fake.origin, api_version="2024-10-21", api_key="right", max_retries=0
    ) as azure:
        stream = await azure.chat.completions.create(
            model="my-gpt", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
        embedded = await azure.embeddings.create(model="my-embedder", input="hi")
    assert fake.requests[0].path == "/openai/deployments/my-gpt/chat/completions"
    assert (chunks[0].choices, chunks[0].id, chunks[0].model) == ([], "", "")
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[1:]).endswith(".")
    assert (chunks[-1].model, embedded.model) == ("my-gpt", "my-embedder")


async def test_azure_refuses_a_wrong_key_and_a_missing_version(fake: FakeProvider) -> None:
    async with AsyncAzureOpenAI(
        azure_endpoint=fake.origin, api_version="2024-10-21", api_key="wrong", max_retries=0
    ) as azure:
        with pytest.raises(openai.AuthenticationError, match="Access denied due to invalid subscription key"):
            await azure.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    base = f"{fake.origin}/openai/deployments/m"
    async with AsyncOpenAI(
        base_url=base, api_key="x", default_headers={"api-key": "right"}, max_retries=0
    ) as unversioned:
        with pytest.raises(openai.NotFoundError, match="Resource not found"):
            await unversioned.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
