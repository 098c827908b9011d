r"""Which classes a character is in, as bits of a number: all that the machine ever asks about a character.

`re` itself is asked, one character at a time, so case-insensitive, negated and Unicode classes mean exactly what they
mean there ("ſ" is an "s" without regard to case, "İ" is not an "i").
"""

import re
from typing import Final

NEWLINE: Final = 1
WORD: Final = 2
"""`\\w`"""
WORD_A: Final = 4
"""`\\w` of ASCII."""
START: Final = 8
"""The text's beginning: what stands before the first character. No character has it."""
_MAX_KNOWN: Final = 16_384
"""Characters that are remembered: 2 MiB or so. Chinese and emoji fit; a text of all Unicode begins anew."""


class Alphabet(dict[str, int]):
    """The bits of each character that was seen. Ask by subscript."""

    __slots__ = ("_classes", "_tests")

    def __init__(self) -> None:
        super().__init__()
        self._classes: dict[tuple[str, int], int] = {}
        self._tests = [re.compile(r"\n"), re.compile(r"\w"), re.compile(r"(?a)\w"), re.compile(r"[^\s\S]")]

    def bit(self, spelling: str, flags: int) -> int:
        """Return the number of the bit of a class. All classes must be named before the first character is asked."""
        if (spelling, flags) not in self._classes:
            self._classes[spelling, flags] = len(self._tests)
            self._tests.append(re.compile(spelling, flags))
        return self._classes[spelling, flags]

    @property
    def spellings(self) -> list[str]:
        """Of the classes that were named."""
        return [spelling for spelling, _ in self._classes]

    def __missing__(self, char: str) -> int:
        if len(self) >= _MAX_KNOWN:
            self.clear()
        bits = self[char] = sum(1 << bit for bit, test in enumerate(self._tests) if test.match(char))
        return bits
