"""What becomes of a request's and an answer's address and headers on one route."""

import msgspec


class Shaping(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a request's and an answer's address and headers on one route."""
