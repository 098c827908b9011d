"""Guards under test, and relays that have them."""

from collections.abc import Sequence

from sluice.chat.events import ChoiceFinished, Ended, Event, Started, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.fold import Fold
from sluice.chat.request import ChatRequest
from sluice.dialects.dialect import Dialect, Shape
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.policies.guards import Guard, Judge, Rejection, TextRules
from sluice.relay.guard import Guard as Machine
from sluice.relay.guarded_stream import GuardedStream
from sluice.relay.guarded_whole import GuardedWhole
from sluice.relay.guarding import Guarding, guarding
from sluice.relay.sinks import Folded, Translate, as_answer
from sluice.relay.terms import Terms
from sluice.wire.sse import SseDecoder
from tests.relay.relays import TERMS

SECRET = TextRules(name="secrets", patterns=("SECRET-[0-9]{4}",))
"""Masks."""
BANNED = TextRules(name="banned", action="reject", patterns=("forbidden",), rejection=Rejection(status=451))
EMAIL = TextRules(name="pii", builtins=("email",))
WORDS = Judge(name="words")
TONE = Judge(name="tone")
FLAT = OPENAI_CHAT.facts.shape
"""Members beside each other."""
ORDERED = Shape()
"""Parts in one order."""


def compiled(*guards: Guard, streams: bool = True) -> Guarding:
    found = guarding(guards, streams=streams)
    assert found is not None
    return found


def stream(
    *guards: Guard,
    client: Dialect = OPENAI_CHAT,
    provider: Dialect = OPENAI_CHAT,
    request: ChatRequest = ChatRequest(stream=True),  # noqa: B008 - frozen
    terms: Terms = TERMS,
) -> GuardedStream:
    """A stream of this provider's, guarded, to this client."""
    return GuardedStream(
        compiled(*guards),
        wire=SseDecoder(),
        decoder=provider.decoder(keep_leftovers=client is provider),
        sink=Translate(client.encoder(request)),
        shape=client.facts.shape,
        terms=terms,
    )


def folded(*guards: Guard, terms: Terms = TERMS) -> GuardedStream:
    """The same for a client who wants the answer as a whole."""
    return GuardedStream(
        compiled(*guards, streams=False),
        wire=SseDecoder(),
        decoder=OPENAI_CHAT.decoder(keep_leftovers=True),
        sink=Folded(OPENAI_CHAT, ChatRequest()),
        shape=FLAT,
        terms=terms,
    )


def whole(*guards: Guard, dialect: Dialect = OPENAI_CHAT, terms: Terms = TERMS) -> GuardedWhole:
    return GuardedWhole(
        compiled(*guards, streams=False),
        dialect=dialect,
        rewrite=as_answer(dialect, ChatRequest()),
        shape=dialect.facts.shape,
        keep_leftovers=True,
        terms=terms,
    )


def machine(*guards: Guard, streams: bool = True, shape: Shape = FLAT) -> Machine:
    return Machine(compiled(*guards, streams=streams), streams=streams, shape=shape)


def says(*texts: str, choice: int = 0) -> list[Event]:
    """Pieces of text of one choice."""
    return [TextDelta(choice, "text", text) for text in texts]


def calls(name: str, *arguments: str, choice: int = 0, index: int = 0) -> list[Event]:
    """A tool call in pieces."""
    begun = ToolCallStarted(choice, index, f"call_{index}", name)
    return [begun, *(ToolCallDelta(choice, index, piece) for piece in arguments)]


def answer(*events: Event, choices: int = 1) -> list[Event]:
    """These events, begun and ended."""
    ends = [ChoiceFinished(choice, "stop", "stop") for choice in range(choices)]
    return [Started("a1", "m"), *events, *ends, Ended()]


def seen(events: Sequence[Event], guard: Machine, *, now: float = 1.0) -> list[Event]:
    """Feed events one by one; return what may be seen of them."""
    return [shown for event in events for shown in guard.take([event], now)]


def spoken(events: Sequence[Event], choice: int = 0) -> str:
    """The text of a choice."""
    fold = Fold()
    for event in events:
        fold.add(event)
    found = [one for one in fold.answer().choices if one.index == choice]
    return (found[0].text or "") if found else ""
