"""What the fake provider answers, as a value: an answer is a Script, and a Twist is a function from Script to Script.

Pure: no socket, no clock. `fake_player` plays a script to a client.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from sluice.wire.http1 import Header

EndOf = Literal["finish", "fin", "rst", "stall"]
"""How an answer ends: whole; the socket closed without the framing's end, after the bytes have left; reset, after
they have left; or not at all, until the client goes."""


class Pause(msgspec.Struct, frozen=True):
    """A wait between two chunks of a script."""

    seconds: float
    """0 = one turn of the event loop."""


class Mark(msgspec.Struct, frozen=True):
    """Says that the bytes before it complete an event."""


EVENT = Mark()
Item = bytes | Pause | Mark


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, byte by byte. Chunks that are generated are generated while they are sent, at most one ahead."""

    chunks: Iterable[Item] = ()
    """Bytes of the body, one write and one HTTP chunk each, and the pauses between them. An empty one sends the head
    alone. A list may be played again, a generator once."""
    status: int | None = 200
    """None: no head either. The chunks then are raw bytes of the connection: broken heads, broken framing."""
    headers: Sequence[Header] = ((b"content-type", b"text/event-stream; charset=utf-8"),)
    length: int | None = None
    """Content-Length, true or not; None = chunked."""
    end: EndOf = "finish"
    marked: bool = False
    """Marks tell where events end; otherwise each chunk is one."""


Twist = Callable[[Script], Script]
"""Takes the answer that would be given and returns the one that is."""


def whole(
    body: bytes, *, status: int = 200, headers: Sequence[Header] = (), content_type: str = "application/json"
) -> Script:
    """Return an answer with a body of known length."""
    described = ((b"content-type", content_type.encode("latin-1")),) if content_type else ()
    return Script(chunks=(body,), status=status, headers=(*described, *headers), length=len(body))


def instead(script: Script) -> Twist:
    """Return the twist that answers with `script`, whatever was asked."""
    return lambda _: script


def cut(at: int, end: EndOf) -> Twist:
    """Return the twist that ends an answer in this way after `at` bytes of its body, or after all of a shorter one.

    Raises:
        ValueError: `at` is negative.
    """
    if at < 0:
        raise ValueError("an answer cannot be cut before its first byte")
    return lambda script: msgspec.structs.replace(script, chunks=first_bytes(script.chunks, at), end=end)


def first_bytes(items: Iterable[Item], left: int) -> Iterator[Item]:
    """Yield the items up to that many bytes, and never less than the head: what is cut has to have begun."""
    if left == 0:
        yield b""
        return
    rest = iter(items)
    for item in rest:
        if not isinstance(item, bytes):
            yield item
            continue
        yield item[:left]
        left -= len(item)
        if left == 0 and isinstance(mark := next(rest, None), Mark):
            yield mark
        if left <= 0:
            return


def paced(chunks: Iterable[bytes], first_s: float, gap_s: float, together: int = 1) -> Iterator[Item]:
    """Yield the chunks with a pause before the first and between any two. The first `together` chunks leave at
    once: a role without text is no token, and it comes with the first."""
    for position, chunk in enumerate(chunks):
        wait_s = first_s if position == 0 else gap_s if position >= together else 0.0
        if wait_s > 0:
            yield Pause(wait_s)
        yield chunk
