"""Telephone numbers: international ones of any country, and national ones of seven.

Which digits may follow each other is numbering.py's; how they are written is told here. A national number begins with
the zero that is dialled before it, where there is one; dates, hours and spans of years that would fit are none. Numbers
that people write who invent one (`555-123-4567`, `07700 900123`) count: whoever tries a guard types them.
Obeys: compat-agentgateway 1.6 (its regions), ITU-T E.164 (15 digits at most).
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from sluice.policies.personal.numbering import is_international, is_national
from sluice.policies.personal.shape import ALONE, DASH, JOIN, SPACE, Shape, digits, groups

_GAP: Final = f"(?:{SPACE}|{DASH}|[./()]){{0,2}}"
_EXTENSION: Final = re.compile(r"x[0-9]+\Z")
_OTHER_GROUP: Final = re.compile(f"(?<=[0-9])(?=[^0-9])(?!{JOIN}[0-9])")
"""A group of digits ends that the next one is not joined to."""
_DATE: Final = re.compile(r"[0-9]{1,2}([-./ ])[0-9]{1,2}\1(?:19|20)[0-9]{2}(?![0-9])")
_HOUR: Final = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])")
_YEARS: Final = re.compile(r"(?:19|20)[0-9]{2}[^0-9](?:19|20)[0-9]{2}\Z")
_INVENTED: Final = re.compile("555[0-9]{7}|07700900[0-9]{3}")
_BOUNDS: Final = ("2147483647", "2147483648")
"""Of a 32-bit integer. They would be numbers in Dallas."""
_DIALLED_ZERO: Final = (("GB", "IL", "IN", "BR"), ("DE",))
"""Where a zero is dialled before a national number. German ones may have nearly any length: they are tried last."""


def _balanced(text: str) -> bool:
    """Return whether each parenthesis has its other half, and none stands in another."""
    return "".join(letter for letter in text if letter in "()").replace("()", "") == ""


def _beginnings(core: str) -> Iterator[str]:
    """Yield the text, then all of it but its last group, and so on. Numbers of a country differ in length, and other
    digits may follow: the longest that is a number counts."""
    yield core
    for end in reversed([end.start() for end in _OTHER_GROUP.finditer(core)]):
        yield core[:end]


def _international(text: str) -> int:
    core = _EXTENSION.sub("", text)
    for beginning in _beginnings(core):
        number = digits(beginning.replace("(0)", "", 1))
        if len(number) < 7:
            break
        if _balanced(beginning) and is_international(number.removeprefix("00")):
            return len(text if beginning == core else beginning)
    return 0


def _zeroed(text: str) -> int:
    """Return the length of a number with the zero that is dialled before it."""
    core = _EXTENSION.sub("", text)
    if _DATE.match(core):
        return 0
    for regions in _DIALLED_ZERO:
        for beginning in _beginnings(core):
            if _fits_zeroed(beginning, regions):
                return len(text if beginning == core else beginning)
    return 0


def _fits_zeroed(text: str, regions: tuple[str, ...]) -> bool:
    """No number has a group of one digit, as tables of figures do, or is nine digits at once or in threes, as numbers
    of persons are."""
    lengths = [len(group) for group in groups(text)]
    if sum(lengths) < 9 or not _balanced(text) or min(lengths) < 2 or lengths in ([9], [3, 3, 3]):
        return False
    number = digits(text)
    return any(is_national(region, number[1:]) for region in regions) or bool(_INVENTED.fullmatch(number))


def _american(text: str) -> int:
    """United States and Canada, and Indian mobile numbers in the same three groups."""
    core = _EXTENSION.sub("", text)
    number = digits(core)[-10:]
    if not _balanced(core) or _HOUR.fullmatch(core) or core in _BOUNDS:
        return 0
    regions = ("US", "CA", "IN") if number[0] in "6789" else ("US", "CA")
    fits = any(is_national(region, number) for region in regions) or _INVENTED.fullmatch(number)
    return len(text) if fits else 0


def _of(region: str) -> Callable[[str], int]:
    def check(text: str) -> int:
        core = _EXTENSION.sub("", text)
        return len(text) if is_national(region, digits(core)) and not _YEARS.search(core) else 0

    return check


def _shape(first: str, layout: str, check: Callable[[str], int]) -> Shape:
    before = "" if first in "+(" else f"(?<![0-9]{JOIN})"
    return Shape(first, re.compile(f"{before}{layout}(?:x[0-9]{{1,6}})?{ALONE}"), check)


_AREA: Final = "[2-9][0-9]{2}"
_LINE: Final = f"{_GAP}[0-9]{{3}}{_GAP}[0-9]{{4}}"
_REST: Final = f"(?:{_GAP}[0-9]){{6,14}}"
_ZEROED: Final = f"0[1-9](?:{_GAP}[0-9]){{7,10}}"

SHAPES: Final = (
    _shape("+", rf"\+[1-9]{_REST}", _international),
    _shape("(", rf"\(\+[1-9]{_REST}", _international),
    _shape("0", f"00[1-9]{_REST}", _international),
    _shape("(", rf"\({_AREA}\){_LINE}", _american),
    _shape("123456789", rf"(?:1{_GAP})?(?:\({_AREA}\)|{_AREA}){_LINE}", _american),
    _shape("0", _ZEROED, _zeroed),
    _shape("(", rf"\({_ZEROED}", _zeroed),
    _shape("6789", f"[6-9][0-9]{{4}}{SPACE}?[0-9]{{5}}", _of("IN")),
    _shape("(", rf"\([1-9][0-9]\){SPACE}?9?[0-9]{{4}}(?:{DASH}|{SPACE})?[0-9]{{4}}", _of("BR")),
    _shape("123456789", f"[1-9][0-9]{SPACE}9[0-9]{{4}}(?:{DASH}|{SPACE})[0-9]{{4}}", _of("BR")),
)
