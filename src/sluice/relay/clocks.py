"""The clocks of an exchange once the provider's head has come: first token, idle, total; the client's silence; and what
is left for an answer that its client has left. Asked, never waited for."""

from sluice.errors import TimedOut
from sluice.relay.terms import Terms

NEVER = float("inf")
"""The deadline of what waits for no clock."""


class Clocks:
    """Know when an answer has taken too long, and when its client has heard nothing for too long. `heard`, `sent` and
    `got_token` are plain attributes: stamping must cost nothing."""

    __slots__ = ("_asking", "_paused", "_read_on_until", "_terms", "beats", "got_token", "heard", "opened", "sent")

    def __init__(self, terms: Terms, *, beats: bool = False) -> None:
        """`beats`: the answer is a stream, and there is something to keep it alive with."""
        self._terms = terms
        self._paused = False
        self._asking = False
        self._read_on_until = NEVER
        self.beats = beats and bool(terms.keep_alive) and terms.streaming.keep_alive_s > 0
        self.heard = terms.now
        """When the provider last said something, known here or not; pings do not count."""
        self.sent = terms.said_at
        """When the client was last sent something."""
        self.opened = terms.opened
        """The client has its head."""
        self.got_token = False

    @property
    def deadline(self) -> float:
        """When to ask again; infinity = never."""
        due = min(self._total(), self._first_token(), self._idle(), self._read_on_until)
        return min(due, self._beat()) if self.beats else due

    def expired(self, now: float) -> TimedOut | None:
        """Return the clock that has run out, the widest first."""
        if now >= self._total():
            return TimedOut("total")
        if now >= self._first_token():
            return TimedOut("first_token")
        return TimedOut("idle") if now >= self._idle() else None

    def beat(self, now: float) -> bool:
        """Whether a keep-alive is due; if so, the caller sends it."""
        if not self.beats or now < self._beat():
            return False
        self.sent = now
        self.opened = True
        return True

    # -- the client ---------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """The client does not read, so the provider is not read either: its silence is ours."""
        self._paused = True

    def resume(self, now: float) -> None:
        self._paused = False
        self.heard = self.sent = now

    def ask(self) -> None:
        """The provider is not read until somebody has answered us: its silence is ours."""
        self._asking = True

    def answered(self, now: float) -> None:
        self._asking = False
        self.heard = now

    def read_on(self, now: float) -> None:
        """The client has left: from then on the answer has as long as the policy says."""
        seconds = self._terms.streaming.drain_s
        if seconds and self._terms.streaming.on_disconnect == "drain":
            self._read_on_until = (self._terms.left_at or now) + seconds
        self.beats = self._asking = False
        self.resume(now)

    def read_long_enough(self, now: float) -> bool:
        """Whether an answer without a client has had its time."""
        return now >= self._read_on_until

    # -- inside -------------------------------------------------------------------------------------------------------

    def _total(self) -> float:
        seconds = self._terms.deadlines.total_s
        return self._terms.started_at + seconds if seconds else NEVER

    def _first_token(self) -> float:
        seconds = self._terms.deadlines.first_token_s
        return self._terms.asked_at + seconds if seconds and not (self.got_token or self._paused) else NEVER

    def _idle(self) -> float:
        seconds = self._terms.deadlines.idle_s
        return self.heard + seconds if seconds and not (self._paused or self._asking) else NEVER

    def _beat(self) -> float:
        if self._paused:
            return NEVER
        streaming = self._terms.streaming
        due = self.sent + streaming.keep_alive_s
        return due if self.opened else max(due, self._terms.started_at + streaming.commit_after_s)
