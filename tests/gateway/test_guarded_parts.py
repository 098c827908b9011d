"""gateway/answers.py: parts that only one dialect has cross a guarded answer to a client of the same dialect, whole and
in their order, with their texts looked at; they are counted, and left out of other dialects."""

import json
from collections.abc import Callable

import pytest

from sluice.chat.events import Started
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.dialect import Dialect
from sluice.dialects.gemini import GEMINI
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.gateway.answers import chat_relay
from sluice.gateway.ports import UpstreamHead
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from tests.dialects.test_openai_responses_kit import accumulated
from tests.dialects.test_pairs import CLIENTS
from tests.relay.guarded import SECRET, WORDS, compiled
from tests.relay.relays import OFF, frame, run

NAMES: dict[str, Dialect] = {
    "chat": OPENAI_CHAT,
    "gemini": GEMINI,
    "messages": ANTHROPIC_MESSAGES,
    "responses": OPENAI_RESPONSES,
}
IMAGE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "c2ln"}
CODE = {"executableCode": {"language": "PYTHON", "code": "print('SECRET-1234')"}}
SOURCES = {"webSearchQueries": ["q SECRET-1234"], "searchEntryPoint": {"renderedContent": "<b>"}}
USE = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "SECRET-1234"}}
RESULT = {"type": "web_search_result", "url": "https://a", "title": "t", "encrypted_content": "AA", "page_age": None}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [RESULT]}
SEARCH = {
    "id": "ws",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "SECRET-1234"},
}
SAID = {"type": "message", "content": [{"type": "output_text", "text": "b", "annotations": []}]}
MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": None, "content": []}


def candidate(*parts: object, **more: object) -> dict[str, object]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}], "responseId": "r"}


def block(index: int, begun: object, *deltas: object) -> bytes:
    rows = [{"type": "content_block_start", "index": index, "content_block": begun}]
    rows += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return b"".join(map(frame, [*rows, {"type": "content_block_stop", "index": index}]))


def completed(*items: object) -> dict[str, object]:
    return {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": list(items)}


STREAMS: dict[str, bytes] = {
    "gemini": frame(candidate({"text": "a "}, IMAGE, CODE, {"text": "b"}))
    + frame(candidate({"text": ""}, finishReason="STOP", groundingMetadata=SOURCES)),
    "messages": b"".join(
        [
            frame({"type": "message_start", "message": MESSAGE}),
            block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a "}),
            block(
                1,
                {**USE, "input": {}},
                {"type": "input_json_delta", "partial_json": '{"query":"SECR'},
                {"type": "input_json_delta", "partial_json": 'ET-1234"}'},
            ),
            block(2, FOUND),
            block(3, {"type": "text", "text": ""}, {"type": "text_delta", "text": "b"}),
            frame({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
            frame({"type": "message_stop"}),
        ]
    ),
    "responses": b"".join(
        map(
            frame,
            [
                {"type": "response.created", "response": {**completed(), "status": "in_progress"}},
                {"type": "response.output_item.added", "output_index": 0, "item": {**SEARCH, "status": "in_progress"}},
                {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws"},
                {"type": "response.output_item.done", "output_index": 0, "item": SEARCH},
                {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "b"},
                {"type": "response.output_item.done", "output_index": 1, "item": SAID},
                {"type": "response.completed", "response": completed(SEARCH, SAID)},
            ],
        )
    ),
}
TEXT_BLOCKS = {"type": "text", "text": "a "}, {"type": "text", "text": "b"}
WHOLE: dict[str, object] = {
    "gemini": candidate({"text": "a "}, IMAGE, CODE, {"text": "b"}, finishReason="STOP", groundingMetadata=SOURCES),
    "messages": {**MESSAGE, "stop_reason": "end_turn", "content": [TEXT_BLOCKS[0], USE, FOUND, TEXT_BLOCKS[1]]},
    "responses": completed(SEARCH, SAID),
}


def relay(client: str, provider: str, *, stream: bool, judged: bool = False) -> Relay:
    guards = compiled(*([WORDS] if judged else [SECRET]), streams=stream)
    kind = b"text/event-stream" if stream else b"application/json"
    head = UpstreamHead(200, ((b"content-type", kind),), None)
    request = CLIENTS[client][1].request
    request = request if stream else type(request)(model="m", fields=request.fields)
    terms = Terms(deadlines=OFF, guards=guards)
    named = Started("", "m")
    return chat_relay(head, request, client=NAMES[client], provider=NAMES[provider], opening=named, terms=terms)


def answered(client: str, provider: str, *, stream: bool) -> str:
    """What a client is sent, without spaces between members."""
    machine = relay(client, provider, stream=stream)
    got, outcome = run(machine, [STREAMS[provider] if stream else json.dumps(WHOLE[provider]).encode()])
    assert outcome is not None
    assert outcome.kind == "completed"
    assert machine.said.unrecognised
    assert b"SECRET" not in got
    official(client, stream=stream)(got)
    return got.decode().replace('": ', '":').replace(', "', ',"')


def official(client: str, *, stream: bool) -> Callable[[bytes], object]:
    """The vendor's own client, which has to accept what it gets."""
    reader = CLIENTS[client][1]
    if stream:
        return accumulated if client == "responses" else reader.streamed
    return reader.whole


PARTS = {
    "gemini": [
        *['"text":"a "', '"inlineData":{"mimeType":"image/png","data":"AAAA"},"thoughtSignature":"c2ln"'],
        *['"executableCode":{"language":"PYTHON","code":"print(\'<masked>\')"}', '"text":"b"'],
    ],
    "messages": [
        '"a "',
        '"server_tool_use"',
        "<masked>",
        '"web_search_tool_result"',
        '"encrypted_content":"AA"',
        '"b"',
    ],
    "responses": ['"web_search_call"', '"query":"<masked>"', '"output_text"', '"b"'],
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", PARTS)
def test_parts_of_the_same_dialect_cross_in_their_order_with_their_texts_looked_at(dialect: str, stream: bool) -> None:
    got, at = answered(dialect, dialect, stream=stream), 0
    for part in PARTS[dialect]:
        assert part in got[at:], part
        at = got.index(part, at)


@pytest.mark.parametrize("stream", [True, False])
def test_googles_own_account_of_its_sources_crosses_whole_and_once(stream: bool) -> None:
    got = answered("gemini", "gemini", stream=stream)
    assert '"webSearchQueries":["q <masked>"]' in got
    assert '"renderedContent":"<b>"' in got
    assert got.count("groundingMetadata") == 1


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", PARTS)
def test_another_dialect_has_no_place_for_them(client: str, provider: str) -> None:
    if client != provider:
        got = answered(client, provider, stream=True)
        assert not [word for word in ("inlineData", "executableCode", "server_tool_use", "web_search") if word in got]


def test_a_judge_is_asked_about_the_texts_in_them_before_they_are_seen() -> None:
    machine = relay("messages", "messages", stream=False, judged=True)
    machine.feed(json.dumps(WHOLE["messages"]).encode(), 1.0)
    (question,) = machine.eof(1.0)
    assert any("web_search" in text for text in question.texts)  # type: ignore[union-attr]  # it is an Ask
    assert any("SECRET-1234" in text for text in question.texts)  # type: ignore[union-attr]
