"""Any legal answer, as the events that a provider has in mind before it writes them in its own dialect.

`answers` draws them; `runs` puts them in the order of providers that finish one block before the next;
`tests.dialects.sequence_writers` writes them; `told` says what of them has to arrive.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from sluice.chat.content import Citation
from sluice.chat.events import (
    Channel,
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    FinishReason,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.seal import Seal, SealKind
from sluice.chat.usage import Usage

ORIGIN = "dialect.any"
"""Of seals before a writer made them its own."""

texts = st.one_of(
    st.sampled_from(
        ["", "Hello", " world", "\n\n", "\u2028\u0085", '"}]\\', "data: x\n\nevent: y", "🌍é", "\0", "</s>"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=6),
)
channels: st.SearchStrategy[Channel] = st.sampled_from(["text", "text", "reasoning", "refusal"])
reasons: st.SearchStrategy[FinishReason] = st.sampled_from(["stop", "stop", "length", "content_filter", "refusal"])
kinds: st.SearchStrategy[SealKind] = st.sampled_from(["reasoning", "redacted", "text"])
proofs = st.sampled_from(["QUJD", "c2VhbA==", "AAEC/+8="])
"""Base64: each vendor's is."""
arguments = st.one_of(
    st.sampled_from(["", "{}", '{"a":1}', '{ "city" : "Paris" }', '{"a":{"b":[1,2.5,null,true]},"c":""}']),
    st.builds(json.dumps, st.dictionaries(texts, texts | st.integers(), max_size=2), ensure_ascii=st.booleans()),
)
cites = st.builds(
    Citation,
    url=st.sampled_from(["https://a.example/x", "https://b.example/?q=é"]),
    title=st.sampled_from(["", "A title"]),
    start=st.integers(0, 3),
    end=st.integers(3, 9),
)
usages = st.builds(
    lambda fresh, read, written, said, thought: Usage(
        input_tokens=fresh + read + written,
        output_tokens=said + thought,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought,
    ),
    *[st.integers(0, 2**40) for _ in range(3)],
    st.integers(0, 500),
    st.integers(0, 500),
)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """A legal and complete answer of one or two choices: channels alternate, calls interleave, seals, citations, usage
    and names come anywhere."""
    choices = draw(st.sampled_from([1, 1, 1, 2]))
    said = [_Choice(index) for index in range(choices)]
    events: list[Event] = []
    for _ in range(draw(st.integers(0, 12))):
        choice = said[draw(st.integers(0, choices - 1))] if choices > 1 else said[0]
        events += choice.step(draw, draw(st.sampled_from("ttttaaacsou")))
    for choice in said:
        events += choice.end(draw)
    events.insert(draw(st.integers(0, len(events))) if draw(st.booleans()) else 0, Started("a1", "model-x", 1700000000))
    if draw(st.booleans()):
        events.append(Reported(draw(usages)))
    return [*events, Ended()]


class _Choice:
    """One choice while it is drawn."""

    def __init__(self, index: int) -> None:
        self._index, self._calls = index, 0
        self._rest: dict[int, list[str]] = {}
        """The pieces of each call's arguments that are not said yet."""
        self._words = False
        """A text is open: seals of it and citations have something to belong to."""

    def step(self, draw: st.DrawFn, what: str) -> list[Event]:
        """The next events: t text, a arguments, c a call, s a seal, o a source, u usage."""
        if what == "a" and any(self._rest.values()):
            call = draw(st.sampled_from([index for index, rest in self._rest.items() if rest]))
            return [ToolCallDelta(self._index, call, self._rest[call].pop(0))]
        if what == "c":
            return self._call(draw)
        if what == "s":
            return [Sealed(self._index, Seal(ORIGIN, draw(kinds), draw(proofs)))]
        if what == "o" and self._words:
            return [Cited(self._index, draw(cites))]
        if what == "u":
            return [Reported(draw(usages))]
        delta = TextDelta(self._index, draw(channels), draw(texts))
        self._words = delta.channel == "text" and bool(delta.text)
        return [delta]

    def _call(self, draw: st.DrawFn) -> list[Event]:
        index, text = self._calls, draw(arguments)
        self._calls += 1
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
        self._rest[index] = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        self._words = False
        seal = [Sealed(self._index, Seal(ORIGIN, "call", draw(proofs)))] if draw(st.integers(0, 3)) == 0 else []
        return [*seal, ToolCallStarted(self._index, index, f"call_{self._index}{index}", draw(st.sampled_from("fgh")))]

    def end(self, draw: st.DrawFn) -> list[Event]:
        """What is left of the calls, and the reason for the end. What `length` ends may lack its end."""
        reason = draw(reasons)
        events: list[Event] = []
        if reason != "length" or draw(st.booleans()):
            pending = [(call, piece) for call, rest in self._rest.items() for piece in rest]
            events += [ToolCallDelta(self._index, call, piece) for call, piece in pending]
            reason = "tool_calls" if self._calls and reason in ("stop", "refusal") else reason
        return [*events, ChoiceFinished(self._index, reason, reason)]


# -- one block after the other ----------------------------------------------------------------------------------------


class Run(NamedTuple):
    """What belongs to one block: the deltas of one channel, one call and its arguments, or a seal that stands alone."""

    kind: str
    """A channel, `call` or `redacted`."""
    events: list[Event]


def runs(events: Sequence[Event], choice: int = 0) -> list[Run]:
    """The events of a choice as blocks in the order in which they began. A seal of reasoning closes its block; seals of
    texts and calls stay with what they seal."""
    found: list[Run] = []
    calls: dict[int, Run] = {}
    closed = True
    for event in events:
        if isinstance(event, Started | Reported | Ended | ChoiceFinished) or getattr(event, "choice", -1) != choice:
            continue
        if isinstance(event, ToolCallDelta):
            calls[event.index].events.append(event)
            continue
        kind = _kind(event)
        if closed or not found or found[-1].kind != kind or kind == "call":
            sealed = found.pop().events if kind == "call" and found and found[-1].kind == "call seal" else []
            found.append(Run(kind, sealed))
        if isinstance(event, ToolCallStarted):
            calls[event.index] = found[-1]
        found[-1].events.append(event)
        closed = isinstance(event, Sealed)
    return [run for run in found if run.kind != "call seal"]


def _kind(event: Event) -> str:
    match event:
        case TextDelta():
            return event.channel
        case ToolCallStarted():
            return "call"
        case Sealed(seal=seal):
            return {"redacted": "redacted", "call": "call seal", "text": "text"}.get(seal.kind, "reasoning")
        case _:
            return "text"


# -- what has to arrive -----------------------------------------------------------------------------------------------


Told = tuple[dict[int, dict[str, str]], list[tuple[int, str, str]]]
"""The words of each choice by channel, and the calls: choice, name, arguments."""


def told(events: Sequence[Event], *, refusals: bool, cut_calls: bool) -> Told:
    """What each choice says, channel by channel. Without `refusals`, their words are text; without `cut_calls`, a call
    whose arguments are no JSON is left out."""
    rows: dict[int, dict[str, str]] = {}
    calls: dict[tuple[int, int], list[str]] = {}
    for event in events:
        if isinstance(event, TextDelta):
            channel = "text" if event.channel == "refusal" and not refusals else event.channel
            row = rows.setdefault(event.choice, {})
            row[channel] = row.get(channel, "") + event.text
        elif isinstance(event, ToolCallStarted):
            calls[event.choice, event.index] = [event.name, ""]
        elif isinstance(event, ToolCallDelta):
            calls[event.choice, event.index][1] += event.arguments
    whole = [(at[0], name, text) for at, (name, text) in sorted(calls.items()) if cut_calls or is_object(text)]
    return (
        {choice: {k: v for k, v in row.items() if v} for choice, row in rows.items() if any(row.values())},
        [(choice, name, meaning(text)) for choice, name, text in whole],
    )


def is_object(text: str) -> bool:
    """Whether these arguments are complete; none at all are."""
    try:
        return isinstance(json.loads(text or "{}"), dict)
    except ValueError:
        return False


def meaning(text: str) -> str:
    """The same for arguments that mean the same."""
    return json.dumps(json.loads(text or "{}")) if is_object(text) else text
