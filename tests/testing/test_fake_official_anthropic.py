"""The fake's Messages as the official client sees them: nothing in between."""

from collections.abc import AsyncIterator
from urllib.parse import unquote

import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam, ThinkingConfigParam, ToolParam

from sluice.testing.fake_provider import FakeProvider, Options

HI: list[MessageParam] = [{"role": "user", "content": "What is streaming?"}]
ASK: list[MessageParam] = [{"role": "user", "content": "Use get_weather, please"}]
TOOL: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
THINKING: ThinkingConfigParam = {"type": "enabled", "budget_tokens": 1024}
MODEL = "claude-opus-5-5"
VERTEX_MODEL = "claude-opus-4-5@20251101"


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(Options(key="right")) as provider:
        yield provider


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=fake.origin, api_key="right", max_retries=0) as one:
        yield one


async def test_stream_and_whole_answer_are_the_same_message(client: AsyncAnthropic) -> None:
    whole = await client.messages.create(model=MODEL, max_tokens=4096, messages=HI)
    async with client.messages.stream(model=MODEL, max_tokens=4096, messages=HI) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()
    assert final.content[0].type == whole.content[0].type == "text"
    assert text == final.content[0].text == whole.content[0].text
    assert (final.id, final.model, final.stop_reason, final.usage.output_tokens) == (
        whole.id,
        MODEL,
        "end_turn",
        whole.usage.output_tokens,
    )


async def test_thinking_comes_with_its_signature_and_goes_back_with_it(client: AsyncAnthropic) -> None:
    async with client.messages.stream(
        model=MODEL, max_tokens=4096, messages=ASK, tools=[TOOL], thinking=THINKING
    ) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_message()
    assert {"thinking", "signature", "input_json", "message_stop"} <= set(kinds)
    thought, call = final.content
    assert thought.type == "thinking"
    assert call.type == "tool_use"
    assert (final.stop_reason, call.input) == ("tool_use", {"city": "Paris"})
    assert len(thought.signature) > 40
    assert final.usage.output_tokens_details is not None
    assert 0 < final.usage.output_tokens_details.thinking_tokens < final.usage.output_tokens
    history: list[MessageParam] = [
        *ASK,
        {"role": "assistant", "content": list(final.content)},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny all week"}]},
    ]
    answer = await client.messages.create(
        model=MODEL, max_tokens=4096, messages=history, tools=[TOOL], thinking=THINKING
    )
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert "sunny all week" in answer.content[1].text  # type: ignore[union-attr]


async def test_a_call_without_arguments_has_an_empty_input(client: AsyncAnthropic) -> None:
    wanted = {"fake": {"calls": [{"name": "stop"}]}}
    async with client.messages.stream(model=MODEL, max_tokens=4096, messages=HI, extra_body=wanted) as stream:
        final = await stream.get_final_message()
    assert final.content[0].type == "tool_use"
    assert final.content[0].input == {}


async def test_the_prompt_cache_is_counted_apart(client: AsyncAnthropic) -> None:
    marked: MessageParam = {
        "role": "user",
        "content": [{"type": "text", "text": "a long document", "cache_control": {"type": "ephemeral"}}],
    }
    first = await client.messages.create(model=MODEL, max_tokens=4096, messages=[marked])
    assert first.usage.cache_creation_input_tokens
    assert (first.usage.cache_read_input_tokens, first.usage.input_tokens) == (0, 3)
    later: list[MessageParam] = [marked, {"role": "assistant", "content": "yes"}, *HI]
    second = await client.messages.create(model=MODEL, max_tokens=4096, messages=later)
    assert second.usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens
    assert second.usage.cache_creation_input_tokens == 0
    assert second.usage.input_tokens > 3


async def test_stop_sequences_refusals_and_limits_end_with_their_reasons(client: AsyncAnthropic) -> None:
    stopped = await client.messages.create(
        model=MODEL, max_tokens=64, messages=HI, stop_sequences=["two"], extra_body={"fake": {"content": "one two"}}
    )
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "two")
    assert stopped.content[0].text == "one "  # type: ignore[union-attr]
    refused = await client.messages.create(
        model=MODEL, max_tokens=64, messages=HI, extra_body={"fake": {"refusal": "No."}}
    )
    assert refused.stop_reason == "refusal"
    limited = await client.messages.create(model=MODEL, max_tokens=2, messages=HI)
    assert (limited.stop_reason, limited.usage.output_tokens) == ("max_tokens", 2)


async def test_structured_output_is_json_of_its_schema(client: AsyncAnthropic) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}}
    answer = await client.messages.create(
        model=MODEL, max_tokens=64, messages=HI, output_config={"format": {"type": "json_schema", "schema": schema}}
    )
    assert answer.content[0].text == '{"city":"Paris"}'  # type: ignore[union-attr]


async def test_tokens_are_counted_as_they_are_billed(client: AsyncAnthropic) -> None:
    counted = await client.messages.count_tokens(model=MODEL, messages=ASK, tools=[TOOL])
    answer = await client.messages.create(model=MODEL, max_tokens=64, messages=ASK, tools=[TOOL])
    assert counted.input_tokens == answer.usage.input_tokens


async def test_models_are_listed_and_shown(client: AsyncAnthropic) -> None:
    listed = [model.id async for model in client.models.list(limit=1)]
    assert listed == [MODEL, "claude-sonnet-5-5", "claude-haiku-5-5", "fake"]
    assert (await client.models.retrieve(MODEL)).display_name == "Claude Opus 5 5"
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("none")


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_errors_are_the_clients_own(
    client: AsyncAnthropic, status: int, error: type[anthropic.APIStatusError], kind: str
) -> None:
    wanted = {"fake": {"error": {"status": status, "message": "no"}}}
    with pytest.raises(error) as caught:
        await client.messages.create(model=MODEL, max_tokens=64, messages=HI, extra_body=wanted)
    assert (caught.value.status_code, caught.value.type) == (status, kind)
    assert (caught.value.request_id or "").startswith("req_")


async def test_an_error_inside_a_stream_is_raised(client: AsyncAnthropic) -> None:
    wanted = {"fake": {"content": "a b c", "error": {"status": 529, "message": "too much", "after": 5}}}
    with pytest.raises(anthropic.APIStatusError, match="too much"):
        async with client.messages.stream(model=MODEL, max_tokens=64, messages=HI, extra_body=wanted) as stream:
            await stream.get_final_message()


async def test_the_key_is_the_vendors(fake: FakeProvider) -> None:
    async with AsyncAnthropic(base_url=fake.origin, auth_token="right", max_retries=0) as bearer:
        assert (await bearer.messages.create(model=MODEL, max_tokens=64, messages=HI)).role == "assistant"
    async with AsyncAnthropic(base_url=fake.origin, api_key="wrong", max_retries=0) as wrong:
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            await wrong.messages.create(model=MODEL, max_tokens=64, messages=HI)


async def test_vertex_is_spoken_too(fake: FakeProvider) -> None:
    base = f"{fake.origin}/v1"
    async with anthropic.AsyncAnthropicVertex(
        base_url=base, region="us-east5", project_id="p", access_token="right", max_retries=0
    ) as vertex:
        whole = await vertex.messages.create(model=VERTEX_MODEL, max_tokens=64, messages=HI)
        async with vertex.messages.stream(model=VERTEX_MODEL, max_tokens=64, messages=HI) as stream:
            final = await stream.get_final_message()
        counted = await vertex.messages.count_tokens(model=VERTEX_MODEL, messages=HI)
    paths = [unquote(request.path).rpartition("/")[2] for request in fake.requests]
    assert paths == [f"{VERTEX_MODEL}:rawPredict", f"{VERTEX_MODEL}:streamRawPredict", "count-tokens:rawPredict"]
    assert final.to_dict()["content"] == whole.to_dict()["content"]
    assert whole.model == VERTEX_MODEL
    assert counted.input_tokens == whole.usage.input_tokens
