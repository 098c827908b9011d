"""The pen writes in order and in groups, tries again, and has bounded memory, however slow the disk."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from sluice.errors import StoreFailed
from sluice.stores.background import Background
from sluice.stores.runs_pen import EVENT_BYTES, GROUP, MOST, Entry, Pen
from tests.support.waiting import until


class Disk:
    """Writes when it may; remembers each group."""

    def __init__(self) -> None:
        self.groups: list[list[Entry]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.fails = 0
        self.tries = 0

    async def write(self, group: Sequence[Entry]) -> None:
        self.tries += 1
        await self.free.wait()
        if self.fails:
            self.fails -= 1
            raise StoreFailed("full")
        self.groups.append(list(group))

    def numbers(self, run_id: str) -> list[int]:
        return [seq for group in self.groups for run, seq, _ in group if run == run_id]


class Desk:
    """A pen at work, and what it says."""

    def __init__(self, **facts: float) -> None:
        self.disk = Disk()
        self.committed: list[tuple[str, int]] = []
        self.lost: list[str] = []
        self.pen = Pen(
            self.disk.write,
            lambda lasts: self.committed.extend(lasts.items()),
            self.lost.append,
            **facts,  # type: ignore[arg-type]
        )
        self.task = Background()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk(max_waiting_bytes=20 * (EVENT_BYTES + 1), flush_s=0.05)
    await made.task.start(made.pen.keep(), "pen")
    yield made
    await made.task.stop()


@pytest.fixture
async def roomy() -> AsyncIterator[Desk]:
    made = Desk()
    await made.task.start(made.pen.keep(), "pen")
    yield made
    await made.task.stop()


async def test_what_comes_together_is_written_together(roomy: Desk) -> None:
    for seq in range(1, 11):
        roomy.pen.append("a", seq, b"x")
        roomy.pen.append("b", seq, b"x")
    await until(lambda: bool(roomy.disk.groups))
    assert [len(group) for group in roomy.disk.groups] == [20]
    assert roomy.committed == [("a", 10), ("b", 10)]
    assert roomy.pen.waiting_bytes == 0


async def test_a_full_group_does_not_wait(roomy: Desk) -> None:
    began = asyncio.get_running_loop().time()
    for seq in range(1, GROUP + 1):
        roomy.pen.append("a", seq, b"x")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(roomy.disk.groups) == 1
    assert asyncio.get_running_loop().time() - began < 0.005


async def test_what_gathers_behind_a_slow_write_is_one_group_of_bounded_size(roomy: Desk) -> None:
    roomy.disk.free.clear()
    roomy.pen.append("a", 1, b"x")
    await until(lambda: roomy.disk.tries == 1)
    for seq in range(2, MOST + 12):
        roomy.pen.append("a", seq, b"x")
    roomy.disk.free.set()
    await roomy.pen.flush()
    assert [len(group) for group in roomy.disk.groups] == [1, MOST, 10]
    assert roomy.disk.numbers("a") == list(range(1, MOST + 12))


async def test_what_failed_is_written_again_in_its_order(roomy: Desk) -> None:
    roomy.disk.fails = 2
    for seq in range(1, 4):
        roomy.pen.append("a", seq, b"x")
    await roomy.pen.flush()
    assert roomy.disk.tries == 3
    assert roomy.disk.numbers("a") == [1, 2, 3]
    assert roomy.committed == [("a", 3)]


async def test_a_flush_says_so_if_it_could_not_be_written_in_time(desk: Desk) -> None:
    desk.disk.fails = 1000
    desk.pen.append("a", 1, b"x")
    with pytest.raises(StoreFailed, match="full"):
        await desk.pen.flush()
    assert not desk.committed
    desk.disk.fails = 0
    await until(lambda: desk.committed == [("a", 1)])
    await desk.pen.flush()


async def test_memory_is_bounded_and_the_run_that_passes_the_bound_is_told_once(desk: Desk) -> None:
    desk.disk.free.clear()
    for seq in range(1, 101):
        desk.pen.append("a", seq, b"x")
        assert desk.pen.waiting_bytes <= 20 * (EVENT_BYTES + 1)
    assert desk.lost == ["a"]
    desk.disk.free.set()
    with pytest.raises(StoreFailed, match="given up"):
        await desk.pen.flush()
    await desk.pen.flush()
    desk.pen.append("a", 101, b"x")
    desk.pen.append("b", 1, b"x")
    await desk.pen.flush()
    assert desk.disk.numbers("a") == list(range(1, 21))
    assert desk.disk.numbers("b") == [1]


async def test_a_log_that_was_given_up_can_be_mended_where_it_ends(desk: Desk) -> None:
    desk.disk.free.clear()
    for seq in range(1, 31):
        desk.pen.append("a", seq, b"x")
    desk.disk.free.set()
    with pytest.raises(StoreFailed):
        await desk.pen.flush()
    for seq in (21, 22):
        desk.pen.append("a", seq, b"y")
    await desk.pen.flush()
    assert desk.disk.numbers("a") == list(range(1, 23))


async def test_of_a_run_that_is_deleted_nothing_more_is_written(roomy: Desk) -> None:
    roomy.pen.append("a", 1, b"x")
    roomy.pen.append("b", 1, b"x")
    roomy.pen.append("a", 2, b"x")
    roomy.pen.forget("a")
    roomy.pen.append("a", 3, b"x")
    await roomy.pen.flush()
    assert roomy.disk.groups == [[("b", 1, b"x")]]
    assert roomy.pen.waiting_bytes == 0


async def test_nobody_waits_for_what_was_forgotten(roomy: Desk) -> None:
    roomy.pen.append("a", 1, b"x")
    flushed = asyncio.create_task(roomy.pen.flush())
    await asyncio.sleep(0)
    roomy.pen.forget("a")
    async with asyncio.timeout(1):
        await flushed
