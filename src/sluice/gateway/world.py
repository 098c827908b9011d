"""What an exchange needs of its surroundings, and what they need of it."""

from collections.abc import Callable
from typing import Protocol

from sluice.dialects.dialect import Dialect
from sluice.gateway.account import Account
from sluice.gateway.policing import Services
from sluice.gateway.ports import Clock, Signer, Upstream
from sluice.policies.streaming import Streaming
from sluice.relay.outcome import Outcome


class Finished(Protocol):
    """An exchange that is over."""

    account: Account


class World(Protocol):
    """The surroundings of an exchange: the gateway, or a test."""

    upstream: Upstream
    signer: Signer
    services: Services
    """Of the policies."""
    clock: Clock
    wall: Callable[[], float]
    """Seconds since 1970."""

    def dialect(self, module_id: str) -> Dialect:
        """The dialect of this id."""
        ...

    def die(self) -> float:
        """A random number in [0, 1)."""
        ...

    reading_on: int
    """Answers that are read on although their client has left."""

    def may_read_on(self, streaming: Streaming) -> bool:
        """Whether one more answer is read on whose client has left; if so, it is counted."""
        ...

    def rests(self, target: str, seconds: float) -> None:
        """A target's breaker has opened: it is asked no more for so long, unless there is no other."""
        ...

    def fault(self, error: BaseException) -> None:
        """A fault of ours: say so in the process log, with its traceback."""
        ...

    def stream_began(self) -> None:
        """A streamed answer began; `stream_ended` or `finished` follows."""
        ...

    def stream_ended(self) -> None:
        """It was given up before any of it was sent: another target is asked."""
        ...

    def finished(self, exchange: Finished, outcome: Outcome, now: float) -> None:
        """The exchange is over, since this monotonic second. Called exactly once."""
        ...
