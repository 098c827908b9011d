"""The five clocks of an exchange: connect, response headers, first token, idle, total.

Guarantee: each is monotonic, each has its own error code (`timeout_<phase>`), and pings never reset first token or
idle. What a target says of a clock holds in place of its route's, longer or shorter; only the total of the exchange
bounds it. What a request wishes shortens whichever of the two holds, and nothing else.
"""

from collections.abc import Mapping
from typing import Final

import msgspec


class OwnClocks(msgspec.Struct, frozen=True, kw_only=True):
    """What a target says of the clocks of those who ask it. Seconds; None = the route's, 0 = off."""

    connect_s: float | None = None
    headers_s: float | None = None
    first_token_s: float | None = None
    idle_s: float | None = None
    attempt_s: float | None = None
    """From asking this target to the last byte of its answer. None and 0 = only the total of the exchange bounds it."""


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; 0 = off. Source: stream-life section 4."""

    connect_s: float = 5.0
    headers_s: float = 60.0
    first_token_s: float = 0.0
    idle_s: float = 300.0
    total_s: float = 0.0
    one_attempt: bool = False
    """`total_s` ends before the exchange's time is over: this attempt has had its own, and another may follow."""
    wished: frozenset[str] = frozenset()
    """The clocks (`errors.Phase`) for which a request asked for less than its target has: that it was not fast enough
    is not the target's fault."""
    wishes: tuple[tuple[str, float], ...] = ()
    """All that a request asked for, by the keys of CLOCKS: more than its route gives may be less than a target has."""

    def at(self, own: OwnClocks, elapsed_s: float) -> "Deadlines":
        """Return the clocks of one attempt at a target that has its own.

        `elapsed_s`: how long after the request's first byte it is asked. The total runs from that byte on: it ends with
        the exchange, or with the time of the attempt if that is over sooner.
        """
        said = ((field, getattr(own, field)) for field in _OF_TARGETS)
        changes: dict[str, float] = {field: seconds for field, seconds in said if seconds is not None}
        ends_s = elapsed_s + own.attempt_s if own.attempt_s else _NO_LIMIT
        one_attempt = ends_s < (self.total_s or _NO_LIMIT)
        if one_attempt:
            changes["total_s"] = ends_s
        wished = self.wished - {field.removesuffix("_s") for field in changes}
        clocks = msgspec.structs.replace(self, one_attempt=one_attempt, wished=wished, **changes)
        return clocks.narrowed(dict(self.wishes)) if self.wishes else clocks

    def before_head(self, left_s: float) -> tuple[float, float]:
        """The limits for connecting and for the head of an answer, neither longer than what is `left` of the total
        (infinity = no total)."""
        if left_s == _NO_LIMIT:
            return self.connect_s, self.headers_s
        return min(self.connect_s or left_s, left_s), min(self.headers_s or left_s, left_s)

    def narrowed(self, wanted: Mapping[str, float]) -> "Deadlines":
        """Return these clocks as one request wants them: each shorter than it was, or any if it was off.

        `wanted`: seconds by the keys of CLOCKS. What would widen a clock (0 = off, or longer) leaves it as it is, and
        so does what is no clock or no time.
        """
        wishes = {name: seconds for name, seconds in wanted.items() if name in CLOCKS and 0 < seconds < _NO_LIMIT}
        if not wishes:
            return self
        fields = ((CLOCKS[name], seconds) for name, seconds in wishes.items())
        changes = {field: seconds for field, seconds in fields if seconds < (getattr(self, field) or _NO_LIMIT)}
        wished = self.wished | {field.removesuffix("_s") for field in changes}
        wishes = {**dict(self.wishes), **wishes}
        return msgspec.structs.replace(self, wished=wished, wishes=tuple(wishes.items()), **changes)


_OF_TARGETS: Final = ("connect_s", "headers_s", "first_token_s", "idle_s")
"""The clocks that a target can have in place of its route's; its total is the attempt's."""
_NO_LIMIT = float("inf")

CLOCKS: Final = {
    "connect": "connect_s",
    "response-headers": "headers_s",
    "first-token": "first_token_s",
    "idle": "idle_s",
    "total": "total_s",
}
"""What follows `x-sluice-timeout-` in the name of a request's header, and the clock that it sets."""
