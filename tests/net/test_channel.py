"""The line between supervisor and worker: every question is answered, refused, late or in vain, and never for ever."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from sluice.errors import ConfigError
from sluice.net.channel import MAX_MESSAGE_BYTES, Answer, Channel, Gone
from tests.support.waiting import until


def silent(verb: str, text: str) -> bytes:
    return b""


@asynccontextmanager
async def line(
    here: Callable[[str, str], Answer] = silent, there: Callable[[str, str], Answer] = silent
) -> AsyncIterator[tuple[Channel, Channel]]:
    """Both ends, listening."""
    one, other = socket.socketpair()
    ends = await Channel.over(one, here), await Channel.over(other, there)
    async with asyncio.TaskGroup() as tasks:
        for end in ends:
            tasks.create_task(end.serve())
        try:
            yield ends
        finally:
            for end in ends:
                await end.close()


async def test_questions_go_both_ways_at_once() -> None:
    async with line(lambda verb, text: f"here {verb} {text}".encode(), lambda verb, text: text.encode()) as (a, b):
        said = await asyncio.gather(
            *(a.ask("echo", str(n), within_s=5) for n in range(100)), b.ask("is", "x", within_s=5)
        )
        assert said == [*(str(n).encode() for n in range(100)), b"here is x"]


async def test_an_exposition_of_megabytes_crosses_whole() -> None:
    body = bytes(range(256)) * (40 << 10)
    async with line(there=lambda verb, text: body) as (a, _):
        assert await a.ask("metrics", within_s=5) == body


async def test_an_answer_that_takes_its_time_holds_up_no_other() -> None:
    go_on = asyncio.Event()

    async def later() -> bytes:
        await go_on.wait()
        return b"late"

    def there(verb: str, text: str) -> Answer:
        return later() if verb == "metrics" else b"at once"

    async with line(there=there) as (a, _), asyncio.TaskGroup() as tasks:
        late = tasks.create_task(a.ask("metrics", within_s=5))
        assert await a.ask("level", within_s=5) == b"at once"
        assert not late.done()
        go_on.set()
        assert await late == b"late"


async def test_a_refusal_is_the_answer() -> None:
    def refuse(verb: str, text: str) -> bytes:
        raise ConfigError("it is taken", path="port")

    async with line(there=refuse) as (a, _):
        with pytest.raises(ConfigError, match=r"^port: it is taken$"):
            await a.ask("reserve", within_s=5)


async def test_what_needs_no_answer_gets_none() -> None:
    heard: list[tuple[str, str]] = []

    def there(verb: str, text: str) -> bytes:
        heard.append((verb, text))
        return b"unasked"

    async with line(there=there) as (a, _):
        a.tell("drain")
        assert await a.ask("level", "warn", within_s=5) == b"unasked"
        assert heard == [("drain", ""), ("level", "warn")]


async def test_whoever_does_not_answer_in_time_is_not_waited_for_and_may_answer_later() -> None:
    one, other = socket.socketpair()
    here = await Channel.over(one, silent)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(here.serve())
        with pytest.raises(TimeoutError):
            await here.ask("metrics", within_s=0.01)
        there = await Channel.over(other, lambda verb, text: verb.encode())
        tasks.create_task(there.serve())
        assert await here.ask("dump", within_s=5) == b"dump", "the late answer is nobody's"
        await here.close()
        await there.close()


async def test_the_end_of_the_other_side_answers_everything() -> None:
    one, other = socket.socketpair()
    here = await Channel.over(one, silent)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(here.serve())
        question = tasks.create_task(ended(here))
        await asyncio.sleep(0)
        other.close()
        assert await question
        await until(listening.done)
        with pytest.raises(Gone):
            await here.ask("metrics", within_s=5)
        here.tell("drain")
    await here.close()


async def ended(channel: Channel) -> bool:
    try:
        await channel.ask("metrics", within_s=5)
    except Gone:
        return True
    return False


async def test_what_is_no_message_ends_the_line() -> None:
    one, other = socket.socketpair()
    here = await Channel.over(one, silent)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(here.serve())
        other.sendall((MAX_MESSAGE_BYTES + 1).to_bytes(4, "big"))
        await until(listening.done)
    other.close()
    await here.close()
