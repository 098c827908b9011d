"""Objects of a client's request, member by member. The API takes camelCase and snake_case alike, numbers as strings,
null for what is not set, and one value where it wants a list of one; so does this.

Source: protobuf.dev/programming-guides/json (the API is protocol buffers in JSON), read 2026-11-21.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from sluice.dialects.reading import NULL, UNREADABLE, explain
from sluice.errors import BadRequest

T = TypeVar("T")

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_text = msgspec.json.Decoder(str).decode
_read_flag = msgspec.json.Decoder(bool).decode
_read_number = msgspec.json.Decoder(float, strict=False).decode

_SNAKE = re.compile(r"_([a-z0-9])")
_PLACED = re.compile(r"^(?P<what>.*) - at `\$(?P<path>[^`]*)`$", re.DOTALL)


def camel(name: str) -> str:
    """`system_instruction` -> `systemInstruction`."""
    return _SNAKE.sub(lambda match: match[1].upper(), name) if "_" in name else name


def misfit(error: Exception, raw: msgspec.Raw, place: str) -> BadRequest:
    """Turn msgspec's error about a part of the body into one that names the place in the whole."""
    if isinstance(error, msgspec.ValidationError):
        known = _PLACED.match(str(error))
        what, path = (known["what"], known["path"]) if known else (str(error), "")
        error = msgspec.ValidationError(f"{what} - at `$.{place}{path}`")
    return explain(error, bytes(raw))


def unsupported(place: str) -> BadRequest:
    """A member that no translation knows."""
    return BadRequest(f"Unsupported parameter for a translated request: '{place}'.", param=place)


class Members:
    """One object: its members by their camelCase names, those that are null left out."""

    __slots__ = ("_raw", "place")

    def __init__(self, raw: msgspec.Raw | dict[str, msgspec.Raw], place: str) -> None:
        """`place` is the object's path in the body; empty for the body itself.

        Raises:
            BadRequest: it is no object, or one member of it is said twice.
        """
        self.place = place
        if isinstance(raw, dict):
            members = raw
        else:
            try:
                members = _read_members(raw)
            except UNREADABLE as error:
                raise misfit(error, raw, place) from None
        self._raw: dict[str, msgspec.Raw] = {}
        for name, value in members.items():
            known = camel(name)
            if known in self._raw:
                raise BadRequest(f"'{self.at(known)}' is given twice, in both spellings.", param=self.at(known))
            if value != NULL:
                self._raw[known] = value

    def at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def only(self, *names: str) -> None:
        """
        Raises:
            BadRequest: there is a member besides these.
        """
        for name in self._raw:
            if name not in names:
                raise unsupported(self.at(name))

    def raw(self, name: str) -> msgspec.Raw | None:
        """A member's JSON, byte for byte."""
        return self._raw.get(name)

    def text(self, name: str) -> str | None:
        return self._read(name, _read_text)

    def flag(self, name: str) -> bool | None:
        return self._read(name, _read_flag)

    def number(self, name: str) -> float | None:
        value = self._read(name, _read_number)
        if value is not None and not math.isfinite(value):
            raise BadRequest(f"Invalid value for '{self.at(name)}': expected a number.", param=self.at(name))
        return value

    def whole(self, name: str) -> int | None:
        value = self.number(name)
        if value is not None and not value.is_integer():
            raise BadRequest(f"Invalid value for '{self.at(name)}': expected an integer.", param=self.at(name))
        return None if value is None else int(value)

    def object(self, name: str) -> "Members | None":
        raw = self._raw.get(name)
        return None if raw is None else Members(raw, self.at(name))

    def rows(self, name: str) -> list[tuple[msgspec.Raw, str]]:
        """A list's elements and their places. One value that is no list is a list of one."""
        raw = self._raw.get(name)
        if raw is None:
            return []
        if not bytes(raw).lstrip().startswith(b"["):
            return [(raw, self.at(name))]
        rows = self._read(name, _read_rows) or []
        return [(row, f"{self.at(name)}[{number}]") for number, row in enumerate(rows)]

    def objects(self, name: str) -> "list[Members]":
        return [Members(row, place) for row, place in self.rows(name)]

    def texts(self, name: str) -> list[str]:
        texts = []
        for row, place in self.rows(name):
            try:
                texts.append(_read_text(row))
            except UNREADABLE as error:
                raise misfit(error, row, place) from None
        return texts

    def _read(self, name: str, read: Callable[[msgspec.Raw], T]) -> T | None:
        raw = self._raw.get(name)
        if raw is None:
            return None
        try:
            return read(raw)
        except UNREADABLE as error:
            raise misfit(error, raw, self.at(name)) from None
