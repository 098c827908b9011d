"""What was measured of one server of agents' events."""

import msgspec


class AgentFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One server."""

    target: str
    cpu_us: float
    """Microseconds of CPU of its whole process, for each event that said a word."""
    p50_us: int
    """From the saying to the reading."""
    p99_us: int
    per_second: int
    """Events."""
    rss_mib: float
