"""Who is alone with a file of runs, and knows it."""

from pathlib import Path

from sluice.stores.runs import runs_of
from sluice.stores.runs_sqlite_presence import Presence
from tests.stores.runs.filing import Wall, opened


def test_only_who_is_there_first_is_alone_until_all_have_left(tmp_path: Path) -> None:
    one, two = Presence(str(tmp_path / "a.db")), Presence(str(tmp_path / "a.db"))
    assert one.enter()
    assert not two.enter()
    one.settle()
    two.settle()
    one.leave()
    three = Presence(str(tmp_path / "a.db"))
    assert not three.enter()
    two.leave()
    three.leave()
    assert one.enter()
    one.leave()


async def test_leases_of_the_dead_are_forgotten_and_those_of_the_living_are_not(tmp_path: Path, wall: Wall) -> None:
    url = f"sqlite://{tmp_path}/runs.db"
    async with opened(runs_of(url, wall)) as one:
        assert await one.acquire("run:r", "one", wall(), wall() + 15_000)
        async with opened(runs_of(url, wall)) as other:
            assert not await other.acquire("run:r", "other", wall(), wall() + 15_000)
    async with opened(runs_of(url, wall)) as heir:
        assert await heir.acquire("run:r", "heir", wall(), wall() + 15_000)
