"""What the fake provider says to a request, in pieces: decided here once, written by one writer for each dialect.

Pure and deterministic. The words depend on the conversation alone, so that they are the same in every dialect and on
both sides of a translation; the ids depend on the seed.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from sluice.testing import fake_filler, fake_schema, fake_words
from sluice.testing.fake_asked import Asked, Function, Wanted
from sluice.testing.fake_filler import Flood


class Call(msgspec.Struct, frozen=True):
    """A tool call; the pieces of its arguments join to JSON."""

    id: str
    name: str
    arguments: tuple[str, ...]
    whole: bool = True
    """Not cut off."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One alternative answer, channel by channel. None = the channel is not opened."""

    content: tuple[str, ...] | None = None
    reasoning: tuple[str, ...] = ()
    refusal: tuple[str, ...] | None = None
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    stopped: str | None = None
    """The stop sequence that ended it."""
    flood: Flood | None = None
    """What its content goes on with, in a stream."""

    @property
    def speaks(self) -> bool:
        """Whether there is any content."""
        return bool(self.content) or self.flood is not None

    @property
    def said(self) -> Iterator[str]:
        """The pieces of its content as they are streamed. Iterate once: a flood flows once."""
        return chain(self.content or (), () if self.flood is None else self.flood.pieces())

    @property
    def text(self) -> str:
        """Its content in one piece; of a flood, what was streamed so far."""
        return "".join(self.content or ()) + ("" if self.flood is None else self.flood.said)

    @property
    def tokens(self) -> int:
        texts = (self.content or (), self.reasoning, self.refusal or (), *(call.arguments for call in self.calls))
        flooded = 0 if self.flood is None else self.flood.count
        return sum(map(len, texts)) + sum(fake_words.count(call.name) for call in self.calls) + flooded


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole reply. Tokens are counted by `fake_words.count`; a message costs 3 more, the answer's opening 3."""

    seed: bytes
    choices: tuple[Choice, ...]
    """At least one."""
    prompt_tokens: int
    """Those from the cache and those written to it included."""
    cached_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def completion_tokens(self) -> int:
        return sum(choice.tokens for choice in self.choices)

    @property
    def reasoning_tokens(self) -> int:
        return sum(len(choice.reasoning) for choice in self.choices)


def reply(asked: Asked) -> Reply:
    """Decide what to say: what the request prescribes, else a tool call, a tool's result quoted, JSON, or sentences."""
    cached, written = _cache(asked)
    return Reply(
        seed=asked.seed,
        choices=tuple(_ended(_choice(asked, index), asked) for index in range(asked.choices)),
        prompt_tokens=max(prompt_tokens(asked), cached + written),
        cached_tokens=cached,
        cache_write_tokens=written,
    )


def lengthened(reply: Reply, giants: Iterable[int | None], flood: Flood | None) -> Reply:
    """Return the reply with pieces of so many bytes (None = none), and a flood after them, in its first choice."""
    pieces = [fake_filler.placeholder(size) for size in giants if size is not None]
    if not pieces and flood is None:
        return reply
    first = reply.choices[0]
    longer = msgspec.structs.replace(first, content=(*(first.content or ()), *pieces), flood=flood)
    return msgspec.structs.replace(reply, choices=(longer, *reply.choices[1:]))


def prompt_tokens(asked: Asked) -> int:
    """Return the tokens of everything that was asked."""
    return _tokens(asked, len(asked.turns)) + 3


def _tokens(asked: Asked, turns: int) -> int:
    tools = fake_words.count(msgspec.json.encode(asked.functions).decode()) if asked.functions else 0
    said = (3 + fake_words.count(turn.text) + fake_words.count(turn.name) for turn in asked.turns[:turns])
    return tools + sum(said)


def _cache(asked: Asked) -> tuple[int, int]:
    """Tokens read from the prompt cache and written to it. A marked beginning counts as written in the first request
    of a conversation and as read in every later one; the fake remembers nothing."""
    if asked.wanted is not None and (asked.wanted.cached_tokens or asked.wanted.cache_write_tokens):
        return asked.wanted.cached_tokens, asked.wanted.cache_write_tokens
    if asked.marked is None:
        return 0, 0
    tokens = _tokens(asked, asked.marked)
    return (tokens, 0) if any(turn.role == "assistant" for turn in asked.turns) else (0, tokens)


def _choice(asked: Asked, index: int) -> Choice:
    if asked.wanted is not None:
        return _prescribed(asked.wanted, asked.seed, index)
    reasoning = _pieces(fake_words.reasoning(asked.question, asked.steps)) if asked.reasons else ()
    functions = called(asked)
    if functions:
        calls = tuple(_call(function, asked, index, place) for place, function in enumerate(functions))
        return Choice(reasoning=reasoning, calls=calls, finish="tool_calls")
    return Choice(reasoning=reasoning, content=_pieces(_text(asked, index)))


def _text(asked: Asked, index: int) -> str:
    if asked.results:
        return fake_words.answer_about_result("; ".join(asked.results))
    if asked.schema is not None:
        return msgspec.json.encode(fake_schema.example(asked.schema, asked.question)).decode()
    return fake_words.answer(asked.question, asked.question.encode(), index)


def _prescribed(wanted: Wanted, seed: bytes, index: int) -> Choice:
    silent = wanted.content is None and (wanted.refusal is not None or bool(wanted.calls))
    calls = tuple(
        Call(_call_id(seed, index, place), call.name, _pieces(call.arguments))
        for place, call in enumerate(wanted.calls)
    )
    return Choice(
        content=None if silent else _pieces(wanted.content or ""),
        reasoning=_pieces(wanted.reasoning or ""),
        refusal=None if wanted.refusal is None else _pieces(wanted.refusal),
        calls=calls,
        finish=wanted.finish or ("tool_calls" if calls else "stop"),
    )


def called(asked: Asked) -> list[Function]:
    """Return the tools that are to be called: the one named in the tool choice, those that the user's message names,
    or the first if one is required. Where calls may not be parallel, one in each step; a result ends the others."""
    functions = list(asked.functions)
    if asked.tool_choice == "none" or not functions:
        return []
    if asked.only:
        return [] if asked.results else [function for function in functions if function.name == asked.only][:1]
    words = set(re.findall(r"[\w-]+", asked.question))
    named = [function for function in functions if function.name in words]
    if not named and asked.tool_choice == "required":
        named = functions[:1]
    if not asked.parallel:
        return named[asked.steps : asked.steps + 1]
    return [] if asked.results else named


def _call(function: Function, asked: Asked, choice: int, place: int) -> Call:
    value = fake_schema.example(function.parameters or {"type": "object"}, asked.question)
    return Call(_call_id(asked.seed, choice, place), function.name, _pieces(msgspec.json.encode(value).decode()))


def _call_id(seed: bytes, choice: int, place: int) -> str:
    return fake_words.name(b"%d.%d." % (choice, place) + seed, "call_", 24)


def _ended(choice: Choice, asked: Asked) -> Choice:
    return _limited(_stopped(choice, asked.stop), asked.max_output)


def _stopped(choice: Choice, sequences: tuple[str, ...]) -> Choice:
    """End a choice before the first stop sequence of its text."""
    text = "".join(choice.content or ())
    found = [(at, sequence) for sequence in sequences if sequence and (at := text.find(sequence)) >= 0]
    if not found:
        return choice
    at, sequence = min(found)
    return Choice(reasoning=choice.reasoning, content=_pieces(text[:at]), stopped=sequence)


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
        calls.append(Call(call.id, call.name, call.arguments[:most], len(call.arguments) <= most))
        most -= len(calls[-1].arguments)
    return Choice(content=content, reasoning=reasoning, refusal=refusal, calls=tuple(calls), finish="length")


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(fake_words.pieces(text))
