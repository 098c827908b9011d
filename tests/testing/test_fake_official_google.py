"""The fake's Gemini as the official client sees it: nothing in between."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from google.genai import Client, errors, types
from google.genai.client import AsyncClient
from google.oauth2.credentials import Credentials

from sluice.testing.fake_provider import FakeProvider, Options
from tests.testing.sockets import Socket, dechunk, post

MODEL = "gemini-3-pro-preview"
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            parameters=types.Schema(type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}),
        )
    ]
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(Options(key="right")) as provider:
        yield provider


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[AsyncClient]:
    async with Client(api_key="right", http_options=types.HttpOptions(base_url=fake.origin)).aio as one:
        yield one


def config(*, thoughts: bool = False, tools: bool = False) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        tools=[TOOL] if tools else None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True) if thoughts else None,
    )


async def test_stream_and_whole_answer_are_the_same_text(client: AsyncClient) -> None:
    whole = await client.models.generate_content(model=MODEL, contents="What is streaming?")
    chunks = [
        chunk async for chunk in await client.models.generate_content_stream(model=MODEL, contents="What is streaming?")
    ]
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert (chunks[-1].response_id, chunks[-1].model_version) == (whole.response_id, MODEL)
    last = (chunks[-1].candidates or [])[0]
    assert last.finish_reason == types.FinishReason.STOP
    usage = whole.usage_metadata
    assert usage is not None
    parts = (usage.prompt_token_count or 0, usage.candidates_token_count or 0, usage.thoughts_token_count or 0)
    assert all(parts)
    assert usage.total_token_count == sum(parts)


async def test_a_function_is_called_with_a_signature_that_goes_back(client: AsyncClient) -> None:
    ask = types.Content(role="user", parts=[types.Part(text="get_weather please")])
    chunks = [
        chunk
        async for chunk in await client.models.generate_content_stream(
            model=MODEL, contents=ask, config=config(thoughts=True, tools=True)
        )
    ]
    parts = [part for chunk in chunks for part in ((chunk.candidates or [])[0].content or types.Content()).parts or []]
    assert any(part.thought for part in parts)
    called = next(part for part in parts if part.function_call)
    assert called.thought_signature
    assert called.function_call is not None
    assert (called.function_call.name, called.function_call.args) == ("get_weather", {"city": "Paris"})
    response = types.Part.from_function_response(name="get_weather", response={"result": "sunny all week"})

    def history(part: types.Part) -> list[types.Content | types.ContentDict]:
        return [ask, types.Content(role="model", parts=[part]), types.Content(role="user", parts=[response])]

    answer = await client.models.generate_content(model=MODEL, contents=history(called), config=config(tools=True))
    assert "sunny all week" in (answer.text or "")
    called.thought_signature = None
    with pytest.raises(errors.ClientError, match="missing a thought_signature") as caught:
        await client.models.generate_content(model=MODEL, contents=history(called), config=config(tools=True))
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


async def test_structured_answers_parse(client: AsyncClient) -> None:
    schema = types.Schema(type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)})
    wish = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)
    answer = await client.models.generate_content(model=MODEL, contents="hi", config=wish)
    assert answer.parsed == {"city": "Paris"}


async def test_candidates_differ_and_logprobs_spell_them(client: AsyncClient) -> None:
    wish = types.GenerateContentConfig(candidate_count=2, response_logprobs=True, logprobs=2, max_output_tokens=40)
    answer = await client.models.generate_content(model="gemini-2.5-flash", contents="hi", config=wish)
    texts = ["".join(part.text or "" for part in each.content.parts) for each in answer.candidates or []]  # type: ignore[union-attr]
    assert len(set(texts)) == 2
    for text, candidate in zip(texts, answer.candidates or [], strict=True):
        assert candidate.finish_reason == types.FinishReason.MAX_TOKENS
        assert candidate.logprobs_result is not None
        spelled = candidate.logprobs_result.chosen_candidates or []
        assert "".join(row.token or "" for row in spelled) == text


async def test_a_filtered_answer_is_a_blocked_prompt(fake: FakeProvider, client: AsyncClient) -> None:
    blocked = types.HttpOptions(extra_body={"fake": {"content": "", "finish": "content_filter"}})
    wish = types.GenerateContentConfig(http_options=blocked)
    answer = await client.models.generate_content(model="gemini-2.5-flash", contents="hi", config=wish)
    assert not answer.candidates
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason == types.BlockedReason.SAFETY


async def test_tokens_models_and_embeddings(client: AsyncClient) -> None:
    counted = await client.models.count_tokens(model=MODEL, contents="What is streaming?")
    answer = await client.models.generate_content(model=MODEL, contents="What is streaming?")
    assert answer.usage_metadata is not None
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count
    listed = [model.name async for model in await client.models.list()]
    assert f"models/{MODEL}" in listed
    assert (await client.models.get(model=MODEL)).input_token_limit == 1_048_576
    embedded = await client.models.embed_content(model="gemini-embedding-001", contents=["one", "two"])
    assert [len(each.values or []) for each in embedded.embeddings or []] == [16, 16]


async def test_an_error_inside_a_stream_is_raised(client: AsyncClient) -> None:
    failing = {"fake": {"content": "a b c", "error": {"status": 503, "message": "too much", "after": 2}}}
    wish = types.GenerateContentConfig(http_options=types.HttpOptions(extra_body=failing))
    stream = await client.models.generate_content_stream(model=MODEL, contents="hi", config=wish)
    with pytest.raises(errors.ServerError, match="too much"):
        async for _ in stream:
            pass


async def test_the_key_is_in_the_vendors_header(fake: FakeProvider) -> None:
    async with Client(api_key="wrong", http_options=types.HttpOptions(base_url=fake.origin)).aio as wrong:
        with pytest.raises(errors.ClientError, match="API key not valid") as caught:
            await wrong.models.generate_content(model=MODEL, contents="hi")
    assert caught.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


async def test_vertex_is_spoken_too() -> None:
    async with FakeProvider(Options(key="right")) as fake:
        async with Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(token="right"),  # type: ignore[no-untyped-call]
            http_options=types.HttpOptions(base_url=fake.origin),
        ).aio as vertex:
            answer = await vertex.models.generate_content(model=MODEL, contents="hi")
        assert "“hi”" in (answer.text or "")
        path = f"/v1beta1/projects/p/locations/us-central1/publishers/google/models/{MODEL}:generateContent"
        assert fake.requests[-1].path == path


async def test_without_sse_the_stream_is_an_array(fake: FakeProvider) -> None:
    body: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    path = f"/v1/models/{MODEL}:streamGenerateContent"
    async with Socket(fake.port) as s:
        await s.send(post(body, path, b"x-goog-api-key: right\r\nconnection: close\r\n"))
        head = await s.head()
        array = dechunk((await s.rest())[0])
    assert b"content-type: application/json; charset=UTF-8\r\n" in head
    elements = msgspec.json.decode(array, type=list[dict[str, object]])
    assert len(elements) > 20
    assert array.startswith(b"[{\n")
    assert array.endswith(b"}\n]")
    assert b"}\n,\r\n{" not in array
    assert b"},\r\n{" in array


async def test_without_sse_an_error_is_an_array_too(fake: FakeProvider) -> None:
    async with Socket(fake.port) as s:
        await s.send(post({"contents": []}, f"/v1/models/{MODEL}:streamGenerateContent", b"x-goog-api-key: right\r\n"))
        head = await s.head()
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        error = msgspec.json.decode(await s.exactly(size), type=list[dict[str, dict[str, object]]])
    assert (error[0]["error"]["code"], error[0]["error"]["status"]) == (400, "INVALID_ARGUMENT")
