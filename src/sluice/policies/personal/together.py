"""Numbers and addresses of mail looked for in one text: most pieces have no sign of either, and one look says so.

Guarantee: what is found, and what waits, is what the two searches find and hold by themselves. Cost: 0.5 microseconds
for a piece without a digit, `+`, `(` or `@`, and half as much more for each short number; where an `@` stands or a
number is long enough, what the two searches take.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sluice.policies.matching import Span
from sluice.policies.personal.email import LONGEST_NAME, EmailSearch, name_before
from sluice.policies.personal.search import BEGIN, CHAIN, CONTEXT, LINK, SHORTEST, NumberSearch
from sluice.policies.personal.shape import Shape

_SIGN: Final = re.compile("[0-9+(@]").search
"""A text without one has neither a number's beginning nor an address."""
_APART: Final = -1


class PersonalSearch:
    """One text."""

    __slots__ = ("_apart", "_index", "_kept", "_number", "_position", "_shapes", "_waits", "cleared")

    def __init__(self, shapes: Mapping[str, Sequence[tuple[int, Shape]]], index: int) -> None:
        """`shapes`: see `NumberSearch`. `index`: of the spans of addresses."""
        self._shapes = shapes
        self._index = index
        self._apart: tuple[NumberSearch, EmailSearch] | None = None
        """The two, while more waits than the name of an address and a short number."""
        self._kept = ""
        """The text that waits, and two characters before it or more."""
        self._waits = 0
        """Characters that wait because they may be the name of an address."""
        self._number = 0
        """Characters that wait because a number may begin with them."""
        self._position = 0
        self.cleared = 0
        """Characters from the beginning about which all is known."""

    def feed(self, text: str) -> list[Span]:
        """Take the next piece; return the spans that are certain now: first the numbers, then the addresses, each in
        order of start."""
        if self._apart is not None:
            return self._look(text, *self._apart)
        number = self._number
        begun = self._kept[-number:] + text if number else text
        if (sign := _SIGN(begun)) is not None:
            number = _pending(begun, sign.start())
            if number == _APART:
                return self._look(text, *self._part())
            self._number = number
        end, space = len(text), text.rfind(" ")
        self._position = position = self._position + end
        if space > 0 and number + CONTEXT <= end:  # no name goes over the space
            word = text[space + 1 :]
            whole = word.isalnum() and word.isascii() and len(word) <= LONGEST_NAME
            waits = len(word) if whole else end - name_before(text, space + 1, end)
            self._kept = text
        else:
            kept = self._kept + text
            waits = len(kept) - name_before(kept, len(kept) - end - self._waits, len(kept))
            self._kept = kept[-max(waits, number) - CONTEXT :]
        self._waits = waits
        self.cleared = position - max(waits, number) if number else position - waits
        return []

    def finish(self) -> list[Span]:
        """The text is complete: return the remaining spans."""
        numbers, addresses = self._apart or self._part()
        spans = numbers.finish() + addresses.finish()
        self.cleared = self._position
        return spans

    def _look(self, text: str, numbers: NumberSearch, addresses: EmailSearch) -> list[Span]:
        """Have each of the two look by itself."""
        self._position += len(text)
        spans = numbers.feed(text) + addresses.feed(text)
        self.cleared = min(numbers.cleared, addresses.cleared)
        if numbers.waits < SHORTEST and not addresses.has_sign:
            self._apart = None
            self._waits, self._number = addresses.waits, numbers.waits
            self._kept = max(numbers.kept, addresses.kept, key=len)
        return spans

    def _part(self) -> tuple[NumberSearch, EmailSearch]:
        """Have the two go on from here."""
        numbers, addresses = self._apart = NumberSearch(self._shapes), EmailSearch(self._index)
        numbers.resume(self._kept, self._number, self._position)
        addresses.resume(self._kept, self._waits, self._position)
        return numbers, addresses


def _pending(text: str, at: int) -> int:
    """Return how many characters at the end of a text wait because a number may begin with them, or _APART if there is
    one that is long enough, or an `@`. `at`: the first sign. Most numbers are years, prices and counts."""
    end = len(text)
    while text[at] != "@":
        chain = CHAIN.match(text, at)
        if chain is None:
            stop = at + 1
            if BEGIN.match(text, at):  # the signs before a number, and the end
                return end - at
        else:
            stop = chain.end()
            if (link := LINK.match(text, stop)) is not None and link.end() == end:
                return end - at if end - at < SHORTEST else _APART
            if stop - at >= SHORTEST:
                return _APART
        sign = _SIGN(text, stop)
        if sign is None:
            return 0
        at = sign.start()
    return _APART
