"""Buttons on every store that workers share: one press counts, whoever takes it, and limits hold for all of them."""

import asyncio

import pytest

from sluice.agents.agent import Agent
from sluice.agents.buttons import ButtonDesk
from sluice.agents.callback_limits import TOKEN
from sluice.agents.callbacks import Press
from sluice.agents.catalogue import Catalogue
from sluice.agents.ports import Now, Store
from sluice.agents.pressing import PressDesk, Pressed
from sluice.errors import Conflict, RateLimited, SluiceError
from sluice.runs.records import Run

RUN = Run(id="run-1", thread_id="thread-1", owner="ann", agent="shop", version="1.0.0", created=0)


class Counter:
    """A shop with two desks, each of a worker of its own, before one store."""

    def __init__(self, two: tuple[Store, Store], now: Now) -> None:
        self.bought: list[int] = []
        agent = Agent("shop")
        agent.callback("buy")(self._buy)
        catalogue = Catalogue([agent])
        self.buttons = ButtonDesk(two[0], now, catalogue)
        self.faults: list[BaseException] = []
        self.desks = [
            PressDesk(store, catalogue, clock=lambda: now() / 1000, now=now, fault=self.faults.append) for store in two
        ]

    async def _buy(self, press: Press) -> str:
        self.bought.append(press.params["item"])
        await asyncio.sleep(0)
        return "bought"

    async def press(self, worker: int, token: str, key: str = "") -> str:
        """Press at a worker, and return what came of it in a word."""
        asked = Pressed(token=token, user="ann", address=f"10.0.0.{worker}", granted=(), key=key)
        try:
            return str((await self.desks[worker].press(asked)).result["message"])
        except SluiceError as error:
            return type(error).__name__


@pytest.fixture
def counter(two: tuple[Store, Store], wall: Now) -> Counter:
    return Counter(two, wall)


async def test_of_all_who_press_a_button_at_once_on_two_workers_one_is_served(counter: Counter) -> None:
    for item in range(3):
        token = await counter.buttons.issue(RUN, "buy", {"item": item})
        came = await asyncio.gather(*(counter.press(worker, token) for worker in (0, 1, 0, 1)))
        assert sorted(came) == [*[Conflict.__name__] * 3, "bought"]
    assert counter.bought == [0, 1, 2]
    assert counter.faults == []


async def test_what_was_answered_by_one_worker_is_answered_again_by_the_other(counter: Counter) -> None:
    token = await counter.buttons.issue(RUN, "buy", {"item": 7})
    assert await counter.press(0, token, "once") == "bought"
    assert await counter.press(1, token, "once") == "bought"
    assert await counter.press(1, token) == Conflict.__name__
    assert counter.bought == [7]


async def test_a_limit_counts_the_presses_at_all_workers(counter: Counter) -> None:
    token = await counter.buttons.issue(RUN, "buy", {"item": 1})
    came = [await counter.press(n % 2, token, "once") for n in range(TOKEN.limit + 1)]
    assert came == [*["bought"] * TOKEN.limit, RateLimited.__name__]
    other = await counter.buttons.issue(RUN, "buy", {"item": 2})
    assert await counter.press(0, other) == "bought"  # it was the button's window, not its user's
