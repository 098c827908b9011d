"""Server-sent events as a test reads them."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import httpx


class Frame(NamedTuple):
    """One event."""

    event: str
    data: bytes
    id: str


def frames(body: bytes) -> list[Frame]:
    """Return the events of a whole body; comments are left out."""
    found = [_frame(block) for block in body.split(b"\n\n") if block]
    return [frame for frame in found if frame is not None]


def _frame(block: bytes) -> Frame | None:
    fields = {"event": b"", "data": b"", "id": b""}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b": ")
        if name.decode() in fields:
            fields[name.decode()] = value
    return Frame(fields["event"].decode(), fields["data"], fields["id"].decode()) if fields["data"] else None


async def read_frames(answer: httpx.Response) -> AsyncIterator[Frame]:
    """Give the events of a body as they come."""
    kept = b""
    async for piece in answer.aiter_raw():
        *blocks, kept = (kept + piece).split(b"\n\n")
        for block in blocks:
            frame = _frame(block)
            if frame is not None:
                yield frame
