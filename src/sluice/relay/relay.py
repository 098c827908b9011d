"""What every relay is: the machine that the pump drives, without I/O."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from sluice.chat.events import ChoiceFinished, Event, Reported, Started, Unrecognised
from sluice.chat.usage import Usage
from sluice.errors import SluiceError, UpstreamError
from sluice.relay.actions import Action
from sluice.relay.meter import Meter
from sluice.relay.outcome import Outcome

Redact = Callable[[SluiceError], None]
"""Takes our secrets out of an error, in place, before a client sees it."""

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


MAX_KINDS = 16
"""How many kinds of unrecognised things one exchange tells apart."""


class Said(msgspec.Struct):
    """What the provider said about its own answer."""

    model: str = ""
    finish_reason: str = ""
    usage: Usage | None = None
    unrecognised: dict[str, int] = {}
    """What of it nobody here has a word for, and how often; bounded, for a provider may say anything."""

    def note(self, event: Event) -> None:
        """Remember the facts of this event that the record shows. Later reports replace earlier ones."""
        if isinstance(event, Started):
            self.model = event.model or self.model
        elif isinstance(event, Reported):
            self.usage = event.usage
        elif isinstance(event, ChoiceFinished) and (event.choice == 0 or not self.finish_reason):
            self.finish_reason = event.reason
        elif isinstance(event, Unrecognised) and (
            event.what in self.unrecognised or len(self.unrecognised) < MAX_KINDS
        ):
            self.unrecognised[event.what] = self.unrecognised.get(event.what, 0) + 1


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes: of one event, of what is held before the commit point, of a whole answer."""

    max_event_bytes: int = 16 << 20
    max_held_bytes: int = 256 << 10
    max_whole_bytes: int = 32 << 20
    """Of an answer that has to be whole before any of it can be sent."""
