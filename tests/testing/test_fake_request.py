"""What the fake refuses, in the provider's words, and what makes two requests the same."""

import msgspec
import pytest

from sluice.testing.fake_asked import MAX_WANTED_CHARS
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_request import read

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def refused(body: bytes) -> dict[str, str | None]:
    with pytest.raises(Refusal) as caught:
        read(body)
    assert caught.value.status == 400
    whole = msgspec.json.decode(caught.value.body, type=dict[str, dict[str, str | None]])
    assert list(whole["error"]) == ["message", "type", "param", "code"]
    assert whole["error"]["type"] == "invalid_request_error"
    return whole["error"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"model": "m", "messages": [\xff]}', b"[" * 100_000])
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    assert "could not parse the JSON body" in str(refused(body)["message"])


@pytest.mark.parametrize(
    ("change", "code", "param", "message"),
    [
        ({"stream": "true"}, "invalid_type", "stream", "expected a boolean, but got a string instead"),
        ({"messages": "hi"}, "invalid_type", "messages", "expected an array, but got a string instead"),
        ({"messages": []}, "empty_array", "messages", "empty array"),
        ({"messages": [{"content": "x"}]}, "missing_required_parameter", "messages[0].role", "'messages[0].role'"),
        ({"n": 0}, "integer_below_min_value", "n", "Expected a value >= 1"),
        ({"n": 129}, "integer_above_max_value", "n", "Expected a value <= 128"),
        ({"temperature": 3}, "decimal_above_max_value", "temperature", "Expected a value <= 2"),
        ({"max_tokens": 1.5}, "invalid_type", "max_tokens", "expected an integer"),
        ({"tool_choice": "maybe"}, "invalid_value", "tool_choice", "maybe"),
    ],
)
def test_a_wrong_member_is_named(change: dict[str, object], code: str, param: str, message: str) -> None:
    error = refused(msgspec.json.encode(HI | change))
    assert (error["code"], error["param"]) == (code, param)
    assert message in str(error["message"])


def test_missing_members_are_named() -> None:
    assert refused(b'{"model": "m"}')["code"] == "missing_required_parameter"
    assert refused(b'{"model": "m"}')["param"] == "messages"
    assert refused(b'{"messages": []}')["message"] == "you must provide a model parameter"
    assert refused(b"[]")["code"] == "invalid_type"


def test_the_seed_is_that_of_the_question_not_of_its_spelling() -> None:
    seed = read(msgspec.json.encode(HI)).seed
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    same = read(msgspec.json.format(msgspec.json.encode(streamed | HI), indent=4)).seed
    other = read(msgspec.json.encode(HI | {"model": "n"})).seed
    assert seed == same != other


def test_unknown_members_and_parts_without_text_are_accepted() -> None:
    content = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "b"},
    ]
    asked = read(msgspec.json.encode(HI | {"novel": {"x": 1}, "messages": [{"role": "user", "content": content}]}))
    assert asked.question == "a\nb"


@pytest.mark.parametrize("channel", ["content", "reasoning", "refusal"])
def test_the_text_that_a_request_may_ask_for_is_bounded(channel: str) -> None:
    """Every token is held until it is read, and any client of the gateway may ask."""
    longest = {"fake": {channel: "x" * MAX_WANTED_CHARS}}
    read(msgspec.json.encode(HI | longest))
    refused(msgspec.json.encode(HI | {"fake": {channel: "x" * (MAX_WANTED_CHARS + 1)}}))
