"""Answers as they come over a connection, made by the fake provider's own writers: what the readers are tested on."""

import random

import msgspec

from sluice.gateway.ports import Request
from sluice.testing import fake_doors
from sluice.verify import asking
from sluice.verify.asking import Gateway, Wish
from sluice.verify.facts import Client, Provider
from sluice.verify.http_answer import AnswerReader
from sluice.verify.http_client import Heard, How
from sluice.verify.judge import Read, read
from sluice.verify.layout import Layout, layout
from sluice.verify.words import sentence

TEXT = sentence(random.Random(5), 9)
GATEWAY = Gateway(host="localhost", port=4000)
PATHS: dict[Provider, str] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "converse": "/model/m/converse-stream",
}
ERRORS: dict[Client, bytes] = {
    "chat": b'data: {"error":{"message":"gone","type":"api_error","code":null,"param":null}}\n\n',
    "responses": (
        b'event: response.failed\ndata: {"type":"response.failed","sequence_number":%d,'
        b'"response":{"id":"resp_1","error":{"code":"server_error","message":"gone"}}}\n\n'
    ),
    "messages": b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"gone"}}\n\n',
    "gemini": b'data: {"error":{"code":502,"message":"gone","status":"INTERNAL"}}\n\n',
}
"""In the stream. The number is the next of the sequence."""
WHOLE_ERRORS: dict[Client, bytes] = {
    "chat": b'{"error":{"message":"gone","type":"api_error","code":null,"param":null}}',
    "responses": b'{"error":{"message":"gone","type":"api_error","code":null,"param":null}}',
    "messages": b'{"type":"error","error":{"type":"api_error","message":"gone"}}',
    "gemini": b'{"error":{"code":502,"message":"gone","status":"INTERNAL"}}',
}


def stream_of(client: Client, *, usage: bool = False) -> Layout:
    """The answer to a client of this dialect, event by event."""
    wish = Wish(client=client, provider=client, content=TEXT, tag="t", shows_usage=usage)
    return laid_out(client, asking.request(GATEWAY, wish).partition(b"\r\n\r\n")[2])


def laid_out(provider: Provider, body: bytes, path: str = "") -> Layout:
    """The fake's answer to this body."""
    request = Request(
        method="POST",
        path=path or PATHS[provider],
        query="alt=sse" if provider == "gemini" else "",
        headers=(),
        body=body,
        http_version="1.1",
        peer="127.0.0.1:1",
        port=1,
        received_at=0.0,
    )
    return layout(fake_doors.find(request), request.body)


def error_after(client: Client, events: int) -> bytes:
    """The error event that may follow so many events."""
    return ERRORS[client] % events if client == "responses" else ERRORS[client]


def heard(
    body: bytes,
    *,
    status: int = 200,
    kind: str = "text/event-stream",
    whole: bool = True,
    how: How | None = None,
    piece_bytes: int = 1 << 16,
) -> Heard:
    """An answer of one chunk, read piece by piece, a second each."""
    answer = AnswerReader()
    data = b"HTTP/1.1 %d OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n" % (status, kind.encode())
    data += b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    data += b"0\r\n\r\n" if whole else b""
    for number, start in enumerate(range(0, len(data), piece_bytes)):
        answer.feed(data[start : start + piece_bytes], float(number))
    return Heard(answer=answer, how=how or ("whole" if whole else "closed"), asked_s=0.0, ended_s=1.0)


def found(client: Client, body: bytes, *, whole: bool = True, how: How | None = None) -> Read:
    """A stream, read."""
    return read(client, heard(body, whole=whole, how=how))


def refused(client: Client, status: int, body: bytes, kind: str = "application/json") -> Read:
    """An answer with another status, read."""
    return read(client, heard(body, status=status, kind=kind))


def json_of(value: object) -> bytes:
    return msgspec.json.encode(value)
