"""Once a minute, not more often, and events only a day after their run."""

from sluice.agents.sweeping import EVENTS_MS, EVERY_S, Sweeper
from sluice.stores.runs_memory import MemoryRuns
from tests.stores.runs.filing import START, Wall, item, run, write


async def test_what_is_old_goes_once_a_minute() -> None:
    wall, clock = Wall(), [0.0]
    store = MemoryRuns(wall)
    sweeper = Sweeper(store, lambda: clock[0], wall)
    old, young = run(status="success", finished=START), run(status="success", finished=START + 1)
    for each in (old, young):
        await store.create_run(each)
        await write(store, each.id, 1, 1)
    wall.ms = START + EVENTS_MS + 1
    clock[0] = EVERY_S - 1
    await sweeper.look()
    assert len(await store.read(old.id, 0, 9)) == 1
    clock[0] = EVERY_S
    await sweeper.look()
    assert [len(await store.read(each.id, 0, 9)) for each in (old, young)] == [0, 1]
    await store.put_item(item("a", expires=wall.ms - 1))
    clock[0] += EVERY_S - 1
    await sweeper.look()
    wall.ms = START  # nobody has swept: at this time it has not expired
    assert await store.get_item(("a",), "k") is not None
