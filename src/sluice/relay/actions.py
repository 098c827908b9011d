"""What a relay asks its owner to do: orders, hence in the imperative."""

import msgspec

from sluice.policies.guards import Judge
from sluice.relay.outcome import Outcome


class Send(msgspec.Struct, frozen=True, gc=False):
    """Write these bytes to the client. The first Send of an exchange opens its answer: the head goes out before it."""

    data: bytes


class Ask(msgspec.Struct, frozen=True):
    """Ask a judge about these texts, and call `resume` with what it says. Until then no more of the provider's body is
    wanted: what is fed all the same is kept. At most one question is open; the end of the exchange withdraws it."""

    judge: Judge
    texts: tuple[str, ...]
    """None is empty. Each has not been judged by this judge before."""
    context: tuple[str, ...]
    """The last characters that went before each text."""
    choices: tuple[int, ...]
    """The choice that each text is of."""


class End(msgspec.Struct, frozen=True):
    """The exchange is over. If nothing was sent, its error is still a real HTTP status."""

    outcome: Outcome


Action = Send | Ask | End
