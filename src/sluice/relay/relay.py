"""What every relay is: the machine that the pump drives, without I/O."""

from typing import Protocol

import msgspec

from sluice.chat.events import ChoiceFinished, Event, Reported, Started, Unrecognised
from sluice.chat.usage import Usage
from sluice.errors import UpstreamError
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Action
from sluice.relay.clocks import Clocks
from sluice.relay.meter import Meter
from sluice.relay.outcome import Outcome
from sluice.relay.tally import GuardFacts


class Relay(Protocol):
    """What the pump drives: perform the returned actions in order.

    Exactly one `End` is ever returned, whatever is fed; after it every call returns [].
    """

    meter: Meter
    said: "Said"
    clocks: Clocks
    """The pump tells them when the client stops reading, and when it reads again."""
    committed: bool
    """A token was sent, or what counts as one: from here on nothing can be taken back."""

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

    def resume(self, verdict: Verdict | JudgeFailed, now: float) -> list[Action]:
        """The question that was asked (`Ask`) is answered, or its judge has failed."""
        ...

    def read_on(self, now: float) -> bool:
        """The client closed its connection, and the rest of the answer is wanted all the same, for what it reports at
        its end: nothing more is sent, and the outcome is `client_gone`. False: this answer reports nothing."""
        ...

    def cut(self, outcome: Outcome, now: float) -> list[Action]:
        """The server ends the exchange: a drain's deadline, a fault of ours."""
        ...

    def tick(self, now: float) -> list[Action]:
        """`deadline` may have passed. Calling it early or often does no harm."""
        ...

    @property
    def deadline(self) -> float:
        """Monotonic second at which to call `tick`; infinity = never. It only ever moves to later, unless the pump
        tells the clocks something."""
        ...

    @property
    def guards(self) -> GuardFacts:
        """What the guards of this answer did."""
        ...


MAX_KINDS = 16
"""How many kinds of unrecognised things one exchange tells apart."""


class Said(msgspec.Struct):
    """What the provider said about its own answer."""

    model: str = ""
    finish_reason: str = ""
    usage: Usage | None = None
    failed: bool = False
    """That it has failed."""
    unrecognised: dict[str, int] = {}
    """What of it nobody here has a word for, and how often; bounded, for a provider may say anything."""

    def note(self, event: Event) -> None:
        """Remember the facts of this event that the record shows. Later reports replace earlier ones."""
        kind = type(event)  # its classes have no subclasses, and this is asked for every event of a whole answer
        if kind is Started:
            self.model = event.model or self.model  # type: ignore[union-attr]  # see above, here and below
        elif kind is Reported:
            self.usage = event.usage  # type: ignore[union-attr]  # its kind was asked for
        elif kind is ChoiceFinished:
            if event.choice == 0 or not self.finish_reason:  # type: ignore[union-attr]  # its kind was asked for
                self.finish_reason = event.reason  # type: ignore[union-attr]  # its kind was asked for
        elif kind is Unrecognised:
            what = event.what  # type: ignore[union-attr]  # its kind was asked for
            if what in self.unrecognised or len(self.unrecognised) < MAX_KINDS:
                self.unrecognised[what] = self.unrecognised.get(what, 0) + 1
