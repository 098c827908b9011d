"""A service on a store that cannot write: its runs end in good time, say so, and hold no memory."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.runs.events import RunFailed
from sluice.stores import runs_sqlite_thread
from sluice.stores.runs_sql import SqlRuns
from sluice.stores.runs_sqlite import SqliteEngine
from sluice.testing.bench import TestBench
from tests.stores.runs.filing import Wall
from tests.support.waiting import until


async def test_a_run_whose_events_cannot_be_kept_fails_and_its_viewers_hear_it(
    tmp_path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_sqlite_thread, "BUSY_S", 0.05)
    agent = Agent("talker")
    said = 0

    @agent.on_message
    async def handle(_: Context) -> AsyncIterator[str]:
        nonlocal said
        while True:
            said += 1
            yield "x" * 1000
            await asyncio.sleep(0)

    store = SqlRuns(SqliteEngine(str(tmp_path / "runs.db")), wall, max_waiting_bytes=100_000)
    async with TestBench(agent, store=store) as t:
        run = await t.start("go", thread="t")
        await until(lambda: said > 10)
        other = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        heard = [event async for event in t.watch(run)]
        other.execute("ROLLBACK")
        other.close()
        end = heard[-1]
        assert isinstance(end, RunFailed)
        assert (end.code, end.status) == ("store_failed", 503)
        assert [event.seq for event in heard] == list(range(1, len(heard) + 1))
        assert said < 1000
        await until(lambda: not t.service.running)
        kept = await store.read(run.id, 0, 1000)
        assert 10 < len(kept) < len(heard)
