"""The client `openai`, in both of the APIs that it speaks."""

import json
from collections.abc import Mapping
from typing import Any

import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionStreamOptionsParam
from openai.types.responses import Response

from sluice.chat.usage import Usage
from tests.journeys.talk import PLAIN, SCHEMA, Call, Json, Said, Wish

MODEL = "any-model"


def _client(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="unused", base_url=f"{url}/v1", max_retries=0, timeout=10)


def _status(error: BaseException) -> tuple[int, str]:
    assert isinstance(error, openai.APIError), repr(error)
    return getattr(error, "status_code", 200), error.message


def _headers(error: BaseException) -> Mapping[str, str]:
    assert isinstance(error, openai.APIStatusError)
    return error.response.headers


def _parsed(arguments: str) -> Json:
    """Arguments that were cut off are no JSON."""
    try:
        found = json.loads(arguments)
    except ValueError:
        return {"cut": arguments}
    assert isinstance(found, dict)
    return found


class ChatTalk:
    """Chat completions."""

    def __init__(self, url: str) -> None:
        self.finishes = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}
        self._sdk = _client(url)
        self._messages: list[Any] = []

    def system(self, text: str) -> None:
        self._messages.append({"role": "system", "content": text})

    def user(self, text: str, *, image: str = "") -> None:
        parts: list[Json] = [{"type": "text", "text": text}]
        if image:
            parts.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}})
        self._messages.append({"role": "user", "content": parts if image else text})

    def results(self, *results: tuple[Call, str]) -> None:
        self._messages += [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in results]

    def keep(self, said: Said) -> None:
        self._messages += said.turn

    def forget(self) -> None:
        self._messages.clear()

    def _asked(self, wish: Wish) -> Json:
        asked: Json = {"model": MODEL, "messages": self._messages, "max_completion_tokens": wish.max_tokens}
        if wish.tools:
            function = {"strict": True, "parameters": SCHEMA}
            asked["tools"] = [{"type": "function", "function": {"name": name, **function}} for name in wish.tools]
        if wish.required:
            asked["tool_choice"] = "required"
        if wish.reasons:
            asked["extra_body"] = {"reasoning": {"effort": "low", "exclude": False}}  # the common way to see it
        if wish.json:
            shape = {"name": "place", "schema": SCHEMA, "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": shape}
        if wish.stop:
            asked["stop"] = list(wish.stop)
        return asked

    async def ask(self, wish: Wish = PLAIN, *, stream: bool) -> Said:
        if not stream:
            return _completion((await self._sdk.chat.completions.create(**self._asked(wish))).to_dict(warnings=False))
        options: ChatCompletionStreamOptionsParam = {"include_usage": True}
        async with self._sdk.chat.completions.stream(**self._asked(wish), stream_options=options) as running:
            async for _ in running:
                pass
            snapshot = running.current_completion_snapshot
        return _completion(json.loads(snapshot.model_dump_json(exclude_unset=True, warnings=False)))

    async def raw(self, wish: Wish = PLAIN) -> Said:
        """`stream=True`; a program adds the chunks up itself."""
        asked = self._asked(wish) | {"stream_options": {"include_usage": True}}
        stream = await self._sdk.chat.completions.create(**asked, stream=True)
        state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
        async for chunk in stream:
            list(state.handle_chunk(chunk))
        return _completion(json.loads(state.current_completion_snapshot.model_dump_json(warnings=False)))

    async def close(self) -> None:
        await self._sdk.close()

    def error(self, error: BaseException) -> tuple[int, str]:
        return _status(error)

    def headers(self, error: BaseException) -> Mapping[str, str]:
        return _headers(error)


def _completion(body: Json) -> Said:
    (choice,) = body["choices"]
    message, counts = choice["message"], body["usage"]
    calls = message.get("tool_calls") or []
    rows = [{"id": c["id"], "type": "function", "function": _without(c["function"])} for c in calls]
    turn = {"role": "assistant", "content": message.get("content")} | ({"tool_calls": rows} if rows else {})
    return Said(
        text=message.get("content") or "",
        reasoning=message.get("reasoning_content") or "",
        calls=tuple(
            Call(id=c["id"], name=c["function"]["name"], arguments=_parsed(c["function"]["arguments"])) for c in calls
        ),
        finish=choice["finish_reason"],
        usage=Usage(
            input_tokens=counts["prompt_tokens"],
            output_tokens=counts["completion_tokens"],
            cache_read_tokens=counts["prompt_tokens_details"]["cached_tokens"],
            reasoning_tokens=counts["completion_tokens_details"]["reasoning_tokens"],
        ),
        body=_comparable(body, message, rows),
        turn=[turn],
    )


def _without(function: Json) -> Json:
    """The accumulator adds what it parsed."""
    return {name: function[name] for name in ("name", "arguments")}


def _comparable(body: Json, message: Json, rows: list[Json]) -> Json:
    names = ("role", "content", "refusal", "reasoning_content")
    words = {name: message.get(name) or "" for name in names} | {"tool_calls": rows}
    heads = {name: body[name] for name in ("id", "model", "created", "usage")}
    return heads | words | {"finish_reason": body["choices"][0]["finish_reason"]}


class ResponsesTalk:
    """Responses, kept nowhere: the client sends the history, proofs included."""

    def __init__(self, url: str) -> None:
        self.finishes = {"stop": "completed", "length": "max_output_tokens", "tool_calls": "completed"}
        self._sdk = _client(url)
        self._input: list[Any] = []

    def system(self, text: str) -> None:
        self._input.append({"role": "developer", "content": text})

    def user(self, text: str, *, image: str = "") -> None:
        parts: list[Json] = [{"type": "input_text", "text": text}]
        if image:
            parts.append({"type": "input_image", "image_url": f"data:image/png;base64,{image}"})
        self._input.append({"role": "user", "content": parts if image else text})

    def results(self, *results: tuple[Call, str]) -> None:
        self._input += [{"type": "function_call_output", "call_id": call.id, "output": text} for call, text in results]

    def keep(self, said: Said) -> None:
        self._input += said.turn

    def forget(self) -> None:
        self._input.clear()

    def _asked(self, wish: Wish) -> Json:
        asked: Json = {"model": MODEL, "input": self._input, "max_output_tokens": wish.max_tokens, "store": False}
        if wish.tools:
            asked["tools"] = [
                {"type": "function", "name": name, "strict": True, "parameters": SCHEMA} for name in wish.tools
            ]
        if wish.required:
            asked["tool_choice"] = "required"
        if wish.reasons:
            asked |= {
                "reasoning": {"effort": "low", "summary": "auto"},
                "include": ["reasoning.encrypted_content"],
            }
        if wish.json:
            asked["text"] = {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}
        return asked

    async def ask(self, wish: Wish = PLAIN, *, stream: bool) -> Said:
        if not stream:
            return _response(await self._sdk.responses.create(**self._asked(wish)))
        async with self._sdk.responses.stream(**self._asked(wish)) as running:
            events = [event async for event in running]
            last = events[-1]
            assert last.type in ("response.completed", "response.incomplete", "response.failed")
            if last.type == "response.completed":
                return _response(await running.get_final_response())
        return _response(last.response)

    async def raw(self, wish: Wish = PLAIN) -> Said:
        """`stream=True`; the last event has the whole response."""
        events = [event async for event in await self._sdk.responses.create(**self._asked(wish), stream=True)]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        last = events[-1]
        assert last.type in ("response.completed", "response.incomplete", "response.failed")
        return _response(last.response)

    async def close(self) -> None:
        await self._sdk.close()

    def error(self, error: BaseException) -> tuple[int, str]:
        return _status(error)

    def headers(self, error: BaseException) -> Mapping[str, str]:
        return _headers(error)


def _response(response: Response) -> Said:
    """A failure inside a stream is an event, which the client hands to the program: here it is raised for it."""
    if response.error is not None:
        raise openai.APIError(response.error.message, request=None, body=None)  # type: ignore[arg-type]
    usage = response.usage
    assert usage is not None
    calls = [item for item in response.output if item.type == "function_call"]
    thoughts = [item for item in response.output if item.type == "reasoning"]
    body = _plain(response.to_dict(warnings=False))
    return Said(
        text=response.output_text,
        reasoning="".join(part.text for item in thoughts for part in item.summary),
        calls=tuple(Call(id=c.call_id, name=c.name, arguments=_parsed(c.arguments)) for c in calls),
        finish=(response.incomplete_details and response.incomplete_details.reason) or str(response.status),
        usage=Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.input_tokens_details.cached_tokens,
            reasoning_tokens=usage.output_tokens_details.reasoning_tokens,
        ),
        body=body,
        turn=body["output"],
    )


def _plain(value: Any) -> Any:
    """Without what the accumulator adds, and without members that say nothing."""
    if isinstance(value, dict):
        names = ("parsed", "parsed_arguments")
        return {k: _plain(v) for k, v in value.items() if k not in names and v is not None}
    return [_plain(v) for v in value] if isinstance(value, list) else value
