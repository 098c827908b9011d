"""Guards over text: rules are compiled once, and each text that has to obey them is a channel or a call.

    rules ──► watches ──► a scan of one text ──► a channel: pieces in, what may leave out
    config    patterns    what passes            plain text, or JSON whose strings are texts

PURE. All rules of a tuple look at the same original text; guard_scan.py says what is done where they meet.
Obeys: stream-life 6 and 10.3, compat-agentgateway 1.6.
"""

from collections.abc import Sequence
from typing import Final

from sluice.policies.guard_channel import Buffered, Channel, Passed, PlainText
from sluice.policies.guard_json import JsonText
from sluice.policies.guard_parts import Parts
from sluice.policies.guard_scan import Hit, Scan
from sluice.policies.guard_watch import Watch
from sluice.policies.guards import TextRules
from sluice.policies.personal import SHORTEST

__all__ = ["Channel", "Hit", "Passed", "TextGuards"]


class TextGuards:
    """Rules, compiled; they know nothing of any text, and serve any number of them at once.

    Cost, measured on one core: 1.4 microseconds for a piece of five characters with all built-ins, 2.0 with ten
    patterns too. A text of a megabyte that comes at once takes 0.02 seconds, one without a space up to 0.6: whoever
    must not wait for so long feeds a channel in slices. The compilation: some 15 ms, the first one with telephone
    numbers 40.
    """

    def __init__(self, rules: Sequence[TextRules]) -> None:
        """Compile.

        Raises:
            ValueError: a pattern cannot be looked for; the message names the rule, the pattern and the reason.
        """
        alike: dict[tuple[int, float, str], list[tuple[int, TextRules]]] = {}
        for place, rule in enumerate(rules):
            if rule.builtins or rule.patterns:
                bounds = (rule.max_hold_bytes, rule.max_hold_s, rule.on_overflow)
                alike.setdefault(bounds, []).append((place, rule))
        self._watches: Final = tuple(Watch(same) for same in alike.values())
        self._buffering: Final = next((rule for rule in rules if rule.mode == "buffer"), None)
        self._shortest: Final = 1 if any(rule.patterns for rule in rules) else SHORTEST
        self.buffers: Final = self._buffering is not None
        """A rule needs the whole text: nothing leaves a channel before it is complete."""
        self.max_hold_s: Final = min((watch.max_hold_s for watch in self._watches if watch.max_hold_s), default=0.0)
        """How long text may wait in a channel that does not buffer, by the least patient rule; 0 = for ever."""

    def channel(self) -> Channel:
        """Begin a text as people read it."""
        if self._buffering is not None:
            return Buffered(PlainText(self._scan(False)), self._buffering)
        return PlainText(self._scan(True))

    def json_channel(self) -> Channel:
        """Begin a text that is JSON source, as a tool's arguments are."""
        if self._buffering is not None:
            return Buffered(self._whole_json(), self._buffering)
        return JsonText(self._scan, self._shortest, self.is_clean)

    def whole(self, text: str) -> Passed:
        """Take a text that is complete. What channels let out is the same, however its text was cut."""
        return PlainText(self._scan(False)).whole(text)

    def whole_json(self, text: str) -> Passed:
        """Take JSON source that is complete."""
        return self._whole_json().whole(text)

    def parts(self, lengths: Sequence[int]) -> Parts:
        """Begin whole texts that follow each other, of so many characters each."""
        return Parts(self._watches, lengths)

    def _whole_json(self) -> JsonText:
        return JsonText(lambda _: self._scan(False), self._shortest, self.is_clean)

    def is_clean(self, text: str) -> bool:
        """Return whether nothing is in a whole text, for sure; False = it has to be looked for."""
        return all(watch.is_clean(text) for watch in self._watches)

    def _scan(self, bounded: bool) -> Scan:
        return Scan(self._watches, bounded=bounded)
