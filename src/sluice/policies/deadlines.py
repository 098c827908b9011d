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
