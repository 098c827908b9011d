"""How much a period may cost."""

import msgspec


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of a route."""

    name: str
