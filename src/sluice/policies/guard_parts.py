"""Texts that follow each other in one message, each looked at by itself and all of them as one.

What stands beside a value hides it from whoever reads all as one (`12` before a card's number makes it another number);
a cut within a value hides it from whoever reads one by one. So both are read, side by side, and what either finds is
found. PURE. Obeys: stream-life 6.
Guarantee: what stands for a finding stands in the text in which that begins; all else keeps its place and its text.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sluice.policies.guard_channel import Passed
from sluice.policies.guard_scan import Ruling, Scan
from sluice.policies.guard_watch import Searching, Watch
from sluice.policies.matching import Span


class _Apart:
    """A watch's searches, begun anew with each text."""

    def __init__(self, watch: Watch) -> None:
        self._watch: Final = watch
        self._searches: tuple[Searching, ...] = watch.begin()
        self._begins = 0
        """Where in the run the text begins."""
        self._fed = 0
        self._late: list[Span] = []
        """What was found when the last text ended."""

    @property
    def cleared(self) -> int:
        return self._begins + min((search.cleared for search in self._searches), default=self._fed - self._begins)

    def feed(self, text: str) -> list[Span]:
        self._fed += len(text)
        late, self._late = self._late, []
        return late + self._placed(span for search in self._searches for span in search.feed(text))

    def finish(self) -> list[Span]:
        return self._late + self._placed(span for search in self._searches for span in search.finish())

    def cut(self) -> None:
        """The text is complete, and another one follows."""
        self._late = self.finish()
        self._begins = self._fed
        self._searches = self._watch.begin()

    def _placed(self, spans: Iterable[Span]) -> list[Span]:
        begins = self._begins
        return [Span(begins + span.start, begins + span.end, span.pattern) for span in spans] if begins else [*spans]


class Parts:
    """The texts of one run, fed in pieces and in their order. All of them are known: nothing waits for too long.

    Cost: of one text the search's, of more twice that. Memory: what is undecided, and what came out.
    """

    def __init__(self, watches: Sequence[Watch], lengths: Sequence[int]) -> None:
        """`lengths`: characters of each text."""
        self._apart: Final = [_Apart(watch) for watch in watches] if len(lengths) > 1 else []
        self._scan: Final = Scan(watches, bounded=False, beside=self._apart)
        self._room: Final = [*lengths]
        """Characters of each text that were not decided yet."""
        self._out: Final[list[list[str]]] = [[] for _ in lengths]
        self._at = 0
        """The text in which the next character stands."""

    @property
    def texts(self) -> list[str]:
        """What is left of them."""
        return ["".join(pieces) for pieces in self._out]

    def feed(self, piece: str) -> Passed:
        """Take the next piece of a text; what is decided with it is laid into `texts`, not returned."""
        return self._lay(self._scan.feed(piece))

    def cut(self) -> None:
        """The text is complete, and another one follows."""
        for apart in self._apart:
            apart.cut()

    def finish(self) -> Passed:
        """All texts are complete."""
        return self._lay(self._scan.finish())

    def _lay(self, ruling: str | Ruling) -> Passed:
        if isinstance(ruling, str):
            self._place(ruling, None)
            return Passed("")
        for original, mask in ruling.parts:
            self._place(original, mask)
        return Passed("", tuple(ruling.hits), ruling.rejected)

    def _place(self, original: str, mask: str | None) -> None:
        at, end = 0, len(original)
        while at < end:
            room = self._room[self._at]
            if not room:
                self._at += 1
                continue
            taken = min(room, end - at)
            if mask is None:
                self._out[self._at].append(original[at : at + taken])
            elif at == 0:
                self._out[self._at].append(mask)
            self._room[self._at] -= taken
            at += taken
