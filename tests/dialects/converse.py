"""Streams, answers and requests of Converse, and botocore's model of the API as their judge: shared by the tests of the
dialect."""

import base64
import functools
import json
from collections.abc import Iterable
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # ships no types
import msgspec
import pytest
from botocore.model import ServiceModel, Shape  # type: ignore[import-untyped]  # ships no types
from botocore.validate import ParamValidator  # type: ignore[import-untyped]  # ships no types

from sluice.chat.content import CacheMark, Message, Part, Role, Text, ToolUse
from sluice.chat.conversation import Conversation, Tool
from sluice.chat.events import Event
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.errors import BadRequest
from sluice.wire.event_stream import EventStreamDecoder, encode
from sluice.wire.sse import Frame

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
NOVA = "us.amazon.nova-pro-v1:0"

OWN = "dialect.bedrock_converse"
DATA = base64.b64encode(b"\x89PNG").decode()
MARK = CacheMark()
SCHEMA = b'{"type": "object",  "properties":{"a":{"type":"integer"}}}'
WEATHER = Tool(name="weather", description="Tells it.", parameters=msgspec.Raw(SCHEMA))
CALL = ToolUse(id="t1", name="weather", arguments='{"a": 1}')

Json = dict[str, Any]
"""As `json.loads` has it: tests look deep into it."""


def event(kind: str, **members: object) -> bytes:
    """One message of a stream; `p` is the padding that Bedrock adds."""
    return encode(kind, json.dumps(members | {"p": "abcd"}).encode())


def delta(index: int = 0, **members: object) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=members)


def start(index: int, **members: object) -> bytes:
    return event("contentBlockStart", contentBlockIndex=index, start=members)


def stop(index: int = 0) -> bytes:
    return event("contentBlockStop", contentBlockIndex=index)


def tool(index: int, id: str = "t1", name: str = "f", **members: object) -> bytes:  # noqa: A002 - the API's word
    return start(index, toolUse={"toolUseId": id, "name": name, **members})


def end(reason: str = "end_turn", **members: object) -> bytes:
    return event("messageStop", stopReason=reason, **members)


USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}
BEGIN = event("messageStart", role="assistant")
METADATA = event("metadata", usage=USAGE, metrics={"latencyMs": 7})


def frames_of(stream: bytes) -> list[Frame]:
    decoder = EventStreamDecoder()
    frames = decoder.feed(stream)
    assert decoder.fault is None
    assert b"".join(frame.raw for frame in frames) == stream
    return frames


def decode(*messages: bytes) -> list[Event]:
    """The events of a stream that begins with these messages."""
    decoder = BEDROCK_CONVERSE.decoder(keep_leftovers=False)
    return [event for frame in frames_of(b"".join(messages)) for event in decoder.decode(frame)]


def legal(events: Iterable[Event]) -> list[Event]:
    """The events, after the grammar has let them pass as a complete answer."""
    grammar, passed = Grammar(), []
    for one in events:
        grammar.advance(one)
        passed.append(one)
    assert grammar.complete
    return passed


def fold(events: Iterable[Event]) -> Answer:
    machine = Fold()
    for one in legal(events):
        machine.add(one)
    return machine.answer()


def whole(*content: Json, reason: str = "end_turn", **members: object) -> bytes:
    """The body of an answer that was not streamed."""
    message = {"role": "assistant", "content": list(content)}
    body = {"output": {"message": message}, "stopReason": reason, "usage": USAGE, "metrics": {"latencyMs": 7}}
    return json.dumps(body | members).encode()


def said(role: Role, *parts: Part | str) -> Message:
    """A message; strings are texts."""
    return Message(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def talk(*messages: Message, **members: object) -> Conversation:
    return msgspec.structs.replace(Conversation(messages=messages or (said("user", "hi"),)), **members)


def written(conversation: Conversation, model: str = CLAUDE) -> Json:
    """The body for the provider, after botocore has let it pass as a request of the API."""
    raw = BEDROCK_CONVERSE.write_conversation(conversation, model=model, stream=True, ask_usage=True)
    body: Json = json.loads(raw)
    report = ParamValidator().validate(_params(body | {"modelId": model}, _shape()), _shape())
    assert not report.has_errors(), report.generate_report()
    return body


def refused(conversation: Conversation, model: str = CLAUDE) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        BEDROCK_CONVERSE.write_conversation(conversation, model=model, stream=False, ask_usage=False)
    return caught.value


@functools.cache
def service() -> ServiceModel:
    return botocore.session.Session().get_service_model("bedrock-runtime")


def _shape() -> Shape:
    shape = service().operation_model("ConverseStream").input_shape
    assert shape is not None
    return shape


def _params(value: Any, shape: Any) -> Any:
    """JSON as a caller of botocore would write it: bytes where the API has base64."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        assert isinstance(value, dict), (shape.name, value)
        assert value.keys() <= shape.members.keys(), (shape.name, value.keys() - shape.members.keys())
        if getattr(shape, "is_tagged_union", False):
            assert len(value) == 1, (shape.name, value)
        return {name: _params(member, shape.members[name]) for name, member in value.items()}
    if shape.type_name == "list":
        return [_params(member, shape.member) for member in value]
    return base64.b64decode(value, validate=True) if shape.type_name == "blob" else value
