"""The clocks of an exchange once the provider's head has come: first token, idle, total. Asked, never waited for."""

from sluice.errors import TimedOut
from sluice.policies.deadlines import Deadlines
from sluice.relay.relay import NEVER


class Clocks:
    """Know when an answer has taken too long. `heard` and `got_token` are plain attributes: stamping must cost
    nothing."""

    __slots__ = ("_deadlines", "_started_at", "got_token", "heard")

    def __init__(self, deadlines: Deadlines, *, started_at: float, now: float) -> None:
        """`started_at` is when the request began, `now` when the provider's head came; monotonic seconds."""
        self._deadlines = deadlines
        self._started_at = started_at
        self.heard = now
        """When the provider last said something; pings do not count."""
        self.got_token = False

    @property
    def deadline(self) -> float:
        """When the next clock runs out; infinity = never."""
        return min(self._total(), self._first_token(), self._idle())

    def expired(self, now: float) -> TimedOut | None:
        """Return the clock that has run out, the widest first."""
        if now >= self._total():
            return TimedOut("total")
        if now >= self._first_token():
            return TimedOut("first_token")
        return TimedOut("idle") if now >= self._idle() else None

    def _total(self) -> float:
        seconds = self._deadlines.total_s
        return self._started_at + seconds if seconds else NEVER

    def _first_token(self) -> float:
        seconds = self._deadlines.first_token_s
        return self._started_at + seconds if seconds and not self.got_token else NEVER

    def _idle(self) -> float:
        seconds = self._deadlines.idle_s
        return self.heard + seconds if seconds else NEVER
