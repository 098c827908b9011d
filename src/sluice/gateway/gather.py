"""Answers that are whole before anything is made of them: of several requests to one target, and of no request at all.

Some providers take one text at a time where clients send many. The requests go out side by side, AT_ONCE of them, and
their answers become one. Either every one of them succeeded, or the first that did not is the answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import msgspec

from sluice.errors import ProtocolError, SluiceError, TimedOut, UpstreamError
from sluice.gateway.ports import BodyReceiver, UpstreamHead, UpstreamStream
from sluice.wire import coding

AT_ONCE = 8
"""Requests of one exchange that are under way at a time."""

_ABOUT_ONE_BODY = (b"content-encoding", b"content-length", b"transfer-encoding")

_read_bodies = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Here:
    """An answer that needs no waiting, as an `UpstreamStream`."""

    def __init__(self, head: UpstreamHead, body: bytes) -> None:
        self.head = head
        self.connect_s: float | None = None
        self.in_line = False
        self.body = body

    def attach(self, receiver: BodyReceiver) -> None:
        receiver.body(self.body)
        receiver.eof()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self, *, complete: bool) -> None: ...


async def gather(
    asks: Sequence[Callable[[], Awaitable[UpstreamStream]]], *, idle_s: float, total_s: float | None, max_bytes: int
) -> UpstreamStream:
    """Ask all of them, and return one answer: the headers of all, and their bodies as one JSON array (`apart` takes it
    to pieces). If one is refused, that is the answer, and the others are given up.

    `idle_s`: how long a body may fall silent, 0 = for ever. `total_s`: until all are here, None = any time.
    `max_bytes`: of all bodies together.

    Raises:
        UpstreamError: one of them failed.
    """
    turns = asyncio.Semaphore(AT_ONCE)
    room = _Room(max_bytes)
    failures: list[SluiceError | Here] = []

    async def one(ask: Callable[[], Awaitable[UpstreamStream]]) -> Here | None:
        # To the group it does not fail: that of Python 3.11 forgets that we were cancelled where one of its tasks fails
        # in the same turn.
        try:
            async with turns:
                answer = await _whole(await ask(), room, idle_s)
            if 200 <= answer.head.status < 300:
                return answer
            failures.append(answer)
        except SluiceError as error:
            failures.append(error)
        for task in tasks:
            task.cancel()  # because of it they are given up
        return None

    try:
        async with asyncio.timeout(total_s), asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(ask)) for ask in asks]
    except TimeoutError:
        raise TimedOut("total") from None
    if failures:
        if isinstance(first := failures[0], Here):
            return first
        raise first
    return _joined([answer for task in tasks if (answer := task.result()) is not None])


def apart(body: bytes) -> list[bytes]:
    """Return the bodies of an answer that was gathered.

    Raises:
        ProtocolError: one of them is no JSON.
    """
    try:
        return [bytes(raw) for raw in _read_bodies(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProtocolError("the provider's answer is not valid JSON") from None


class _Room:
    """Bytes that several bodies may still take up, together."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes

    def take(self, size: int) -> None:
        """Raises: ProtocolError: there is not enough left."""
        self._left -= size
        if self._left < 0:
            raise ProtocolError("the provider's answer is too large")


class _Collector:
    """A `BodyReceiver` that keeps what it gets."""

    def __init__(self, room: _Room) -> None:
        self.data = bytearray()
        self.heard = asyncio.Event()
        self.ended = False
        self.error: UpstreamError | None = None
        self._room = room

    def body(self, data: bytes) -> None:
        self.heard.set()
        try:
            self._room.take(len(data))
        except ProtocolError as error:
            self.broke(error)
        else:
            self.data += data

    def eof(self) -> None:
        self.ended = True
        self.heard.set()

    def broke(self, error: UpstreamError) -> None:
        self.error = self.error or error
        self.eof()


async def _whole(upstream: UpstreamStream, room: _Room, idle_s: float) -> Here:
    """Return an answer once all of it is here.

    Raises:
        UpstreamError: it broke off, fell silent, or cannot be unpacked.
    """
    collector = _Collector(room)
    try:
        upstream.attach(collector)
        while not collector.ended:
            collector.heard.clear()
            try:
                async with asyncio.timeout(idle_s or None):
                    await collector.heard.wait()
            except TimeoutError:
                if not upstream.in_line:
                    raise TimedOut("idle") from None
    finally:
        upstream.close(complete=collector.ended and collector.error is None)
    if collector.error is not None:
        raise collector.error
    head, body = upstream.head, bytes(collector.data)
    inflate = coding.decoder(head.header(b"content-encoding"))
    return Here(head, body if inflate is None else b"".join(_counted(inflate.feed(body), room)))


def _counted(pieces: Iterable[bytes], room: _Room) -> Iterator[bytes]:
    for piece in pieces:
        room.take(len(piece))
        yield piece


def _joined(answers: Sequence[Here]) -> Here:
    headers = tuple(field for answer in answers for field in answer.head.headers if field[0] not in _ABOUT_ONE_BODY)
    body = b"[%b]" % b",".join(answer.body for answer in answers)
    return Here(UpstreamHead(200, headers, len(body)), body)
