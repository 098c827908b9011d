"""An agent with buttons for tests: a store, a clock that a test turns, and what its handler answers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sluice.agents.agent import Agent
from sluice.agents.buttons import ButtonDesk
from sluice.agents.callbacks import Press
from sluice.agents.catalogue import Catalogue
from sluice.agents.pressing import CallbackFact, PressDesk, Pressed
from sluice.runs.records import Run
from sluice.stores.runs import runs_of

MINUTE = 60_000
RUN = Run(id="run-1", thread_id="thread-1", owner="ann", agent="shop", version="1.0.0", created=0)


class Shop:
    """An agent with buttons, a store, and a clock that a test turns."""

    def __init__(self, url: str) -> None:
        self.ms = 1_000_000
        self.agent = Agent("shop")
        self.store = runs_of(url, self.now)
        self.faults: list[BaseException] = []
        self.facts: list[CallbackFact] = []
        self.presses: list[Press] = []
        self.answers: list[Any] = []
        """What `buy` returns, or raises, press by press; then it says `bought`."""
        self.agent.callback("buy")(self._buy)
        catalogue = Catalogue([self.agent])
        self.buttons = ButtonDesk(self.store, self.now, catalogue)
        self.desk = self.another_worker()

    def another_worker(self) -> PressDesk:
        catalogue = Catalogue([self.agent])
        desk = PressDesk(self.store, catalogue, clock=lambda: self.ms / 1000, now=self.now, fault=self.faults.append)
        desk.told = self.facts.append
        return desk

    def now(self) -> int:
        return self.ms

    def _buy(self, press: Press) -> Any:
        self.presses.append(press)
        answer = self.answers.pop(0) if self.answers else "bought"
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def button(self, handler: str = "buy", *, run: Run = RUN, **params: Any) -> str:
        return await self.buttons.issue(run, handler, params)

    async def press(self, token: str, user: str = "ann", *, granted: tuple[str, ...] = (), **more: Any) -> Any:
        address = more.pop("address", "127.0.0.1")
        asked = Pressed(token=token, user=user, address=address, granted=granted, **more)
        return (await self.desk.press(asked)).result

    async def status(self, token: str) -> str:
        found = await self.buttons.find(token)
        return "" if found is None else found.button.status

    async def actions(self, user: str = "ann") -> list[str]:
        return sorted(noted.action for noted in await self.desk.audit.trail(user))


@pytest.fixture(params=["memory:", "sqlite:///{}/shop.db"], ids=["memory", "sqlite"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(request.param.format(tmp_path))
    await shop.store.open()
    try:
        yield shop
    finally:
        await shop.store.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have waits between attempts pass at once; what they were."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("sluice.agents.resilience.asyncio.sleep", wait)
    return waits
