"""Expressions of limits, as the Plan has them.

PURE. Header names in an expression may be written as people write them: `request.headers["X-User-ID"]` (lab B4).
"""

import re
from collections.abc import Iterable

from sluice.config.faults import Faults, Place
from sluice.policies.scene import ASKED
from sluice.policies.value import Value

_HEADER = re.compile(r"""(\b(?:request|response)\s*\.\s*headers\s*\[\s*)("[^"\\]*"|'[^'\\]*')(\s*\])""")
_HINT = 'such as `jwt.sub` or `request.headers["x-user"]`; a text of its own stands in quotes'


def checked(text: str | None, place: Place, faults: Faults, *, sees: Iterable[str] = ASKED) -> str:
    """Return an expression, empty if there is none; add a fault if it cannot be evaluated."""
    if not text:
        return ""
    lowered = _HEADER.sub(lambda found: found[1] + found[2].lower() + found[3], text)
    try:
        Value(lowered, sees=sees)
    except ValueError as error:
        faults.add(place, str(error), _HINT)
    return lowered
