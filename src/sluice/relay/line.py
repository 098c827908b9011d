"""One choice of an answer under guard: its texts, and what stands behind what is held of them.

In a dialect whose parts stand in one order, what comes after characters that are held waits behind them, so that every
block keeps its words. Each character leaves where it stood; what was masked leaves where its first character stood.
"""

from collections import deque
from collections.abc import Iterable

from sluice.chat.events import Channel, Event, Sealed, TextDelta
from sluice.relay.held_text import HeldText
from sluice.relay.members import Growing

MAX_WAITING = 1 << 16
"""Characters that wait behind a held one; beyond them, what waits goes first."""


class Piece:
    """Some characters of one text, in their place."""

    __slots__ = ("channel", "left", "ready", "text")

    def __init__(self, text: HeldText, channel: Channel, left: int) -> None:
        self.text, self.channel, self.left = text, channel, left
        """`left`: how many of them are held."""
        self.ready = ""
        """What may leave of them."""


class Proof:
    """A seal that waits, and the texts that it may be of."""

    __slots__ = ("sealed", "texts")

    def __init__(self, sealed: Sealed, texts: Iterable[HeldText]) -> None:
        self.sealed = sealed
        self.texts = tuple(texts) if sealed.seal.kind in ("reasoning", "text") else ()

    @property
    def spoilt(self) -> bool:
        """Whether its text was changed: it proves nothing any more, and its provider would refuse it. Asked once."""
        spoilt = any(text.unproven for text in self.texts)
        for text in self.texts:
            text.unproven = False
        return spoilt


class Line:
    """One choice. Cost: O(1) while nothing waits behind something held, else O(what waits) for each piece of text."""

    __slots__ = (
        "_loose",
        "_max_wait_s",
        "_max_waiting",
        "_ordered",
        "_since",
        "_waiting",
        "apart",
        "calls",
        "choice",
        "members",
        "queue",
        "text",
        "texts",
    )

    def __init__(self, choice: int, *, ordered: bool, max_wait_s: float, max_waiting: float = MAX_WAITING) -> None:
        """`ordered`: whatever follows a held character waits; otherwise only what follows held reasoning may. After
        `max_wait_s`, or beyond `max_waiting` characters, it goes before what is held."""
        self.choice = choice
        self._ordered = ordered
        self._max_wait_s = max_wait_s
        self._max_waiting = max_waiting
        self.text: HeldText | None = None
        """The one that was fed last, if it is open."""
        self.texts: dict[Channel, HeldText] = {}
        """Those that are open."""
        self.calls: dict[int, HeldText] = {}
        self.members: Growing | None = None
        """Those that only the provider's dialect knows."""
        self.apart = False
        """Reasoning was let go of with its proof: what follows must not continue its last word."""
        self.queue: deque[Piece | Proof | Event] = deque()
        """What is not written yet, in order; the first of it is held. Empty = nothing waits behind a held character."""
        self._loose = False
        """What waited was too much: only what is held stays."""
        self._since = 0.0
        self._waiting = 0

    def put(self, event: Event, out: list[Event], now: float, size: int = 0) -> None:
        """Take what is no text, in its place. `size`: its characters."""
        if self.waits(now):
            self._behind(event, out, now, size)
        else:
            out.append(event)

    def prove(self, sealed: Sealed, out: list[Event], now: float) -> None:
        """Take a seal, in its place."""
        proof = Proof(sealed, self.texts.values())
        if self.waits(now):
            self._behind(proof, out, now, 0)
        elif not proof.spoilt:
            out.append(sealed)

    def waits(self, now: float) -> bool:
        """Return whether what comes next has to wait behind something."""
        if not self.queue:
            held = next((text for text in self.texts.values() if text.holds and self._is_placed(text)), None)
            if held is None:
                return False
            self.queue.append(Piece(held, held.channel, held.holds))
            self._since, self._waiting, self._loose = now, 0, False
        return True

    def say(self, text: HeldText, count: int, now: float) -> None:
        """So many characters of a text are fed next, and stand behind what waits."""
        last = self.queue[-1]
        if isinstance(last, Piece) and last.text is text and last.channel == text.channel:
            last.left += count
        else:
            self.queue.append(Piece(text, text.channel, count))
        self._tire(now, count)

    def leave(self, text: HeldText, said: str, out: list[Event]) -> None:
        """Take what may leave of a text, each character in its place."""
        if not (self.queue and self._is_placed(text)):
            if said:
                out.append(TextDelta(self.choice, text.channel, said))
            return
        own = [piece for piece in self.queue if isinstance(piece, Piece) and piece.text is text and piece.left]
        decided = max(0, sum([piece.left for piece in own]) - text.holds)
        in_place = len(said) == decided
        if said and not in_place:
            own[0].ready += said
        for piece in own:
            count = min(piece.left, decided)
            piece.left -= count
            decided -= count
            if in_place:
                piece.ready, said = piece.ready + said[:count], said[count:]
        self.drain(out)

    def drain(self, out: list[Event]) -> None:
        """Let go of what waits for nothing."""
        queue, kept = self.queue, list[Piece]()
        while queue:
            first = queue[0]
            if isinstance(first, Piece):
                if first.ready:
                    out.append(TextDelta(self.choice, first.channel, first.ready))
                    first.ready = ""
                if first.left:
                    if not self._loose:
                        return
                    kept.append(first)
            elif not isinstance(first, Proof):
                out.append(first)
            elif not first.spoilt:
                out.append(first.sealed)
            queue.popleft()
        queue += kept

    def _is_placed(self, text: HeldText) -> bool:
        return self._ordered or text.channel == "reasoning"

    def _behind(self, entry: Proof | Event, out: list[Event], now: float, size: int) -> None:
        self.queue.append(entry)
        self._tire(now, size)
        self.drain(out)

    def _tire(self, now: float, size: int) -> None:
        self._waiting += size
        self._loose = self._loose or self._waiting > self._max_waiting or now - self._since > self._max_wait_s
