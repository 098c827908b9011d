"""The clients `anthropic` and `google-genai`."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import anthropic
from anthropic.types import Message
from google import genai
from google.genai import errors, types

from sluice.chat.usage import Usage
from tests.journeys.talk import PLAIN, SCHEMA, Call, Json, Said, Wish

MODEL = "any-model"


class MessagesTalk:
    """Anthropic's."""

    def __init__(self, url: str) -> None:
        self.finishes = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
        self._sdk = anthropic.AsyncAnthropic(api_key="unused", base_url=url, max_retries=0, timeout=10)
        self._system: list[Json] = []
        self._messages: list[Any] = []

    def system(self, text: str) -> None:
        self._system.append({"type": "text", "text": text})

    def user(self, text: str, *, image: str = "") -> None:
        parts: list[Json] = [{"type": "text", "text": text}]
        if image:
            source = {"type": "base64", "media_type": "image/png", "data": image}
            parts.append({"type": "image", "source": source})
        self._messages.append({"role": "user", "content": parts if image else text})

    def results(self, *results: tuple[Call, str]) -> None:
        blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in results]
        self._messages.append({"role": "user", "content": blocks})

    def keep(self, said: Said) -> None:
        self._messages += said.turn

    def forget(self) -> None:
        self._system.clear()
        self._messages.clear()

    def _asked(self, wish: Wish) -> Json:
        asked: Json = {"model": MODEL, "messages": self._messages, "max_tokens": wish.max_tokens}
        if self._system:
            asked["system"] = self._system
        if wish.tools:
            asked["tools"] = [{"name": name, "input_schema": SCHEMA} for name in wish.tools]
        if wish.required:
            asked["tool_choice"] = {"type": "any"}
        if wish.reasons:
            asked["thinking"] = {"type": "enabled", "budget_tokens": 1024, "display": "summarized"}
        if wish.json:
            asked["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
        if wish.stop:
            asked["stop_sequences"] = list(wish.stop)
        return asked

    async def ask(self, wish: Wish = PLAIN, *, stream: bool) -> Said:
        if not stream:
            return _message(await self._sdk.messages.create(**self._asked(wish)))
        async with self._sdk.messages.stream(**self._asked(wish)) as running:
            kinds = [event.type async for event in running]
            assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
            return _message(await running.get_final_message())

    async def raw(self, wish: Wish = PLAIN) -> Said:
        """`text_stream`, and what was collected beside it."""
        async with self._sdk.messages.stream(**self._asked(wish)) as running:
            text = "".join([piece async for piece in running.text_stream])
            said = _message(await running.get_final_message())
        assert said.text == text
        return said

    async def close(self) -> None:
        await self._sdk.close()

    def error(self, error: BaseException) -> tuple[int, str]:
        assert isinstance(error, anthropic.APIStatusError), repr(error)
        body = error.body
        assert isinstance(body, dict)
        assert body["type"] == "error"
        return error.status_code, str(body["error"]["message"])

    def headers(self, error: BaseException) -> Mapping[str, str]:
        assert isinstance(error, anthropic.APIStatusError)
        return error.response.headers


def _message(message: Message) -> Said:
    body = json.loads(message.model_dump_json(exclude_none=True, warnings=False))
    usage = message.usage
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.output_tokens_details
    return Said(
        text="".join(block.text for block in message.content if block.type == "text"),
        reasoning="".join(block.thinking for block in message.content if block.type == "thinking"),
        calls=tuple(
            Call(id=block.id, name=block.name, arguments=dict(block.input))
            for block in message.content
            if block.type == "tool_use"
        ),
        finish=str(message.stop_reason),
        usage=Usage(
            input_tokens=usage.input_tokens + read + written,
            output_tokens=usage.output_tokens,
            cache_read_tokens=read,
            cache_write_tokens=written,
            reasoning_tokens=details.thinking_tokens if details else 0,
        ),
        body=body,
        turn=[{"role": "assistant", "content": body["content"]}],
    )


class GeminiTalk:
    """Google's. It has no accumulator of messages: parts are joined as its chats do."""

    def __init__(self, url: str) -> None:
        self.finishes = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}
        retry = types.HttpRetryOptions(attempts=1)
        self._sdk = genai.Client(
            api_key="unused", http_options=types.HttpOptions(base_url=url, timeout=10_000, retry_options=retry)
        ).aio
        self._system: list[types.Part] = []
        self._contents: list[Any] = []

    def system(self, text: str) -> None:
        self._system.append(types.Part(text=text))

    def user(self, text: str, *, image: str = "") -> None:
        parts = [types.Part(text=text)]
        if image:
            parts.append(types.Part.from_bytes(data=base64.b64decode(image), mime_type="image/png"))
        self._contents.append(types.Content(role="user", parts=parts))

    def results(self, *results: tuple[Call, str]) -> None:
        answers = [types.FunctionResponse(id=c.id or None, name=c.name, response={"result": t}) for c, t in results]
        parts = [types.Part(function_response=answer) for answer in answers]
        self._contents.append(types.Content(role="user", parts=parts))

    def keep(self, said: Said) -> None:
        self._contents += said.turn

    def forget(self) -> None:
        self._system.clear()
        self._contents.clear()

    def _asked(self, wish: Wish) -> Json:
        declared = [types.FunctionDeclaration(name=name, parameters_json_schema=SCHEMA) for name in wish.tools]
        mode = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY)
        config = types.GenerateContentConfig(
            system_instruction=types.Content(parts=self._system) if self._system else None,
            tools=[types.Tool(function_declarations=declared)] if declared else None,
            tool_config=types.ToolConfig(function_calling_config=mode) if wish.required else None,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024) if wish.reasons else None,
            max_output_tokens=wish.max_tokens,
            stop_sequences=list(wish.stop) or None,
            response_mime_type="application/json" if wish.json else None,
            response_json_schema=SCHEMA if wish.json else None,
        )
        return {"model": MODEL, "contents": self._contents, "config": config}

    async def ask(self, wish: Wish = PLAIN, *, stream: bool) -> Said:
        if not stream:
            return _content([await self._sdk.models.generate_content(**self._asked(wish))])
        return await self.raw(wish)

    async def raw(self, wish: Wish = PLAIN) -> Said:
        return _content([chunk async for chunk in await self._sdk.models.generate_content_stream(**self._asked(wish))])

    async def close(self) -> None:
        await self._sdk.aclose()

    def error(self, error: BaseException) -> tuple[int, str]:
        assert isinstance(error, errors.APIError), repr(error)
        return error.code, str(error.message)

    def headers(self, error: BaseException) -> Mapping[str, str]:
        assert isinstance(error, errors.APIError)
        return dict(error.response.headers)


def _content(chunks: list[types.GenerateContentResponse]) -> Said:
    parts: list[types.Part] = []
    finish = ""
    for chunk in chunks:
        for candidate in chunk.candidates or ():
            for part in (candidate.content and candidate.content.parts) or ():
                _add(parts, part)
            finish = candidate.finish_reason.value if candidate.finish_reason else finish
    last, calls = chunks[-1], [part.function_call for part in parts if part.function_call]
    usage = last.usage_metadata
    assert usage is not None
    thoughts = usage.thoughts_token_count or 0
    content = types.Content(role="model", parts=parts)
    return Said(
        text="".join(part.text or "" for part in parts if not part.thought),
        reasoning="".join(part.text or "" for part in parts if part.thought),
        calls=tuple(Call(id=call.id or "", name=call.name or "", arguments=call.args or {}) for call in calls),
        finish=finish,
        usage=Usage(
            input_tokens=usage.prompt_token_count or 0,
            output_tokens=(usage.candidates_token_count or 0) + thoughts,
            cache_read_tokens=usage.cached_content_token_count or 0,
            reasoning_tokens=thoughts,
        ),
        body={
            "id": last.response_id,
            "model": last.model_version,
            "usage": usage.model_dump(exclude_none=True),
            "finish": finish,
            "parts": _closed(json.loads(content.model_dump_json(exclude_none=True))["parts"]),
        },
        turn=[content],
    )


def _add(parts: list[types.Part], part: types.Part) -> None:
    """Texts of one kind in a row are one, unless a signature closes the first of them."""
    last = parts[-1] if parts else types.Part()
    if part.text == "" and not part.thought_signature and not part.function_call:
        return
    both = part.text is not None and last.text is not None
    if both and bool(part.thought) == bool(last.thought) and not (part.thought_signature or last.thought_signature):
        parts[-1] = last.model_copy(update={"text": f"{last.text}{part.text}"})
    else:
        parts.append(part)


def _closed(parts: list[Json]) -> list[Json]:
    """A stream tells the signature of a text after it, in a part of its own."""
    found: list[Json] = []
    for part in parts:
        if found and part.get("text") == "" and found[-1].keys() == {"text"} and "thought" not in part:
            found[-1] = part | found[-1]
        else:
            found.append(part)
    return found
