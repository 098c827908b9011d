"""What becomes of one text: it passes, stretches of it are masked, or nothing more of it passes.

All rules look at the original text. Matches that overlap are one stretch, and one word stands for it: that of the match
that begins first, or of the earlier rule if two begin together. If a rejecting rule has a match in a stretch, the text
before the stretch is the last that passes: rejecting wins over masking, and no word says what stood there.
Guarantee: the result does not depend on where the text was cut, unless it waited too long (`on_overflow`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from sluice.policies.guard_watch import Claim, Searching, Watch
from sluice.policies.guards import TextRules
from sluice.policies.matching import Span

OVERFLOW: Final = "overflow"


class Hit(msgspec.Struct, frozen=True):
    """A rule found something; once for each stretch of text, however many matches overlap in it."""

    rule: TextRules
    what: str
    """A built-in's word (`credit_card`), `pattern`, or `overflow`: text waited for the rule for too long."""
    action: Literal["mask", "reject", "release"]
    """`release`: it waited for too long and was let go, whatever it may have become."""


Waited = Callable[[int], float]
"""For how many seconds the first of the so many last characters of a text has waited."""
Part = tuple[str, str | None]
"""Text as it was, and what stands for it; None = it passes as it was."""


class Ruling(msgspec.Struct):
    """What was decided, in the order of the text. `rejected`: the text ends with it."""

    parts: list[Part]
    hits: list[Hit]
    rejected: TextRules | None = None


class _Found(msgspec.Struct, frozen=True):
    start: int
    end: int
    claim: Claim


def size(text: str) -> int:
    """Return how many bytes of UTF-8 a text has. A half of a surrogate pair, as JSON can spell one, counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class _Lane:
    """One watch at one text."""

    __slots__ = ("floor", "searches", "watch")

    def __init__(self, watch: Watch, *beside: Searching) -> None:
        self.watch: Final = watch
        self.searches: Final = (*watch.begin(), *beside)
        self.floor = 0
        """Characters that were let go because they had waited too long."""

    @property
    def cleared(self) -> int:
        """Characters from the beginning that do not wait for this watch."""
        return max(self.floor, min([search.cleared for search in self.searches]))


class Scan:
    """One text, fed in pieces.

    Cost: the search's, and O(1) for a piece in which nothing begins. Memory: what waits, at most the rules'
    `max_hold_bytes` and one piece.
    """

    __slots__ = ("_found", "_lanes", "_patience", "_searches", "_tired", "fed", "passed", "rejected", "waits")

    def __init__(self, watches: Iterable[Watch], *, bounded: bool = True, beside: Sequence[Searching] = ()) -> None:
        """`bounded`: text waits no longer than the rules say. A text that is whole waits for nobody. `beside`: one more
        search for each watch, which reads the text in another way."""
        self._lanes: Final = tuple(map(_Lane, watches, beside) if beside else map(_Lane, watches))
        bounds = [lane.watch.max_hold_bytes for lane in self._lanes] if bounded else []
        self._patience: Final = min(bounds, default=1 << 62)
        """Bytes that may wait for any watch."""
        self._searches: Final = tuple([(search, lane) for lane in self._lanes for search in lane.searches])
        self._tired = False
        """Some text was let go because it had waited too long."""
        self.fed = 0
        self.passed = 0
        """Characters that are decided."""
        self._found: list[_Found] = []
        """Not decided yet, in order of start, then of claim."""
        self.waits = ""
        """The text that was fed and is not decided."""
        self.rejected: TextRules | None = None
        """Nothing may be fed any more."""

    def feed(self, text: str) -> str | Ruling:
        """Take the next piece; return what is decided now. A text: it passes as it was, and nothing was found. It is
        the piece itself, if nothing waited and nothing waits."""
        self.fed = cleared = self.fed + len(text)
        for search, lane in self._searches:
            spans = search.feed(text)
            if spans:
                self._take(lane, spans)
            if search.cleared < cleared:
                cleared = search.cleared
        if self._tired:
            cleared = min([lane.cleared for lane in self._lanes])
        if self.waits:
            text = self.waits + text
        if len(text) * 4 <= self._patience and not self._found:
            begins = cleared - self.passed
            self.passed = cleared
            if begins == len(text):
                self.waits = ""
                return text
            self.waits = text[begins:]
            return text[:begins]
        self.waits = text
        ruling = Ruling([], [])
        self._settle(ruling, cleared)
        if len(self.waits) * 4 > self._patience and self.rejected is None:
            self._overflow(ruling, [lane for lane in self._lanes if self._bytes(lane) > lane.watch.max_hold_bytes])
        return ruling

    def finish(self) -> Ruling:
        """The text is complete; decide the rest of it."""
        for lane in self._lanes:
            for search in lane.searches:
                self._take(lane, search.finish())
        ruling = Ruling([], [])
        self._settle(ruling, self.fed)
        return ruling

    def overflow(self, waited: Waited) -> Ruling:
        """Text waits: where it has done so for one rule longer than that allows, do what it says."""
        ruling = Ruling([], [])
        waiting = [lane for lane in self._lanes if lane.cleared < self.fed and lane.watch.max_hold_s]
        self._overflow(ruling, [lane for lane in waiting if waited(self.fed - lane.cleared) >= lane.watch.max_hold_s])
        return ruling

    # -- inside -------------------------------------------------------------------------------------------------------

    def _bytes(self, lane: _Lane) -> int:
        return size(self.waits[lane.cleared - self.passed :])

    def _overflow(self, ruling: Ruling, lanes: Sequence[_Lane]) -> None:
        for lane in lanes:
            rule = lane.watch.holder(self.waits[lane.cleared - self.passed :])
            blocks = rule.on_overflow == "block"
            ruling.hits.append(Hit(rule, OVERFLOW, "reject" if blocks else "release"))
            if blocks:
                self._reject(ruling, rule)
                return
            lane.floor = self.fed
            self._tired = True
        if lanes:
            self._settle(ruling, min(lane.cleared for lane in self._lanes))

    def _take(self, lane: _Lane, spans: Iterable[Span]) -> None:
        first = self.passed
        for span in spans:
            start, end = span.start, span.end
            for claim in lane.watch.claims[span.pattern]:
                if start >= first:
                    self._found.append(_Found(start, end, claim))
                elif end > first or claim.rule.action == "reject":  # it began in text that was let go
                    self._found.append(_Found(first - 1, end, claim))
        self._found.sort(key=lambda found: (found.start, found.claim.order))

    def _settle(self, ruling: Ruling, cleared: int) -> None:
        """Decide the text up to `cleared`, where no match that is not known begins before it."""
        text, base, found = self.waits, self.passed, self._found
        at, taken = base, 0
        while taken < len(found) and found[taken].start < cleared:
            behind, end = _stretch(found, taken, cleared)
            stretch = found[taken:behind]
            rejecting = next((one.claim for one in stretch if one.claim.rule.action == "reject"), None)
            start = max(stretch[0].start, at)
            if rejecting is None and end > cleared:
                cleared = start
                break
            if start > at:
                ruling.parts.append((text[at - base : start - base], None))
            if rejecting is not None:
                ruling.hits.append(Hit(rejecting.rule, rejecting.what, "reject"))
                self._reject(ruling, rejecting.rule)
                return
            ruling.parts.append((text[start - base : end - base], stretch[0].claim.mask))
            ruling.hits += {one.claim.order: Hit(one.claim.rule, one.claim.what, "mask") for one in stretch}.values()
            at, taken = end, behind
        if cleared > at:
            ruling.parts.append((text[at - base : cleared - base], None))
            at = cleared
        del found[:taken]
        self.waits, self.passed = text[at - base :], at

    def _reject(self, ruling: Ruling, rule: TextRules) -> None:
        ruling.rejected = self.rejected = rule
        self.waits = ""


def _stretch(found: Sequence[_Found], first: int, cleared: int) -> tuple[int, int]:
    """Return how far the matches go, of those that begin before `cleared`, that overlap from the first on; and where in
    the text the last of them ends."""
    behind, end = first + 1, found[first].end
    while behind < len(found) and found[behind].start < min(end, cleared):
        end = max(end, found[behind].end)
        behind += 1
    return behind, end
