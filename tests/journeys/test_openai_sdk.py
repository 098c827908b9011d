"""The official client against the gateway in front of the fake provider, over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider, whole
from tests.support.events import RECORDED
from tests.support.plans import KEY
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
BASES = ["/openai", "/openai/v1", "/v1"]
MODEL = "gpt-4o-mini"


@pytest.fixture
async def fake(world: World) -> FakeProvider:
    return await world.fake(Options(key=KEY))


@pytest.fixture
async def serving(world: World, fake: FakeProvider) -> Serving:
    return await world.gateway(fake.port)


@pytest.fixture
async def sdk(serving: Serving) -> AsyncIterator[openai.AsyncOpenAI]:
    async with client_of(serving) as client:
        yield client


def client_of(serving: Serving, base: str = "/v1") -> openai.AsyncOpenAI:
    """A client without a key that is worth anything: the gateway has the key."""
    return openai.AsyncOpenAI(api_key="unused", base_url=serving.url + base, max_retries=0, timeout=5)


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
async def test_streaming_and_not_give_the_same_text_at_every_address(serving: Serving, base: str) -> None:
    async with client_of(serving, base) as sdk:
        answer = await sdk.chat.completions.create(model=MODEL, messages=ASK)
        stream = await sdk.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        events = [event async for event in stream]
    text = "".join(choice.delta.content or "" for event in events for choice in event.choices)
    assert text
    assert text == answer.choices[0].message.content
    assert events[-1].choices[0].finish_reason == answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    first, second = serving.records
    assert (first.streaming, second.streaming) == (False, True)
    assert first.usage is not None
    assert first.usage == second.usage, "the stream's usage was not asked for, or not read"
    assert (first.usage.input_tokens, first.usage.output_tokens) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
    )
    assert answer._request_id == first.request_id


@pytest.mark.parametrize("base", BASES)
async def test_models_are_listed_and_found_at_every_address(serving: Serving, base: str) -> None:
    async with client_of(serving, base) as sdk:
        names = [model.id async for model in sdk.models.list()]
        assert MODEL in names
        assert (await sdk.models.retrieve(MODEL)).id == MODEL


def test_the_client_that_blocks(world_in_thread: Serving) -> None:
    with openai.OpenAI(api_key="unused", base_url=f"{world_in_thread.url}/v1", max_retries=0, timeout=5) as sdk:
        answer = sdk.chat.completions.create(model=MODEL, messages=ASK)
        with sdk.chat.completions.create(model=MODEL, messages=ASK, stream=True) as stream:
            text = "".join(choice.delta.content or "" for event in stream for choice in event.choices)
        assert text == answer.choices[0].message.content
        assert text


async def test_usage_is_shown_only_to_those_who_ask(serving: Serving, sdk: openai.AsyncOpenAI) -> None:
    quiet = [e async for e in await sdk.chat.completions.create(model=MODEL, messages=ASK, stream=True)]
    asked = [
        e
        async for e in await sdk.chat.completions.create(
            model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    ]
    assert all(event.usage is None and event.choices for event in quiet)
    assert [bool(event.usage) for event in asked] == [False] * len(quiet) + [True]
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    first, second = serving.records
    assert first.usage == second.usage
    assert first.usage is not None
    assert first.usage.output_tokens == asked[-1].usage.completion_tokens


async def test_several_choices(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model=MODEL, messages=ASK, n=2)
    texts = ["", ""]
    async for event in await sdk.chat.completions.create(model=MODEL, messages=ASK, n=2, stream=True):
        for choice in event.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in answer.choices]
    assert len(set(texts)) == 2


async def test_a_tool_is_called_and_its_result_comes_back(serving: Serving, sdk: openai.AsyncOpenAI) -> None:
    """The accumulating helper, then the second turn."""
    question: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Call get_weather for Paris."}]
    async with sdk.chat.completions.stream(model=MODEL, messages=question, tools=[WEATHER]) as stream:
        async for _ in stream:
            pass
        message = (await stream.get_final_completion()).choices[0].message
    assert message.tool_calls
    (call,) = message.tool_calls
    assert call.function.name == "get_weather"
    assert "city" in call.function.arguments
    assert serving.records[-1].finish_reason == "tool_calls"
    assert serving.records[-1].stream.first_token_s is not None

    whole_answer = await sdk.chat.completions.create(model=MODEL, messages=question, tools=[WEATHER])
    assert whole_answer.choices[0].message.tool_calls
    same = whole_answer.choices[0].message.tool_calls[0]
    assert same.type == "function"
    assert (same.id, same.function.arguments) == (call.id, call.function.arguments)

    turn: list[ChatCompletionMessageParam] = [
        *question,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    answer = await sdk.chat.completions.create(model=MODEL, messages=turn, tools=[WEATHER])
    assert "21 degrees" in (answer.choices[0].message.content or "")


async def test_the_raw_response(serving: Serving, sdk: openai.AsyncOpenAI) -> None:
    async with sdk.chat.completions.with_streaming_response.create(model=MODEL, messages=ASK, stream=True) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in response.iter_lines()]
    assert lines[-2] == "data: [DONE]" or lines[-1] == "data: [DONE]"
    assert response.headers["x-request-id"] == (await serving.record()).request_id


async def test_the_recorded_stream_as_the_client_reads_it(world: World) -> None:
    fake = await world.fake(Options(replay=RECORDED))
    serving = await world.gateway(fake.port)
    async with client_of(serving) as sdk:
        stream = await sdk.chat.completions.create(model="gpt-3.5-turbo", messages=ASK, stream=True)
        text = "".join([choice.delta.content or "" async for event in stream for choice in event.choices])
    assert text == 'You can call it something simple and descriptive like "my-first-repo" or "hello-world".'
    record = await serving.record()
    assert (record.request_model, record.response_model) == ("gpt-3.5-turbo", "gpt-3.5-turbo-0125")


# -- leaving -----------------------------------------------------------------------------------------------------------


async def test_a_client_that_closes_early_closes_the_provider(world: World) -> None:
    fake = await world.fake(Options(gap_s=0.01))
    serving = await world.gateway(fake.port)
    async with client_of(serving) as sdk:
        stream = await sdk.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        async for _ in stream:
            break
        await stream.close()
        assert await until(lambda: fake.aborted == 1 and not fake.open_connections) < 0.25
    record = await serving.record()
    assert (record.outcome, record.status) == ("client_gone", 499)
    assert serving.heard.metrics.streams_active == 0


async def test_a_cancelled_task_closes_the_provider(world: World) -> None:
    fake = await world.fake(Options(first_token_s=30))
    serving = await world.gateway(fake.port)
    async with client_of(serving) as sdk:
        asking = asyncio.ensure_future(sdk.chat.completions.create(model=MODEL, messages=ASK))
        await until(lambda: fake.open_streams == 1)
        asking.cancel()
        assert await until(lambda: fake.aborted == 1) < 0.25
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert (await serving.record()).outcome == "client_gone"


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
async def test_a_providers_refusal_is_the_clients_typed_exception(
    serving: Serving,
    fake: FakeProvider,
    sdk: openai.AsyncOpenAI,
    status: int,
    kind: type[openai.APIStatusError],
    stream: bool,
) -> None:
    body = b'{"error":{"message":"Because.","type":"some_type","param":"p","code":"some_code"}}'
    fake.script(whole(body, status=status, headers=[(b"x-request-id", b"req_theirs"), (b"retry-after", b"7")]))
    with pytest.raises(kind) as caught:
        await sdk.chat.completions.create(model=MODEL, messages=ASK, stream=stream)
    error = caught.value
    assert error.status_code == status
    assert (error.code, error.type) == ("some_code", "some_type")
    assert "Because." in error.message
    assert error.response.headers["retry-after"] == "7"
    record = await serving.record()
    assert error.request_id == record.request_id == "req_theirs"
    assert (record.outcome, record.status) == ("upstream_error", status)


async def test_the_gateways_own_refusals_are_typed_too(serving: Serving) -> None:
    async with client_of(serving, "/nowhere") as lost, client_of(serving) as sdk:
        with pytest.raises(openai.NotFoundError) as nowhere:
            await lost.chat.completions.create(model=MODEL, messages=ASK)
        with pytest.raises(openai.BadRequestError) as wrong:
            await sdk.chat.completions.create(model=MODEL, messages=ASK, extra_body={"stream": "true"})
    assert nowhere.value.request_id == serving.records[0].request_id
    assert wrong.value.request_id == serving.records[1].request_id
    assert (nowhere.value.code, wrong.value.param) == ("route_not_found", "stream")


async def test_a_key_that_the_provider_does_not_know(world: World) -> None:
    fake = await world.fake(Options(key="sk-another"))
    serving = await world.gateway(fake.port)
    async with client_of(serving) as sdk:
        with pytest.raises(openai.AuthenticationError) as caught:
            await sdk.chat.completions.create(model=MODEL, messages=ASK)
    assert caught.value.code == "invalid_api_key"
    assert KEY not in str(caught.value)


async def test_a_provider_that_is_down(world: World) -> None:
    fake = await world.fake()
    serving = await world.gateway(fake.port)
    await fake.close()
    async with client_of(serving) as sdk:
        with pytest.raises(openai.InternalServerError) as caught:
            await sdk.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    assert (caught.value.status_code, caught.value.code) == (503, "upstream_unreachable")
    assert caught.value.request_id == (await serving.record()).request_id
