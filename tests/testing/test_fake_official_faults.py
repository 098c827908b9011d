"""Faults as the official clients see them: the harmless ones change no word, the others raise."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import msgspec
import openai
import pytest
from anthropic import AnthropicError, AsyncAnthropic
from google.genai import Client, errors, types
from openai import AsyncOpenAI

from sluice.testing import fake_filler
from sluice.testing.fake_provider import At, FakeProvider, Fault, InBand

SAID = "Grüße 😀, one two three"
ASK = f'[[fake {{"content": "{SAID}"}}]]'
RAISED = (
    *(openai.OpenAIError, AnthropicError, errors.APIError, errors.UnknownApiResponseError, ValueError),
    *(httpx2.HTTPError, json.JSONDecodeError, ConnectionError, RuntimeError),
)
"""What official clients let through of a stream that breaks."""


def named(fault: Fault) -> str:
    return msgspec.json.encode(fault).decode()


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


async def chat(fake: FakeProvider) -> str:
    async with AsyncOpenAI(base_url=fake.url, api_key="k", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": ASK}], stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def responses(fake: FakeProvider) -> str:
    async with (
        AsyncOpenAI(base_url=fake.url, api_key="k", max_retries=0) as client,
        client.responses.stream(model="m", input=ASK) as stream,
    ):
        text = "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])
        assert (await stream.get_final_response()).output_text == text
        return text


async def messages(fake: FakeProvider) -> str:
    async with (
        AsyncAnthropic(base_url=fake.origin, api_key="k", max_retries=0) as client,
        client.messages.stream(model="m", max_tokens=4096, messages=[{"role": "user", "content": ASK}]) as stream,
    ):
        return await stream.get_final_text()


async def gemini(fake: FakeProvider) -> str:
    async with Client(api_key="k", http_options=types.HttpOptions(base_url=fake.origin)).aio as client:
        chunks = await client.models.generate_content_stream(model="m", contents=ASK)
        return "".join([chunk.text or "" async for chunk in chunks])


CLIENTS: dict[str, Callable[[FakeProvider], Awaitable[str]]] = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
    "gemini": gemini,
}


LEGAL = (
    Fault(write_bytes=1),
    Fault(newline="crlf"),
    Fault(gzip=True, write_bytes=3),
    Fault(head_delay_ms=5, gap_ms=[3, 0]),
)


@pytest.mark.parametrize("fault", LEGAL, ids=named)
@pytest.mark.parametrize("name", CLIENTS)
async def test_what_is_legal_changes_no_word(fake: FakeProvider, name: str, fault: Fault) -> None:
    fake.fault(fault)
    assert await CLIENTS[name](fake) == SAID


@pytest.mark.parametrize("name", ["chat", "responses", "messages"])
async def test_comments_and_pings_change_no_word(fake: FakeProvider, name: str) -> None:
    fake.fault(Fault(comments=3, pings=True, gap_ms=1))
    assert await CLIENTS[name](fake) == SAID


async def test_googles_own_client_raises_on_comments(fake: FakeProvider) -> None:
    fake.fault(Fault(comments=1))
    with pytest.raises(RAISED):
        await gemini(fake)


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_giant_event_is_read_whole(fake: FakeProvider, name: str) -> None:
    fake.fault(Fault(giant_bytes=100_000))
    assert await CLIENTS[name](fake) == SAID + fake_filler.text(100_000)


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(end="rst"),
        Fault(at=At(event=0), end="fin"),
        Fault(at=At(event=3), end="fin"),
        Fault(at=At(event=3, byte=20), end="rst"),
        Fault(malformed=3),
        Fault(error=InBand(at=3, status=529)),
        Fault(status=503),
    ],
    ids=named,
)
async def test_what_breaks_an_answer_raises(fake: FakeProvider, name: str, fault: Fault) -> None:
    fake.fault(fault, times=4)  # clients try again
    with pytest.raises(RAISED):
        await CLIENTS[name](fake)
