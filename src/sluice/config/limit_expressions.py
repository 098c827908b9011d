"""Expressions of limits, as the Plan has them.

PURE. Two that differ only in how they write a header's name are one. Obeys: labs A016 and B4.
"""

from collections.abc import Iterable

from sluice.config.faults import Faults, Place
from sluice.policies.cel_text import lowered
from sluice.policies.scene import ASKED
from sluice.policies.value import Value

_HINT = 'such as `jwt.sub` or `request.headers["x-user"]`; a text of its own stands in quotes'


def checked(text: str | None, place: Place, faults: Faults, *, sees: Iterable[str] = ASKED) -> str:
    """Return an expression, empty if there is none; add a fault if it cannot be evaluated."""
    if not text:
        return ""
    try:
        Value(text, sees=sees)
    except ValueError as error:
        faults.add(place, str(error), _HINT)
    return lowered(text)
