"""Strings as JSON source spells them: escapes to characters and back, wherever they are cut.

Obeys: RFC 8259, 7. Departures, since models write them: control characters stand for themselves, an unknown escape for
its last character.
"""

import re
from collections import deque
from typing import Final

import msgspec

_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
_BEGUN: Final = re.compile(
    r"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?)?)?"
)
"""The beginning of an escape that may go on: of a surrogate pair each half is one."""
_LONGEST: Final = 12
_MEANT: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_SPECIAL: Final = re.compile(r'["\\]')


class Spelled:
    """The source of text that waits: characters as they are, and escapes, each for one character."""

    __slots__ = ("_parts", "characters")

    def __init__(self) -> None:
        self._parts: deque[tuple[int, str]] = deque()
        self.characters = 0
        """Of the source."""

    def __str__(self) -> str:
        return "".join([source for _, source in self._parts])

    def add(self, count: int, source: str) -> None:
        """`count`: characters that are meant, as many as the source has unless it is an escape."""
        self._parts.append((count, source))
        self.characters += len(source)

    def length_of_last(self, count: int) -> int:
        """Return how many characters the source of the last `count` has. O(what is asked about)."""
        length = 0
        for meant, source in reversed(self._parts):
            if count <= 0:
                break
            length += len(source) if meant <= count else count
            count -= meant
        return length

    def take(self, count: int) -> str:
        """Return the source of the first characters, and forget it. O(what is taken)."""
        taken: list[str] = []
        parts = self._parts
        while count:
            meant, source = parts.popleft()
            if meant > count:
                parts.appendleft((meant - count, source[count:]))
                source = source[:count]
            taken.append(source)
            count -= min(meant, count)
        found = "".join(taken)
        self.characters -= len(found)
        return found


def read(text: str, at: int, spelled: Spelled, *, complete: bool = False) -> tuple[str, int]:
    """Return the characters of a string from `at` on, and where reading stopped: at the quote that closes the string,
    at an escape that may go on, or at the end. Their source is added to `spelled`.

    `complete`: nothing follows, so no escape goes on.
    """
    found: list[str] = []
    end = len(text)
    while at < end:
        special = _SPECIAL.search(text, at)
        stop = special.start() if special else end
        if stop > at:
            found.append(text[at:stop])
            spelled.add(stop - at, text[at:stop])
            at = stop
        if at == end or text[at] == '"':
            break
        tail = text[at : at + _LONGEST]
        if not complete and _BEGUN.fullmatch(tail):
            break
        escape = _ESCAPE.match(tail)
        source = escape[0] if escape else tail
        found.append(_decoded(source))
        spelled.add(1, source)
        at += len(source)
    return "".join(found), at


def written(text: str) -> str:
    """Return a text as it stands between the quotes of a string. Half a surrogate pair has no such form: U+FFFD."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return msgspec.json.encode(whole).decode()[1:-1]


def _decoded(escape: str) -> str:
    if len(escape) < 3:
        return _MEANT.get(escape[-1], escape[-1])
    code = int(escape[2:6], 16)
    if len(escape) > 6:
        code = 0x10000 + ((code - 0xD800) << 10) + (int(escape[8:12], 16) - 0xDC00)
    return chr(code)
