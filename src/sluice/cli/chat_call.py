"""One chat request to an OpenAI-compatible address, its answer handed on event by event.

The terminal's counterpart of the gateway's exchange: the same connections, the same parser, the same grammar; what
is not complete by the dialect's evidence is never taken for whole.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from sluice import __version__
from sluice.chat.events import Ended, Event, Failed, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.grammar import Grammar
from sluice.config.plan import Endpoint, Tls
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import ProtocolError, Refused, SluiceError, Truncated, UpstreamError
from sluice.gateway.plain_http import host_header
from sluice.gateway.ports import UpstreamHead
from sluice.net.pool import Pool
from sluice.relay.meter import Meter
from sluice.relay.relay import Said
from sluice.wire import http1
from sluice.wire.http1 import Header
from sluice.wire.sse import SseDecoder

CONNECT_S = 10.0
MAX_WHOLE_BYTES = 32 << 20
"""Of an answer that is read only once it is whole."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask, and where. `url` is the base, as the official clients take it."""

    url: str
    key: str
    model: str
    prompt: str
    system: str = ""
    max_tokens: int | None = None
    stream: bool = True

    def endpoint(self) -> tuple[Endpoint, str]:
        """Return where to connect to and the path to ask for.

        Raises:
            ValueError: `url` is no http or https address.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{self.url!r} is not an address like http://localhost:8080/v1")
        tls = Tls() if parts.scheme == "https" else None
        host = parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
        path = parts.path.rstrip("/")
        path = path if path.endswith("/chat/completions") else f"{path}/chat/completions"
        query = f"?{parts.query}" if parts.query else ""
        return Endpoint(host=host, port=parts.port or (443 if tls else 80), tls=tls), path + query

    def request(self) -> bytes:
        """Return the bytes of the HTTP request.

        Raises:
            ValueError: address or key cannot stand in one.
        """
        endpoint, path = self.endpoint()
        body = msgspec.json.encode(self._body())
        headers: list[Header] = [
            (b"host", host_header(endpoint).encode("latin-1")),
            (b"user-agent", f"sluice/{__version__}".encode()),
            (b"accept", b"text/event-stream" if self.stream else b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        if self.key:
            headers.append((b"authorization", f"Bearer {self.key}".encode("latin-1")))
        if not path.isascii() or any(c <= " " for c in path):
            raise ValueError(f"the path {path!r} has to be percent-encoded")
        return b"POST %b HTTP/1.1\r\n%b\r\n%b" % (path.encode(), http1.fields(headers), body)

    def _body(self) -> dict[str, object]:
        said = [("system", self.system), ("user", self.prompt)]
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in said if text],
        }
        if self.max_tokens is not None:
            body["max_tokens"] = self.max_tokens
        if self.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body


class Heard(msgspec.Struct, frozen=True):
    """A complete answer: what was said about it, and its times."""

    meter: Meter
    said: Said
    streamed: bool
    total_s: float


class Rejected(Exception):
    """The server answered with an error."""

    def __init__(self, error: Refused, request_id: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.request_id = request_id


async def ask(question: Question, show: Callable[[Event], None]) -> Heard:
    """Send a question and hand on each event of the answer at once. Cancelling closes the connection.

    Raises:
        ValueError: the question cannot be sent as it is.
        Unreachable, TimedOut: there is no connection; nothing was sent.
        Rejected: the server said no.
        InBandFailure: the server reported a failure inside its answer.
        Truncated: the answer broke off before its end.
        ProtocolError: the answer is no chat completion.
        OSError: `show` could not write.
    """
    request = question.request()
    endpoint, _ = question.endpoint()
    pool, started_at = Pool(), time.monotonic()
    try:
        stream = await pool.open(endpoint, request, expects_body=True, connect_s=CONNECT_S, headers_s=0.0)
        answer = _Answer(stream.head, show, started_at)
        stream.attach(answer)
        await answer.done
    finally:
        pool.close()
    return Heard(answer.meter, answer.said, answer.streamed, time.monotonic() - started_at)


class _Answer:
    """Takes the body of one answer. `done` is set once, when the answer is complete or can no longer be."""

    def __init__(self, head: UpstreamHead, show: Callable[[Event], None], started_at: float) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.meter = Meter(started_at)
        self.said = Said()
        kind = head.header(b"content-type").partition(b";")[0].strip().lower()
        self.streamed = head.status == 200 and kind == b"text/event-stream"
        self._head = head
        self._show = show
        self._frames = SseDecoder()
        self._decoder = OPENAI_CHAT.decoder(keep_leftovers=False)
        self._grammar = Grammar()
        self._body = bytearray()

    def body(self, data: bytes) -> None:
        if self.done.done():
            return
        if not self.streamed:
            self._body += data
            if len(self._body) > MAX_WHOLE_BYTES:
                self._fail(ProtocolError("the answer is too large"))
            return
        try:
            for frame in self._frames.feed(data):
                self._take_all(self._decoder.decode(frame))
            if self._frames.fault is not None:
                raise self._frames.fault
        except (SluiceError, OSError) as error:
            self._fail(error)

    def eof(self) -> None:
        if self.done.done():
            return
        try:
            if not self.streamed:
                self._read_whole()
            else:
                for frame in self._frames.finish():
                    self._take_all(self._decoder.decode(frame))
            if not self.done.done():
                raise Truncated("the connection was closed before the answer's end")
        except (SluiceError, Rejected, OSError) as error:
            self._fail(error)

    def broke(self, error: UpstreamError) -> None:
        self._fail(Truncated(str(error)))  # however the connection broke, the answer is not whole

    def _read_whole(self) -> None:
        body = bytes(self._body)
        if not 200 <= self._head.status < 300:
            request_id = self._head.header(b"x-request-id").decode("latin-1")
            raise Rejected(OPENAI_CHAT.read_error(self._head.status, body), request_id)
        self._take_all(OPENAI_CHAT.read_answer(body))

    def _take_all(self, events: Sequence[Event]) -> None:
        now = time.monotonic()
        for event in events:
            if isinstance(event, Failed):
                raise event.error
            if self.done.done():
                return  # bytes after the terminator are ignored
            self._grammar.advance(event)
            if isinstance(event, TextDelta | ToolCallStarted | ToolCallDelta):
                self.meter.delta(event, now)
            self.said.note(event)
            self._show(event)
            if isinstance(event, Ended):
                self.done.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
