"""What the fake provider says to a request, in pieces: decided here, written as JSON by `fake_chunks`.

Pure and deterministic: one seed, one reply.
"""

import re

import msgspec

from sluice.testing import fake_schema, fake_words
from sluice.testing.fake_request import Asked, Function, NamedTool, Wanted


class Call(msgspec.Struct, frozen=True):
    """A tool call; the pieces of its arguments join to JSON."""

    id: str
    name: str
    arguments: tuple[str, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One alternative answer, channel by channel. None = the channel is not opened."""

    content: tuple[str, ...] | None = None
    reasoning: tuple[str, ...] = ()
    refusal: tuple[str, ...] | None = None
    calls: tuple[Call, ...] = ()
    finish: str = "stop"

    @property
    def tokens(self) -> int:
        texts = (self.content or (), self.reasoning, self.refusal or (), *(call.arguments for call in self.calls))
        return sum(map(len, texts)) + sum(fake_words.count(call.name) for call in self.calls)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole reply. Tokens are counted by `fake_words.count`; a message costs 3 more, the answer's opening 3."""

    id: str
    fingerprint: str
    choices: tuple[Choice, ...]
    prompt_tokens: int

    @property
    def completion_tokens(self) -> int:
        return sum(choice.tokens for choice in self.choices)

    @property
    def reasoning_tokens(self) -> int:
        return sum(len(choice.reasoning) for choice in self.choices)


def reply(asked: Asked, seed: bytes) -> Reply:
    """Decide what to say: what the request prescribes, else a tool's result quoted, a tool call, JSON, or sentences."""
    return Reply(
        id=fake_words.name(seed, "chatcmpl-", 29),
        fingerprint=fake_words.name(asked.model.encode(), "fp_", 10, "0123456789abcdef"),
        choices=tuple(_limited(_choice(asked, seed, index), asked.max_output) for index in range(asked.n or 1)),
        prompt_tokens=_prompt_tokens(asked),
    )


def _choice(asked: Asked, seed: bytes, index: int) -> Choice:
    wanted = asked.fake or asked.httpbun
    if wanted is not None:
        return _prescribed(wanted)
    last = asked.messages[-1]
    if last.role == "tool":
        return Choice(content=_pieces(fake_words.answer_about_result(last.text)))
    functions = called(asked)
    if functions:
        calls = (_call(function, asked.question, seed, index, place) for place, function in enumerate(functions))
        return Choice(calls=tuple(calls), finish="tool_calls")
    wish = asked.response_format
    if wish is not None and wish.type in ("json_schema", "json_object"):
        schema = wish.json_schema.schema if wish.json_schema else None
        value = fake_schema.example(schema or {"type": "object", "properties": {"answer": {}}}, asked.question)
        return Choice(content=_pieces(msgspec.json.encode(value).decode()))
    return Choice(content=_pieces(fake_words.answer(asked.question, seed, index)))


def _prescribed(wanted: Wanted) -> Choice:
    silent = wanted.content is None and wanted.refusal is not None
    return Choice(
        content=None if silent else _pieces(wanted.content or ""),
        reasoning=_pieces(wanted.reasoning or ""),
        refusal=None if wanted.refusal is None else _pieces(wanted.refusal),
    )


def called(asked: Asked) -> list[Function]:
    """Return the tools that are to be called: the one named in `tool_choice`, those that the user's message names, or
    the first if one is required."""
    functions = [tool.function for tool in asked.tools or () if tool.function is not None]
    choice = asked.tool_choice
    if choice == "none" or not functions:
        return []
    if isinstance(choice, NamedTool):
        return [function for function in functions if choice.function and function.name == choice.function.name][:1]
    words = set(re.findall(r"[\w-]+", asked.question))
    named = [function for function in functions if function.name in words]
    if not named and choice == "required":
        named = functions[:1]
    return named[:1] if asked.parallel_tool_calls is False else named


def _call(function: Function, question: str, seed: bytes, choice: int, place: int) -> Call:
    value = fake_schema.example(function.parameters or {"type": "object"}, question)
    call_id = fake_words.name(b"%d.%d." % (choice, place) + seed, "call_", 24)
    return Call(call_id, function.name, _pieces(msgspec.json.encode(value).decode()))


def _limited(choice: Choice, most: int | None) -> Choice:
    """Cut a choice after `most` tokens, in the order in which they are sent."""
    if most is None or choice.tokens <= most:
        return choice
    reasoning = choice.reasoning[:most]
    most -= len(reasoning)
    content = None if choice.content is None else choice.content[:most]
    most -= len(content or ())
    refusal = None if choice.refusal is None else choice.refusal[:most]
    most -= len(refusal or ())
    calls = []
    for call in choice.calls:
        most -= fake_words.count(call.name)
        if most < 0:
            break
        calls.append(Call(call.id, call.name, call.arguments[:most]))
        most -= len(calls[-1].arguments)
    return Choice(content=content, reasoning=reasoning, refusal=refusal, calls=tuple(calls), finish="length")


def _prompt_tokens(asked: Asked) -> int:
    tools = fake_words.count(msgspec.json.encode(asked.tools).decode()) if asked.tools else 0
    said = sum(3 + fake_words.count(message.text) + fake_words.count(message.name or "") for message in asked.messages)
    return said + 3 + tools


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(fake_words.pieces(text))
