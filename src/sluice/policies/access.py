"""Who may ask: the policies of identity on one route."""

import msgspec


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask: the policies of identity on one route."""
