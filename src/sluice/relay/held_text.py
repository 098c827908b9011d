"""One text of an answer under guard, and since when what is held of it waits."""

from collections import deque

from sluice.chat.events import Channel, TextDelta, ToolCallDelta
from sluice.policies import guard_text
from sluice.policies.guards import TextRules
from sluice.relay.clocks import NEVER
from sluice.relay.tally import Tally

GRAIN_S = 0.05
"""Pieces that came within this time count as one, which bounds their number: the clock may strike that much sooner."""


class HeldText:
    """Feed it piece by piece with `passes`, `finish` it once. After each call that did not say that a piece passes,
    `delta` is what may leave, masked, and `rejected` the rule that forbids all that follows, if one does."""

    __slots__ = ("_choice", "_guard", "_out", "_pieces", "_tally", "_waiting", "_where", "changed", "rejected")

    def __init__(self, guard: guard_text.Channel, choice: int, where: Channel | int, tally: Tally) -> None:
        """`where` is the channel of a text, or the index of a call."""
        self._guard = guard
        self._choice = choice
        self._where = where
        self._tally = tally
        self._pieces: deque[tuple[int, float]] = deque()
        """Bytes and time of the last pieces, oldest first: as many as what is held may belong to. Empty = nothing is
        held."""
        self._waiting = 0
        """Their bytes."""
        self._out = ""
        self.changed = False
        """Something of this text was masked."""
        self.rejected: TextRules | None = None
        tally.checks += 1

    def passes(self, piece: str, now: float) -> bool:
        """Take more; return whether it may leave just as it came, with nothing before or after it."""
        passed = self._guard.feed(piece)
        if passed.text is piece and not (self._pieces or passed.hits):
            tally = self._tally
            tally.scanned_bytes += passed.scanned
            tally.delivered_bytes += passed.scanned
            return True
        self._take(passed, len(piece.encode("utf-8", "surrogatepass")), now)
        return False

    def finish(self, now: float) -> None:
        """The text is complete: what is held of it leaves, or not."""
        self._take(self._guard.finish(), 0, now)

    def overflow(self, now: float) -> None:
        """Something was held for too long: its rule decides. What waits for no rule has its time anew."""
        self._take(self._guard.overflow(), 0, now)
        if self._pieces:
            self._pieces = deque([(self._waiting, now)])

    @property
    def delta(self) -> TextDelta | ToolCallDelta | None:
        """What may leave; None = nothing. The log probabilities of what was held or masked do not leave with it."""
        if not self._out:
            return None
        if isinstance(self._where, int):
            return ToolCallDelta(self._choice, self._where, self._out)
        return TextDelta(self._choice, self._where, self._out)

    @property
    def since(self) -> float:
        """When the oldest character that is held came; infinity = nothing is held."""
        return self._pieces[0][1] if self._pieces else NEVER

    def _take(self, passed: guard_text.Passed, size: int, now: float) -> None:
        self._tally.looked(passed)
        self.changed = self.changed or any(hit.action == "mask" for hit in passed.hits)
        self._out, self.rejected = passed.text, passed.rejected
        self._hold(size, now)

    def _hold(self, size: int, now: float) -> None:
        """Note that a piece of this size came, and forget those that have left. Cost: amortised O(1)."""
        held, pieces, tally = self._guard.held, self._pieces, self._tally
        if size:
            self._waiting += size
            if pieces and now - pieces[-1][1] < GRAIN_S:
                pieces[-1] = pieces[-1][0] + size, pieces[-1][1]
            else:
                pieces.append((size, now))
        while pieces and (held == 0 or self._waiting - pieces[0][0] >= held):
            left, came = pieces.popleft()
            self._waiting -= left
            tally.max_held_s = max(tally.max_held_s, now - came)
        tally.max_held_bytes = max(tally.max_held_bytes, held)
