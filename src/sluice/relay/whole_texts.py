"""Texts of an answer that come in one piece, and what the text rules make of them."""

import msgspec

from sluice.chat.content import Citation
from sluice.chat.events import Event, Leftover
from sluice.policies.guard_text import TextGuards
from sluice.relay.guarding import rejected
from sluice.relay.tally import Tally


class WholeTexts:
    """Of one answer. What a rule rejects here ends the answer as it does anywhere else."""

    __slots__ = ("_guards", "_known", "_streams", "_tally")

    def __init__(self, guards: TextGuards, tally: Tally, *, streams: bool) -> None:
        self._guards = guards
        self._tally = tally
        self._streams = streams
        self._known: dict[str, msgspec.Raw] = {}
        """Members of the answer itself in which nothing was found: every chunk repeats them."""

    def text(self, text: str, out: list[Event]) -> str:
        """Return what may be seen of a text.

        Raises:
            Blocked: the answer ends here; `out` may still be seen.
        """
        if not text:
            return text
        self._tally.checks += 1
        passed = self._guards.whole(text)
        self._tally.looked(passed)
        if passed.rejected is not None:
            raise rejected(passed.rejected, out)
        return passed.text

    def citation(self, old: Citation, out: list[Event], *, moved: bool) -> Citation:
        """Return what may be seen of a source. `moved`: its positions count in a text that nobody sees.

        Raises:
            Blocked: see `text`.
        """
        return Citation(
            url=self.text(old.url, out),
            title=self.text(old.title, out),
            quote=self.text(old.quote, out),
            start=-1 if moved else old.start,
            end=-1 if moved else old.end,
            document=old.document,
        )

    def members(self, leftover: Leftover) -> dict[str, msgspec.Raw]:
        """Return the members in which nothing is found: what is in them has no word here, so it is not rewritten.

        What a stream says in pieces cannot be judged piece by piece. That is whatever its deltas hold; and a string
        beside them, if it is another one in each chunk.
        """
        place, fields = leftover.place, leftover.fields
        if self._streams and place == "delta":
            return {}
        return {name: raw for name, raw in fields.items() if self._clean(name, raw, place)}

    def _clean(self, name: str, raw: msgspec.Raw, place: str) -> bool:
        known = None if place else self._known.get(name)
        if known == raw:
            return True
        if self._streams and (place or known is not None) and bytes(raw).startswith(b'"'):
            return False
        self._tally.checks += 1
        source = bytes(raw).decode("utf-8", "replace")
        found = bool(self._guards.whole_json(source).hits or self._guards.whole(name).hits)
        if not (place or found):
            self._known[name] = raw
        return not found
