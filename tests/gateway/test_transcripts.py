"""gateway/answers.py: whoever asks for whatever of whomever, a transcript says what that client read."""

import json

import pytest

from sluice.chat.fold import Fold
from sluice.chat.request import ChatRequest
from sluice.errors import Truncated
from sluice.gateway.answers import chat_relay
from sluice.gateway.ports import UpstreamHead
from sluice.policies.guards import Guard
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.relay.transcript import Transcript
from sluice.wire import event_stream
from sluice.wire.sse import SseDecoder
from tests.dialects.test_pairs import CLIENTS, PROVIDERS
from tests.gateway.test_guarded_answers import CAME, EVENTS, played
from tests.relay.guarded import BANNED, SECRET, WORDS, compiled
from tests.relay.relays import OFF


def listened(
    client: str, provider: str, guards: list[Guard], *, asked: bool, whole: bool
) -> tuple[Relay, bytes, Transcript]:
    """What answers this client, who asked for a stream or not, what the provider sends, and what notes the answer."""
    dialect, reader = CLIENTS[client]
    told, write = PROVIDERS[provider]
    fold = Fold()
    for event in EVENTS:
        fold.add(event)
    kind = event_stream.CONTENT_TYPE if provider == "converse" else b"text/event-stream"
    body = told.write_answer(fold.answer(), ChatRequest(model="m")) if whole else write(EVENTS)
    head = UpstreamHead(200, ((b"content-type", b"application/json" if whole else kind),), None)
    request = ChatRequest(model="m", stream=asked, fields=reader.request.fields)
    transcript = Transcript()
    terms = Terms(deadlines=OFF, guards=compiled(*guards, streams=asked) if guards else None, transcript=transcript)
    opening = EVENTS[0]
    machine = chat_relay(head, request, client=dialect, provider=told, opening=opening, terms=terms)  # type: ignore[arg-type]  # it is a Started
    return machine, body, transcript


def read(client: str, got: bytes, *, mirrored: bool, asked: bool) -> tuple[str, list[tuple[str, object]]]:
    """The text and the calls that a client takes from its answer. Official clients want more members of their own API's
    events than a scripted provider writes, and so read what was mirrored by our own decoder."""
    if not mirrored:
        reader = CLIENTS[client][1]
        words, calls = reader.said(reader.streamed(got) if asked else reader.whole(got))
        return words["text"], [(name, json.loads(arguments)) for name, arguments in calls]
    decoder, fold = PROVIDERS[client][0].decoder(keep_leftovers=False), Fold()
    for frame in SseDecoder().feed(got):
        for event in decoder.decode(frame):
            fold.add(event)
    (choice,) = fold.answer().choices
    return choice.text or "", [(call.name, json.loads(call.arguments)) for call in choice.tool_calls]


@pytest.mark.parametrize("guards", [[], [SECRET], [WORDS]], ids=["free", "masked", "judged"])
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize(("provider", "whole"), CAME)
@pytest.mark.parametrize("client", CLIENTS)
def test_it_is_what_the_client_read(client: str, provider: str, whole: bool, asked: bool, guards: list[Guard]) -> None:
    machine, body, transcript = listened(client, provider, guards, asked=asked, whole=whole)
    got, ended = played(machine, body)
    assert ended.outcome.kind == "completed"
    text, calls = read(client, got, mirrored=asked and not whole and client == provider and not guards, asked=asked)
    assert transcript.completion() == [text]
    noted = transcript.tool_calls()
    assert [(call["name"], call["arguments"]) for call in noted] == calls
    if guards:
        assert "1234" not in repr((transcript.completion(), noted))
    if guards == [SECRET]:
        assert transcript.completion() == ["say <masked> aloud"]


@pytest.mark.parametrize("guards", [[], [SECRET]], ids=["free", "masked"])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_of_a_stream_that_is_cut_anywhere_it_says_what_was_sent_until_then(
    client: str, provider: str, guards: list[Guard]
) -> None:
    _, body, _ = listened(client, provider, guards, asked=True, whole=False)
    for at in range(0, len(body), 97):
        machine, _, transcript = listened(client, provider, guards, asked=True, whole=False)
        actions = machine.feed(body[:at], 1.0)
        actions += machine.broke(Truncated("gone"), 1.0)
        got = b"".join(getattr(action, "data", b"") for action in actions)
        try:
            said = transcript.completion()[0]
        except LookupError:
            said = ""
        assert "say SECRET-1234 aloud".startswith(said) or "say <masked> aloud".startswith(said)
        for word in ("say", "aloud"):
            assert (word in said) is (word.encode() in got), (at, said, got)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_guard_stopped_was_not_said(client: str) -> None:
    machine, body, transcript = listened(client, "chat", [BANNED], asked=True, whole=False)
    played(machine, body.replace(b"say SEC", b"say a").replace(b"RET-1234 aloud", b" forbidden word"))
    assert "forbidden" not in repr(transcript.completion())
