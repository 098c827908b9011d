"""Who asks: what every other policy knows of a client once the policies of identity have looked at it."""

from typing import Literal

import msgspec

Kind = Literal["nobody", "jwt", "api_key", "basic", "external"]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is fit for logs and keys of limits: a subject, a user's name, the name of a key; never a secret."""

    kind: Kind = "nobody"
    id: str = ""
    claims: dict[str, object] = {}
    """Of a token, all of them."""
    metadata: dict[str, object] = {}
    """Of an API key, as its Secret says: team, tier, organisation."""
    allowed_models: tuple[str, ...] = ()
    """Names and patterns with one `*`; empty = all."""


NOBODY = Principal()


def named(who: Principal) -> str:
    """Return who it is, for the record: `kind:id`; empty = nobody knows."""
    return "" if who.kind == "nobody" else f"{who.kind}:{who.id}"
