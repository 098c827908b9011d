"""How numbers of one kind are written, and what such text is made of."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

SPACE: Final = "[ \u00a0\u2007\u202f]"
DASH: Final = "[-\u2010-\u2013]"
"""Hyphens, the figure dash and the en dash: models put them where people type `-`."""
GAP: Final = f"(?: ?{DASH} ?|{SPACE})"
"""Between two groups of digits."""
JOIN: Final = "[-\u2010-\u2013.]"
"""Makes one number of the digits on both its sides."""
END: Final = "(?![0-9A-Za-z_])"
ALONE: Final = f"{END}(?!{JOIN}[0-9])"
"""The end of a number that no further digit is joined to."""
LONGEST: Final = 56
"""Characters of the longest number of any kind, and what must be known behind it."""

_DIGITS: Final = re.compile("[0-9]+")
_ODD_SPACES: Final = str.maketrans("\u00a0\u2007\u202f", "   ")


class Shape(msgspec.Struct, frozen=True):
    """One way to write numbers of a kind. It is tried where no ASCII letter, digit or `_` stands before the number: all
    other letters may, since there are scripts without spaces."""

    first: str
    """The signs that it begins with."""
    text: re.Pattern[str]
    """What it looks like. It may look at two characters around the number."""
    check: Callable[[str], int]
    """How many characters of that are a number; 0 = none."""


def digits(text: str) -> str:
    """Return the ASCII digits of a text."""
    return "".join(groups(text))


def groups(text: str) -> list[str]:
    """Return the ASCII digits of a text as they stand together."""
    return _DIGITS.findall(text)


def alike(text: str) -> bool:
    """Return whether the same stands between all groups of digits."""
    return len({between.translate(_ODD_SPACES) for between in _DIGITS.split(text)[1:-1]}) < 2


def luhn(number: str) -> bool:
    """Return whether the last of the digits is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) << (place & 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
