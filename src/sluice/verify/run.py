"""Asks all cells of a verification, many at a time within an area, and returns what was found in the cells' order."""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from sluice.verify.areas import back_pressure, cancellation, ends, errors, framing, keep_alive, timing, usage
from sluice.verify.facts import Area, Cell, Finding, Verdict, failed, finding
from sluice.verify.rig import Rig, Unserved
from sluice.verify.sse_reader import shown

_AREAS: dict[Area, tuple[Callable[[Rig], list[Cell]], int]] = {
    "ends": (ends.cells, 32),
    "framing": (framing.cells, 8),
    "usage": (usage.cells, 32),
    "keep-alive": (keep_alive.cells, 32),
    "timing": (timing.cells, 4),
    "cancellation": (cancellation.cells, 1),
    "back-pressure": (back_pressure.cells, 2),
    "errors": (errors.cells, 32),
}
"""In the order in which they are asked, with how many cells at a time. What measures time has few; refusals, after
which a gateway may let a provider rest, come last."""
QUICK: dict[Area, int] = {"ends": 120, "framing": 24, "usage": 24, "keep-alive": 6, "timing": 10, "errors": 24}
"""How many cells of an area a quick run asks; of others, all."""


def every(rig: Rig) -> list[Cell]:
    """Return the cells of all areas, in the order in which they are asked."""
    return [cell for build, _ in _AREAS.values() for cell in build(rig)]


def plan(rig: Rig, only: Sequence[Area] = ()) -> list[Cell]:
    """Return the cells of a verification: all, or those of some areas; of a quick one, a sample that the seed
    chooses."""
    cells: list[Cell] = []
    for area, (build, _) in _AREAS.items():
        if not only or area in only:
            built = build(rig)
            cells += _sample(built, QUICK.get(area, len(built)), rig.dice[area]) if rig.quick else built
    return cells


def _sample(cells: list[Cell], number: int, dice: random.Random) -> list[Cell]:
    chosen = sorted(dice.sample(range(len(cells)), min(number, len(cells))))
    return [cells[index] for index in chosen]


async def run(cells: Sequence[Cell], done: Callable[[Finding], None]) -> list[Finding]:
    """Ask every cell; `done` is told of each finding as it comes."""
    findings: list[Finding] = []
    for area, group in groupby(cells, key=lambda cell: cell.area):
        findings += await _area(list(group), _AREAS[area][1], done)
    return findings


async def _area(cells: list[Cell], at_once: int, done: Callable[[Finding], None]) -> list[Finding]:
    found: dict[str, Finding] = {}
    waiting = iter(_lanes(cells))

    async def work(lanes: Iterator[list[Cell]]) -> None:
        for lane in lanes:
            for cell in lane:
                found[cell.name] = finding(cell, await _play(cell))
                done(found[cell.name])

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work(waiting))
    return [found[cell.name] for cell in cells]


def _lanes(cells: Iterable[Cell]) -> list[list[Cell]]:
    lanes: dict[str, list[Cell]] = {}
    for cell in cells:
        lanes.setdefault(cell.lane or cell.name, []).append(cell)
    return list(lanes.values())


async def _play(cell: Cell) -> Verdict:
    try:
        return await cell.play()
    except Unserved as error:
        return failed(str(error))
    except Exception as error:  # what nobody thought of costs the gateway this cell, not its operator all the others
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        words = shown(str(cause).encode(errors="replace"))
        return failed(f"verify could not judge this: {type(cause).__name__} {words}")
