"""Numbers of payment cards: 13 to 19 digits of a known issuer with a right check digit, in the groups in use.

Digits behind a decimal point are a fraction. Obeys: ISO/IEC 7812-1 for the check digit; the issuers' ranges as
published by American Express, Diners Club, Discover, JCB, Mastercard, Mir, RuPay, Troy, UATP, UnionPay and Visa (read
2026-11-21).
"""

import re
from typing import Final

from sluice.policies.personal.shape import END, GAP, Shape, alike, digits, luhn

_ISSUERS: Final = (
    (1, 1, (15, 15)),  # UATP
    (2200, 2204, (16, 19)),  # Mir
    (2221, 2720, (16, 16)),  # Mastercard
    (300, 305, (14, 19)),  # Diners Club
    (3095, 3095, (14, 19)),
    (34, 34, (15, 15)),  # American Express
    (3528, 3589, (16, 19)),  # JCB
    (36, 36, (14, 19)),  # Diners Club
    (37, 37, (15, 15)),  # American Express
    (38, 39, (14, 19)),  # Diners Club
    (4, 4, (13, 13)),  # Visa: old, and in every list of test numbers
    (4, 4, (16, 16)),
    (4, 4, (19, 19)),
    (50, 50, (13, 19)),  # Maestro, Verve, Dankort
    (51, 55, (16, 16)),  # Mastercard
    (56, 58, (13, 19)),  # Maestro, Bankcard
    (60, 60, (16, 19)),  # Discover, RuPay
    (62, 62, (16, 19)),  # UnionPay
    (63, 63, (13, 19)),  # Maestro
    (64, 65, (16, 19)),  # Discover, RuPay, Troy
    (67, 69, (13, 19)),  # Maestro
    (81, 82, (16, 19)),  # UnionPay, RuPay
    (9792, 9792, (16, 16)),  # Troy
)
"""First digits, from and to, and how many digits such a number has, from and to. No serial number of a telephone
(IMEI, 15 digits with a right check digit) is among them, and no time in milli-, micro- or nanoseconds."""

_LAYOUTS: Final = (
    "[0-9]{13,19}",
    f"[0-9]{{4}}(?:{GAP}[0-9]{{4}}){{2}}{GAP}[0-9]{{1,4}}",
    f"[0-9]{{4}}(?:{GAP}[0-9]{{4}}){{3}}{GAP}[0-9]{{1,3}}",
    f"[0-9]{{4}}{GAP}[0-9]{{5,6}}{GAP}[0-9]{{4,6}}",
    f"[0-9]{{6}}{GAP}[0-9]{{7,13}}",
    f"[0-9]{{8}}{GAP}[0-9]{{8}}",
)
"""A number that begins somewhere can end in one place only in each of them."""


def _issued(number: str) -> bool:
    return any(
        low <= int(number[: len(str(low))]) <= high and shortest <= len(number) <= longest
        for low, high, (shortest, longest) in _ISSUERS
    )


def _card(text: str) -> int:
    number = digits(text)
    return len(text) if luhn(number) and _issued(number) and alike(text) else 0


SHAPES: Final = tuple(Shape("12345689", re.compile(rf"(?<![0-9]\.){layout}{END}"), _card) for layout in _LAYOUTS)
