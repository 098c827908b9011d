"""What a relay asks its owner to do: orders, hence in the imperative."""

import msgspec

from sluice.relay.outcome import Outcome


class Send(msgspec.Struct, frozen=True, gc=False):
    """Write these bytes to the client. The first Send of an exchange opens its answer: the head goes out before it."""

    data: bytes


class End(msgspec.Struct, frozen=True):
    """The exchange is over. If nothing was sent, its error is still a real HTTP status."""

    outcome: Outcome


Action = Send | End
