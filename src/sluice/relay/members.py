"""JSON of an answer that has no word in the vocabulary: its strings, names and numbers are texts, looked at as such.

What is in base64 under a name that says so (sound, images, files, proofs) is no text and passes. In a stream a string
of a choice's own member may be a text in pieces: those with the same path are one, but for names and ids.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from sluice.chat.events import Event, Leftover, Place
from sluice.dialects.writing import to_json
from sluice.relay.guarding import rejected
from sluice.relay.held_text import HeldText

BINARY: Final = frozenset(
    [
        *("data", "b64_json", "result", "signature", "thoughtSignature", "encrypted_content", "encryptedContent"),
        *("partial_image_b64", "encrypted_index", "encrypted_stdout"),
    ]
)
"""Members whose value is no text if it is base64."""
WHOLE: Final = frozenset(["id", "type", "format", "name", "role", "status", "mime_type", "mimeType", "language", "url"])
"""Strings that no API sends in pieces."""
_TITLES: Final = WHOLE - {"name", "url"}
"""Of these no judge is told."""
SHORTEST: Final = 9
"""Digits of a number that may be a value to hide."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=_\-\s]*")

Path = tuple[str | int, ...]
Look = Callable[[Path, str], str]
"""Return what may be seen of a text at a path."""
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def looked_at(raw: msgspec.Raw, look: Look, path: Path = ()) -> msgspec.Raw | None:
    """Return JSON as `look` lets it pass: the same bytes if nothing changes; None if it cannot be read."""
    try:
        value: object = msgspec.json.decode(raw)
        seen = _walk(value, look, path)
    except UNREADABLE:
        return None
    return raw if seen == value else msgspec.Raw(to_json(seen))


def texts_of(raw: msgspec.Raw) -> str:
    """Return the texts in JSON, names of members too, a line for each; empty if it has nothing but names."""
    found: list[str] = []
    values = 0

    def note(path: Path, text: str) -> str:
        nonlocal values
        if not path or path[-1] not in _TITLES:
            found.append(text)
            values += not path or path[-1] != ""
        return text

    looked_at(raw, note)
    return "\n".join(found) if values else ""


def _walk(value: object, look: Look, path: Path) -> object:
    if isinstance(value, str):
        return value if not value or _is_binary(value, path) else look(path, value)
    if isinstance(value, dict):
        return {_name(name, look, path): _walk(member, look, (*path, name)) for name, member in value.items()}
    if isinstance(value, list):
        return [_walk(member, look, (*path, _place(member, at))) for at, member in enumerate(value)]
    if isinstance(value, int | float) and len(number := str(value)) >= SHORTEST:
        seen = look((*path, ""), number)
        return value if seen == number else seen
    return value


def _name(name: str, look: Look, path: Path) -> str:
    return look((*path, ""), name) if name else name


def _place(member: object, at: int) -> int:
    """Which element of a list this is: in a stream each chunk may have one of them alone, with its number."""
    said = member.get("index") if isinstance(member, dict) else None
    return said if isinstance(said, int) else at


def _is_binary(text: str, path: Path) -> bool:
    return bool(path) and path[-1] in BINARY and _BASE64.fullmatch(text) is not None


class Growing:
    """The members of one choice of a stream, and the texts that grow in them."""

    __slots__ = ("_begin", "_texts", "_whole")

    def __init__(self, begin: Callable[[], HeldText], whole: Callable[[str, list[Event]], str]) -> None:
        """`begin` a text in pieces; `whole`: what may be seen of one that is complete."""
        self._begin = begin
        self._whole = whole
        self._texts: dict[tuple[Place, Path], HeldText] = {}

    def take(self, event: Leftover, now: float, out: list[Event]) -> dict[str, msgspec.Raw]:
        """Return what may be seen of these members.

        Raises:
            Blocked: the answer ends here; `out` may still be seen.
        """
        fields: dict[str, msgspec.Raw] = {}

        def look(path: Path, text: str) -> str:
            if path[-1] == "" or path[-1] in WHOLE:
                return self._whole(text, out)
            grown = self._texts.get((event.place, path))
            if grown is None:
                grown = self._texts[event.place, path] = self._begin()
            if grown.passes(text, now):
                return text
            if grown.rejected is not None:
                raise rejected(grown.rejected, out)
            return grown.said

        for name, raw in event.fields.items():
            if (seen := looked_at(raw, look, (name,))) is not None:
                fields[self._whole(name, out)] = seen
        return fields

    def finish(self, choice: int, now: float, out: list[Event]) -> None:
        """The choice is complete: let go of the rest of each text, in members of the same shape.

        Raises:
            Blocked: see `take`.
        """
        for (place, path), text in self._texts.items():
            text.finish(now)
            if text.said:
                out.append(Leftover(place, choice, _member(path, text.said)))
            if text.rejected is not None:
                raise rejected(text.rejected, out)
        self._texts.clear()


def _member(path: Path, text: str) -> dict[str, msgspec.Raw]:
    value: object = text
    for step in reversed(path[1:]):
        if isinstance(step, int):
            value = [{"index": step, **value} if isinstance(value, dict) else value]
        else:
            value = {step: value}
    return {str(path[0]): msgspec.Raw(to_json(value))}
