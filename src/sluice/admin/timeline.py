"""What came of one request, moment by moment, one JSON object to a line:

    {"kind": "head", "at_ms": 12.1, "status": 200, "id": "..."}      the head of the answer
    {"kind": "token", "at_ms": 80.0, "text": "Hel", "channel": "text"}
    {"kind": "beat", "at_ms": 95.2}                                   a keep-alive, or an event without a token
    {"kind": "usage", "input": 3, "output": 12}
    {"kind": "end", "at_ms": 900.5, "outcome": "completed", "error": "", "finish": "stop"}

Times are milliseconds since the request was sent, stamped where the bytes are read. Nothing is kept.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from sluice.chat.events import ChoiceFinished, Ended, Event, Failed, Reported, TextDelta, ToolCallDelta
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.dialect import Dialect
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import ProtocolError, SluiceError, UpstreamError
from sluice.gateway.ports import UpstreamHead
from sluice.wire.sse import Frame, SseDecoder

MAX_BYTES = 4 << 20
"""Of an answer; beyond it nothing more is shown."""
MAX_ERROR_CHARS = 2000
_DIALECTS: dict[str, Dialect] = {"chat": OPENAI_CHAT, "messages": ANTHROPIC_MESSAGES}


class Timeline:
    """Implements `gateway.ports.BodyReceiver`. Take `lines` until it is `over`."""

    def __init__(self, dialect: Literal["chat", "messages"], clock: Callable[[], float]) -> None:
        self._dialect = _DIALECTS[dialect]
        self._clock = clock
        self._began = clock()
        self._ready: list[bytes] = []
        self._more = asyncio.Event()
        self._frames = SseDecoder()
        self._decoder = self._dialect.decoder(keep_leftovers=False)
        self._status = 0
        self._streams = False
        self._whole = bytearray()
        self._bytes = 0
        self._finish = ""
        self._ended = False

    @property
    def over(self) -> bool:
        """All was said, and taken."""
        return self._ended and not self._ready

    async def lines(self) -> bytes:
        """Wait for something to happen, and return what has."""
        while not self._ready:
            self._more.clear()
            await self._more.wait()
        ready, self._ready = self._ready, []
        return b"".join(ready)

    def give_up(self, why: str) -> None:
        """Nothing more comes, or it is not waited for."""
        self._end("failed", why)

    def begin(self, head: UpstreamHead) -> None:
        """The head is here. Call it once, and before anything of the body comes."""
        self._status = head.status
        kind = head.header(b"content-type").partition(b";")[0].strip().lower()
        self._streams = head.status == 200 and kind == b"text/event-stream"
        self._say(kind="head", at_ms=self._ms(), status=head.status, id=head.header(b"x-request-id").decode("latin-1"))

    # -- the body -----------------------------------------------------------------------------------------------------

    def body(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._ended:
            return
        if self._bytes > MAX_BYTES:
            self._end("failed", f"the answer is larger than {MAX_BYTES} bytes")
        elif not self._streams:
            self._whole += data
        else:
            self._take(self._frames.feed(data))
            if self._frames.fault is not None:
                self._end("failed", str(self._frames.fault))

    def eof(self) -> None:
        if self._ended:
            return
        if not self._streams:
            self._read_whole()
            return
        self._take(self._frames.finish())
        self._events(self._decoder.finish())
        self._end("truncated", "the answer broke off before its end")

    def broke(self, error: UpstreamError) -> None:
        self._end("truncated", str(error))

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self._ended:
                return
            try:
                events = self._decoder.decode(frame)
            except ProtocolError as error:
                self._end("failed", str(error))
                return
            if not self._events(events) and not self._ended:
                self._say(kind="beat", at_ms=self._ms())

    def _events(self, events: Sequence[Event]) -> bool:
        """Say what events say; return whether one of them is a token."""
        carried = False
        for event in events:
            carried = self._event(event) or carried
        return carried

    def _event(self, event: Event) -> bool:
        if isinstance(event, TextDelta) and event.text:
            self._say(kind="token", at_ms=self._ms(), text=event.text, channel=event.channel)
            return True
        if isinstance(event, ToolCallDelta) and event.arguments:
            self._say(kind="token", at_ms=self._ms(), text=event.arguments, channel="tool")
            return True
        if isinstance(event, Reported):
            self._say(kind="usage", input=event.usage.input_tokens, output=event.usage.output_tokens)
        elif isinstance(event, ChoiceFinished):
            self._finish = event.reason
        elif isinstance(event, Failed):
            self._end("failed", str(event.error))
        elif isinstance(event, Ended):
            self._end("completed", "")
        return False

    def _read_whole(self) -> None:
        body = bytes(self._whole)
        try:
            if self._status >= 400:
                raise self._dialect.read_error(self._status, body)
            self._events(self._dialect.read_answer(body))
            self._end("completed", "")
        except SluiceError as error:
            self._end("failed", str(error))

    # -- saying -------------------------------------------------------------------------------------------------------

    def _end(self, outcome: str, error: str) -> None:
        if not self._ended:
            self._ended = True
            self._say(kind="end", at_ms=self._ms(), outcome=outcome, error=error[:MAX_ERROR_CHARS], finish=self._finish)

    def _say(self, **line: str | int | float) -> None:
        self._ready.append(msgspec.json.encode(line) + b"\n")
        self._more.set()

    def _ms(self) -> float:
        return round((self._clock() - self._began) * 1000, 2)
