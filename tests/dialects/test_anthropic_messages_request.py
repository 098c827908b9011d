"""anthropic_messages/request.py and tokens.py: the light road, between a client and a provider of this dialect."""

import json

import msgspec
import pytest

from sluice.chat.content import Citation
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning, Seal, join_id, pack, wrap
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES, citations
from sluice.dialects.anthropic_messages.parts import UNSIGNED
from sluice.errors import BadRequest
from tests.dialects.messages_bodies import CLAUDE_CODE, HI, body, request

ORIGIN = "dialect.anthropic_messages"
FOREIGN = Seal("dialect.gemini", "reasoning", "Ab+/=")
OWN = Seal(ORIGIN, "reasoning", "EqQB/+=")


def written(chat: ChatRequest, model: str = "") -> dict[str, object]:
    parsed = json.loads(ANTHROPIC_MESSAGES.write_request(chat, model=model, ask_usage=True))
    assert isinstance(parsed, dict)
    return parsed


def test_what_routing_and_the_record_need_is_read() -> None:
    chat = request(stream=True, temperature=0, top_p=0.5, max_tokens=7)
    assert (chat.model, chat.stream, chat.temperature, chat.top_p, chat.max_tokens) == ("claude-x", True, 0, 0.5, 7)
    assert chat.wants_usage  # it stands in every stream of this API
    assert list(chat.fields) == ["model", "max_tokens", "messages", "stream", "temperature", "top_p"]


def test_the_address_may_say_model_and_stream() -> None:
    chat = ANTHROPIC_MESSAGES.read_request(b'{"messages":[]}', model="claude-y", stream=True)
    assert (chat.model, chat.stream) == ("claude-y", True)
    assert written(chat, "claude-y") == {"messages": [], "model": "claude-y", "stream": True}
    assert not ANTHROPIC_MESSAGES.read_request(body(stream=True), stream=False).stream


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        (body(stream="true"), "stream"),
        (body(model=7), "model"),
        (body(max_tokens="7"), "max_tokens"),
        (body(messages="hi"), "messages"),
        (body(messages=[{"content": "hi"}]), "messages[0]"),
        (body(system=7), "system"),
        (b"{}", "messages"),
        (b"", None),
        (b"[]", None),
        (b"{", None),
        (b'{"messages":[],"a":"\xff"}' + b"\xff", None),
        (b'{"x":' + b"[" * 100_000, None),
    ],
)
def test_what_is_wrong_is_named(raw: bytes, param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        ANTHROPIC_MESSAGES.read_request(raw)
    assert caught.value.param == param


def test_nothing_is_changed_that_need_not_be() -> None:
    raw = (
        b'{"novelty":{ "a" : 1.50 },"model":"claude-x","max_tokens":1,"stream":true,'
        b'"messages":[{"role":"user","content":"\\u00fc"}]}'
    )
    chat = ANTHROPIC_MESSAGES.read_request(raw)
    assert ANTHROPIC_MESSAGES.write_request(chat, model="", ask_usage=True) == raw
    assert ANTHROPIC_MESSAGES.write_request(chat, model="claude-x", ask_usage=False) == raw
    other = ANTHROPIC_MESSAGES.write_request(chat, model="claude-z", ask_usage=True)
    assert other == raw.replace(b'"claude-x"', b'"claude-z"')
    quiet = msgspec.structs.replace(chat, stream=False)
    assert ANTHROPIC_MESSAGES.write_request(quiet, model="", ask_usage=True) == raw.replace(b":true", b":false")


def test_stream_is_said_where_the_body_did_not() -> None:
    assert written(msgspec.structs.replace(request(), stream=True))["stream"] is True
    assert "stream" not in written(request())


def test_claude_codes_request_passes_as_it_is() -> None:
    assert written(request(**CLAUDE_CODE)) == CLAUDE_CODE


# -- other providers' proofs -----------------------------------------------------------------------------------------


def cleaned(*blocks: object) -> list[object]:
    """What is left of an assistant's blocks, and of a message before and after it."""
    messages = [*HI, {"role": "assistant", "content": list(blocks)}, {"role": "user", "content": "and?"}]
    sent = written(request(messages=messages))["messages"]
    assert isinstance(sent, list)
    assert [sent[0], sent[-1]] == [messages[0], messages[-1]]
    return sent[1]["content"] if len(sent) == 3 else []


TEXT = {"type": "text", "text": "a", "novelty": [1]}


def thinking(signature: str) -> dict[str, object]:
    return {"type": "thinking", "thinking": "hm", "signature": signature}


@pytest.mark.parametrize("token", [wrap(FOREIGN, ORIGIN), UNSIGNED, pack([Reasoning("", FOREIGN)]) + "damaged!"])
def test_reasoning_of_others_is_taken_out(token: str) -> None:
    assert cleaned(thinking(token), TEXT) == [TEXT]
    assert cleaned({"type": "redacted_thinking", "data": token}, TEXT) == [TEXT]
    assert cleaned(thinking(token)) == []  # nothing is left: the message goes


def test_own_reasoning_stays_beside_it() -> None:
    assert cleaned(thinking("EqQB/+="), thinking(wrap(FOREIGN, ORIGIN)), TEXT) == [thinking("EqQB/+="), TEXT]


def test_own_reasoning_in_a_token_is_restored() -> None:
    hidden = Seal(ORIGIN, "redacted", "opaque=")
    assert cleaned(thinking(pack([Reasoning("", OWN)])), TEXT) == [thinking("EqQB/+="), TEXT]
    assert cleaned(thinking(pack([Reasoning("", hidden)])), TEXT) == [
        {"type": "redacted_thinking", "data": "opaque="},
        TEXT,
    ]


def test_ids_of_calls_lose_their_tokens_and_give_back_own_reasoning() -> None:
    call = {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": [1.0]}, "novelty": None}
    assert cleaned(call | {"id": join_id("call_1", [Reasoning("", FOREIGN)])}) == [call]
    assert cleaned(call | {"id": join_id("call_1", [Reasoning("hm", OWN)])}) == [thinking("EqQB/+="), call]
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": [TEXT]}
    messages = [{"role": "user", "content": [result | {"tool_use_id": join_id("call_1", [Reasoning("", FOREIGN)])}]}]
    assert written(request(messages=messages))["messages"] == [{"role": "user", "content": [result]}]


def test_citations_of_others_are_taken_out() -> None:
    foreign = citations.write(Citation(url="https://e.org"))
    own = {"type": "web_search_result_location", "encrypted_index": "Eo", "url": "u", "title": None, "cited_text": "q"}
    assert cleaned(TEXT | {"citations": [foreign]}) == [TEXT]
    assert cleaned(TEXT | {"citations": [foreign, own]}) == [TEXT | {"citations": [own]}]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": f"what is {UNSIGNED}?"},
        {"type": "thinking", "signature": [UNSIGNED]},
        {"type": "thinking", "thinking": UNSIGNED, "signature": "EqQB/+="},
        {"type": "tool_use", "id": 7, "x": UNSIGNED},
        {"type": "novelty", "x": UNSIGNED},
        {"x": UNSIGNED},
        [UNSIGNED],
        {"type": "text", "text": UNSIGNED, "citations": None},
        {"type": "tool_result", "tool_use_id": "t", "content": UNSIGNED},
    ],
)
def test_what_is_not_understood_is_the_providers_to_judge(block: object) -> None:
    assert cleaned(block) == [block]


def test_plain_texts_that_hold_a_token_stay() -> None:
    messages = [{"role": "user", "content": f"what is {UNSIGNED}?"}]
    assert written(request(messages=messages))["messages"] == messages


# -- enrichment ------------------------------------------------------------------------------------------------------

PREPEND = [("system", "first"), ("user", "u0"), ("assistant", "a0")]
APPEND = [("user", "u9"), ("developer", 'la"st')]


def enriched(**members: object) -> dict[str, object]:
    return written(ANTHROPIC_MESSAGES.enrich(request(**members), PREPEND, APPEND))


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def test_messages_stand_before_and_after_the_clients_own() -> None:
    assert enriched()["messages"] == [
        {"role": "user", "content": "u0"},
        {"role": "assistant", "content": "a0"},
        *HI,
        {"role": "user", "content": "u9"},
    ]


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        ({}, []),
        ({"system": None}, []),
        ({"system": ""}, []),
        ({"system": "own"}, [text("own")]),
        ({"system": []}, []),
        ({"system": [text("own") | {"novelty": 1}]}, [text("own") | {"novelty": 1}]),
    ],
)
def test_system_messages_stand_in_system_around_the_clients_own(
    own: dict[str, object], kept: list[dict[str, object]]
) -> None:
    assert enriched(**own)["system"] == [text("first"), *kept, text('la"st')]


def test_enrichment_changes_nothing_else() -> None:
    raw = b'{"novelty":{ "a" : 1.50 },"model":"m","messages":[{ "role":"user","content":"\\u00fc" }]}'
    chat = ANTHROPIC_MESSAGES.read_request(raw)
    assert ANTHROPIC_MESSAGES.enrich(chat, [], []) == chat
    new = ANTHROPIC_MESSAGES.enrich(chat, [], [("user", "b")])
    assert ANTHROPIC_MESSAGES.write_request(new, model="", ask_usage=True) == raw.replace(
        b"}]}", b'},{"role":"user","content":"b"}]}'
    )
    assert list(chat.fields) == ["novelty", "model", "messages"]  # the request itself is as it was
    only = ANTHROPIC_MESSAGES.enrich(chat, [("system", "s")], [])
    assert only.fields["messages"] == chat.fields["messages"]
    assert json.loads(bytes(only.fields["system"])) == [text("s")]


def test_halves_of_surrogate_pairs_in_the_configuration_are_replaced() -> None:
    assert written(ANTHROPIC_MESSAGES.enrich(request(), [("system", "\ud800")], [("user", "\ud800")]))["system"] == [
        text("�")
    ]
