"""Texts of an answer that come in one piece, and what the text rules make of them."""

from collections.abc import Mapping

import msgspec

from sluice.chat.content import Citation
from sluice.chat.events import Event
from sluice.policies.guard_text import TextGuards
from sluice.relay.guarding import rejected
from sluice.relay.members import looked_at
from sluice.relay.tally import Tally


class WholeTexts:
    """Of one answer. What a rule rejects here ends the answer as it does anywhere else."""

    __slots__ = ("_guards", "_known", "_tally")

    def __init__(self, guards: TextGuards, tally: Tally) -> None:
        self._guards = guards
        self._tally = tally
        self._known: dict[str, tuple[msgspec.Raw, dict[str, msgspec.Raw]]] = {}
        """Members of the answer itself, and what may be seen of them."""

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

    def json(self, raw: msgspec.Raw, out: list[Event]) -> msgspec.Raw | None:
        """Return what may be seen of JSON that is complete; None if nobody can read it.

        Raises:
            Blocked: see `text`.
        """
        return looked_at(raw, lambda _, text: self.text(text, out))

    def members(self, fields: Mapping[str, msgspec.Raw], out: list[Event]) -> dict[str, msgspec.Raw]:
        """Return what may be seen of members that are complete.

        Raises:
            Blocked: see `text`.
        """
        rows = ((self.text(name, out), self.json(raw, out)) for name, raw in fields.items())
        return {name: seen for name, seen in rows if seen is not None}

    def repeated(self, fields: Mapping[str, msgspec.Raw], out: list[Event]) -> dict[str, msgspec.Raw]:
        """The same for members of the answer itself, which every chunk of a stream repeats. A string that is another
        one in each chunk may be a text in pieces, and is left out.

        Raises:
            Blocked: see `text`.
        """
        seen: dict[str, msgspec.Raw] = {}
        for name, raw in fields.items():
            known = self._known.get(name)
            if known is None or (known[0] != raw and not bytes(raw).startswith(b'"')):
                self._known[name] = known = raw, self.members({name: raw}, out)
            if known[0] == raw:
                seen |= known[1]
        return seen
