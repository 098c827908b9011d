"""What a program hears that reads a stream with an official client, event by event: how often it begins, which text
comes, and how it ends.

`talk` holds conversations; here one question is asked, and nothing is assumed of the answer.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Literal, Self, cast

import anthropic
import httpx2
import openai
from google import genai
from google.genai import errors, types

_Chunks = AsyncGenerator[types.GenerateContentResponse, None]
"""What Google's client gives, which says less."""
End = Literal["succeeded", "failed", "silent"]
"""The client's own marker of success came; the client raised an error, or its event of failure came; neither: a program
would take what it has for the whole."""
FAILURES = (openai.APIError, anthropic.APIError, errors.APIError)
"""What the official clients raise for what a server says."""
UNREADABLE = ValueError
"""What they raise for an event that is no JSON."""
MODEL = "any-model"


@dataclass
class Heard:
    """One answer."""

    begins: int = 0
    """Role frames, `message_start`, `response.created`; Gemini has nothing like it: 1 if anything came."""
    pieces: list[str] = field(default_factory=list)
    finish: str = ""
    marked: bool = False
    """The client's marker of success came."""
    error: BaseException | None = None
    said: str = ""
    """The words of the failure."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def end(self) -> End:
        if self.said or self.error is not None:
            return "failed"
        return "succeeded" if self.marked else "silent"

    @property
    def status(self) -> int:
        """Of the failure; 200 = inside the stream, 0 = nothing failed."""
        if self.error is None:
            return 200 if self.said else 0
        status = getattr(self.error, "status_code", None) or getattr(self.error, "code", None)
        return status if isinstance(status, int) else 200


class Listener:
    """One official client, pointed at one address: `async with Listener("chat", url) as listener`."""

    def __init__(self, client: str, url: str, *, patience_s: float = 10.0) -> None:
        """`client`: chat, responses, messages or gemini."""
        self._client: openai.AsyncOpenAI | anthropic.AsyncAnthropic | genai.client.AsyncClient
        match client:
            case "chat" | "responses":
                self._client = kit = openai.AsyncOpenAI(
                    api_key="k", base_url=f"{url}/v1", max_retries=0, timeout=patience_s
                )
                self._hear = partial(_hear_chat if client == "chat" else _hear_responses, kit)
            case "messages":
                claude = anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0, timeout=patience_s)
                self._client, self._hear = claude, partial(_hear_messages, claude)
            case _:
                once = types.HttpRetryOptions(attempts=1)
                options = types.HttpOptions(base_url=url, timeout=int(patience_s * 1000), retry_options=once)
                google = genai.Client(api_key="k", http_options=options).aio
                self._client, self._hear = google, partial(_hear_gemini, google)

    async def hear(self, question: str, *, model: str = MODEL) -> Heard:
        """Ask, and listen to the end.

        Raises:
            httpx2.TransportError: the connection was cut, which is no report of a failure.
        """
        heard = Heard()
        try:
            await self._hear(heard, question, model)
        except (*FAILURES, UNREADABLE) as error:
            heard.error, heard.said = error, str(error)
            if isinstance(error.__cause__, httpx2.TransportError):
                raise error.__cause__ from None
        return heard

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close its connections."""
        if isinstance(self._client, genai.client.AsyncClient):
            await self._client.aclose()
        else:
            await self._client.close()


async def _hear_chat(kit: openai.AsyncOpenAI, heard: Heard, question: str, model: str) -> None:
    stream = await kit.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], stream=True
    )
    async with stream:
        async for chunk in stream:
            for choice in chunk.choices:
                heard.begins += choice.delta.role is not None
                heard.pieces.append(choice.delta.content or "")
                heard.finish = choice.finish_reason or heard.finish
    heard.marked = bool(heard.finish)


async def _hear_responses(kit: openai.AsyncOpenAI, heard: Heard, question: str, model: str) -> None:
    stream = await kit.responses.create(model=model, input=question, stream=True)
    number = 0
    async with stream:
        async for event in stream:
            assert event.sequence_number == number, "numbers have no gap and none comes twice"
            number += 1
            match event.type:
                case "response.created":
                    heard.begins += 1
                case "response.output_text.delta":
                    heard.pieces.append(event.delta)
                case "response.completed":
                    heard.marked, heard.finish = True, str(event.response.status)
                case "response.failed":
                    error = event.response.error
                    heard.said = error.message if error is not None else "failed"


async def _hear_messages(kit: anthropic.AsyncAnthropic, heard: Heard, question: str, model: str) -> None:
    stream = await kit.messages.create(
        model=model, max_tokens=4096, messages=[{"role": "user", "content": question}], stream=True
    )
    async with stream:
        async for event in stream:
            match event.type:
                case "message_start":
                    heard.begins += 1
                case "content_block_delta" if event.delta.type == "text_delta":
                    heard.pieces.append(event.delta.text)
                case "message_delta":
                    heard.finish = event.delta.stop_reason or ""
                case "message_stop":
                    heard.marked = True


async def _hear_gemini(kit: genai.client.AsyncClient, heard: Heard, question: str, model: str) -> None:
    chunks = await kit.models.generate_content_stream(model=model, contents=question)
    async with aclosing(cast(_Chunks, chunks)) as stream:
        async for chunk in stream:
            heard.begins = 1
            for candidate in chunk.candidates or ():
                parts = (candidate.content and candidate.content.parts) or ()
                heard.pieces += [part.text or "" for part in parts]
                heard.finish = candidate.finish_reason.value if candidate.finish_reason else heard.finish
    heard.marked = bool(heard.finish)
