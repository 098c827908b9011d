"""The viewers of one WebSocket, as far as nobody has to speak over it."""

import asyncio
import inspect
from typing import Any

import pytest
from starlette.websockets import WebSocket

from sluice.agent_server.websocket_line import MAX_VIEWERS, Line
from sluice.errors import BadRequest


async def nothing(*_: Any) -> Any:
    raise AssertionError("nobody speaks here")


async def tell() -> None:
    await asyncio.Event().wait()


async def test_a_viewer_that_is_left_before_its_first_turn_leaves_nothing_behind() -> None:
    telling = tell()
    async with asyncio.TaskGroup() as tasks:
        line = Line(WebSocket({"type": "websocket"}, nothing, nothing), "", tasks)
        line.view("one", telling)
        line.leave("one")
    assert inspect.getcoroutinestate(telling) == inspect.CORO_CLOSED


async def test_one_viewer_too_many_is_refused_and_not_begun() -> None:
    refused = tell()
    async with asyncio.TaskGroup() as tasks:
        line = Line(WebSocket({"type": "websocket"}, nothing, nothing), "", tasks)
        for number in range(MAX_VIEWERS):
            line.view(str(number), tell())
        with pytest.raises(BadRequest, match=f"at most {MAX_VIEWERS} streams"):
            line.view("one more", refused)
        line.hang_up()
    assert inspect.getcoroutinestate(refused) == inspect.CORO_CLOSED
