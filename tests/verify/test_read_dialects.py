"""What each dialect's reader reports beside the text: usage, finish reasons, pings, and what is out of order.

That every order but the right one is refused is proved in test_judge.
"""

import pytest

from sluice.verify import read_chat, read_gemini, read_messages, read_responses
from sluice.verify.facts import CLIENTS, Client
from sluice.verify.judge import Read, read
from sluice.verify.told import Json, Told, Usage, parse
from tests.verify.answers import TEXT, found, heard, json_of, laid_out, stream_of

FINISHES: dict[Client, str] = {"chat": "stop", "responses": "completed", "messages": "end_turn", "gemini": "STOP"}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_stream_tells_its_text_its_finish_and_its_usage(client: Client) -> None:
    layout = stream_of(client, usage=True)
    told = found(client, b"".join(layout.events)).told
    assert (told.text, told.finish, told.successes, told.faults) == (TEXT, FINISHES[client], 1, [])
    assert told.usages[-1] == layout.usage


def test_usage_stands_in_one_chunk_of_chat_only_if_asked_for() -> None:
    for asked in (True, False):
        told = found("chat", b"".join(stream_of("chat", usage=asked).events)).told
        assert (told.usage_chunks, len(told.usages)) == (asked, asked)


def test_pings_are_counted_and_are_no_tokens() -> None:
    told = found("messages", b"".join(stream_of("messages").events)).told
    assert len(told.pings) == 1


def whole(client: Client, body: dict[str, object]) -> Read:
    return read(client, heard(json_of(body), kind="application/json"), stream=False)


@pytest.mark.parametrize(
    ("client", "body"),
    [
        (
            "chat",
            {
                "id": "1",
                "object": "chat.completion",
                "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 1},
            },
        ),
        (
            "responses",
            {
                "id": "1",
                "object": "response",
                "status": "completed",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}],
                "usage": {"input_tokens": 3, "output_tokens": 1},
            },
        ),
        (
            "messages",
            {
                "id": "1",
                "type": "message",
                "content": [{"type": "text", "text": "hi"}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 2, "cache_read_input_tokens": 1, "output_tokens": 1},
            },
        ),
        (
            "gemini",
            {
                "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1},
            },
        ),
    ],
)
def test_a_whole_answer_tells_the_same(client: Client, body: dict[str, object]) -> None:
    told = whole(client, body).told
    assert (told.text, told.finish, told.successes, told.usages, told.faults) == (
        "hi",
        FINISHES[client],
        1,
        [Usage(3, 1)],
        [],
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_another_object_is_no_whole_answer(client: Client) -> None:
    told = whole(client, {"detail": "x"}).told
    assert told.successes == 0


@pytest.mark.parametrize("reader", [read_chat.ChatReader, read_messages.MessagesReader, read_responses.ResponsesReader])
def test_an_error_event_has_to_be_one_of_the_dialect(reader: type[read_chat.ChatReader]) -> None:
    layout = found("chat", b'data: {"error": "no object"}\n\n')
    assert layout.stream is not None
    machine = reader()
    machine.read(layout.stream.events[0])
    assert machine.told.faults


def test_geminis_client_raises_on_comments_and_names() -> None:
    layout = stream_of("gemini")
    commented = found("gemini", b": x\n\n" + b"".join(layout.events))
    assert "raises on" in commented.told.faults[0]
    named = found("gemini", b"event: x\n" + b"".join(layout.events))
    assert "no names" in named.told.faults[0]
    assert found("gemini", b"\n" + b"".join(layout.events)).told.faults == []


def test_what_anthropic_counts_apart_is_input_too() -> None:
    body = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":%b}\n\n'
    usage = b'{"input_tokens":1,"cache_read_input_tokens":2,"cache_creation_input_tokens":4,"output_tokens":9}'
    start = stream_of("messages").events[0]
    assert found("messages", start + body % usage).told.usages == [Usage(7, 9)]


def test_json_from_outside_never_raises() -> None:
    json = Json({"a": [{"b": "c"}, 5], "n": True})
    assert json["a"][0]["b"].text == "c"
    assert json["a"][7]["b"]["x"].value is None
    assert (json["a"].text, json["n"].number, json["a"][1].number) == ("", -1, 5)
    told = Told()
    assert parse(b"\xff", told) is None
    assert parse(b"[" * 10_000, told) is None
    assert parse(b"[1]", told) is None
    assert (len(told.malformed), len(told.faults)) == (2, 1)
    assert read_gemini.usage_of(Json(None)) == Usage(-1, 0)


def test_the_layouts_of_all_providers_hold_the_text() -> None:
    bodies = {
        "converse": {"messages": [{"role": "user", "content": [{"text": '[[fake {"content": "a b c d"}]]'}]}]},
    }
    layout = laid_out("converse", json_of(bodies["converse"]))
    assert "".join(layout.texts) == "a b c d"
