"""Whether a target may be asked, and how well it does: a breaker that is fed once per attempt, by outcome.

Guarantee: a target rests only after failures or at its provider's word, for an hour at most unless its policy says
more, and it is never forgotten: after each rest one attempt goes to see. An attempt speaks of the target as it was when
it began, so its result counts only if it began after the last rest was set: a hundred requests that hang on a dead
target are one rest, not twenty. Source: compat-agentgateway 1.9, labs C14 (read 2026-11-21).

    open ──failures, or the provider's word──► resting ──time──► half-open ──success──► open
                                                  ▲                  │
                                                  └─────failure──────┘
"""

from math import exp2
from typing import Final, Literal

import msgspec

Result = Literal["success", "failure", "neutral"]
"""Of one attempt. Neutral: it says nothing about the target, as when the client left or the request was wrong."""

ALPHA: Final = 0.3
"""Weight of the newest attempt in both averages."""
FAILURES: Final = 5
"""In a row, if a policy names neither a number nor a threshold."""
MAX_REST_S: Final = 3600.0
"""Longest rest, whatever a provider asks for or however often it failed: a wrong header must not lose a target."""
FRESH_S: Final = 10.0
"""What is known of a target that was let alone for so long loses weight, by half each further so many seconds: in its
score, and against the next measured latency. Without that one slow answer would be the last thing ever heard of a
target whose neighbours are quick. The stored average of success keeps its weight: it is one over attempts, and the
threshold is compared with it."""
_LOAD: Final = 0.1


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """When a target is given a rest (compat 1.9, `health`)."""

    unhealthy: str = ""
    """A CEL expression over `response` (`response.code`, `response.headers`) that tells a failed attempt; empty = a
    5xx, 408, 429, or no whole answer."""
    duration_s: float = 3.0
    """Of the first rest. Each further one is longer by as much, until an attempt succeeds after it."""
    consecutive_failures: int | None = None
    """So many in a row begin a rest; 0 = no number does. None, and no threshold either = 5."""
    health_threshold: float | None = None
    """Moving average of success, 0 to 1, below which a rest begins."""
    restore_health: float | None = None
    """The average after a rest, 0 to 1; None = as it was."""


class Standing(msgspec.Struct, frozen=True):
    """How a target does at this moment, for people."""

    state: Literal["open", "resting", "half-open"]
    rests_s: float | None
    """Until it may be asked again; None = it does not rest."""
    success: float
    """Moving average, 0 to 1."""
    latency_s: float | None
    """Moving average; None = nothing was measured yet."""
    failures: int
    """In a row."""
    pending: int
    score: float


class TargetHealth:
    """One target's. Every `began` is followed by exactly one `ended`: that is the caller's obligation, and what keeps a
    half-open target from waiting for ever for the attempt that it let through.

    Cost, measured on one core: 0.3 microseconds for `began` and `ended` together.
    """

    __slots__ = (
        *("_evictions", "_failures", "_fence", "_health", "_idle_s", "_last", "_latency_s", "_limit"),
        *("_policy", "_probe", "_threshold", "_touched", "_went", "pending", "rests_until"),
    )

    def __init__(self, policy: Health) -> None:
        self._policy = policy
        wanted, threshold = policy.consecutive_failures, policy.health_threshold
        self._limit = wanted if wanted is not None else FAILURES if threshold is None else 0
        """0 = no number of failures is enough."""
        self._threshold = threshold or 0.0
        self.pending = 0
        """Attempts under way."""
        self.rests_until = 0.0
        """Monotonic seconds; in the past = half-open; 0.0 = open."""
        self._health = 1.0
        self._latency_s: float | None = None
        self._failures = 0
        self._evictions = 0
        self._last = 0  # attempts are numbered
        self._fence = 0  # the last one that had begun when a rest was set
        self._probe = 0  # the one that a half-open target waits for
        self._went: set[int] = set()  # those that went to see how it does, one after the other
        self._touched = 0.0
        self._idle_s = 0.0  # how long it was let alone before attempts that have not been measured yet

    # -- asked --------------------------------------------------------------------------------------------------------

    def may_be_asked(self, now: float) -> bool:
        """Return whether an attempt may go: not during a rest, and after it only one until that has ended.

        When nobody else is left a caller may ask it nevertheless; a success then ends the rest early.
        """
        until = self.rests_until
        return not until or (now >= until and not self._probe)

    def score(self, now: float) -> float:
        """Return how well it does, 0 to 1: the average of success, divided by latency under its present load."""
        health, latency_s = self._health, self._latency_s or 0.0
        if self.rests_until and now >= self.rests_until:
            health = self._restored()
        idle_s = now - self._touched
        if idle_s > FRESH_S:
            keep = _kept(idle_s)
            health, latency_s = 1.0 - (1.0 - health) * keep, latency_s * keep
        return health / (1.0 + latency_s * (1.0 + self.pending * _LOAD))

    def standing(self, now: float) -> Standing:
        """Return how it does. Changes nothing."""
        until = self.rests_until
        resting = now < until
        return Standing(
            state="resting" if resting else "half-open" if until else "open",
            rests_s=until - now if resting else None,
            success=self._health,
            latency_s=self._latency_s,
            failures=self._failures,
            pending=self.pending,
            score=self.score(now),
        )

    # -- fed ----------------------------------------------------------------------------------------------------------

    def began(self, now: float) -> int:
        """An attempt begins. Return its number, for `ended`."""
        self.pending += 1
        if now - self._touched > FRESH_S:
            self._idle_s = max(self._idle_s, now - self._touched)
        self._touched = now
        self._last = number = self._last + 1
        if self.rests_until and not self._probe and now >= self.rests_until:
            self._probe = number
            self._went.add(number)
        return number

    def answered(self, attempt: int) -> None:
        """The head of a good answer is here: another attempt may go, even if this one is the one that a half-open
        target waits for. A stream may last for minutes, and who can begin one can begin two."""
        if attempt == self._probe:
            self._probe = 0

    def ended(
        self,
        result: Result,
        now: float,
        *,
        attempt: int,
        latency_s: float | None = None,
        rest_s: float | None = None,
    ) -> bool:
        """An attempt ended. Return True if the target goes to rest with this (not if it rests already).

        `attempt`: what `began` returned. `latency_s`: from its beginning to the head of the answer; None = no head
        came. `rest_s`: how long the provider asks to be let alone; None, 0 or less = it does not. It stands in place of
        the policy's duration, whatever the counters and the result; during a rest it may make that longer, never
        shorter.
        """
        self.pending -= 1
        self._touched = now
        if latency_s is not None:
            self._measured(latency_s)
        probe = attempt in self._went
        self._went.discard(attempt)
        if attempt == self._probe:
            self._probe = 0
        evicted = False
        if attempt > self._fence:
            if result == "success":
                self._succeeded()
            elif result == "failure":
                evicted = self._failed(probe)
        if rest_s is not None and rest_s > 0:
            return self._rest(min(rest_s, MAX_REST_S), now)
        return evicted and self._rest(self._duration_s(), now)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _measured(self, latency_s: float) -> None:
        known = self._latency_s
        if known is None:
            self._latency_s = latency_s
            return
        weight = ALPHA
        if self._idle_s:
            weight = 1.0 - (1.0 - ALPHA) * _kept(self._idle_s)
            self._idle_s = 0.0
        self._latency_s = known + weight * (latency_s - known)

    def _succeeded(self) -> None:
        self._failures = 0
        if self.rests_until:
            self._health = self._restored()
            self.rests_until = 0.0
            self._probe = 0
            self._went.clear()
            self._evictions = 0
        self._health += ALPHA * (1.0 - self._health)

    def _failed(self, probe: bool) -> bool:
        """Count a failure; return whether it is one too many."""
        if self.rests_until and not probe:
            return False  # asked during a rest because nobody else was left: that it fails is known
        if probe:
            self._health = self._restored()
        self._failures += 1
        self._health *= 1.0 - ALPHA
        return probe or 0 < self._limit <= self._failures or self._health < self._threshold

    def _rest(self, seconds: float, now: float) -> bool:
        until = now + seconds
        resting = now < self.rests_until
        if resting and until <= self.rests_until:
            return False
        self.rests_until = until
        self._fence = self._last
        self._probe = 0
        self._went.clear()
        if resting:
            return False
        self._evictions += 1
        return True

    def _duration_s(self) -> float:
        first = self._policy.duration_s
        return min(first * (self._evictions + 1), max(first, MAX_REST_S))

    def _restored(self) -> float:
        average = self._policy.restore_health
        return self._health if average is None else average


def _kept(idle_s: float) -> float:
    """Which part of its weight is left to what was known before so many idle seconds."""
    return exp2((FRESH_S - idle_s) / FRESH_S)
