"""One dialect of the fake provider, as the desk uses it: a reader, a writer, the shape of its errors. Pure.

The readers and writers of the fake share nothing with `sluice.dialects`: each is the other's oracle. What they know of
the published APIs comes from the vendors' pages and from the types of their official clients.
"""

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import msgspec

from sluice.testing.fake_asked import Asked
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import Reply
from sluice.wire.http1 import Header

Form = Literal["", "azure", "vertex", "array"]
"""A vendor's variant of a dialect. `array`: Gemini's stream without `alt=sse`."""


class Speech(Protocol):
    """One reply on its way out."""

    @property
    def opening(self) -> int:
        """How many chunks of the stream leave together with its first token, that token's included."""
        ...

    def stream(self) -> Iterator[bytes]:
        """Yield the chunks of the stream."""
        ...

    def failure(self, refusal: Refusal) -> bytes:
        """Return the end of a stream that fails after what has been taken of it."""
        ...

    def whole(self) -> bytes:
        """Return the reply in one piece."""
        ...


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer has to know besides the reply."""

    model: str
    """Who answers."""
    created: int
    """Seconds since 1970."""
    form: Form = ""
    latency_ms: int = 0


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect."""

    read: Callable[[bytes, str], Asked]
    """Takes a body and the model that the address names, if it does. Raises Refusal."""
    speak: Callable[[Asked, Reply, Told], Speech]
    refuse: Callable[[Refusal, str, Form], bytes]
    """Takes a refusal and the request's id, and returns the body of the error."""
    count: Callable[[bytes, str], bytes] | None = None
    """Takes a body as `read` does, and returns the answer that counts its tokens."""
    stream_type: bytes = b"text/event-stream; charset=utf-8"
    echoes: int = 0
    """How often a stream says its whole text again at the end."""
    request_id: bytes = b"x-request-id"
    """The header that names the request."""
    headers: tuple[Header, ...] = ()
    """On every answer."""
    error_headers: Callable[[Refusal], tuple[Header, ...]] = lambda refusal: refusal.headers
