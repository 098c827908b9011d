"""One text of an answer under guard, and for how long what is held of it waits.

A character waits while text goes on to come and it may still belong to a match. Time in which nothing of the text comes
for longer than SILENCE_S does not count: it is the provider that is waited for, and the idle clock's business.
"""

from collections import deque
from typing import Final

from sluice.chat.events import Channel
from sluice.policies import guard_text
from sluice.policies.guard_channel import PlainText, both, passed
from sluice.policies.guard_scan import size
from sluice.policies.guards import TextRules
from sluice.relay.tally import Tally

SILENCE_S: Final = 1.0
"""A longer gap between two pieces is a silence of the provider's."""
GRAIN_S: Final = 0.05
"""Pieces that came within this time count as one, which bounds their number: a rule may decide that much sooner."""


class HeldText:
    """Feed it piece by piece with `passes`, `finish` it once. After each call that did not say that a piece passes,
    `said` is what may leave, masked, and `rejected` the rule that forbids all that follows, if one does."""

    __slots__ = (
        *("_fed", "_guard", "_heard", "_max_hold_s", "_over", "_pieces", "_scan", "_silent_s", "_tally"),
        *("changed", "channel", "rejected", "said", "unproven"),
    )

    def __init__(self, guard: guard_text.Channel, tally: Tally, max_hold_s: float, channel: Channel = "text") -> None:
        """`max_hold_s`: of the least patient rule. `channel`: where what is fed next is shown."""
        self._guard = guard
        self._scan = guard.scan if isinstance(guard, PlainText) else None
        """Asked first: what nothing is found in is told apart here, without a word about it in between."""
        self._tally = tally
        self.channel = channel
        self._max_hold_s = max_hold_s
        self._fed = 0
        """Characters."""
        self._pieces: deque[tuple[int, float, float]] = deque()
        """Of the last pieces, oldest first, as many as what is held may belong to: the characters that were fed up to
        its end, when it came, and how much silence there was until then. Empty = nothing is held."""
        self._heard = 0.0
        """When the last piece came, while something is held."""
        self._silent_s = 0.0
        self._over = False
        self.said = ""
        self.changed = False
        """Something of this text was masked."""
        self.unproven = False
        """The same since its last proof."""
        self.rejected: TextRules | None = None
        tally.checks += 1

    def passes(self, piece: str, now: float) -> bool:
        """Take more; return whether it may leave just as it came, with nothing before or after it."""
        before, scan = self._fed, self._scan
        self._fed = before + len(piece)
        if scan is None:
            return self._passes(piece, self._guard.feed(piece), before, now)
        ruling = scan.feed(piece)
        scanned = len(piece) if piece.isascii() else size(piece)
        if type(ruling) is not str or scan.passed < before:
            return self._passes(piece, passed(ruling, scanned), before, now)
        if ruling is piece and not self._pieces:
            self._tally.scanned_bytes += scanned
            self._tally.delivered_bytes += scanned
            return True
        waits = scan.waits
        self._go(ruling, scanned, len(waits) if waits.isascii() else size(waits), now)
        return False

    def finish(self, now: float) -> None:
        """The text is complete: what is held of it leaves, or not."""
        self._take(self._guard.finish())
        self._over = True
        self._forget(now)

    @property
    def holds(self) -> int:
        """How many of the characters that were fed last wait."""
        return 0 if self._over else self._fed - self._guard.waits_from

    def _passes(self, piece: str, said: guard_text.Passed, before: int, now: float) -> bool:
        """See `passes`: that became of a piece, behind so many characters."""
        if not said.hits and said.rejected is None:
            if said.text is piece and not self._pieces:
                self._tally.looked(said)
                return True
            if self._guard.waits_from >= before:
                self._go(said.text, said.scanned, self._guard.held, now)
                return False
        self._came(now)
        if self._pieces and self._waited(self._pieces[0], now) >= self._max_hold_s:
            said = both(said, self._guard.overflow(lambda count: self._since(self._fed - count, now)))
            self._forget(now)
        self._take(said)
        return False

    def _go(self, said: str, scanned: int, held: int, now: float) -> None:
        """Nothing was found, and nothing waits but what came last: how long others waited is of no use any more."""
        pieces, tally = self._pieces, self._tally
        if pieces:
            _, came, _ = pieces[0]
            if now - came > tally.max_held_s:
                tally.max_held_s = now - came
            pieces.clear()
        self.said = said
        tally.scanned_bytes += scanned
        tally.delivered_bytes += len(said) if said.isascii() else size(said)
        if held:
            pieces.append((self._fed, now, self._silent_s))
            self._heard = now
            if held > tally.max_held_bytes:
                tally.max_held_bytes = held

    def _came(self, now: float) -> None:
        """Note a piece that was fed, and forget those that have left. Cost: amortised O(1)."""
        pieces = self._pieces
        if pieces and now - self._heard > SILENCE_S:
            self._silent_s += now - self._heard
        self._heard = now
        if pieces and now - pieces[-1][1] < GRAIN_S:
            pieces[-1] = self._fed, *pieces[-1][1:]
        else:
            pieces.append((self._fed, now, self._silent_s))
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget the pieces of which nothing waits."""
        pieces, waits_from, tally = self._pieces, self._guard.waits_from, self._tally
        while pieces and pieces[0][0] <= waits_from:
            _, came, _ = pieces.popleft()
            if now - came > tally.max_held_s:
                tally.max_held_s = now - came

    def _since(self, character: int, now: float) -> float:
        """Return for how long a character has waited."""
        return next((self._waited(piece, now) for piece in self._pieces if piece[0] > character), 0.0)

    def _waited(self, piece: tuple[int, float, float], now: float) -> float:
        _, came, silent_s = piece
        return now - came - (self._silent_s - silent_s)

    def _take(self, passed: guard_text.Passed) -> None:
        tally = self._tally
        tally.looked(passed)
        if passed.hits and any(hit.action == "mask" for hit in passed.hits):
            self.changed = self.unproven = True
        self.said, self.rejected = passed.text, passed.rejected
        held = self._guard.held
        if held > tally.max_held_bytes:
            tally.max_held_bytes = held
