"""One text under guard, as whoever sends it on sees it: pieces go in, what may leave comes out.

Guarantee: no part of a match leaves, whatever the cuts; text waits only while it may still belong to a match.
Obeys: stream-life 6.
"""

from typing import Final, Protocol

import msgspec

from sluice.policies.guard_scan import OVERFLOW, Hit, Ruling, Scan, Waited, size
from sluice.policies.guards import TextRules

MAX_BUFFER_BYTES: Final = 16 << 20
"""Of one text that is held until it is complete; as much as one event of a stream may have."""


class Passed(msgspec.Struct, frozen=True):
    """What may leave now."""

    text: str
    """Masked already; empty = nothing."""
    hits: tuple[Hit, ...] = ()
    rejected: TextRules | None = None
    """By this rule: nothing behind `text` may leave, and nothing of it is looked at."""
    scanned: int = 0
    """Bytes of UTF-8 that were looked at with this call."""


class Channel(Protocol):
    """One text in pieces. After `finish`, or once something was rejected, nothing more comes out of it."""

    @property
    def held(self) -> int:
        """Bytes of UTF-8 that wait."""

    @property
    def waits_from(self) -> int:
        """The character, counted from the text's beginning, from which on text waits: as many as were fed if none
        does."""

    def feed(self, text: str) -> Passed:
        """Take the next piece, cut anywhere. `text` itself is returned if it passes as it is."""

    def finish(self) -> Passed:
        """The text is complete."""

    def overflow(self, waited: Waited) -> Passed:
        """Let those rules decide for which text has waited for too long. If it waits for none (a number in JSON that
        may go on), nothing happens."""


class PlainText:
    """A channel of text as people read it."""

    __slots__ = ("scan",)

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        """Whoever asks it instead of this channel, and feeds nothing to what has rejected something, has the same."""

    @property
    def held(self) -> int:
        return size(self.scan.waits)

    @property
    def waits_from(self) -> int:
        return self.scan.fed - len(self.scan.waits)

    def feed(self, text: str) -> Passed:
        if self.scan.rejected is not None:
            return Passed("", (), self.scan.rejected)
        return passed(self.scan.feed(text), size(text))

    def finish(self) -> Passed:
        if self.scan.rejected is not None:
            return Passed("", (), self.scan.rejected)
        return passed(self.scan.finish(), 0)

    def overflow(self, waited: Waited) -> Passed:
        if self.scan.rejected is not None:
            return Passed("", (), self.scan.rejected)
        return passed(self.scan.overflow(waited), 0)

    def whole(self, text: str) -> Passed:
        """Take a text that is complete."""
        return both(self.feed(text), self.finish())


def passed(ruling: str | Ruling, scanned: int) -> Passed:
    """Return what may leave of what a scan has decided, which looked at so many bytes."""
    if isinstance(ruling, str):
        return Passed(ruling, (), None, scanned)
    text = "".join([original if mask is None else mask for original, mask in ruling.parts])
    return Passed(text, tuple(ruling.hits), ruling.rejected, scanned)


def both(first: Passed, second: Passed) -> Passed:
    """Return what came out of one channel with two calls, as if it were one."""
    return Passed(first.text + second.text, first.hits + second.hits, second.rejected, first.scanned + second.scanned)


class Buffered:
    """A channel that holds everything until its text is complete, for rules that need all of it.

    It waits for no clock, and for MAX_BUFFER_BYTES instead of the rules' `max_hold_bytes`, which are meant for the
    longest match. A text that is longer is blocked, or looked at as it comes from there on, as `on_overflow` says.
    """

    __slots__ = ("_channel", "_characters", "_open", "_pieces", "_rejected", "_rule", "held")

    def __init__(self, channel: Channel, rule: TextRules) -> None:
        """`channel`: what becomes of the text, without bounds of its own. `rule`: its `on_overflow` counts."""
        self._channel = channel
        self._rule = rule
        self._pieces: list[str] = []
        self._open = False
        """It was too long, and was let go."""
        self._rejected: TextRules | None = None
        self.held = 0

    @property
    def waits_from(self) -> int:
        return 0

    def feed(self, text: str) -> Passed:
        if self._rejected is not None:
            return Passed("", (), self._rejected)
        self._pieces.append(text)
        self.held += size(text)
        if self._open:
            return self._let_go()
        if self.held <= MAX_BUFFER_BYTES:
            return Passed("")
        self._open = self._rule.on_overflow == "release"
        hit = Hit(self._rule, OVERFLOW, "release" if self._open else "reject")
        if not self._open:
            self._rejected = self._rule
            self._pieces, self.held = [], 0
            return Passed("", (hit,), self._rule)
        return both(Passed("", (hit,)), self._let_go())

    def finish(self) -> Passed:
        if self._rejected is not None:
            return Passed("", (), self._rejected)
        gone = self._let_go()
        return gone if gone.rejected else both(gone, self._channel.finish())

    def overflow(self, waited: Waited) -> Passed:
        return Passed("", (), self._rejected)

    def _let_go(self) -> Passed:
        text = "".join(self._pieces)
        self._pieces, self.held = [], 0
        gone = self._channel.feed(text)
        self._rejected = gone.rejected
        return gone
