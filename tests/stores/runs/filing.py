"""What the tests of run stores share: records, events, and every store behind one verb."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

from sluice.agents.ports import Store
from sluice.runs.messages import Message, said
from sluice.runs.records import Checkpoint, Item, Run, Thread

NUMBERS = itertools.count(1)
START = 1_800_000_000_000


class Wall:
    """Milliseconds since 1970, as a test says."""

    def __init__(self) -> None:
        self.ms = START

    def __call__(self) -> int:
        return self.ms


Make = Callable[[], Store]


def run(**facts: Any) -> Run:
    return Run(
        **{"id": f"run-{next(NUMBERS)}", "thread_id": "t", "owner": "ann", "agent": "echo", "created": START, **facts}
    )


def thread(**facts: Any) -> Thread:
    return Thread(**{"id": f"thread-{next(NUMBERS)}", "owner": "ann", "created": START, "updated": START, **facts})


def message(id: str, text: str = "hello") -> Message:  # noqa: A002 - the field's name
    return said(text, id=id)


def checkpoint(id: str, **facts: Any) -> Checkpoint:  # noqa: A002 - the field's name
    return Checkpoint(**{"id": id, "thread_id": "t", "owner": "ann", "created": START, **facts})


def item(*namespace: str, key: str = "k", value: Any = 1, **facts: Any) -> Item:
    return Item(**{"namespace": namespace, "key": key, "value": value, "created": START, "updated": START, **facts})


def event(seq: int, text: str = "") -> bytes:
    return b'{"type":"text.delta","seq":%d,"text":"%b"}' % (seq, text.encode())


@contextlib.asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """A store as a process uses it, until it stops as it should."""
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def write(store: Store, run_id: str, first: int, last: int) -> None:
    for seq in range(first, last + 1):
        store.append(run_id, seq, event(seq))
    await store.flush()
