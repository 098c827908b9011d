"""dialects/many.py: a request of more values than can be read without holding up others is refused, in each dialect."""

import json
import time
from collections.abc import Callable

import msgspec
import pytest

from sluice.chat.request import ChatRequest
from sluice.chat.seal import MARK, MAX_HELD_BYTES, MAX_HELD_PARTS, Reasoning, Seal, pack
from sluice.dialects import many
from sluice.dialects.dialect import Dialect
from sluice.dialects.many import MAX_CARRIED, MAX_SCHEMA_VALUES, MAX_VALUES
from sluice.errors import BadRequest
from sluice.standard import STANDARD
from sluice.wire.json_values import count_values
from tests.support.measuring import slowness, undisturbed

DIALECTS = {name: STANDARD.get(name, Dialect) for name in STANDARD.ids("dialect")}  # type: ignore[type-abstract]
CHAT, RESPONSES = "dialect.openai_chat", "dialect.openai_responses"
MESSAGES, GEMINI = "dialect.anthropic_messages", "dialect.gemini"
SAID: dict[str, tuple[str, dict[str, object], list[dict[str, object]]]] = {
    CHAT: ("messages", {}, [{"role": "user", "content": "x"}]),
    RESPONSES: ("input", {}, [{"role": "user", "content": "x"}]),
    MESSAGES: ("messages", {"max_tokens": 5}, [{"role": "user", "content": "x"}]),
    GEMINI: (
        "contents",
        {},
        [{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": [{"text": "y"}]}],
    ),
}
"""Of each dialect that clients speak: the member that holds the history, what else a body needs, and what is said."""
VALUES_PER_TOKEN = {CHAT: 6, RESPONSES: 3, MESSAGES: 4, GEMINI: 3}
TURN_S = 0.25
"""How long one request may hold up the others."""


def read(dialect: str, body: bytes) -> ChatRequest:
    return DIALECTS[dialect].read_request(body, model="m", stream=True)


def of_bytes(dialect: str, size: int) -> bytes:
    """A body of tiny messages."""
    name, members, said = SAID[dialect]
    unit = json.dumps(said, separators=(",", ":"))[1:-1]
    return json.dumps(members | {name: []})[:-2].encode() + ",".join([unit] * (size // len(unit))).encode() + b"]}"


def of_values(dialect: str, values: int) -> bytes:
    """A body of exactly so many values, full of tiny messages; members that nobody knows make it whole."""
    name, members, said = SAID[dialect]
    each = count_values(msgspec.json.encode(said), 1 << 40)
    rows = said * ((values - 20) // each)
    body = msgspec.json.encode(members | {name: rows})
    missing = values - count_values(body, 1 << 40)
    padding = ",".join(f'"x{number}":null' for number in range(missing))
    return body[:-1] + b"," + padding.encode() + b"}"


@pytest.mark.parametrize("dialect", SAID)
def test_exactly_the_bound_is_read_and_one_more_is_not(dialect: str) -> None:
    body = of_values(dialect, MAX_VALUES)
    assert count_values(body, 1 << 40) == MAX_VALUES
    assert read(dialect, body).model == "m"
    with pytest.raises(BadRequest) as caught:
        read(dialect, of_values(dialect, MAX_VALUES + 1))
    name = SAID[dialect][0]
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_request_body", name)
    words = f"Invalid '{name}': too many values. At most {MAX_VALUES} elements and members are allowed in a request."
    assert str(caught.value) == words
    assert words.encode() in DIALECTS[dialect].write_error(caught.value)


@pytest.mark.parametrize("dialect", SAID)
@pytest.mark.parametrize("size", [4 << 20, 31 << 20])
def test_a_body_of_tiny_messages_is_refused(dialect: str, size: int) -> None:
    with pytest.raises(BadRequest) as caught:
        read(dialect, of_bytes(dialect, size))
    assert caught.value.param == SAID[dialect][0]


@pytest.mark.parametrize(
    ("dialect", "carried"),
    [
        (CHAT, {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"x": "…"}}}]}),
        (CHAT, {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"x": "…"}}}}),
        (RESPONSES, {"tools": [{"type": "function", "name": "f", "parameters": {"x": "…"}}]}),
        (MESSAGES, {"tools": [{"name": "f", "input_schema": {"x": "…"}}]}),
        (MESSAGES, {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"x": "…"}}]}]}),
        (GEMINI, {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": "…"}}}]}]}),
        (GEMINI, {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {"x": "…"}}}]}]}),
        (GEMINI, {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"x": "…"}}]}]}),
    ],
)
def test_what_crosses_unread_may_hold_more_but_not_without_end(dialect: str, carried: dict[str, object]) -> None:
    name, members, said = SAID[dialect]
    body = json.dumps(members | {name: said} | carried).replace('"\\u2026"', "%s")
    assert read(dialect, (body % ("[" + "1," * MAX_VALUES + "1]")).encode()).model == "m"
    with pytest.raises(BadRequest, match=f"At most {MAX_CARRIED} elements") as caught:
        read(dialect, (body % ("[" + "1," * MAX_CARRIED + "1]")).encode())
    assert caught.value.param in (*carried, None)


@pytest.mark.parametrize("dialect", SAID)
@pytest.mark.parametrize("unit", ["{}", '""', "null", '{"input":1}', "[[]]"])
def test_it_does_not_matter_what_there_is_too_much_of_nor_where(dialect: str, unit: str) -> None:
    name, members, said = SAID[dialect]
    for place in ("metadata", "stop", "x"):
        body = json.dumps(members | {name: said, place: []})[:-2] + ",".join([unit] * MAX_VALUES) + "]}"
        with pytest.raises(BadRequest, match="too many values"):
            read(dialect, body.encode())


@pytest.mark.parametrize("dialect", SAID)
def test_a_text_may_be_as_long_as_a_body(dialect: str) -> None:
    name, members, said = SAID[dialect]
    text = '{"a": [1, 2]}, \\' * (2 << 20)
    body = msgspec.json.encode(members | {name: said}).replace(b'"x"', msgspec.json.encode(text))
    assert text.encode() in bytes(read(dialect, body).fields[name]).replace(rb"\"", b'"').replace(rb"\\", b"\\")


def test_an_answer_with_log_probabilities_may_come_back_whole() -> None:
    top = [{"token": "a", "logprob": -0.5, "bytes": [97]}] * 20
    row = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": top}
    part = {"type": "output_text", "text": "a" * 2000, "annotations": [], "logprobs": [row] * 2000}
    answer = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    asked = read(RESPONSES, json.dumps({"input": [{"role": "user", "content": "x"}, answer]}).encode())
    assert [message.role for message in DIALECTS[RESPONSES].read_conversation(asked).messages] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("dialect", "schema"),
    [
        (CHAT, {"tools": [{"type": "function", "function": {"name": "f", "parameters": "…"}}]}),
        (CHAT, {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": "…"}}}),
        (MESSAGES, {"tools": [{"name": "f", "input_schema": "…"}]}),
        (GEMINI, {"tools": [{"functionDeclarations": [{"name": "f", "parameters": "…"}]}]}),
        (GEMINI, {"generationConfig": {"responseSchema": "…"}}),
        (GEMINI, {"generation_config": {"response_schema": "…"}}),
    ],
)
def test_schemas_may_hold_less_than_what_nobody_translates_value_by_value(
    dialect: str, schema: dict[str, object]
) -> None:
    name, members, said = SAID[dialect]
    body = json.dumps(members | {name: said} | schema).replace('"\\u2026"', '{"enum":[%s]}')
    assert read(dialect, (body % ("1," * (MAX_SCHEMA_VALUES - 2) + "1")).encode()).model == "m"
    with pytest.raises(BadRequest, match=f"At most {MAX_SCHEMA_VALUES} elements"):
        read(dialect, (body % ("1," * MAX_SCHEMA_VALUES + "1")).encode())


# -- tokens of reasoning ----------------------------------------------------------------------------------------------


def with_tokens(dialect: str, tokens: list[str]) -> bytes:
    """A history in which they come back."""
    said: dict[str, object]
    if dialect == CHAT:
        function = {"name": "f", "arguments": "{}"}
        calls = [{"id": f"t__{token}", "type": "function", "function": function} for token in tokens]
        said = {"messages": [{"role": "assistant", "tool_calls": calls}]}
    elif dialect == RESPONSES:
        said = {"input": [{"type": "reasoning", "encrypted_content": token} for token in tokens]}
    elif dialect == MESSAGES:
        blocks = [{"type": "thinking", "thinking": "", "signature": token} for token in tokens]
        said = {"max_tokens": 5, "messages": [{"role": "assistant", "content": blocks}]}
    else:
        parts = [{"text": "", "thoughtSignature": token.replace("-", "+").replace("_", "/")} for token in tokens]
        said = {"contents": [{"role": "model", "parts": parts}]}
    return msgspec.json.encode(said)


PROOF = Reasoning("~?>" * 9, Seal("dialect.y", "reasoning", "~~~"))


@pytest.mark.parametrize("dialect", SAID)
def test_as_much_reasoning_as_one_request_may_bring_back_is_read_and_no_more(dialect: str) -> None:
    tokens = [pack([PROOF] * 100)] * (MAX_HELD_PARTS // 100)
    assert read(dialect, with_tokens(dialect, tokens)).model == "m"
    with pytest.raises(BadRequest, match="8 MiB and 5000 parts") as caught:
        read(dialect, with_tokens(dialect, [*tokens, pack([PROOF])]))
    assert caught.value.status == 400
    assert b"too much reasoning" in DIALECTS[dialect].write_error(caught.value)
    long = pack([Reasoning("0" * (MAX_HELD_BYTES // 3), PROOF.seal)])
    assert read(dialect, with_tokens(dialect, [long] * 2)).model == "m"
    with pytest.raises(BadRequest, match="too much reasoning"):
        read(dialect, with_tokens(dialect, [long] * 3))


def escaped_first(token: bytes) -> bytes:
    return b"\\u%04x" % token[0] + token[1:]


def escaped_mark(token: bytes) -> bytes:
    return b"".join(b"\\u%04X" % letter for letter in token[:12]) + token[12:]


def escaped_later(token: bytes) -> bytes:
    return token[:16] + b"\\u%04x" % token[16] + token[17:]


def slashed(token: bytes) -> bytes:
    return token.replace(b"/", b"\\/") if b"/" in token else escaped_later(token)


@pytest.mark.parametrize("dialect", SAID)
@pytest.mark.parametrize("spell", [escaped_first, escaped_mark, escaped_later, slashed])
@pytest.mark.parametrize("padding", [0, MAX_VALUES + 1])
def test_no_token_hides_behind_another_spelling(dialect: str, spell: Callable[[bytes], bytes], padding: int) -> None:
    """PHP writes a slash as an escape, .NET a plus: what they send is read, and counted."""
    token = pack([PROOF] * 100)
    few, many = (with_tokens(dialect, [token] * count) for count in (2, MAX_HELD_PARTS // 100 + 1))
    written = token.replace("-", "+").replace("_", "/") if dialect == GEMINI else token
    rest = b',"x":{"input":[' + b"1," * padding + b"1]}}"
    few, many = (body.replace(written.encode(), spell(written.encode()))[:-1] + rest for body in (few, many))
    assert spell(written.encode()) in few
    assert read(dialect, few).model == "m"
    with pytest.raises(BadRequest, match="too much reasoning"):
        read(dialect, many)


def test_what_hides_a_token_and_cannot_be_read_is_not_let_through_uncounted() -> None:
    body = with_tokens(CHAT, [pack([PROOF] * 100)] * 200).replace(MARK.encode(), escaped_mark(MARK.encode()))
    with pytest.raises(BadRequest):
        read(CHAT, body[:-1] + b',"x":"\\ud800"}')


def test_what_cannot_be_read_whole_is_not_let_through_uncounted() -> None:
    body = of_bytes(CHAT, 1 << 20)
    for spoilt in (body[:-1] + b',"x":"\\ud800"}', body[:-1]):
        with pytest.raises(BadRequest):
            read(CHAT, spoilt)
    with pytest.raises(BadRequest):
        read(CHAT, of_bytes(CHAT, 8 << 20)[:-1])


def test_what_is_wrong_with_a_body_of_many_values_is_still_said_with_its_place() -> None:
    with pytest.raises(BadRequest, match="expected an object") as caught:
        read(CHAT, b'{"messages":' + b"[" * 100_000)
    assert caught.value.param == "messages[0]"


def test_a_body_without_a_member_that_is_known_to_hold_much_is_refused_as_a_whole() -> None:
    with pytest.raises(BadRequest, match="Invalid request: too many values") as caught:
        many.check_values(b"{" + b",".join(b'"a%d":1' % number for number in range(MAX_VALUES + 1)) + b"}")
    assert caught.value.param is None


@pytest.mark.timed
@pytest.mark.parametrize("dialect", SAID)
def test_neither_the_largest_request_nor_one_that_is_too_large_takes_long(dialect: str) -> None:
    hostile, largest = of_bytes(dialect, 4 << 20), of_values(dialect, MAX_VALUES - 20)
    with undisturbed():
        bound = TURN_S * slowness()
        began = time.thread_time()
        with pytest.raises(BadRequest):
            read(dialect, hostile)
        assert time.thread_time() - began < bound
        began = time.thread_time()
        DIALECTS[dialect].write_request(read(dialect, largest), model="n", ask_usage=True)
        assert time.thread_time() - began < bound


@pytest.mark.timed
@pytest.mark.parametrize("dialect", SAID)
@pytest.mark.parametrize("each", [1, 100])
def test_neither_the_most_reasoning_that_comes_back_nor_too_much_takes_long(dialect: str, each: int) -> None:
    token = pack([Reasoning("0" * (MAX_HELD_BYTES // MAX_HELD_PARTS - 100), PROOF.seal)] * each)
    count = min(MAX_HELD_PARTS, 25_000 // VALUES_PER_TOKEN[dialect]) // each
    most, hostile = with_tokens(dialect, [token] * count), with_tokens(dialect, [pack([PROOF] * 100)] * 4_000)
    with undisturbed():
        bound = TURN_S * slowness()
        began = time.thread_time()
        with pytest.raises(BadRequest, match="too much reasoning"):
            read(dialect, hostile)
        assert time.thread_time() - began < bound
        began = time.thread_time()
        asked = read(dialect, most)
        DIALECTS[dialect].write_request(asked, model="n", ask_usage=True)
        assert time.thread_time() - began < bound
        began = time.thread_time()
        DIALECTS[dialect].read_conversation(asked)
        assert time.thread_time() - began < bound


CARRIED = {"ints": b"1", "objects": b'{"a":1}', "empty": b"{}", "nested": b'{"a":{}}', "lists": b"[[]]"}


@pytest.mark.timed
@pytest.mark.parametrize("unit", CARRIED.values(), ids=CARRIED)
def test_to_tell_what_is_carried_from_what_is_read_does_not_take_long(unit: bytes) -> None:
    each = count_values(b"[1,%b]" % unit, 1 << 40) - 1
    response = b'{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{"x":[%b]}}}]}]}'
    body = response % b",".join([unit] * ((MAX_CARRIED - 20) // each))
    assert MAX_CARRIED * 0.9 < count_values(body, 1 << 40) < MAX_CARRIED
    with undisturbed():
        began = time.thread_time()
        read(GEMINI, body)
        assert time.thread_time() - began < TURN_S * slowness()
