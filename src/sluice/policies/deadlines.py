"""The five clocks of an exchange: connect, response headers, first token, idle, total.

Guarantee: each is monotonic, each has its own error code (`timeout_<phase>`), and pings never reset first token or
idle.
"""

from collections.abc import Mapping
from typing import Final

import msgspec


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; 0 = off. Source: stream-life section 4."""

    connect_s: float = 5.0
    headers_s: float = 60.0
    first_token_s: float = 0.0
    idle_s: float = 300.0
    total_s: float = 0.0
    wished: frozenset[str] = frozenset()
    """The clocks (`errors.Phase`) for which a request asked for less than its route gives: a target's own value does
    not give it more then, and that it was not fast enough is not the target's fault."""

    def before_head(self, connect_s: float | None, headers_s: float | None, left_s: float) -> tuple[float, float]:
        """The limits for connecting and for the head of an answer: a target's own wherever it has them (not None), and
        neither longer than what is `left` of the total (infinity = no total)."""
        connect = self.connect_s if connect_s is None else connect_s
        headers = self.headers_s if headers_s is None else headers_s
        if "connect" in self.wished:
            connect = min(connect or self.connect_s, self.connect_s)
        if "headers" in self.wished:
            headers = min(headers or self.headers_s, self.headers_s)
        if left_s == _NO_LIMIT:
            return connect, headers
        return min(connect or left_s, left_s), min(headers or left_s, left_s)

    def narrowed(self, wanted: Mapping[str, float]) -> "Deadlines":
        """Return these clocks as one request wants them: each shorter than the route's, or any if that is off.

        `wanted`: seconds by the keys of CLOCKS. What would widen a clock (0 = off, or longer) leaves it as it is, and
        so does what is no clock or no time.
        """
        changes: dict[str, float] = {}
        for name, seconds in wanted.items():
            clock = CLOCKS.get(name)
            if clock is not None and 0 < seconds < (getattr(self, clock) or _NO_LIMIT):
                changes[clock] = seconds
        if not changes:
            return self
        wished = self.wished | {clock.removesuffix("_s") for clock in changes}
        return msgspec.structs.replace(self, wished=wished, **changes)


_NO_LIMIT = float("inf")

CLOCKS: Final = {
    "connect": "connect_s",
    "response-headers": "headers_s",
    "first-token": "first_token_s",
    "idle": "idle_s",
    "total": "total_s",
}
"""What follows `x-sluice-timeout-` in the name of a request's header, and the clock that it sets."""
