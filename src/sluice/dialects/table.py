"""The members of a client's body, looked up in the table of its dialect: nothing is left out in silence.

A row is a member's path: `tools[].function.name`, where `[]` stands for each element of a list. An object is looked
into where the table has rows below it; elsewhere its inside is the caller's own. Two more kinds of rows:

- `tools[].type=web_search_*`: objects of that type; one that is left out is left out whole. The first
  row that fits decides.
- `messages[role=assistant].*`: such an object is an echo of an answer, and what is unknown within it is left out.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import msgspec

from sluice.dialects.dialect import Field
from sluice.dialects.reading import UNREADABLE
from sluice.errors import BadRequest

_NOTHING = re.compile(rb'null|""|\[\s*\]|\{\s*\}')
"""What asks for nothing is no reason to refuse a member: clients write out all that they did not set."""
_NO_NAME = re.compile(r"[.=*\[\]]")
"""Of the table's own signs: a member whose name has one is in no row."""
_ECHO = re.compile(r"(?P<row>.*)\[(?P<member>\w+)=(?P<pattern>[^\]]+)\]\.\*")

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_word = msgspec.json.Decoder(str).decode


class Table:
    """The rows of a dialect. `same` says which places hold what another one holds: `system` is like
    `messages[].content`."""

    def __init__(self, fields: Mapping[str, Field], same: Mapping[str, str] | None = None) -> None:
        self._fields = fields
        self._same = same or {}
        self._objects = frozenset(key[: dot.start()] for key in fields for dot in re.finditer(r"\.", key))
        """Rows that have rows below them."""
        self._echoes: dict[str, list[tuple[str, str]]] = {}
        self._types: dict[str, list[tuple[str, Field]]] = {}
        for key, field in fields.items():
            row, _, pattern = key.partition(".type=")
            if match := _ECHO.fullmatch(key):
                self._echoes.setdefault(f"{match['row']}[]", []).append((match["member"], match["pattern"]))
            elif pattern:
                self._types.setdefault(row, []).append((pattern, field))

    def judge(self, members: Mapping[str, msgspec.Raw], place: str = "", row: str = "") -> None:
        """Look up the members of one object, and what is within them. Cost: O(n) in their bytes for each level.

        `place` is the object's path in the body, `row` its path in the table; both are empty for the body itself.

        Raises:
            BadRequest: a member is refused, or has no row; `param` is its place.
        """
        if self._passes(members, row):
            return
        for name, value in members.items():
            at, key = (f"{place}.{name}", f"{row}.{name}") if row else (name, name)
            if _NOTHING.fullmatch(value):
                continue
            field = None if _NO_NAME.search(name) else self._fields.get(key)
            if field is None:
                raise BadRequest(f"Unsupported parameter for a translated request: '{at}'.", param=at)
            if field.how == "refused" and _start(value, 5) != b"false":
                raise BadRequest(f"'{at}' cannot be translated: {field.why}.", param=at)
            if field.how == "read":
                self.within(value, at, self._same.get(key, key))

    def within(self, value: msgspec.Raw, place: str, row: str) -> None:
        """Look up what is within a member, if it is an object or a list of objects.

        Raises:
            BadRequest: as `judge` does.
        """
        for one, at, key in _objects(value, place, row):
            if key in self._objects:
                try:
                    members = _read_members(one)
                except UNREADABLE:
                    continue  # reading it tells what is wrong
                self.judge(members, at, key)

    def _passes(self, members: Mapping[str, msgspec.Raw], row: str) -> bool:
        """Whether an object is an echo, or of a type that has no place in a translation."""
        for member, pattern in self._echoes.get(row, ()):
            if fnmatchcase(_word(members.get(member)), pattern):
                return True
        types = self._types.get(row, ())
        word = _word(members.get("type")) if types else ""
        return next((field.how != "read" for pattern, field in types if fnmatchcase(word, pattern)), False)


def _objects(value: msgspec.Raw, place: str, row: str) -> Iterator[tuple[msgspec.Raw, str, str]]:
    start = _start(value, 1)
    if start == b"{":
        yield value, place, row
    elif start == b"[":
        try:
            rows = _read_rows(value)
        except UNREADABLE:
            return
        for index, one in enumerate(rows):
            if _start(one, 1) == b"{":
                yield one, f"{place}[{index}]", f"{row}[]"


def _start(raw: msgspec.Raw, length: int) -> bytes:
    return bytes(memoryview(raw)[:length])


def _word(raw: msgspec.Raw | None) -> str:
    try:
        return "" if raw is None else _read_word(raw)
    except UNREADABLE:
        return ""
