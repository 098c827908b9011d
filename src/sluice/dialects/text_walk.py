"""The texts of a request that a model will read, found where they stand, and put back changed.

Each dialect says in its `texts.py` where its texts stand; this is the machine that they share. Guarantee: what is not
changed keeps its place and its meaning, and members of the body in which nothing is changed keep their bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.dialects.text_files import TextFile, base64_file, data_url, named_file
from sluice.dialects.unambiguous import value_of
from sluice.dialects.writing import to_json

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

_GONE: object = object()
"""Stands where something was taken away."""


# A body of many small values has tens of thousands of those below, and the garbage collector need not look at them:
# they refer to nothing that refers to them.


class PromptText(msgspec.Struct, frozen=True, gc=False):
    """One text of a request."""

    scope: Scope
    role: str
    text: str
    is_json: bool
    """It is JSON: an object of the body, or a string that holds one."""
    run: int
    """Texts of one run follow each other, and are also read as one: the text parts of a message."""


class Home(msgspec.Struct, frozen=True, gc=False):
    """A value that is taken away with the text in it: a part of a message, a message, a member."""

    box: Box
    key: str | int
    within: "Home | None" = None
    """What goes too, if this is the last that `box` holds."""
    stays: bool = False
    """It has to be there: an empty text stands in its place."""


class _Place(msgspec.Struct, frozen=True, gc=False):
    """Where a text stands."""

    member: str
    """Of the body."""
    box: Box
    key: str | int
    put: Callable[[Box, str | int, str], None]
    """How to put another in its place."""
    home: Home | None
    """What goes if nothing is left of the text; None = an empty text stands there."""
    seal: Home | None
    """What goes if the text is changed, since it vouches for it."""


class Walk:
    """Finds the texts of one request. Not for two at once."""

    def __init__(self, fields: Mapping[str, msgspec.Raw]) -> None:
        self.fields = fields
        self.texts: list[PromptText] = []
        self._places: list[_Place] = []
        """Of each text."""
        self._tree: dict[str, object] = {}
        self._member = ""
        self._runs = 0

    def written(self, texts: Mapping[int, str]) -> dict[str, msgspec.Raw]:
        """Return the body's members with other texts, given by their index in `texts`. What has nothing left to say is
        taken away: providers refuse empty texts."""
        gaps = _Gaps()
        changed: set[str] = set()
        for index, text in texts.items():
            place = self._places[index]
            place.put(place.box, place.key, text)
            changed.add(place.member)
            if place.seal is not None:
                gaps.take(place.seal)
            if not text and place.home is not None:
                gaps.take(place.home)
        gaps.close()
        left = {name: raw for name, raw in self.fields.items() if name not in changed or name in self._tree}
        return {name: msgspec.Raw(to_json(self._tree[name])) if name in changed else raw for name, raw in left.items()}

    # -- ways into the body -------------------------------------------------------------------------------------------

    def top(self, name: str) -> tuple[dict[str, object], str]:
        """Return a member of the body, decoded: the box that it is in, and its key.

        Raises:
            BadRequest: a member stands twice in it, or it is nested too deeply.
        """
        self._member = name
        self._tree[name] = value_of(self.fields[name], name)
        return self._tree, name

    def rows(self, voice: Voice, box: Box, key: str | int) -> Iterator[tuple[Box, int]]:
        """Yield each element of a list as its box and index. What should be a list and is none is taken as JSON."""
        value = _at(box, key)
        if isinstance(value, list):
            yield from ((value, index) for index in range(len(value)))
        else:
            self.json(voice, box, key)

    def run(self) -> int:
        """Begin a run: texts of one run are read one by one, and together as one."""
        self._runs += 1
        return self._runs

    # -- what is found ------------------------------------------------------------------------------------------------

    def text(
        self,
        voice: Voice,
        box: Box,
        key: str | int,
        *,
        run: int = 0,
        home: Home | None = None,
        seal: Home | None = None,
    ) -> None:
        """Take a text; a value of another type is taken as JSON. One that is said by or to a tool may be JSON. `run`:
        where it belongs to; 0 = to one of its own."""
        value = _at(box, key)
        if not isinstance(value, str):
            self.json(voice, box, key)
            return
        is_json = voice[0] in ("tool_input", "tool_output") and _is_json(value)
        self._take(voice, value, box, key, _put, is_json=is_json, run=0 if is_json else run, home=home, seal=seal)

    def json(self, voice: Voice, box: Box, key: str | int) -> None:
        """Take a value as JSON, with all names and texts in it."""
        value = _at(box, key)
        if isinstance(value, str):
            self._take(voice, value, box, key, _put)
        elif value is not None and not isinstance(value, bool) and value not in ([], {}):
            self._take(voice, to_json(value).decode(), box, key, _put_raw, is_json=True)

    def others(self, voice: Voice, box: Box, known: Iterable[str]) -> None:
        """Take every member of an object that is not among these, as JSON."""
        if isinstance(box, dict):
            for name in box.keys() - frozenset(known):
                self.json(voice, box, name)

    def within(self, voice: Voice, box: Box, key: str | int, known: Iterable[str]) -> None:
        """Take every member of the object at a place that is not among these; what is no object is taken as JSON."""
        value = _at(box, key)
        if isinstance(value, dict):
            self.others(voice, value, known)
        else:
            self.json(voice, box, key)

    def data_url(self, voice: Voice, box: Box, key: str | int) -> None:
        """Take what a data URL holds, if it is text; other URLs say nothing.

        Raises:
            BadRequest: it claims to be text and cannot be read.
        """
        value = _at(box, key)
        self._file(voice, box, key, data_url(value) if isinstance(value, str) else None)

    def file(self, voice: Voice, box: Box, key: str | int, name: object) -> None:
        """Take what a file holds, if it is text: a data URL, or base64 without one. `name` says what file it is.

        Raises:
            BadRequest: it claims to be text and cannot be read.
        """
        value, named = _at(box, key), name if isinstance(name, str) else ""
        self._file(voice, box, key, named_file(value, named) if isinstance(value, str) else None)

    def base64(self, voice: Voice, box: Box, key: str | int, media_type: object) -> None:
        """Take what base64 of this media type holds, if it is text.

        Raises:
            BadRequest: it claims to be text and cannot be read.
        """
        value, kind = _at(box, key), media_type if isinstance(media_type, str) else ""
        self._file(voice, box, key, base64_file(value, kind) if isinstance(value, str) else None)

    def _file(self, voice: Voice, box: Box, key: str | int, found: TextFile | None) -> None:
        if found is not None:
            self._take(voice, found.text, box, key, partial(_put_written, found))
        elif not isinstance(_at(box, key), str):
            self.json(voice, box, key)

    def _take(
        self,
        voice: Voice,
        text: str,
        box: Box,
        key: str | int,
        put: Callable[[Box, str | int, str], None],
        *,
        is_json: bool = False,
        run: int = 0,
        home: Home | None = None,
        seal: Home | None = None,
    ) -> None:
        if text:
            self.texts.append(PromptText(*voice, text, is_json, run or self.run()))
            self._places.append(_Place(self._member, box, key, put, home, seal))


class _Gaps:
    """What is taken away of a body. Lists keep their indexes until all of it is known."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[list[object], int]] = {}
        """By identity: a list of which something was taken, and how much it still holds."""

    def take(self, home: Home) -> None:
        box, key = home.box, home.key
        if home.stays:
            _put(box, key, "")
        elif isinstance(box, dict):
            box.pop(str(key), None)
        elif isinstance(key, int) and box[key] is not _GONE:
            box[key] = _GONE
            left = self._left.get(id(box), (box, len(box)))[1] - 1
            self._left[id(box)] = box, left
            if not left and home.within is not None:
                self.take(home.within)

    def close(self) -> None:
        for box, _ in self._left.values():
            box[:] = [value for value in box if value is not _GONE]


def member_of(value: object, name: str) -> object:
    """Return a member of a value, None if it is no object or has none of this name."""
    return value.get(name) if isinstance(value, dict) else None


def boxed(box: Box, key: str | int) -> dict[str, object] | None:
    """Return the object at a place, None if it is none."""
    value = _at(box, key)
    return value if isinstance(value, dict) else None


def _at(box: Box, key: str | int) -> object:
    return box.get(key) if isinstance(box, dict) and isinstance(key, str) else box[key]  # type: ignore[index]  # the key is of the kind that this one takes


def _put(box: Box, key: str | int, text: str) -> None:
    box[key] = text  # type: ignore[index]  # the key is of the kind that this one takes


def _put_raw(box: Box, key: str | int, text: str) -> None:
    box[key] = msgspec.Raw(text.encode("utf-8", "replace"))  # type: ignore[index]  # the key is of the kind that this one takes


def _put_written(file: TextFile, box: Box, key: str | int, text: str) -> None:
    box[key] = file.written(text)  # type: ignore[index]  # the key is of the kind that this one takes


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(text)
    except (*UNREADABLE, UnicodeEncodeError):
        return False
    return True
