"""What every relay is: the machine that the pump drives, without I/O."""

from typing import Protocol

import msgspec

from sluice.chat.events import ChoiceFinished, Event, Reported, Started
from sluice.chat.usage import Usage
from sluice.errors import UpstreamError
from sluice.relay.actions import Action
from sluice.relay.meter import Meter
from sluice.relay.outcome import Outcome

NEVER = float("inf")
"""The deadline of a relay that waits for no clock."""


class Relay(Protocol):
    """What the pump drives: perform the returned actions in order.

    Exactly one `End` is ever returned, whatever is fed; after it every call returns [].
    """

    meter: Meter
    said: "Said"

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        """Take the next bytes of the provider's body."""
        ...

    def eof(self, now: float) -> list[Action]:
        """The provider's body is complete."""
        ...

    def broke(self, error: UpstreamError, now: float) -> list[Action]:
        """The provider's body will not be complete."""
        ...

    def client_gone(self, now: float) -> list[Action]:
        """The client closed its connection."""
        ...

    def cut(self, outcome: Outcome, now: float) -> list[Action]:
        """The server ends the exchange: a drain's deadline, a fault of ours."""
        ...

    def tick(self, now: float) -> list[Action]:
        """`deadline` may have passed. Calling it early or often does no harm."""
        ...

    @property
    def deadline(self) -> float:
        """Monotonic second at which to call `tick`; infinity = never. It only ever moves to later."""
        ...


class Said(msgspec.Struct):
    """What the provider said about its own answer."""

    model: str = ""
    finish_reason: str = ""
    usage: Usage | None = None

    def note(self, event: Event) -> None:
        """Remember the facts of this event that the record shows. Later reports replace earlier ones."""
        if isinstance(event, Started):
            self.model = event.model or self.model
        elif isinstance(event, Reported):
            self.usage = event.usage
        elif isinstance(event, ChoiceFinished) and (event.choice == 0 or not self.finish_reason):
            self.finish_reason = event.reason


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes: of one event, of what is held before the commit point, of a whole answer."""

    max_event_bytes: int = 16 << 20
    max_held_bytes: int = 256 << 10
    max_whole_bytes: int = 32 << 20
    """Of an answer that has to be whole before any of it can be sent."""
