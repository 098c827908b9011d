"""A file of runs: it survives kill -9, is shared by processes, and says why it cannot be used."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.errors import ConfigError, StoreFailed
from sluice.stores import runs_sqlite_thread
from sluice.stores import runs_tables as sql
from sluice.stores.runs import runs_of
from sluice.stores.runs_sql import SqlRuns
from sluice.stores.runs_sqlite import SqliteEngine
from tests.stores.runs.filing import Wall, event, opened, run, write
from tests.support.waiting import until

WRITER = """
import asyncio, sys, time
from sluice.stores.runs import runs_of
from tests.stores.runs.filing import event, run

async def main():
    store = runs_of(sys.argv[1], lambda: 0)
    heard = asyncio.Event()
    store.hear(lambda topic, message: heard.set())
    await store.open()
    await store.create_run(run(id="r", status="running"))
    for seq in range(1, 501):
        store.append("r", seq, event(seq))
    await store.flush()
    await store.tell("ready", b"")
    print("flushed", flush=True)
    heard.clear()
    await heard.wait()
    print("heard", flush=True)
    seq = 501
    while True:
        store.append("r", seq, event(seq))
        seq += 1
        await asyncio.sleep(0)

asyncio.run(main())
"""


async def test_what_was_flushed_is_there_after_kill_9_and_workers_hear_each_other(tmp_path: Path, wall: Wall) -> None:
    url = f"sqlite://{tmp_path}/runs.db"
    store = runs_of(url, wall)
    heard: list[str] = []
    store.hear(lambda topic, _: heard.append(topic))
    async with opened(store):
        writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, url, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        try:
            async with asyncio.timeout(10):
                assert await writer.stdout.readline() == b"flushed\n"
                await until(lambda: heard == ["ready"])
                await store.tell("go", b"")
                assert await writer.stdout.readline() == b"heard\n"
                assert await store.grown("r", 600, 5)
        finally:
            writer.send_signal(signal.SIGKILL)
            await writer.wait()
        kept: list[bytes] = []
        while page := await store.read("r", len(kept), 1000):
            kept += page
        assert len(kept) > 600
        assert kept == [event(seq) for seq in range(1, len(kept) + 1)]
        assert [each.id for each in await store.live_runs()] == ["r"]
        await write(store, "r", len(kept) + 1, len(kept) + 1)  # and whoever comes after can write its end


async def test_two_processes_may_open_a_new_file_at_once(tmp_path: Path, wall: Wall) -> None:
    stores = [runs_of(f"sqlite://{tmp_path}/runs.db", wall) for _ in range(6)]
    await asyncio.gather(*(store.open() for store in stores))
    for number, store in enumerate(stores):
        await write(store, f"r{number}", 1, 2)
    assert len(await stores[0].read("r5", 0, 10)) == 2
    for store in reversed(stores):
        await store.close()


async def test_nobody_else_may_read_the_file(tmp_path: Path, wall: Wall) -> None:
    async with opened(runs_of(f"sqlite://{tmp_path}/runs.db", wall)) as store:
        await write(store, "r", 1, 1)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("runs.db", "runs.db-wal", "runs.db-shm", "runs.db-lock"), 0o600)


async def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, wall: Wall) -> None:
    async def refused(path: Path) -> str:
        store = runs_of(f"sqlite://{path}", wall)
        with pytest.raises(ConfigError) as found:
            await store.open()
        return str(found.value)

    assert "No such file or directory" in await refused(tmp_path / "none" / "runs.db")
    (tmp_path / "text").write_text("this is no database, but it is longer than a header of one would be " * 20)
    assert "not a database" in await refused(tmp_path / "text")
    for name, version, says in (("later", 99, "a later version"), ("other", 1, "something else")):
        db = sqlite3.connect(tmp_path / name)
        db.execute(f"PRAGMA user_version={version}")
        db.close()
        assert says in await refused(tmp_path / name)


async def test_a_file_that_another_program_locks_is_written_when_it_is_free(tmp_path: Path, wall: Wall) -> None:
    async with opened(runs_of(f"sqlite://{tmp_path}/runs.db", wall)) as store:
        committed: list[int] = []
        store.committed = lambda _, seq: committed.append(seq)
        other = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        store.append("r", 1, event(1))
        await asyncio.sleep(0.05)
        assert not committed
        assert await store.read("r", 0, 10) == []  # who reads waits for nobody
        other.execute("COMMIT")
        other.close()
        await store.flush()
        assert committed == [1]


async def test_a_full_disk_ends_the_runs_that_are_too_much_and_keeps_the_rest_whole(
    tmp_path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = runs_sqlite_thread.connect

    def small(path: str) -> sqlite3.Connection:
        db = connect(path)
        db.execute("PRAGMA max_page_count=60")
        return db

    monkeypatch.setattr(runs_sqlite_thread, "connect", small)
    store = SqlRuns(SqliteEngine(str(tmp_path / "runs.db")), wall, max_waiting_bytes=200_000)
    lost: list[str] = []
    store.lost = lost.append
    await store.open()
    await store.create_run(run(id="r"))
    for seq in range(1, 400):
        store.append("r", seq, event(seq, "x" * 2000))
        await asyncio.sleep(0)
    await until(lambda: lost == ["r"])
    with pytest.raises(StoreFailed) as found:
        await store.put_run(run(id="s", metadata={"long": "x" * 300_000}))
    assert "full" in found.value.detail
    assert "full" not in str(found.value)
    kept = await store.read("r", 0, 1000)
    assert kept == [event(seq, "x" * 2000) for seq in range(1, len(kept) + 1)]
    monkeypatch.setattr(store._pen, "_flush_s", 0.05)
    with pytest.raises(StoreFailed):
        await store.flush()
    await store.close()


async def test_the_tables_answer_from_an_index(tmp_path: Path, wall: Wall) -> None:
    async with opened(runs_of(f"sqlite://{tmp_path}/runs.db", wall)):
        db = sqlite3.connect(tmp_path / "runs.db")
        asked = (sql.READ, sql.LAST, sql.GET_RUN, sql.FIND_RUN_OF, sql.LIST_RUNS, sql.LIVE_RUNS)
        for statement in (*asked, sql.MESSAGES, sql.CHECKPOINTS, sql.TOLD, sql.SWEEP_EVENTS, sql.KEPT_RUN):
            plan = db.execute(f"EXPLAIN QUERY PLAN {statement}", (1,) * statement.count("?")).fetchall()
            slow = [row[3] for row in plan if row[3].startswith("SCAN") and "USING" not in row[3]]
            assert not slow, (statement, slow)
            assert not [row for row in plan if "TEMP B-TREE" in row[3]], (statement, plan)
        db.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_what_came_after_another_worker_deleted_its_run_is_swept(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, wall: Wall
) -> None:
    url = f"sqlite://{tmp_path}/runs.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    async with opened(runs_of(url, wall)) as one, opened(runs_of(url, wall)) as other:
        kept, gone = run(), run()
        for each in (kept, gone):
            await one.create_run(each)
            await write(one, each.id, 1, 2)
        await other.delete_run(gone.id)
        await write(one, gone.id, 3, 4)
        assert len(await one.read(gone.id, 0, 10)) == 2
        await other.sweep(wall(), 0)
        assert await one.read(gone.id, 0, 10) == []
        assert len(await one.read(kept.id, 0, 10)) == 2


async def test_a_closed_store_says_so(tmp_path: Path, wall: Wall) -> None:
    store = runs_of(f"sqlite://{tmp_path}/runs.db", wall)
    async with opened(store):
        pass
    with pytest.raises(StoreFailed, match="closed"):
        await store.get_run("r")
    assert not os.path.exists(tmp_path / "runs.db-wal")
