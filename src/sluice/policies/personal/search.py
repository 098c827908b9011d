"""Numbers looked for in a text that comes in pieces: at each place where one can begin, in all the ways to write one.

Why not by the machine that finds patterns: whether a match counts is known from its digits, so every place where one
may begin has to be followed by itself, and a state machine has a state for each way in which ten of them overlap.
Here text waits while it is digits with little between them, 56 characters at most that may still belong to a number.
Guarantee: what is found at a place depends on the 56 characters behind it and two before it, so on no cut.
Cost: 0.5 microseconds for a piece without a digit; some 3 for each place in a chain of eight characters or more.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sluice.policies.matching import Span
from sluice.policies.personal.shape import LONGEST, Shape

SHORTEST: Final = 8
"""Characters: `+1234567`."""
_BETWEEN: Final = r"[-+./()x \u00a0\u2007\u202f\u2010-\u2013]"
BEGIN: Final = re.compile(r"[+(]{0,2}[0-9]|[+(]{1,2}\Z")
_SIGN: Final = re.compile(r"[0-9+(]")
"""Asked first: a text without one has no beginning."""
CHAIN: Final = re.compile(rf"[+(]{{0,2}}[0-9]+(?:{_BETWEEN}{{1,3}}[0-9]+)*")
LINK: Final = re.compile(rf"{_BETWEEN}{{0,3}}")
_PLACE: Final = re.compile(r"(?:(?<![0-9A-Za-z_])|(?<=\\[nrt]))[0-9]|[+(]")
r"""Where a number can begin. Behind `\n` as source code writes it too, and JSON inside of a text."""
CONTEXT: Final = 2
"""Characters before a number that it depends on."""


def has_no_number(text: str) -> bool:
    """Return whether no number is in a whole text, for sure."""
    return len(text) < SHORTEST or BEGIN.search(text) is None


class NumberSearch:
    """One text."""

    __slots__ = ("_position", "_shapes", "cleared", "kept", "waits")

    def __init__(self, shapes: Mapping[str, Sequence[tuple[int, Shape]]]) -> None:
        """`shapes`: by the sign that a number begins with; each with the index that its spans have."""
        self._shapes = shapes
        self.kept = ""
        """The text that waits, and two characters before it."""
        self.waits = 0
        """Characters that wait."""
        self._position = 0
        self.cleared = 0
        """Characters from the beginning about which all is known."""

    def feed(self, text: str) -> list[Span]:
        """Take the next piece; return the spans that are certain now, in order of start."""
        self._position += len(text)
        if not self.waits and (_SIGN.search(text) is None or BEGIN.search(text) is None):
            self.kept = text if len(text) > 1 else (self.kept + text)[-CONTEXT:]
            self.cleared = self._position
            return []
        return self._look(text, complete=False)

    def resume(self, kept: str, waits: int, position: int) -> None:
        """Go on behind so many characters that were read elsewhere, of which the last `waits` wait. `kept`: these, and
        what stands before them, two characters or more if there are."""
        self.kept, self.waits, self._position = kept, waits, position

    def finish(self) -> list[Span]:
        """The text is complete: return the remaining spans."""
        return self._look("", complete=True)

    def _look(self, piece: str, *, complete: bool) -> list[Span]:
        kept = self.kept[-self.waits - CONTEXT :]
        text, at = kept + piece, len(kept) - self.waits
        end, spans = len(text), list[Span]()
        while at < end:
            begin = BEGIN.search(text, at)
            at = begin.start() if begin else end
            chain = CHAIN.match(text, at)
            if chain is None:  # signs without a digit yet, or the end
                break
            stop = chain.end()
            link = LINK.match(text, stop)
            may_go_on = not complete and link is not None and link.end() == end
            limit = max(at, end - LONGEST) if may_go_on else stop
            spans += self._found(text, at, limit, stop)
            at = limit
            if may_go_on:
                break
        at = end if complete else at
        self.kept, self.waits = text[max(0, at - CONTEXT) :], end - at
        self.cleared = self._position - self.waits
        return spans

    def _found(self, text: str, at: int, limit: int, stop: int) -> Iterator[Span]:
        """Yield the numbers that begin in `text[at:limit]`, in a chain that goes on to `stop`."""
        base = self._position - len(text)
        for place in _PLACE.finditer(text, at, min(limit, stop - SHORTEST + 1)):
            start = place.start()
            for name, shape in self._shapes.get(place[0], ()):
                found = shape.text.match(text, start)
                length = shape.check(found[0]) if found else 0
                if length:
                    yield Span(base + start, base + start + length, name)
