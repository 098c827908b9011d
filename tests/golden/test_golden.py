"""The golden corpus: what every provider's oddity becomes for every client, byte by byte."""

import json

import msgspec
import pytest

from sluice.dialects.dialect import Dialect
from sluice.relay.sinks import as_answer
from sluice.wire.sse import SseDecoder
from tests.dialects.test_openai_responses_kit import codex
from tests.golden import official
from tests.golden.wires import wire
from tools import golden
from tools.golden_cases import CLIENTS, Case, cases, dialect, short_name
from tools.golden_play import OPENING, play

CASES = {case.name: case for case in cases()}
WHOLE = [name for name, case in CASES.items() if case.whole is not None]
MIRRORED = [name for name, case in CASES.items() if case.provider in CLIENTS]
FACTS = ("outcome", "status", "finish_reason", "model", "usage")
"""What the record of a whole answer has in common with that of the same answer streamed. What nobody recognised is
counted by events there and by items here."""


def translated(case: Case) -> list[Dialect]:
    """The clients who are sent something else than what came."""
    return [client for client in CLIENTS if client is not case.provider]


def folded(case: Case, client: Dialect) -> bytes:
    """The accepted answer of a client who does not stream, on one line."""
    return msgspec.json.format((case.folder / f"expected.{short_name(client)}.json").read_bytes(), indent=-1)


def raws(case: Case, stream: bytes) -> list[bytes]:
    """The bytes of each frame, and those that are left over."""
    frames = wire(case)
    found = [frame.raw for frame in [*frames.feed(stream), *frames.finish()]]
    return [*found, stream[sum(map(len, found)) :]] if len(b"".join(found)) < len(stream) else found


def read(answer: bytes) -> object:
    """The JSON of an answer, that of the arguments in it too: providers put white space where they like."""
    return json.loads(answer, object_hook=_with_arguments)


def _with_arguments(row: dict[str, object]) -> dict[str, object]:
    try:
        return row | {"arguments": json.loads(str(row["arguments"]))}
    except (KeyError, ValueError):
        return row


@pytest.mark.parametrize("name", CASES)
def test_each_client_is_sent_what_was_accepted(name: str) -> None:
    case = CASES[name]
    before, after = golden.on_disk(case), golden.expected(case)
    assert "\n".join(golden.differences(case, before, after)) == ""
    assert before == after


@pytest.mark.parametrize("name", MIRRORED)
def test_a_client_of_the_same_dialect_is_sent_the_same_bytes(name: str) -> None:
    case = CASES[name]
    played = play(case, case.provider, stream=True)
    if played.outcome.kind == "completed":
        hidden = [raw for raw in raws(case, case.stream) if raw not in played.data]
        assert all(b'"choices":[' in raw and b'"usage":{' in raw for raw in hidden)
        assert case.provider is dialect("openai_chat") or not hidden
        assert not (hidden and case.request(case.provider, stream=True).wants_usage)
        assert played.data == b"".join(raw for raw in raws(case, case.stream) if raw not in hidden)
    elif played.status == 200:
        *before, failure = [raw for raw in raws(case, played.data) if raw.strip() != b"]"]
        assert case.stream.startswith(b"".join(before))
        assert b'"error":{' in failure


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_folded_is_the_whole_answer(name: str) -> None:
    case = CASES[name]
    assert case.whole is not None
    for client in translated(case):
        streamed, whole = (play(case, client, stream=False, whole=whole) for whole in (False, True))
        assert read(whole.data) == read(folded(case, client)), short_name(client)
        assert [whole.record[fact] for fact in FACTS] == [streamed.record[fact] for fact in FACTS]


@pytest.mark.parametrize("name", [name for name in MIRRORED if name in WHOLE])
def test_the_same_dialect_folds_to_the_whole_answer_too(name: str) -> None:
    case = CASES[name]
    assert case.whole is not None
    client = case.provider
    assert play(case, client, stream=False, whole=True).data == case.whole
    write = as_answer(client, case.request(client, stream=False), OPENING)
    rewritten = write(client.read_answer(case.whole, keep_leftovers=True))
    assert read(rewritten) == read(folded(case, client))


@pytest.mark.parametrize("name", CASES)
def test_the_official_client_adds_a_stream_up_to_the_whole_answer(name: str) -> None:
    case = CASES[name]
    for client in translated(case):
        played = play(case, client, stream=True)
        if played.outcome.kind == "completed":
            word = short_name(client)
            whole = official.comparable(word, json.loads(folded(case, client)))
            assert official.accumulated(word, played.data) == whole, word
            if word == "openai_responses":
                assert official.comparable(word, codex(played.data)) == whole  # stricter about the order


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_sent_as_a_stream_adds_up_to_itself(name: str) -> None:
    case = CASES[name]
    for client in translated(case):
        word = short_name(client)
        played = play(case, client, stream=True, whole=True)
        whole = official.comparable(word, read(folded(case, client)))
        assert official.comparable(word, read(msgspec.json.encode(official.accumulated(word, played.data)))) == whole


@pytest.mark.parametrize("name", CASES)
def test_a_client_of_geminis_array_is_sent_the_same_chunks(name: str) -> None:
    case = CASES[name]
    client = dialect("gemini")
    if client is not case.provider:
        events, array = (play(case, client, stream=True, framing=framing) for framing in ("sse", "json_array"))
        assert array.record == events.record
        if events.status == 200:
            chunks = [json.loads(frame.data or b"") for frame in SseDecoder().feed(events.data)]
            assert json.loads(array.data) == chunks


@pytest.mark.parametrize("name", CASES)
def test_the_official_client_raises_for_what_failed(name: str) -> None:
    case = CASES[name]
    for client in CLIENTS:
        played = play(case, client, stream=True)
        if played.outcome.kind != "completed" and not (case.array and client is case.provider):
            with pytest.raises(official.ERRORS):
                official.accumulated(short_name(client), played.data, played.status)
