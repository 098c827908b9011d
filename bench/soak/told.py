"""What the load says of each request, as a line of JSON on its stdout. Values only."""

import msgspec

from bench.soak.case import Saw
from sluice.relay.outcome import OutcomeKind


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One request that is over."""

    id: str
    """Its trace id: by it its line of the access log is found."""
    kind: str
    saw: Saw
    sentence: str = ""
    """Of what must not be."""
    ends: tuple[OutcomeKind, ...] = ()
    """Which outcomes its record may have."""
