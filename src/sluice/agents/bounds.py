"""How much one run may write. Whoever goes beyond ends as failed with the code `too_large`; what closes what is open
and the end itself are always written."""

import msgspec

from sluice.errors import RunLimit


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one run's log."""

    events: int = 100_000
    """How many events."""
    event_bytes: int = 4 << 20
    """JSON bytes of one event: a `data:` URL of a picture needs megabytes."""
    run_bytes: int = 64 << 20
    """JSON bytes of all events together."""

    def check(self, seq: int, size: int, total: int) -> None:
        """
        Raises:
            RunLimit: event number `seq` of `size` bytes would make the log of `total` bytes too large.
        """
        if size > self.event_bytes:
            raise RunLimit(f"an event of {size} bytes: at most {self.event_bytes}", code="too_large")
        if seq > self.events:
            raise RunLimit(f"the run has {self.events} events, and may have no more", code="too_large")
        if total + size > self.run_bytes:
            raise RunLimit(f"the run's events have {self.run_bytes} bytes, and may have no more", code="too_large")
