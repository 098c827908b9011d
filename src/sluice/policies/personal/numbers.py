"""Numbers of persons: social security (United States) and social insurance (Canada).

With a further digit behind a dash or a point beside it, a number is part of a longer one: an address, a version, a
fraction. Nine digits behind a currency sign are money.
Obeys: Social Security Number Randomization (ssa.gov) and SIN validation (canada.ca), both read 2026-11-21.
"""

import re
from typing import Final

from sluice.policies.personal.shape import ALONE, GAP, JOIN, Shape, alike, digits, luhn

_BEGIN: Final = f"(?<![0-9]{JOIN})(?<![$€£¥₹])"
_SSN_GAP: Final = rf"(?:{GAP}|\.)"


def _ssn(text: str) -> int:
    """No area is 000, 666, or 900 and above; no group and no serial number is all zeros."""
    number = digits(text)
    given = number[:3] not in ("000", "666") and number[3:5] != "00" and number[5:] != "0000"
    return len(text) if given and alike(text) else 0


def _sin(text: str) -> int:
    number = digits(text)
    return len(text) if number != "000000000" and luhn(number) and alike(text) else 0


SSN: Final = tuple(
    Shape("012345678", re.compile(f"{_BEGIN}{layout}{ALONE}"), _ssn)
    for layout in ("[0-9]{9}", f"[0-9]{{3}}{_SSN_GAP}[0-9]{{2}}{_SSN_GAP}[0-9]{{4}}")
)
"""ZIP+4 (`12345-6789`) has other groups."""
CA_SIN: Final = tuple(
    Shape("0123456789", re.compile(f"{_BEGIN}{layout}{ALONE}"), _sin)
    for layout in ("[0-9]{9}", f"[0-9]{{3}}{GAP}[0-9]{{3}}{GAP}[0-9]{{3}}")
)
