"""Who looks at a picture: many at the cost of one, no more than so many, and nobody in the way of an end."""

import signal
from typing import cast

import pytest
from starlette.requests import Request
from starlette.types import Message

from sluice.admin.house import House
from sluice.admin.live import Live
from sluice.admin.watch import FRESH_S, MAX_VIEWERS, Watch
from tests.admin.lives import live
from tests.support.command import Sluice
from tests.support.raw_client import RawClient, get


class Counting:
    """A house that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.workers = 0
        self.parts = [live()]

    async def live(self) -> list[Live]:
        self.asked += 1
        return self.parts


async def test_however_many_look_the_house_is_asked_once_in_half_a_second() -> None:
    now = 100.0
    house = Counting()
    watch = Watch(cast(House, house), lambda: now)
    for _ in range(5):
        assert await watch.now() is not None
    assert house.asked == 1
    now += FRESH_S
    await watch.now()
    assert house.asked == 2


async def test_where_no_worker_answers_there_is_no_picture_and_later_there_is_one_again() -> None:
    now = 100.0
    house = Counting()
    watch = Watch(cast(House, house), lambda: now)
    parts, house.parts = house.parts, []
    assert await watch.now() is None
    house.parts = parts
    now += FRESH_S
    assert await watch.now() is not None


async def test_no_more_than_so_many_look_at_once_and_who_leaves_makes_place() -> None:
    watch = Watch(cast(House, Counting()), lambda: 100.0)
    scope = {"type": "http", "method": "GET", "path": "/api/live", "headers": [(b"accept", b"text/event-stream")]}
    answers = [await watch.live(Request(scope)) for _ in range(MAX_VIEWERS + 1)]
    assert [answer.status_code for answer in answers] == [200] * MAX_VIEWERS + [503]
    for answer in answers[:2]:
        await answer(scope, _leaves, _takes)
    assert watch.viewers.taken == MAX_VIEWERS - 2
    assert (await watch.live(Request(scope))).status_code == 200


async def _leaves() -> Message:
    return {"type": "http.disconnect"}


async def _takes(message: Message) -> None: ...


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_page_that_is_open_keeps_no_process_from_ending(workers: str) -> None:
    async with Sluice("--workers", workers) as sluice, await RawClient.connect(sluice.side["admin"]) as client:
        client.send(get("/api/live", "Accept: text/event-stream").replace(b"gateway.test", b"localhost"))
        await client.read_until(b"}\n\n")
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        assert "Traceback" not in sluice.stderr
        assert not [line for line in sluice.lines if line.get("level") == "error"], sluice.lines


async def test_with_the_admin_address_off_nothing_is_kept() -> None:
    async with Sluice(env={"ADMIN_ADDR": "off"}) as sluice:
        assert "admin" not in sluice.side
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
