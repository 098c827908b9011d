"""What the stores of runs share: records as bytes, namespaces as texts that sort alike, and what a filter means."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, TypeVar

import msgspec

from sluice.errors import StoreFailed
from sluice.runs.messages import Message
from sluice.runs.records import Checkpoint, Item, Run, Thread, ThreadStatus

T = TypeVar("T")
SortBy = Literal["created", "updated", "status", "id"]
PAGE = 64
"""Rows of the first page of a search; each next one is twice as long."""

encode = msgspec.json.Encoder().encode
decode_run = msgspec.json.Decoder(Run).decode
decode_thread = msgspec.json.Decoder(Thread).decode
decode_message = msgspec.json.Decoder(Message).decode
decode_checkpoint = msgspec.json.Decoder(Checkpoint).decode
decode_item = msgspec.json.Decoder(Item).decode
decode_value = msgspec.json.Decoder().decode

_END = "\x1f"
_AFTER_END = "\x20"
_WRITTEN = {"\\": "\\\\", _END: "\\u", "\0": "\\0"}
_WRITE = str.maketrans(_WRITTEN)
_READ = {written[1]: letter for letter, written in _WRITTEN.items()}


def failed(detail: str) -> StoreFailed:
    """Return the error that clients hear, with what only the log says."""
    error = StoreFailed("the store of runs cannot be used now")
    error.detail = detail
    return error


def path_of(namespace: tuple[str, ...]) -> str:
    """Return a namespace as one text: those below it begin with it, and no others. It holds no NUL."""
    return "".join(element.translate(_WRITE) + _END for element in namespace)


def namespace_of(path: str) -> tuple[str, ...]:
    """Return the namespace of a path."""
    return tuple(_read(element) for element in path.split(_END)[:-1])


def end_of(path: str) -> str:
    """Return the first text, as bytes sort, behind all that begin with a path; empty = there is none."""
    return path[:-1] + _AFTER_END if path else ""


def _read(element: str) -> str:
    if "\\" not in element:
        return element
    letters = iter(element)
    return "".join(_READ[next(letters)] if letter == "\\" else letter for letter in letters)


def matches(value: Any, wanted: dict[str, Any] | None) -> bool:
    """Whether each key that is wanted has that value."""
    if not wanted:
        return True
    return isinstance(value, dict) and all(key in value and value[key] == wanted[key] for key in wanted)


def threads_found(
    threads: Iterable[Thread],
    metadata: dict[str, Any] | None,
    status: ThreadStatus | None,
    sort_by: SortBy,
    descending: bool,
) -> list[Thread]:
    """Return those of an owner's threads that match all of it, sorted."""
    found = [thread for thread in threads if status in (None, thread.status) and matches(thread.metadata, metadata)]
    found.sort(key=lambda thread: (getattr(thread, sort_by), thread.id), reverse=descending)
    return found


async def search(
    page: Callable[[int, int], Awaitable[list[T]]], fits: Callable[[T], bool], limit: int, offset: int
) -> list[T]:
    """Return what fits, from `offset` on, read by pages `page(limit, offset)` until there is enough."""
    found: list[T] = []
    start, size = 0, PAGE
    while len(found) < offset + limit:
        rows = await page(size, start)
        found += filter(fits, rows)
        if len(rows) < size:
            break
        start, size = start + size, size * 2
    return found[offset : offset + limit]
