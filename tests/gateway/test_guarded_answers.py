"""gateway/answers.py: whoever asks for whatever of whomever, a guarded answer is looked at before it is seen."""

import json

import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.fold import Answer, Fold
from sluice.chat.request import ChatRequest
from sluice.chat.usage import Usage
from sluice.dialects.gemini import GEMINI
from sluice.gateway.answers import chat_relay
from sluice.gateway.ports import UpstreamHead
from sluice.policies.guards import Guard, TextRules
from sluice.policies.judges import Changed
from sluice.relay.actions import Ask, End, Send
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.wire import event_stream
from tests.dialects.test_pairs import CLIENTS, PROVIDERS
from tests.relay.guarded import SECRET, WORDS, compiled
from tests.relay.relays import OFF

EVENTS: list[Event] = [
    Started("c1", "m", 7),
    TextDelta(0, "reasoning", "think of SECRET-1234 now"),
    TextDelta(0, "text", "say SEC"),
    TextDelta(0, "text", "RET-1234 aloud"),
    ToolCallStarted(0, 0, "call_1", "look"),
    ToolCallDelta(0, 0, '{"a": "SECRET'),
    ToolCallDelta(0, 0, '\\u002d1234"}'),
    ChoiceFinished(0, "tool_calls", "tool_calls"),
    Reported(Usage(input_tokens=3, output_tokens=4)),
    Ended(),
]
CAME = [
    (provider, whole) for provider in PROVIDERS for whole in (False, True) if not (whole and provider == "converse")
]


def folded() -> Answer:
    fold = Fold()
    for event in EVENTS:
        fold.add(event)
    return fold.answer()


def relay(client: str, provider: str, guards: list[Guard], *, asked: bool, whole: bool) -> tuple[Relay, bytes]:
    """What answers this client, who asked for a stream or not, and what the provider sends: a stream or a body."""
    dialect, reader = CLIENTS[client]
    told, write = PROVIDERS[provider]
    kind = event_stream.CONTENT_TYPE if provider == "converse" else b"text/event-stream"
    body = told.write_answer(folded(), ChatRequest(model="m")) if whole else write(EVENTS)
    head = UpstreamHead(200, ((b"content-type", b"application/json" if whole else kind),), None)
    request = ChatRequest(model="m", stream=asked, fields=reader.request.fields)
    terms = Terms(deadlines=OFF, guards=compiled(*guards, streams=asked))
    opening = Started("req", "m", 7)
    return chat_relay(head, request, client=dialect, provider=told, opening=opening, terms=terms), body


def played(machine: Relay, body: bytes) -> tuple[bytes, End]:
    """Feed a body in small pieces; every judge says `fine`."""
    got, ended = b"", None
    actions = [action for at in range(0, len(body), 50) for action in machine.feed(body[at : at + 50], 1.0)]
    actions += machine.eof(1.0)
    while actions:
        action = actions.pop(0)
        if isinstance(action, Send):
            got += action.data
        elif isinstance(action, Ask):
            actions += machine.resume(Changed(tuple("{}" if "{" in text else "fine" for text in action.texts)), 1.0)
        elif isinstance(action, End):
            ended = action
    assert ended is not None
    return got, ended


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize(("provider", "whole"), CAME)
@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_sees_a_value_whatever_it_asks_for_and_whoever_answers(
    client: str, provider: str, whole: bool, asked: bool
) -> None:
    machine, body = relay(client, provider, [SECRET], asked=asked, whole=whole)
    assert b"1234" in body
    got, ended = played(machine, body)
    assert ended.outcome.kind == "completed"
    assert b"1234" not in got
    assert got.count(b"<masked>") >= 3
    assert machine.guards.hits == (("secrets", "mask", 3),)
    reader = CLIENTS[client][1]
    words, calls = reader.said(reader.streamed(got) if asked else reader.whole(got))
    assert words["text"] == "say <masked> aloud"
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [("look", {"a": "<masked>"})]


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize(("provider", "whole"), CAME)
@pytest.mark.parametrize("client", CLIENTS)
def test_nothing_is_seen_before_it_is_judged(client: str, provider: str, whole: bool, asked: bool) -> None:
    machine, body = relay(client, provider, [WORDS], asked=asked, whole=whole)
    got, ended = played(machine, body)
    assert ended.outcome.kind == "completed"
    assert b"SECRET" not in got
    assert b"aloud" not in got
    assert b"fine" in got


@pytest.mark.parametrize(("provider", "whole"), CAME)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_whole_answer_is_rejected_with_a_status(client: str, provider: str, whole: bool) -> None:
    rule = TextRules(action="reject", patterns=("aloud",))
    machine, body = relay(client, provider, [rule], asked=False, whole=whole)
    got, ended = played(machine, body)
    assert (got, ended.outcome.kind) == (b"", "blocked")


def test_a_client_who_wants_an_array_of_a_guarded_answer_gets_one() -> None:
    head = UpstreamHead(200, ((b"content-type", b"application/json"),), None)
    body = b'[{"candidates":[{"content":{"parts":[{"text":"SECRET-1234"}]}}]},{"candidates":[{"finishReason":"STOP"}]}]'
    request = ChatRequest(model="m", stream=True, framing="json_array")
    terms = Terms(deadlines=OFF, guards=compiled(SECRET))
    machine = chat_relay(head, request, client=GEMINI, provider=GEMINI, opening=Started("", ""), terms=terms)
    got, ended = played(machine, body)
    assert ended.outcome.kind == "completed"
    assert json.loads(got)[0]["candidates"][0]["content"]["parts"] == [{"text": "<masked>"}]
