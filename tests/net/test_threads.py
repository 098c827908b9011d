"""net/threads.py: what hangs holds up nobody."""

import asyncio
import threading
from unittest.mock import Mock

import pytest

from sluice.net.threads import apart


async def test_what_the_work_returns_and_raises() -> None:
    here = threading.get_ident()
    assert await apart(threading.get_ident) != here
    with pytest.raises(ZeroDivisionError):
        await apart(lambda: 1 // 0)
    with pytest.raises(SystemExit):
        await apart(lambda: exec("raise SystemExit"))


async def test_where_there_is_no_room_for_a_thread_it_is_the_systems_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    with pytest.raises(OSError, match="no thread can be started"):
        await apart(threading.get_ident)


async def test_whoever_hangs_holds_up_no_other_and_is_left_to_itself() -> None:
    """More of them than the event loop has threads."""
    over = threading.Event()
    hanging = [asyncio.create_task(apart(over.wait)) for _ in range(64)]
    try:
        async with asyncio.timeout(5):
            assert await apart(lambda: "apart") == "apart"
            assert await asyncio.to_thread(lambda: "beside") == "beside"
        for task in hanging:
            task.cancel()
        async with asyncio.timeout(5):
            done, _ = await asyncio.wait(hanging)
        assert all(task.cancelled() for task in done)
        mine = [thread for thread in threading.enumerate() if thread.name == "sluice-apart"]
        assert len(mine) >= len(hanging)
        assert all(thread.daemon for thread in mine), "no process waits for them at its end"
    finally:
        over.set()
