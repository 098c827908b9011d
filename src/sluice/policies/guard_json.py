"""Text that is JSON source, as a tool's arguments are: each string, member name and number in it is a text of its own.

What is found in a decoded string is masked in the source; the rest passes byte for byte, escapes as they were written.
A number in which something is masked becomes a string. Nesting is not looked at: nothing found depends on it. What is
no JSON is plain text from there on, beginning with the last word or number before it.
Guarantee: what passes is JSON if what came was. Obeys: RFC 8259, stream-life 10.3.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from sluice.policies.guard_channel import Passed, PlainText, both
from sluice.policies.guard_scan import Hit, Ruling, Scan, Waited, size
from sluice.policies.guards import TextRules
from sluice.policies.json_source import Spelled, read, written

MAX_WORD: Final = 4096
"""Characters of a number. A longer one is plain text."""
MAX_SHORT: Final = 256
"""Characters of a string of which it is asked first whether anything is in it: most are names and words."""
MAX_GAP: Final = 64
"""Characters of white space behind a number that wait to see whether it was one."""

_SHORT: Final = re.compile(rf'"([^"\\]{{0,{MAX_SHORT}}})"')
_WHOLE_NUMBER: Final = re.compile(r"[-+.0-9eE]{1,64}(?=[,}\]])")
_BETWEEN: Final = re.compile(r"[\s,:{}\[\]]*")
_SPACES: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"[-+.0-9A-Za-z_]*")
_NUMBER: Final = re.compile(r"[-+.0-9eE]+")
_NAMES: Final = ("true", "false", "null", "NaN", "Infinity", "-Infinity")


@lru_cache
def _short_numbers(shortest: int) -> re.Pattern[str]:
    """Numbers with commas behind them that are all too short for anything to be in them, as ids of tokens are."""
    return re.compile(rf"(?:[-+.0-9eE]{{1,{shortest - 1}}},[ \n]?)+" if shortest > 1 else r"(?!)")


class _Out:
    """What one call lets out."""

    __slots__ = ("hits", "rejected", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.hits: list[Hit] = []
        self.rejected: TextRules | None = None

    def take(self, passed: Passed) -> None:
        self.texts.append(passed.text)
        self.hits += passed.hits
        self.rejected = passed.rejected


class JsonText:
    """A channel of JSON source.

    Outside of strings a number waits for what follows it, as long as that takes: part of it is of no use to anybody.
    """

    __slots__ = (
        *("_after_value", "_begin", "_characters", "_escape", "_gap", "_is_clean", "_plain", "_plain_from"),
        *("_rejected", "_scan", "_shortest", "_shorts", "_spelled", "_word"),
    )

    def __init__(
        self, begin: Callable[[bool], Scan], shortest: int = 1, is_clean: Callable[[str], bool] = lambda _: False
    ) -> None:
        """`begin`: begins a text; False = it is whole, and waits for nothing. `shortest`: characters of a number in
        which something may be found. `is_clean`: whether nothing is in a whole text, for sure."""
        self._begin = begin
        self._is_clean = is_clean
        self._shortest = shortest
        self._shorts = _short_numbers(shortest)
        self._scan: Scan | None = None
        """Of the string that is open."""
        self._spelled = Spelled()
        """What waits in it."""
        self._escape = ""
        """An escape that has begun."""
        self._word = ""
        """A number or a name that may go on."""
        self._gap = ""
        """White space behind it."""
        self._after_value = False
        """A value has ended, and no comma, colon or bracket came yet."""
        self._plain: PlainText | None = None
        """Since it was no JSON any more."""
        self._plain_from = 0
        self._characters = 0
        self._rejected: TextRules | None = None

    @property
    def held(self) -> int:
        if self._plain is not None:
            return self._plain.held
        return size(f"{self._spelled}{self._escape}{self._word}{self._gap}")

    @property
    def waits_from(self) -> int:
        if self._plain is not None:
            return self._plain_from + self._plain.waits_from
        return self._characters - self._spelled.characters - len(self._escape) - len(self._word) - len(self._gap)

    def feed(self, text: str) -> Passed:
        if self._rejected is not None:
            return Passed("", (), self._rejected)
        scanned = size(text)
        self._characters += len(text)
        out = _Out()
        if self._escape:
            text, self._escape = self._escape + text, ""
        at, end = 0, len(text)
        while at < end and out.rejected is None:
            if self._plain is not None:
                out.take(self._plain.feed(text[at:]))
                break
            at = self._between(text, at, out) if self._scan is None else self._string(text, at, out)
        return self._passed(out, scanned)

    def finish(self) -> Passed:
        if self._rejected is not None:
            return Passed("", (), self._rejected)
        out = _Out()
        if self._scan is not None:
            decoded, _ = read(self._escape, 0, self._spelled, complete=True)
            self._escape = ""
            self._rule(self._scan.feed(decoded), out)
            if out.rejected is None:
                self._rule(self._scan.finish(), out)
        elif self._word:
            if self._is_value():
                self._value(out)
            else:
                self._turn_plain("", 0, out)
        if self._plain is not None and out.rejected is None:
            out.take(self._plain.finish())
        return self._passed(out, 0)

    def overflow(self, waited: Waited) -> Passed:
        out = _Out()
        if self._rejected is not None:
            return Passed("", (), self._rejected)
        if self._plain is not None:
            out.take(self._plain.overflow(waited))
        elif self._scan is not None:
            spelled, begun = self._spelled, len(self._escape)
            self._rule(self._scan.overflow(lambda count: waited(spelled.length_of_last(count) + begun)), out)
        return self._passed(out, 0)

    def whole(self, text: str) -> Passed:
        """Take source that is complete."""
        return both(self.feed(text), self.finish())

    def _passed(self, out: _Out, scanned: int) -> Passed:
        if out.rejected is not None:
            self._rejected = out.rejected
            self._spelled = Spelled()
            self._escape = self._word = self._gap = ""
        return Passed("".join(out.texts), tuple(out.hits), out.rejected, scanned)

    # -- in a string --------------------------------------------------------------------------------------------------

    def _string(self, text: str, at: int, out: _Out) -> int:
        scan = self._scan
        assert scan is not None
        decoded, at = read(text, at, self._spelled)
        self._rule(scan.feed(decoded), out)
        if out.rejected is not None or at == len(text):
            return at
        if text[at] != '"':
            self._escape = text[at:]
            return len(text)
        self._rule(scan.finish(), out)
        self._scan = None
        self._after_value = True
        if out.rejected is None:
            out.texts.append('"')
        return at + 1

    def _rule(self, ruling: str | Ruling, out: _Out) -> None:
        if isinstance(ruling, str):
            out.texts.append(self._spelled.take(len(ruling)))
            return
        for original, mask in ruling.parts:
            source = self._spelled.take(len(original))
            out.texts.append(source if mask is None else written(mask))
        out.hits += ruling.hits
        out.rejected = ruling.rejected

    # -- between strings ----------------------------------------------------------------------------------------------

    def _between(self, text: str, at: int, out: _Out) -> int:
        if self._word:
            return self._behind_word(text, at, out)
        signs = _BETWEEN.match(text, at)
        assert signs is not None
        if signs.end() > at:
            out.texts.append(signs[0])
            self._after_value = self._after_value and signs[0].isspace()
            at = signs.end()
        if at == len(text):
            return at
        if text[at] == '"':
            short = _SHORT.match(text, at)
            if short is not None and self._is_clean(short[1]):
                out.texts.append(short[0])
                self._after_value = True
                return short.end()
            out.texts.append('"')
            self._scan, self._spelled = self._begin(True), Spelled()
            return at + 1
        number = None if self._after_value else self._shorts.match(text, at) or _WHOLE_NUMBER.match(text, at)
        if number is not None and (number.re is self._shorts or self._is_clean(number[0])):
            out.texts.append(number[0])
            self._after_value = number.re is not self._shorts
            return number.end()
        word = _WORD.match(text, at)
        assert word is not None
        self._word = word[0]
        if self._after_value or not self._may_be_value():
            return self._turn_plain(text, word.end(), out)
        return word.end()

    def _behind_word(self, text: str, at: int, out: _Out) -> int:
        """A number or a name has begun: whether it is one is known at the comma, colon or bracket behind it."""
        if not self._gap:
            word = _WORD.match(text, at)
            assert word is not None
            self._word += word[0]
            at = word.end()
            if not self._may_be_value():
                return self._turn_plain(text, at, out)
        spaces = _SPACES.match(text, at)
        assert spaces is not None
        self._gap += spaces[0]
        at = spaces.end()
        if at == len(text) and len(self._gap) <= MAX_GAP:
            return at
        if not self._is_value() or (at < len(text) and text[at] not in ",:{}[]"):
            return self._turn_plain(text, at, out)
        self._value(out)
        return at

    def _may_be_value(self) -> bool:
        word = self._word
        if not word or len(word) > MAX_WORD:
            return False
        return _NUMBER.fullmatch(word) is not None or any(name.startswith(word) for name in _NAMES)

    def _is_value(self) -> bool:
        return self._word in _NAMES or _NUMBER.fullmatch(self._word) is not None

    def _value(self, out: _Out) -> None:
        """A number is whole, or a name: let it out, and the white space behind it."""
        word = self._word
        if len(word) >= self._shortest and word not in _NAMES:
            word = self._number(word, out)
        if out.rejected is None:
            out.texts += [word, self._gap]
        self._word = self._gap = ""
        self._after_value = True

    def _number(self, word: str, out: _Out) -> str:
        """Return what stands for a number: itself, or a string if something is masked in it."""
        if self._is_clean(word):
            return word
        scan = self._begin(False)
        passes = scan.feed(word)
        text, rulings = (passes, []) if isinstance(passes, str) else ("", [passes])
        if scan.rejected is None:
            rulings.append(scan.finish())
        found = [hit for ruling in rulings for hit in ruling.hits]
        if not found:
            return word
        out.hits += found
        out.rejected = scan.rejected
        masked = [original if mask is None else mask for ruling in rulings for original, mask in ruling.parts]
        return f'"{written(text + "".join(masked))}"'

    def _turn_plain(self, text: str, at: int, out: _Out) -> int:
        """This is no JSON: go on as plain text with the word that waits and all of `text` from `at` on."""
        begun = self._word + self._gap + text[at:]
        self._word = self._gap = ""
        self._plain = PlainText(self._begin(True))
        self._plain_from = self._characters - len(begun)
        out.take(self._plain.feed(begun))
        return len(text)
