"""operations/token_count: the bodies of counts, and counts in the client's shape."""

import msgspec
import pytest
from hypothesis import given

from sluice.errors import BadRequest, ProtocolError
from sluice.operations import token_count
from tests.operations.garbage import BROKEN, JSON

Members = dict[str, msgspec.Raw]


def members(**values: object) -> Members:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}


@pytest.mark.parametrize(
    ("form", "chat", "expected"),
    [
        (
            "messages_token_count",
            members(model="m", messages=[], max_tokens=5, stream=True, anthropic_version="v"),
            {"model": "m", "messages": [], "anthropic_version": "v"},
        ),
        ("gemini_count", members(contents=[]), {"contents": []}),
        (
            "gemini_count",
            members(contents=[], tools=[1]),
            {"generateContentRequest": {"model": "models/m", "contents": [], "tools": [1]}},
        ),
        ("content_token_count", members(contents=[], tools=[1]), {"contents": [], "tools": [1]}),
        (
            "converse_count",
            members(messages=[], system=[], toolConfig={}, inferenceConfig={}, outputConfig={}),
            {"input": {"converse": {"messages": [], "system": [], "toolConfig": {}}}},
        ),
    ],
)
def test_a_chat_request_becomes_a_count(form: str, chat: Members, expected: object) -> None:
    assert msgspec.json.decode(token_count.ask(chat, form, "m")) == expected


def test_a_tuned_models_name_is_whole() -> None:
    body = token_count.ask(members(contents=[], tools=[]), "gemini_count", "tunedModels/mine")
    assert msgspec.json.decode(body)["generateContentRequest"]["model"] == "tunedModels/mine"


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_a_wrapped_request_is_unwrapped(name: str) -> None:
    assert token_count.unwrapped(b'{"%b":{"contents":[]}}' % name.encode()) == {"contents": msgspec.Raw(b"[]")}


@pytest.mark.parametrize(
    "body", [*(b for b in BROKEN if not b.startswith(b'{"input')), b'{"generateContentRequest":1}']
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        token_count.unwrapped(body)


@pytest.mark.parametrize("body", [b'{"input_tokens":7}', b'{"inputTokens":7}', b'{"totalTokens":7,"x":[]}'])
def test_every_vendors_count_is_read(body: bytes) -> None:
    assert token_count.read(body) == 7


@given(JSON)
def test_what_is_no_count_is_the_providers_fault(value: object) -> None:
    with pytest.raises(ProtocolError):
        token_count.read(msgspec.json.encode(value))


def test_a_count_is_written_as_the_client_reads_it() -> None:
    assert token_count.write(7, "messages_token_count") == b'{"input_tokens":7}'
    assert token_count.write(7, "content_token_count") == b'{"totalTokens":7}'
