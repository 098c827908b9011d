"""The five clocks of an exchange: connect, response headers, first token, idle, total.

Guarantee: each is monotonic, each has its own error code (`timeout_<phase>`), and pings never reset first token or
idle.
"""

import msgspec


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; 0 = off. Source: stream-life section 4."""

    connect_s: float = 5.0
    headers_s: float = 60.0
    first_token_s: float = 0.0
    idle_s: float = 300.0
    total_s: float = 0.0

    def before_head(self, connect_s: float | None, headers_s: float | None, left_s: float) -> tuple[float, float]:
        """The limits for connecting and for the head of an answer: a target's own wherever it has them (not None), and
        neither longer than what is `left` of the total (infinity = no total)."""
        connect = self.connect_s if connect_s is None else connect_s
        headers = self.headers_s if headers_s is None else headers_s
        if left_s == _NO_LIMIT:
            return connect, headers
        return min(connect or left_s, left_s), min(headers or left_s, left_s)


_NO_LIMIT = float("inf")
