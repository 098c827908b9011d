"""How a stream is treated on its client's side: keep-alives, a client that leaves, a client that does not read.

Guarantee: a keep-alive never stands inside an event and is never counted as a token; what one stream may hold in
memory is bounded. Source: stream-life sections 3, 4, 8 and 9.
"""

from typing import Literal

import msgspec

OnDisconnect = Literal["cancel", "drain", "continue"]
"""The provider's connection is cut at once; or read on, within the bounds below, for the usage it reports at its end;
or read to the end."""


class Streaming(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route. Seconds and bytes; 0 seconds = off."""

    on_disconnect: OnDisconnect = "cancel"
    drain_s: float = 30.0
    """How long a stream that its client left is read on; 0 = as long as it lasts."""
    drain_tokens: int = 4096
    """And for how many more tokens; 0 = any number."""
    drain_concurrent: int = 32
    """And how many of them at once, in the whole process: one more is cancelled."""
    keep_alive_s: float = 15.0
    """Silence towards the client after which a keep-alive is sent."""
    commit_after_s: float = 10.0
    """No keep-alive is sent before a request is this old unless its answer has begun: failures until then keep their
    real HTTP status."""
    slow_reader_s: float = 60.0
    """A client that takes nothing for this long while something waits for it is cut."""
    max_buffer_bytes: int = 256 << 10
    """Held of one stream before its commit point."""
    max_event_bytes: int = 16 << 20
    """Of a provider's single event."""
