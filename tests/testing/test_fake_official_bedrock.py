"""The fake's Converse as Amazon's own parsers and signer see it: nothing in between."""

import struct
import zlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec
import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]  # ships no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # ships no types
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # ships no types
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer  # type: ignore[import-untyped]  # ships no types
from botocore.loaders import Loader  # type: ignore[import-untyped]  # ships no types
from botocore.model import ServiceModel  # type: ignore[import-untyped]  # ships no types
from botocore.parsers import EventStreamJSONParser, RestJSONParser  # type: ignore[import-untyped]  # ships no types

from sluice.testing import fake_frames
from sluice.testing.fake_provider import FakeProvider, Options
from tests.testing.sockets import Socket, dechunk, post
from tests.testing.spoken import Json, obj, rows

MODEL = "anthropic.claude-opus-4-5-20251101-v1%3A0"
SERVICE = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
TOOLS: Json = {
    "tools": [
        {
            "toolSpec": {
                "name": "get_weather",
                "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
            }
        }
    ]
}
THINKING: Json = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


def ask(text: str, **members: object) -> Json:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]} | members


async def call(fake: FakeProvider, body: Json, *, stream: bool = False, headers: bytes = b"", do: str = "") -> Answer:
    path = f"/model/{MODEL}/{do or ('converse-stream' if stream else 'converse')}"
    async with Socket(fake.port) as s:
        await s.send(post(body, path, b"connection: close\r\n" + headers))
        head, (data, _) = await s.head(), await s.rest()
    lines = head.decode("latin-1").split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    chunked = named.get("transfer-encoding") == "chunked"
    return Answer(int(lines[0].split(" ")[1]), named, dechunk(data) if chunked else data)


def whole(answer: Answer, operation: str = "Converse") -> Json:
    """An answer as botocore reads it by the service's model; an error too."""
    shape = SERVICE.operation_model(operation).output_shape
    parsed = RestJSONParser().parse(
        {"status_code": answer.status, "headers": answer.headers, "body": answer.body}, shape
    )
    return msgspec.convert(parsed, Json)


def events(data: bytes) -> list[Json]:
    """The events of a stream as botocore reads them by the service's model; it checks both CRCs."""
    shape = SERVICE.shape_for("ConverseStreamOutput")
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    parsed = [EventStreamJSONParser().parse(message.to_response_dict(), shape) for message in buffer]
    return [msgspec.convert(each, Json) for each in parsed]


def deltas(found: list[Json]) -> list[Json]:
    return [obj(obj(event["contentBlockDelta"])["delta"]) for event in found if "contentBlockDelta" in event]


def content(answer: Json) -> list[Json]:
    return rows(obj(obj(answer["output"])["message"])["content"])


def usage_of(answer: Json) -> dict[str, int]:
    return msgspec.convert(answer["usage"], dict[str, int])


class Used(msgspec.Struct, frozen=True, rename="camel"):
    tool_use_id: str
    name: str
    input: Json


async def test_stream_and_whole_answer_are_the_same_text(fake: FakeProvider) -> None:
    at_once = whole(await call(fake, ask("hi")))
    live = events((await call(fake, ask("hi"), stream=True)).body)
    assert [next(iter(event)) for event in live[:2]] == ["messageStart", "contentBlockDelta"]
    assert [next(iter(event)) for event in live[-3:]] == ["contentBlockStop", "messageStop", "metadata"]
    assert "".join(str(delta["text"]) for delta in deltas(live)) == content(at_once)[0]["text"]
    assert live[-2]["messageStop"] == {"stopReason": "end_turn"} | (
        {} if at_once["stopReason"] == "end_turn" else {"": 0}
    )
    assert msgspec.convert(live[-1]["metadata"], Json)["usage"] == at_once["usage"]
    usage = msgspec.convert(at_once["usage"], dict[str, int])
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]


async def test_reasoning_and_tools_go_round(fake: FakeProvider) -> None:
    body = ask("get_weather please", toolConfig=TOOLS, additionalModelRequestFields=THINKING)
    live = await call(fake, body, stream=True)
    assert live.headers["content-type"] == "application/vnd.amazon.eventstream"
    found = events(live.body)
    starts = [event["contentBlockStart"] for event in found if "contentBlockStart" in event]
    assert len(starts) == 1
    thoughts = [
        msgspec.convert(d["reasoningContent"], dict[str, str]) for d in deltas(found) if "reasoningContent" in d
    ]
    at_once = whole(await call(fake, body))
    thought, use = content(at_once)
    signed = obj(obj(thought["reasoningContent"])["reasoningText"])
    assert "".join(str(thought.get("text", "")) for thought in thoughts) == signed["text"]
    assert thoughts[-1] == {"signature": signed["signature"]}
    called = msgspec.convert(use["toolUse"], Used)
    assert (called.name, called.input, at_once["stopReason"]) == ("get_weather", {"city": "Paris"}, "tool_use")
    result = {"toolResult": {"toolUseId": called.tool_use_id, "content": [{"text": "sunny"}], "status": "success"}}
    history = [
        {"role": "user", "content": [{"text": "get_weather please"}]},
        {"role": "assistant", "content": content(at_once)},
        {"role": "user", "content": [result]},
    ]
    answer = whole(await call(fake, body | {"messages": history}))
    assert "sunny" in str(content(answer)[1]["text"])


async def test_structured_output_and_the_count_of_tokens(fake: FakeProvider) -> None:
    schema = '{"type": "object", "properties": {"city": {"type": "string"}}}'
    wish = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}}}
    answer = whole(await call(fake, ask("hi", outputConfig=wish)))
    assert content(answer)[0]["text"] == '{"city":"Paris"}'
    counted = whole(await call(fake, {"input": {"converse": ask("hi")}}, do="count-tokens"), "CountTokens")
    assert counted["inputTokens"] == usage_of(answer)["inputTokens"]


async def test_the_prompt_cache_is_counted_apart(fake: FakeProvider) -> None:
    marked = [{"text": "a long system prompt"}, {"cachePoint": {"type": "default"}}]
    usage = usage_of(whole(await call(fake, ask("hi", system=marked))))
    assert usage["cacheWriteInputTokens"] > 0
    assert usage["cacheReadInputTokens"] == 0
    assert usage["totalTokens"] == sum(value for name, value in usage.items() if name != "totalTokens")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (429, "ThrottlingException"),
        (503, "ServiceUnavailableException"),
    ],
)
async def test_errors_are_the_vendors(fake: FakeProvider, status: int, kind: str) -> None:
    answer = await call(fake, ask("hi", fake={"error": {"status": status, "message": "no"}}))
    assert answer.headers["x-amzn-errortype"] == kind.lower()
    assert answer.status == status
    assert obj(whole(answer)["Error"])["Message"] == "no"


async def test_an_error_inside_a_stream_is_an_exception(fake: FakeProvider) -> None:
    wanted = {"content": "a b c", "error": {"status": 429, "message": "slow down", "after": 3}}
    data = (await call(fake, ask("hi", fake=wanted), stream=True)).body
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    last = list(buffer)[-1].to_response_dict()
    assert last["status_code"] == 400  # what botocore makes of a message that is no event
    assert last["headers"][":exception-type"] == "throttlingException"
    assert msgspec.json.decode(last["body"]) == {"message": "slow down"}


async def test_a_signed_request_or_a_bearer_key_is_served_and_no_other() -> None:
    async with FakeProvider(Options(key="right")) as fake:
        assert (await call(fake, ask("hi"), headers=b"authorization: Bearer right\r\n")).status == 200
        wrong = await call(fake, ask("hi"), headers=b"authorization: Bearer wrong\r\n")
        assert (wrong.status, wrong.headers["x-amzn-errortype"]) == (403, "unrecognizedclientexception")
        none = await call(fake, ask("hi"))
        assert (none.status, none.headers["x-amzn-errortype"]) == (403, "missingauthenticationtokenexception")
        signed = signature(f"http://localhost/model/{MODEL}/converse", ask("hi"))
        assert (await call(fake, ask("hi"), headers=signed)).status == 200
        lines = [line for line in signed.splitlines(keepends=True) if not line.lower().startswith(b"x-amz-date")]
        undated = b"".join(lines)
        assert (await call(fake, ask("hi"), headers=undated)).status == 403


def signature(url: str, body: Json) -> bytes:
    request = AWSRequest("POST", url, data=msgspec.json.encode(body), headers={"host": "localhost"})
    SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "bedrock", "us-east-1").add_auth(request)
    return b"".join(
        f"{name}: {value}\r\n".encode() for name, value in request.headers.items() if name.lower() != "host"
    )


# -- framing ----------------------------------------------------------------------------------------------------------


def test_a_frame_has_both_checksums() -> None:
    frame = fake_frames.frame({":message-type": "event"}, b"{}")
    total, size, crc = struct.unpack_from(">III", frame)
    assert (total, size) == (len(frame), len(frame) - 16 - 2)
    assert crc == zlib.crc32(frame[:8])
    broken = frame[:-6] + b"[" + frame[-5:]
    buffer = EventStreamBuffer()
    buffer.add_data(broken)
    with pytest.raises(ChecksumMismatch):
        next(iter(buffer))
    with pytest.raises(ValueError, match="CRC"):
        fake_frames.parted(broken)
    with pytest.raises(ValueError, match="lengths"):
        fake_frames.parted(b"\1" + frame[1:])


def test_frames_are_parted_as_far_as_they_go() -> None:
    one, two = fake_frames.event("messageStart", {"role": "assistant"}), fake_frames.exception("x", "y")
    assert fake_frames.parted(one + two + one[:20]) == [one, two]
    found = fake_frames.read(one)
    assert found.headers[":event-type"] == "messageStart"
    assert msgspec.json.decode(found.payload)["role"] == "assistant"
    assert fake_frames.read(two).headers[":message-type"] == "exception"
