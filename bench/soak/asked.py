"""The requests of the load, as clients of each dialect send them. Pure.

What the fake provider shall answer stands in the user's last message, where it survives every translation; without a
fault of its own a request leaves room for what the fake does to the failing targets.
"""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify.facts import Client

MAX_OUTPUT_TOKENS = 65_536
SPAN = "50a4c0de50a4c0de"
"""The caller's span of every request (W3C Trace Context, 3.2.2.4)."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for."""

    client: Client
    model: str
    content: str
    """The answer's text, whatever is added to it by the fault."""
    fault: Fault | None = None
    stream: bool = True
    headers: Mapping[str, str] = {}


def request(question: Question, trace_id: str, port: int) -> bytes:
    """Return the request, head and body."""
    path, body = _render(question)
    return post(path, msgspec.json.encode(body), trace_id, port, question.headers)


def trace(seed: int, number: int) -> str:
    """Return the trace id of one request of a run: the gateway keeps it, so that its record can be found."""
    return f"{seed % (1 << 32):08x}{number:024x}"


def post(path: str, body: bytes, trace_id: str, port: int, headers: Mapping[str, str] = {}) -> bytes:
    """Return a request with any body."""
    own = {"content-type": "application/json", "content-length": str(len(body)), "anthropic-version": "2023-06-01"}
    lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"traceparent: 00-{trace_id}-{SPAN}-01"]
    lines += [f"{name}: {value}" for name, value in (own | dict(headers)).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _render(question: Question) -> tuple[str, dict[str, object]]:
    prescription: dict[str, object] = {"content": question.content}
    if question.fault is not None:
        prescription["fault"] = question.fault
    said = f"Say this. [[fake {msgspec.json.encode(prescription).decode()}]]"
    model, stream = question.model, question.stream
    messages = [{"role": "user", "content": said}]
    match question.client:
        case "chat":
            return "/v1/chat/completions", {"model": model, "messages": messages, "stream": stream}
        case "responses":
            return "/v1/responses", {"model": model, "input": said, "stream": stream}
        case "messages":
            bound = {"max_tokens": MAX_OUTPUT_TOKENS}
            return "/v1/messages", {"model": model, "messages": messages, "stream": stream, **bound}
    call = "streamGenerateContent?alt=sse" if stream else "generateContent"
    contents = [{"role": "user", "parts": [{"text": said}]}]
    return f"/v1beta/models/{quote(model, safe='')}:{call}", {"contents": contents}
