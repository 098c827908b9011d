"""dialects/many.py: a request of more values than can be read without holding up others is refused, in each dialect."""

import json
import time

import msgspec
import pytest

from sluice.chat.request import ChatRequest
from sluice.dialects import many
from sluice.dialects.dialect import Dialect
from sluice.dialects.many import MAX_CARRIED, MAX_VALUES
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
