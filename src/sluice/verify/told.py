"""What an answer told its client, as facts that a judge can weigh. Written by one reader for each dialect."""

from typing import Protocol

import msgspec

from sluice.verify.sse_reader import SseEvent, shown


class Usage(msgspec.Struct, frozen=True):
    """Tokens, as the client was told. Input counts those from the cache."""

    input_tokens: int
    output_tokens: int


class Told:
    """One answer. Its reader alone writes it."""

    def __init__(self) -> None:
        self.tokens: list[tuple[float, str]] = []
        """Pieces of the answer's text, and when each came."""
        self.successes = 0
        """Success markers: `[DONE]`, `message_stop`, `response.completed`, a finish reason of Gemini's."""
        self.finish = ""
        """The finish reason, in the dialect's own word."""
        self.errors: list[str] = []
        """In-band errors."""
        self.usages: list[Usage] = []
        """As often as usage was shown."""
        self.usage_chunks = 0
        """Chat: chunks with `choices: []`."""
        self.malformed: list[bytes] = []
        """Events whose data is no JSON."""
        self.pings: list[float] = []
        """The dialect's own events that say nothing."""
        self.usage_missing: list[str] = []
        """Where the dialect demands usage and there is none."""
        self.faults: list[str] = []
        """What no answer of this dialect may do."""

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.tokens)

    @property
    def over(self) -> bool:
        """A success marker or an error was read: nothing may follow."""
        return bool(self.successes or self.errors)

    def fault(self, what: str) -> None:
        self.faults.append(what)


class Reader(Protocol):
    """Reads the events of one streamed answer into `told`, strictly."""

    told: Told

    def read(self, event: SseEvent) -> None:
        """Take the next event. Never raises: what is wrong becomes a fact."""
        ...


class Json:
    """JSON from outside: members that may be missing or of another type, without a crash."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __getitem__(self, key: str | int) -> "Json":
        if isinstance(key, str):
            return Json(self.value.get(key) if isinstance(self.value, dict) else None)
        inside = isinstance(self.value, list) and -len(self.value) <= key < len(self.value)
        return Json(self.value[key] if inside and isinstance(self.value, list) else None)

    @property
    def text(self) -> str:
        return self.value if isinstance(self.value, str) else ""

    @property
    def number(self) -> int:
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else -1

    @property
    def rows(self) -> "list[Json]":
        return [Json(row) for row in self.value] if isinstance(self.value, list) else []

    @property
    def given(self) -> bool:
        return self.value is not None

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)


def parse(data: bytes, told: Told) -> Json | None:
    """Read an event's data as an object, or note that it is none."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told.malformed.append(data)
        return None
    if not isinstance(value, dict):
        told.fault(f"an event's data is no object: {shown(data)}")
        return None
    return Json(value)
