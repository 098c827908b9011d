"""The real command and its limit of open files: raised at the start; when it is reached, no provider pays for it."""

import os
import resource
from itertools import count

import msgspec
import pytest

from tests.support.command import Sluice
from tests.support.http_answer import Answer, Broken
from tests.support.raw_client import RawClient, request
from tests.support.waiting import until
from tests.support.world import World


def limits(pid: int, new: tuple[int, int] | None = None) -> tuple[int, int]:
    """Of a process; with `new`, those from now on."""
    return resource.prlimit(pid, resource.RLIMIT_NOFILE, *([new] if new else []))


async def test_a_process_takes_all_descriptors_that_it_may() -> None:
    soft, hard = limits(0)
    assert hard > 512
    limits(0, (512, hard))  # what it is started with
    try:
        async with Sluice() as sluice:
            assert limits(sluice.pid) == (hard, hard)
    finally:
        limits(0, (soft, hard))


async def test_a_process_without_a_descriptor_says_so_and_blames_no_provider(world: World) -> None:
    fake = await world.fake()
    environment = {"OPENAI_API_KEY": "sk-full", "OPENAI_BASE_URL": f"http://127.0.0.1:{fake.port}/v1"}
    async with Sluice(env=environment) as sluice, await sluice.client() as client:
        before = limits(sluice.pid)
        readiness = await RawClient.connect(sluice.side["readiness"])  # a probe that has its connection keeps it
        taken = {int(name) for name in os.listdir(f"/proc/{sluice.pid}/fd")}
        lowest_free = next(number for number in count() if number not in taken)
        limits(sluice.pid, (lowest_free, before[1]))
        async with readiness:
            for number in range(1, 9):  # five failures in a row would give a target a rest
                refused = await client.ask(request())
                assert (refused.status, code_of(refused), refused.header("retry-after")) == (503, "overloaded", "1")
                line = await sluice.request_line(number)
                assert (line["stream.outcome"], line["reason"]) == ("shed", "Overloaded")
                assert "Too many open files" in str(line["error"])
            with pytest.raises((ConnectionError, Broken)):
                async with await sluice.client() as late:
                    await late.ask(request())
            await until(lambda: "out of file descriptors, clients are refused" in sluice.messages())
        limits(sluice.pid, before)
        assert (await client.ask(request())).status == 200
        assert "a target is given a rest" not in sluice.messages()
        assert sluice.messages().count("out of file descriptors, clients are refused") == 1


def code_of(answer: Answer) -> object:
    return msgspec.json.decode(answer.body)["error"]["code"]
