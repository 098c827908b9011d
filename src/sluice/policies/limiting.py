"""How much may be asked: rates, tokens and concurrency on one route."""

import msgspec


class Limiting(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be asked: rates, tokens and concurrency on one route."""
