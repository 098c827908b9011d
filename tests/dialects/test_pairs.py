"""Every client by every provider: whatever legal answer a provider streams, the client's official SDK accepts what it
is sent, and accumulates what the whole answer says.

`make test` tries a few answers for each of the 4 x 5 pairs, `make fuzz` ten thousand.
"""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from sluice.chat.events import ChoiceFinished, Ended, Event, Started
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.dialects.dialect import Dialect
from sluice.dialects.gemini import GEMINI
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.wire.event_stream import EventStreamDecoder
from sluice.wire.sse import SseDecoder
from tests.dialects.sequence_clients import Chat, Gemini, Json, Messages, Reader, Responses
from tests.dialects.sequence_responses import responses
from tests.dialects.sequence_writers import Writer, chat, converse, gemini, messages
from tests.dialects.sequences import answers, meaning, told

PROVIDERS: dict[str, tuple[Dialect, Writer]] = {
    "chat": (OPENAI_CHAT, chat),
    "responses": (OPENAI_RESPONSES, responses),
    "messages": (ANTHROPIC_MESSAGES, messages),
    "gemini": (GEMINI, gemini),
    "converse": (BEDROCK_CONVERSE, converse),
}
CLIENTS: dict[str, tuple[Dialect, Reader]] = {
    "chat": (OPENAI_CHAT, Chat()),
    "responses": (OPENAI_RESPONSES, Responses()),
    "messages": (ANTHROPIC_MESSAGES, Messages()),
    "gemini": (GEMINI, Gemini()),
}
REFUSES = frozenset({"chat", "responses"})
"""Providers with a place of its own for a refusal."""
MANY = frozenset({"chat", "gemini"})
"""Providers with several choices."""

FUZZING = settings.default is not None and settings.default.max_examples >= 5_000
SETTINGS = settings(
    max_examples=10_000 if FUZZING else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
@SETTINGS
@given(events=answers())
def test_any_answer_reaches_the_official_client_whole(client: str, provider: str, events: list[Event]) -> None:
    read = decoded(provider, events)
    answer = folded(read)
    cuts = provider != "gemini"
    refusals = provider in REFUSES
    meant = [event for event in events if provider in MANY or getattr(event, "choice", 0) == 0]
    assert told(read, refusals=refusals, cut_calls=cuts) == told(meant, refusals=refusals, cut_calls=cuts)

    dialect, reader = CLIENTS[client]
    encoder = dialect.encoder(reader.request)
    stream = b"".join([encoder.encode(event) for event in read])
    seen = reader.streamed(stream)
    check_first_choice(seen, reader, read)
    streamed: object = seen
    whole: object = reader.whole(dialect.write_answer(answer, reader.request))
    if names_come_late(read):
        streamed, whole = nameless(streamed), nameless(whole)
    assert streamed == whole


def check_first_choice(seen: Json, reader: Reader, events: Sequence[Event]) -> None:
    """The client saw the words of each channel, and the calls. Of an answer that was cut, what becomes of its calls is
    each dialect's own rule: tests of their own."""
    first = [event for event in events if getattr(event, "choice", 0) == 0]
    words, calls = told(first, refusals=reader.refuses, cut_calls=True)
    heard, called = reader.said(seen)
    assert heard == words.get(0, {})
    if not any(isinstance(event, ChoiceFinished) and event.reason in _CUT for event in first):
        assert [(name, meaning(text)) for name, text in called] == [(name, text) for _, name, text in calls]


_CUT = frozenset({"length", "content_filter"})


def names_come_late(events: Sequence[Event]) -> bool:
    """Whether something is said before the answer has its id: a stream cannot take back what it was called then."""
    first = next(at for at, event in enumerate(events) if hasattr(event, "choice"))
    return not any(isinstance(event, Started) and event.id for event in events[:first])


def nameless(value: object) -> object:
    """The same without ids and models."""
    match value:
        case dict():
            return {name: nameless(member) for name, member in value.items() if name not in _NAMES}
        case list():
            return [nameless(member) for member in value]
        case _:
            return value


_NAMES = frozenset({"id", "model", "created_at"})


def decoded(provider: str, events: Sequence[Event]) -> list[Event]:
    """What the provider's dialect reads of these events when the provider writes them."""
    dialect, write = PROVIDERS[provider]
    wire = EventStreamDecoder() if provider == "converse" else SseDecoder()
    decoder = dialect.decoder(keep_leftovers=False)
    frames = [*wire.feed(write(events)), *wire.finish()]
    assert wire.fault is None
    return [*(event for frame in frames for event in decoder.decode(frame)), *decoder.finish()]


def folded(events: Sequence[Event]) -> Answer:
    """The answer, once the grammar has found the events legal and complete."""
    grammar, fold = Grammar(), Fold()
    for event in events:
        grammar.advance(event)
        fold.add(event)
    assert grammar.complete
    assert isinstance(events[-1], Ended)
    return fold.answer()
