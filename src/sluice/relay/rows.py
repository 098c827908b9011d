"""The texts of one choice that no judge has seen yet, in their order, with what is beside them in its place."""

from collections import deque
from collections.abc import Iterator

import msgspec

from sluice.chat.content import Citation
from sluice.chat.events import Cited, Event, TextDelta, ToolCallDelta, ToolCallStarted, Unrecognised
from sluice.relay.members import texts_of

MAX_CHARACTERS = 1024
"""Of a window without the end of a sentence; a longer one only comes of what was here at once."""
CONTEXT_CHARACTERS = 256
"""What a judge is told of the text before a window."""
_ENDS = ".!?\n。！？"

Key = tuple[str, int]
"""A channel, or what of a call and which call."""


class Part:
    """Neighbouring pieces of one text."""

    __slots__ = ("_rest", "_waiting", "closed", "key", "pieces", "ready")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.pieces: list[Event] = []
        self.ready = 0
        """How many of the pieces can be judged."""
        self._rest = 0
        """Characters of the last of them that cannot."""
        self._waiting = 0
        """Characters behind what can be judged."""
        self.closed = False

    def add(self, event: Event, text: str) -> None:
        """Take the next piece. Cost: O(n) in its text."""
        self.pieces.append(event)
        self._waiting += len(text)
        end = max(map(text.rfind, _ENDS)) + 1 if isinstance(event, TextDelta) else 0
        if end:
            self.ready, self._waiting = len(self.pieces), len(text) - end
            self._rest = self._waiting
        elif self._waiting >= MAX_CHARACTERS:
            self.ready, self._waiting, self._rest = len(self.pieces), 0, 0

    def close(self) -> None:
        """Something else of the choice begins: all of it can be judged."""
        self.closed, self.ready, self._rest = True, len(self.pieces), 0

    def window(self) -> str:
        """Return the text of what can be judged. It is cut off from what cannot."""
        if self._rest:
            last = self.pieces[self.ready - 1]
            assert isinstance(last, TextDelta)
            self.pieces[self.ready - 1 : self.ready] = [
                _said(last, last.text[: -self._rest]),
                _said(last, last.text[-self._rest :]),
            ]
            self._rest = 0
        return "".join([_text(piece) for piece in self.pieces[: self.ready]])


class Window(msgspec.Struct, frozen=True):
    """The first pieces of a part."""

    row: "Row"
    part: Part
    pieces: int
    text: str

    @property
    def key(self) -> Key:
        return self.part.key


class Row:
    """One choice."""

    __slots__ = ("_parts", "choice", "context")

    def __init__(self, choice: int) -> None:
        self.choice = choice
        self.context: dict[Key, str] = {}
        """The end of what each text has let through."""
        self._parts: deque[Part | Event] = deque()

    def put(self, event: Event) -> list[Event]:
        """Take an event; return what has to wait for nothing."""
        parts, said = self._parts, spoken(event)
        last = parts[-1] if parts else None
        part = last if isinstance(last, Part) else None
        if said is not None:
            key, text = said
            if part is None or part.key != key or type(event) is Unrecognised:
                if part is not None:
                    part.close()
                parts.append(part := Part(key))
            part.add(event, text)
        elif type(event) is not TextDelta:
            if part is not None:
                part.close()
            parts.append(event)
        elif last is None:
            return [event]  # it opens a channel for the client; behind something it would only tear texts apart
        return list(self._passed())

    def windows(self) -> Iterator[Window]:
        """Yield what can be judged now, in order."""
        for part in self._parts:
            if isinstance(part, Part):
                if part.ready:
                    yield Window(self, part, part.ready, part.window())
                if not part.closed:
                    return

    def let_through(self, window: Window, text: str) -> list[Event]:
        """Return the pieces of a window that was judged, spelled like this. Windows leave in their order."""
        part = window.part
        out, part.pieces = part.pieces[: window.pieces], part.pieces[window.pieces :]
        part.ready -= window.pieces
        self.context[part.key] = (self.context.get(part.key, "") + text)[-CONTEXT_CHARACTERS:]
        if text != window.text:
            out = [respelled] if (respelled := _respelled(out[0], text)) is not None else []
        return [*out, *self._passed()]

    def _passed(self) -> Iterator[Event]:
        """What stands before the next text that waits."""
        parts = self._parts
        while parts:
            first = parts[0]
            if not isinstance(first, Part):
                yield first
            elif first.pieces or not first.closed:
                return
            parts.popleft()


def spoken(event: Event) -> tuple[Key, str] | None:
    """Return the text of an event and which text it is a piece of; None = there is none in it."""
    said: tuple[Key, str]
    match event:
        case TextDelta():
            said = (event.channel, 0), event.text
        case ToolCallStarted():
            said = ("name", event.index), event.name
        case ToolCallDelta():
            said = ("arguments", event.index), event.arguments
        case Cited():
            said = ("source", 0), _source(event.citation)
        case Unrecognised(part=msgspec.Raw() as raw):
            said = ("part", 0), texts_of(raw)
        case _:
            return None
    return said if said[1] else None


def _source(citation: Citation) -> str:
    return "\n".join(filter(None, (citation.title, citation.quote, citation.url)))


def _text(event: Event) -> str:
    said = spoken(event)
    return "" if said is None else said[1]


def _said(event: TextDelta, text: str) -> TextDelta:
    return TextDelta(event.choice, event.channel, text)


def _respelled(event: Event, text: str) -> Event | None:
    """Return an event with another text. One that was nothing but its text is left out with it."""
    match event:
        case TextDelta():
            return _said(event, text) if text else None
        case ToolCallDelta():
            return ToolCallDelta(event.choice, event.index, text) if text else None
        case ToolCallStarted():
            return ToolCallStarted(event.choice, event.index, event.id, text)
        case Cited() | Unrecognised():
            return None  # what a judge makes of all its texts together cannot be taken apart again
        case _:
            return event
