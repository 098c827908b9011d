"""Runs in a file: SQLite. Implements `runs_engine.Engine`.

One thread writes, one reads, one looks what other processes of this machine have written: SQLite has no other way to
tell them. They share the file, each transaction being the only one that writes (`BEGIN IMMEDIATE`).
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Sequence

from sluice.errors import ConfigError, StoreFailed
from sluice.stores import runs_tables as sql
from sluice.stores.runs_engine import Listener, Row, Step, Value
from sluice.stores.runs_growth import Growth
from sluice.stores.runs_pen import Entry
from sluice.stores.runs_sqlite_presence import Presence
from sluice.stores.runs_sqlite_thread import SqliteThread, connect

LOOK_S = 0.025
"""How often it is looked whether another process has written, while somebody waits for a log of its."""
LISTEN = 3
"""Otherwise every so many times, for what is told: a look costs 150 microseconds."""
OPEN_S = 15.0

_OURS = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('events', 'runs', 'told')"


class SqliteEngine:
    """One per process."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._teller = os.urandom(8).hex()
        self._presence = Presence(path)
        self._over = threading.Event()
        self._writer: SqliteThread | None = None
        self._reader: SqliteThread | None = None
        self._looker: threading.Thread | None = None

    async def open(self, growth: Growth, listener: Listener) -> None:
        self._over.clear()
        try:
            # Conversations are nobody else's business; the files beside it get the mode of this one.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            alone = self._presence.enter()
            self._writer = SqliteThread(self._path, "runs: writer")
            self._writer.start()
            told = await self._writer.do(lambda db: _made(db, alone=alone), OPEN_S)
            await asyncio.to_thread(self._presence.settle)  # waits while another opens it
        except (OSError, StoreFailed, ConfigError) as error:
            await self.close()
            why = error.strerror if isinstance(error, OSError) else getattr(error, "detail", "") or str(error)
            raise ConfigError(f"the store of runs {self._path!r} cannot be used: {why}") from None
        self._reader = SqliteThread(self._path, "runs: reader")
        self._reader.start()
        look = (asyncio.get_running_loop(), growth, listener, told)
        self._looker = threading.Thread(target=self._look, args=look, name="runs: looker", daemon=True)
        self._looker.start()

    async def close(self) -> None:
        self._over.set()
        if self._looker is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._looker.join, OPEN_S)
            self._looker = None
        if self._reader is not None:
            await self._reader.close()
            self._reader = None
        if self._writer is not None:
            await self._writer.close()
            self._writer = None
        self._presence.leave()

    async def read(self, statement: str, *values: Value) -> list[Row]:
        if self._reader is None:
            raise StoreFailed("the store of runs is closed")
        return await self._reader.do(lambda db: db.execute(statement, values).fetchall())

    async def write(self, *steps: Step, twice: bool = True) -> list[list[Row]]:
        def change(db: sqlite3.Connection) -> list[list[Row]]:
            db.execute("BEGIN IMMEDIATE")
            rows: list[list[Row]] = [db.execute(statement, values).fetchall() for statement, values in steps]
            db.execute("COMMIT")
            return rows

        if self._writer is None:
            raise StoreFailed("the store of runs is closed")
        return await self._writer.do(change)

    async def append(self, group: Sequence[Entry]) -> None:
        def write(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(sql.APPEND, group)
            db.execute("COMMIT")

        if self._writer is None:
            raise StoreFailed("the store of runs is closed")
        await self._writer.do(write)

    async def tell(self, at: int, topic: str, message: bytes) -> None:
        await self.write((sql.TELL, (at, self._teller, topic, message)))

    # -- the looker's thread ------------------------------------------------------------------------------------------

    def _look(self, loop: asyncio.AbstractEventLoop, growth: Growth, listener: Listener, told: int) -> None:
        with contextlib.closing(connect(self._path)) as db:
            seen, times = -1, 0
            while not self._over.wait(LOOK_S):
                times += 1
                if times % LISTEN and not growth.runs:
                    continue
                try:
                    version = db.execute("PRAGMA data_version").fetchone()[0]
                    if version == seen:
                        continue
                    rows = db.execute(sql.TOLD, (told,)).fetchall()
                    lasts = [(run_id, db.execute(sql.LAST, (run_id,)).fetchone()) for run_id in growth.runs]
                except sqlite3.Error:
                    continue  # busy for once: what was written is still there in a moment
                seen = version
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                    for n, teller, topic, message in rows:
                        told = n
                        if teller != self._teller:
                            loop.call_soon_threadsafe(listener, topic, message)
                    for run_id, last in lasts:
                        if last is not None:
                            loop.call_soon_threadsafe(growth.reached, run_id, last[0])


def _made(db: sqlite3.Connection, *, alone: bool) -> int:
    """Bring the tables up to date; forget all leases if nobody lives who could hold one. Return the number of the last
    thing told.

    Raises:
        ConfigError: the file holds something else.
    """
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("BEGIN IMMEDIATE")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(sql.MIGRATIONS):
        raise ConfigError("it was written by a later version of Sluice")
    if version and db.execute(_OURS).fetchone()[0] != 3:
        raise ConfigError("it is a database of something else")
    for migration in sql.MIGRATIONS[version:]:
        for statement in migration:
            db.execute(statement)
    db.execute(f"PRAGMA user_version={len(sql.MIGRATIONS)}")
    if alone:
        db.execute(sql.FORGET_LEASES)
    last = db.execute(sql.LAST_TOLD).fetchone()[0]
    db.execute("COMMIT")
    return int(last)
