"""Under which terms one answer is given: when it began, how long it may take, how much it may hold."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from sluice.errors import ProtocolError, SluiceError
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from sluice.relay.guarding import Guarding
from sluice.relay.transcript import Transcript

Redact = Callable[[SluiceError], None]
"""Takes our secrets out of an error, in place, before a client sees it."""


def _nothing(error: SluiceError) -> None: ...


class Allowance(Protocol):
    """How long an answer may become."""

    @property
    def check_at(self) -> float:
        """Tokens of the answer at which `check` is to be called; it only ever moves to later."""
        ...

    def check(self, tokens: int) -> bool:
        """Return whether the answer, with so many tokens, may go on."""
        ...


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Monotonic seconds and bytes."""

    started_at: float = 0.0
    """The request's first byte."""
    asked_at: float = 0.0
    """When this provider was asked: where another was before, its time does not count against this one."""
    now: float = 0.0
    """When the provider's head came."""
    deadlines: Deadlines = Deadlines()
    streaming: Streaming = Streaming()
    max_whole_bytes: int = 32 << 20
    """Of an answer that has to be whole before any of it can be sent."""
    keep_alive: bytes = b""
    """What tells this client that its stream still lives; empty = nothing could."""
    opened: bool = False
    """The client has its head, and keep-alives perhaps, but nothing of an answer."""
    said_at: float = 0.0
    """When the client was told something last, or when it began to wait."""
    left_at: float = 0.0
    """When the client left, if that was before `now`, and the answer is wanted all the same."""
    redact: Redact = _nothing
    guards: Guarding | None = None
    """What looks at the answer before its client sees it."""
    allowance: Allowance | None = None
    """What may end the answer because it has become too long; None = nothing."""
    transcript: Transcript | None = None
    """Where it is noted what the client was given; None = nobody wants to see that."""

    def without_secrets(self, unread: bytes) -> bytes:
        """Return what nobody here could read, and crosses as it came, without our secrets: it may be an error."""
        quoting = ProtocolError(unread.decode(errors="surrogateescape"))
        self.redact(quoting)
        return str(quoting).encode(errors="surrogateescape")


TERMS = Terms()
