"""Cells are the same for the same seed, asked in lanes, and none is lost, whatever it does."""

import asyncio

import msgspec
import pytest

from sluice.verify import run
from sluice.verify.areas.cancellation import Crowd
from sluice.verify.asking import Gateway
from sluice.verify.facts import AREAS, Area, Cell, Finding, Verdict, failed, passed
from sluice.verify.rig import Rig, Unserved, fake_provider

GATEWAY = Gateway(host="127.0.0.1", port=1, idle_s=1.0)


def rig(seed: int = 1, *, quick: bool = False) -> Rig:
    return Rig(fake_provider(), GATEWAY, seed, quick=quick)


def names(cells: list[Cell]) -> list[str]:
    return [f"{cell.area}: {cell.name}" for cell in cells]


async def test_every_area_has_cells_and_no_two_have_one_name() -> None:
    cells = run.plan(rig())
    assert {cell.area for cell in cells} == set(AREAS)
    assert len(set(names(cells))) == len(cells)


async def test_the_seed_decides_which_cells_there_are() -> None:
    assert names(run.plan(rig(4, quick=True))) == names(run.plan(rig(4, quick=True)))
    assert names(run.plan(rig(4, quick=True))) != names(run.plan(rig(5, quick=True)))


@pytest.mark.parametrize("area", AREAS)
async def test_an_area_asks_the_same_by_itself_as_among_the_others(area: Area) -> None:
    among = [cell for cell in run.plan(rig(11, quick=True)) if cell.area == area]
    alone = run.plan(rig(11, quick=True), [area])
    assert names(alone) == names(among)
    assert moments(alone) == moments(among)


def moments(cells: list[Cell]) -> list[list[float]]:
    """When the clients of each crowd leave."""
    crowds = [getattr(cell.play, "__self__", None) for cell in cells]
    return [[leaver.stays_s for leaver in crowd.leavers] for crowd in crowds if isinstance(crowd, Crowd)]


async def test_the_seed_decides_what_is_said() -> None:
    assert rig(4).text == rig(4).text != rig(5).text


async def test_the_matrix_holds_every_end_at_every_place_for_every_pair() -> None:
    ends = [cell for cell in run.plan(rig()) if cell.area == "ends"]
    pairs = {(cell.client, cell.provider) for cell in ends}
    assert len(pairs) == 20
    for client, provider in pairs:
        mine = [cell.name.partition(": ")[2] for cell in ends if (cell.client, cell.provider) == (client, provider)]
        for end in ("fin", "rst", "stall"):
            assert sum(name.startswith(f"stream, {end} ") for name in mine) >= 8, (client, provider)
        assert {"complete stream", "complete whole answer", "empty answer", "no finish reason"} <= set(mine)
        assert sum(name.startswith("malformed ") for name in mine) >= 4
        assert sum(name.startswith("error for ") for name in mine) >= 4


async def test_only_some_areas_may_be_asked_for() -> None:
    assert {cell.area for cell in run.plan(rig(), ["usage", "errors"])} == {"usage", "errors"}


async def test_dialects_that_are_not_served_have_no_cells() -> None:
    gateway = msgspec.structs.replace(GATEWAY, clients=("chat",), providers=("converse",))
    cells = run.plan(Rig(fake_provider(), gateway, 1))
    assert {(cell.client, cell.provider) for cell in cells} == {("chat", "converse")}


def cell(name: str, play: "asyncio.Event | Verdict | Exception", lane: str = "") -> Cell:
    async def asked() -> Verdict:
        if isinstance(play, Exception):
            raise play
        if isinstance(play, asyncio.Event):
            await play.wait()
            return passed("waited")
        return play

    return Cell(area="ends", name=name, client="chat", provider="chat", sent="s", expected="e", play=asked, lane=lane)


async def test_findings_come_in_the_order_of_the_cells() -> None:
    gate = asyncio.Event()
    told: list[Finding] = []

    def done(found: Finding) -> None:
        told.append(found)
        if found.name == "b":
            gate.set()

    found = await run.run([cell("a", gate), cell("b", passed("at once"))], done)
    assert [finding.name for finding in found] == ["a", "b"]
    assert [finding.name for finding in told] == ["b", "a"]


async def test_cells_of_one_lane_are_asked_one_after_the_other() -> None:
    gate = asyncio.Event()
    told: list[str] = []

    def done(found: Finding) -> None:
        told.append(found.name)
        if found.name == "other":
            gate.set()

    cells = [cell("first", gate, "x"), cell("second", passed(""), "x"), cell("other", passed(""), "y")]
    await run.run(cells, done)
    assert told == ["other", "first", "second"]


async def test_a_pair_that_is_not_served_fails_with_the_reason() -> None:
    (found,) = await run.run([cell("a", Unserved("not even that"))], lambda _: None)
    assert (found.result, found.came) == ("fail", "not even that")


@pytest.mark.parametrize(
    ("error", "came"),
    [
        (ValueError("max() arg is\nempty"), "ValueError “max() arg is\\nempty”"),
        (KeyError(), "KeyError “”"),
        (ExceptionGroup("in a crowd", [ExceptionGroup("", [OSError("gone")])]), "OSError “gone”"),
        (ValueError("\ud800"), "ValueError “?”"),
    ],
)
async def test_what_cannot_be_judged_fails_its_cell_and_no_other(error: Exception, came: str) -> None:
    first, second = await run.run([cell("a", error), cell("b", passed("heard"))], lambda _: None)
    assert (first.result, first.came) == ("fail", f"verify could not judge this: {came}")
    assert (second.result, second.came) == ("pass", "heard")


async def test_a_gateway_that_is_not_there_fails_every_cell() -> None:
    fake = fake_provider()
    await fake.start()
    try:
        gateway = msgspec.structs.replace(GATEWAY, clients=("chat",), providers=("chat",), idle_s=0.1)
        found = await run.run(run.plan(Rig(fake, gateway, 1, quick=True), ["ends", "usage", "errors"]), lambda _: None)
    finally:
        await fake.close()
    assert found
    assert {finding.result for finding in found} == {failed("").result}
