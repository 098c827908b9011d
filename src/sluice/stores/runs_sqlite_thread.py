"""One connection to an SQLite file in a thread of its own, which does one job after another."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar, cast

from sluice.stores.runs_keys import failed

T = TypeVar("T")
DO_S = 10.0
"""How long anybody waits for a disk."""
BUSY_S = 2.0
"""How long a transaction waits for those of other workers."""
CLOSE_S = 5.0

_Job = tuple[Callable[[sqlite3.Connection], object], "asyncio.Future[object]"]


def connect(path: str) -> sqlite3.Connection:
    """Open a file as this house uses it: a log ahead of the tables, nobody blocks who reads, and a commit reaches the
    kernel, not the disk. It survives the death of the process; when the power fails the last moments may be lost."""
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("PRAGMA journal_size_limit=67108864")
    return db


class SqliteThread:
    """`start` first, `close` last. A job whose caller has given up is not begun."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        self._thread.start()

    async def do(self, job: Callable[[sqlite3.Connection], T], within_s: float = DO_S) -> T:
        """Return what the job returns.

        Raises:
            StoreFailed: it raised an error of SQLite's, or did not end in time.
        """
        future: asyncio.Future[object] = self._loop.create_future()
        self._queue.put((job, future))
        try:
            async with asyncio.timeout(within_s):
                return cast(T, await future)
        except TimeoutError:
            raise failed("SQLite: the disk does not answer in time") from None
        except (sqlite3.Error, OSError) as error:
            raise failed(f"SQLite: {error}") from None

    async def close(self) -> None:
        """Do what is asked for already, and end. It ends with the process at the latest."""
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join, CLOSE_S)

    # -- the thread's side --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            db = connect(self._path)
        except sqlite3.Error as error:
            self._refuse(error)
            return
        with contextlib.closing(db):
            while (job := self._queue.get()) is not None:
                self._one(db, *job)

    def _one(
        self, db: sqlite3.Connection, run: Callable[[sqlite3.Connection], object], future: "asyncio.Future[object]"
    ) -> None:
        if future.done():
            return
        try:
            result = run(db)
        except Exception as error:
            if db.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
            self._tell(future, error)
        else:
            self._tell(future, result)

    def _refuse(self, error: sqlite3.Error) -> None:
        while (job := self._queue.get()) is not None:
            self._tell(job[1], error)

    def _tell(self, future: "asyncio.Future[object]", result: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(_hear, future, result)


def _hear(future: "asyncio.Future[object]", result: object) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
