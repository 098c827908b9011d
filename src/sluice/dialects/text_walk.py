"""The texts of a request that a model will read, found where they stand, and put back changed.

Each dialect says in its `texts.py` where its texts stand; this is the machine that they share. Guarantee: what is not
changed keeps its place and its meaning, and members of the body in which nothing is changed keep their bytes. A member
that stands twice in one object is refused: two readers could read two things, and only one of them would be judged.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.dialects.writing import to_json
from sluice.errors import BadRequest

Scope = Literal["system", "messages", "tool_input", "tool_output"]
"""`system`: what the operator of a conversation says, tools' definitions among it. `tool_input`: arguments of calls in
the conversation, `tool_output`: their results. `messages`: all else that is said."""
Voice = tuple[Scope, str]
"""A scope, and who speaks in it: `system`, `user`, `assistant` or `tool`."""

SYSTEM: Voice = ("system", "system")
USER: Voice = ("messages", "user")
ASSISTANT: Voice = ("messages", "assistant")
CALL: Voice = ("tool_input", "assistant")
RESULT: Voice = ("tool_output", "tool")

Box = dict[str, object] | list[object]
"""An object or a list of the body, in which a value has a key or an index."""

_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?P<options>(?:;[^;,]*)*),", re.DOTALL)
_TEXTUAL = re.compile(r"text/|application/(.*\+)?(json|xml|yaml|x-yaml|javascript|x-ndjson|sql|toml)\b", re.IGNORECASE)

_URL_SAFE = str.maketrans("-_", "+/")


class PromptText(msgspec.Struct, frozen=True):
    """One text of a request."""

    scope: Scope
    role: str
    text: str
    is_json: bool
    """It is JSON: an object of the body, or a string that holds one."""
    run: int
    """Texts of one run follow each other and are read as one: the text parts of a message."""


class Walk:
    """Finds the texts of one request. Not for two at once."""

    def __init__(self, fields: Mapping[str, msgspec.Raw]) -> None:
        self.fields = fields
        self.texts: list[PromptText] = []
        self._puts: list[tuple[str, Callable[[str], None]]] = []
        """For each text the member of the body that it stands in, and how to put another in its place."""
        self._tree: dict[str, object] = {}
        self._member = ""
        self._run = 0

    def written(self, texts: Mapping[int, str]) -> dict[str, msgspec.Raw]:
        """Return the body's members with other texts, given by their index in `texts`."""
        changed: dict[str, msgspec.Raw] = {}
        for index, text in texts.items():
            member, put = self._puts[index]
            put(text)
            changed[member] = msgspec.Raw()
        return {**self.fields, **{member: msgspec.Raw(to_json(self._tree[member])) for member in changed}}

    # -- ways into the body -------------------------------------------------------------------------------------------

    def top(self, name: str) -> tuple[dict[str, object], str]:
        """Return a member of the body, decoded: the box that it is in, and its key.

        Raises:
            BadRequest: a member stands twice in it, or it is nested too deeply.
        """
        self._member = name
        self._tree[name] = _decoded(self.fields[name], name)
        return self._tree, name

    def rows(self, box: Box, key: str | int) -> Iterator[tuple[Box, int]]:
        """Yield each element of a list as its box and index; what is no list has none."""
        value = _at(box, key)
        if isinstance(value, list):
            yield from ((value, index) for index in range(len(value)))

    def part(self) -> None:
        """Begin a run: texts that are said to join from here on are read as one."""
        self._run += 1

    # -- what is found ------------------------------------------------------------------------------------------------

    def text(self, voice: Voice, box: Box, key: str | int, *, joins: bool = False) -> None:
        """Take a text; a value of another type is taken as JSON. One that is said by or to a tool may be JSON."""
        value = _at(box, key)
        if not isinstance(value, str):
            self.json(voice, box, key)
            return
        is_json = voice[0] in ("tool_input", "tool_output") and _is_json(value)
        self._take(voice, value, partial(_put, box, key), is_json=is_json, joins=joins and not is_json)

    def json(self, voice: Voice, box: Box, key: str | int) -> None:
        """Take a value as JSON, with all names and texts in it."""
        value = _at(box, key)
        if value is None or isinstance(value, bool):
            return
        if isinstance(value, str):
            self._take(voice, value, partial(_put, box, key))
        else:
            self._take(voice, to_json(value).decode(), partial(_put_raw, box, key), is_json=True)

    def others(self, voice: Voice, box: Box, known: Iterable[str]) -> None:
        """Take every member of an object that is not among these, as JSON."""
        if isinstance(box, dict):
            for name in box.keys() - frozenset(known):
                self.json(voice, box, name)

    def data_url(self, voice: Voice, box: Box, key: str | int) -> None:
        """Take what a data URL holds, if it is text; other URLs say nothing."""
        value = _at(box, key)
        found = _DATA_URL.match(value) if isinstance(value, str) else None
        if found is None or not isinstance(value, str) or not _TEXTUAL.match(found["type"] or "text/plain"):
            return
        if found["options"].lower().endswith(";base64"):
            self._decoded(voice, box, key, value[: found.end()], value[found.end() :])
        else:
            self._take(voice, value, partial(_put, box, key))

    def base64(self, voice: Voice, box: Box, key: str | int, media_type: object) -> None:
        """Take what base64 of this media type holds, if it is text."""
        value = _at(box, key)
        if isinstance(value, str) and isinstance(media_type, str) and _TEXTUAL.match(media_type):
            self._decoded(voice, box, key, "", value)

    def _decoded(self, voice: Voice, box: Box, key: str | int, head: str, data: str) -> None:
        try:
            content = base64.b64decode("".join(data.split()).translate(_URL_SAFE) + "==")
        except (binascii.Error, ValueError):
            return  # a provider cannot read it either
        try:
            text, coding = content.decode(), "utf-8"
        except UnicodeDecodeError:
            text, coding = content.decode("latin-1"), "latin-1"
        self._take(voice, text, partial(_put_base64, box, key, head, coding))

    def _take(
        self, voice: Voice, text: str, put: Callable[[str], None], *, is_json: bool = False, joins: bool = False
    ) -> None:
        if not text:
            return
        if not joins:
            self._run += 1
        self.texts.append(PromptText(*voice, text, is_json, self._run))
        self._puts.append((self._member, put))
        if not joins:
            self._run += 1


def member_of(value: object, name: str) -> object:
    """Return a member of a value, None if it is no object or has none of this name."""
    return value.get(name) if isinstance(value, dict) else None


def boxed(box: Box, key: str | int) -> dict[str, object] | None:
    """Return the object at a place, None if it is none."""
    value = _at(box, key)
    return value if isinstance(value, dict) else None


def _at(box: Box, key: str | int) -> object:
    return box.get(key) if isinstance(box, dict) and isinstance(key, str) else box[key]  # type: ignore[index]


def _put(box: Box, key: str | int, text: str) -> None:
    box[key] = text  # type: ignore[index]


def _put_raw(box: Box, key: str | int, text: str) -> None:
    box[key] = msgspec.Raw(text.encode("utf-8", "replace"))  # type: ignore[index]


def _put_base64(box: Box, key: str | int, head: str, coding: str, text: str) -> None:
    box[key] = head + base64.b64encode(text.encode(coding, "replace")).decode()  # type: ignore[index]


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(text)
    except (*UNREADABLE, UnicodeEncodeError):
        return False
    return True


def _decoded(raw: msgspec.Raw, name: str) -> object:
    """Decode a member of the body; numbers keep their bytes."""
    try:
        text = bytes(raw).decode()
        value: object = json.loads(text, object_pairs_hook=_object, parse_int=_number, parse_float=_number)
    except _Twice as error:
        told = f"The member '{error}' stands twice in one object of '{name}'."
        raise BadRequest(told, param=name) from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.", param=name) from None
    except ValueError:
        raise BadRequest(f"'{name}' is not valid JSON.", param=name) from None
    return value


class _Twice(Exception):
    """An object has two members of one name."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1)[:64])
    return members


def _number(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
