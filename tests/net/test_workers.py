"""The supervisor, with workers that behave as told: who starts, who is replaced, who ends, and who is asked."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from sluice.config.environment import from_environment
from sluice.config.plan import Addresses
from sluice.net import workers
from sluice.net.lifecycle import Options
from sluice.net.log_pipes import LogPipes
from sluice.net.worker import Seat
from sluice.net.workers import Group
from sluice.standard import STANDARD
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog
from tests.support.command import START_S
from tests.support.waiting import until

OFF = Addresses(admin="off", stats="off", readiness="off")
STUB = """
import asyncio, socket, sys
from sluice.net.channel import Channel

async def work(fd, act):
    over = asyncio.Event()
    def hear(verb, text):
        if act == "stubborn":
            return b""
        if verb in ("drain", "end") or (verb == "reload" and act.isdigit()):
            over.set()
        return act.encode() if verb == "dump" else b""
    channel = await Channel.over(socket.socket(fileno=fd), hear)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(channel.serve()) if act != "deaf" else None
        channel.tell("ready")
        if act == "deaf":
            await asyncio.sleep(1)
        else:
            await over.wait()
        if listening:
            listening.cancel()
    await channel.close()
    sys.exit(int(act) if act.isdigit() else 0)

asyncio.run(work(int(sys.argv[1]), sys.argv[2]))
"""
"""A worker that says that it is ready and then acts: `serve` until told to drain, not listen (`deaf`), not obey
(`stubborn`), or end with a status when told to reload."""


class Acts:
    """How to start workers: each place's acts, one life after the other, the last one again and again. `!N` ends with
    status N before it is ready; a name with a slash is a program."""

    def __init__(self, *acts: list[str]) -> None:
        self._acts = acts
        self.started: list[int] = []

    def __call__(self, seat: Seat, port: int | None) -> list[str]:
        self.started.append(seat.number)
        acts = self._acts[seat.number - 1]
        act = acts.pop(0) if len(acts) > 1 else acts[0]
        if act.startswith("!"):
            return [sys.executable, "-c", f"raise SystemExit({act[1:]})"]
        return [act] if "/" in act else [sys.executable, "-c", STUB, str(seat.fd), act]


@pytest.fixture
def pipes() -> Iterator[LogPipes]:
    fd = os.open(os.devnull, os.O_WRONLY)
    made = LogPipes(fd)
    yield made
    assert made.close(5), "no pipe was left open"
    os.close(fd)


class Run:
    """A group at work."""

    def __init__(self, acts: Acts, pipes: LogPipes, drain_timeout_s: float = 5.0) -> None:
        self.announced = 0
        self._lines: list[bytes] = []
        metrics = Metrics("sluice_", "1")
        self.group = Group(
            from_environment({}, STANDARD),
            Options(addresses=OFF, port=0, drain_timeout_s=drain_timeout_s),
            len(acts._acts),
            command=acts,
            pipes=pipes,
            metrics=metrics,
            prefix="sluice_",
            log=ProcessLog(self._lines.append, "json"),
        )

    def announce(self, group: Group) -> None:
        self.announced += 1

    def lines(self, message: str = "") -> list[dict[str, object]]:
        said = [msgspec.json.decode(line, type=dict[str, object]) for line in self._lines]
        return [line for line in said if message in str(line["message"])]

    async def status(self) -> int:
        async with asyncio.timeout(START_S):
            return await self.group.run(self.announce)


@asynccontextmanager
async def running(run: Run) -> AsyncIterator[asyncio.Task[int]]:
    """The group from when all are ready until it was told to drain and has ended."""
    async with asyncio.TaskGroup() as tasks:
        over = tasks.create_task(run.group.run(run.announce))
        await until(lambda: run.announced == 1 or over.done(), within_s=START_S)
        try:
            yield over
        finally:
            if not over.done():
                run.group.stop()
            async with asyncio.timeout(START_S):
                await over


async def test_all_are_ready_once_and_all_end_with_the_group(pipes: LogPipes) -> None:
    acts = Acts(["serve"], ["serve"], ["serve"])
    run = Run(acts, pipes)
    async with running(run) as over:
        assert sorted(acts.started) == [1, 2, 3]
        seen = [run.group.ready]
        run.group.stop()
        seen.append(run.group.ready)
        assert seen == [True, False]
        assert await over == 0
    assert run.announced == 1
    assert run.lines("replaced") == []


@pytest.mark.parametrize(("act", "status"), [("!3", 3), ("!0", 1), ("/no/such/program", 1)])
async def test_a_worker_that_cannot_start_ends_the_group_with_its_status(
    pipes: LogPipes, act: str, status: int
) -> None:
    run = Run(Acts(["serve"], [act]), pipes)
    assert await run.status() == status
    assert run.announced == 0
    (line,) = run.lines("cannot start")
    assert line["worker"] == 2


async def test_a_crash_loop_slows_down_and_disturbs_nobody(pipes: LogPipes) -> None:
    acts = Acts(["serve"], ["7", "!8"])
    run = Run(acts, pipes)
    async with running(run):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(run.lines("replaced")) == 3, within_s=START_S)
        assert [line["pause"] for line in run.lines("replaced")] == ["0s", "0.5s", "1s"]
        assert [line["ended"] for line in run.lines("replaced")] == ["status 7", "status 8", "status 8"]
        assert not run.group.ready
        assert acts.started == [1, 2, 2, 2]
        assert await run.group.dump() == b"serve"
        stopped = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - stopped < 1.0, "a pause is no reason to wait"


async def test_a_place_that_could_not_be_taken_is_tried_again(pipes: LogPipes) -> None:
    run = Run(Acts(["7", "/no/such/program", "serve"]), pipes)
    async with running(run):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(run.lines("replaced")) == 2 and run.group.ready, within_s=START_S)
        first, second = run.lines("replaced")
        assert first["ended"] == "status 7"
        assert "No such file" in str(second["ended"])


async def test_a_stop_while_they_start_is_obeyed(pipes: LogPipes) -> None:
    acts = Acts(["serve"], ["serve"])
    run = Run(acts, pipes)
    async with asyncio.TaskGroup() as tasks:
        over = tasks.create_task(run.status())
        await until(lambda: len(acts.started) == 2)
        run.group.stop()
        assert await over == 0
    assert run.announced == 0


async def test_who_does_not_obey_is_killed(pipes: LogPipes) -> None:
    run = Run(Acts(["serve"], ["stubborn"]), pipes, drain_timeout_s=0.05)
    async with running(run) as over:
        run.group.stop()
        assert await over == 1
    (line,) = run.lines("is killed")
    assert line["worker"] == 2


async def test_a_second_stop_does_not_wait_for_the_deadline(pipes: LogPipes) -> None:
    run = Run(Acts(["stubborn"]), pipes, drain_timeout_s=600)
    async with running(run) as over:
        run.group.stop()
        run.group.stop()
        assert await over == 1


async def test_who_does_not_answer_is_passed_over(pipes: LogPipes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ANSWER_S", 0.05)
    run = Run(Acts(["deaf"], ["serve"]), pipes)
    async with running(run):
        assert await run.group.dump() == b"serve"
        content_type, body = await run.group.scrape("")
        assert content_type.startswith("text/plain")
        assert b"sluice_requests_total" in body
        await run.group.set_level("error")
        assert run.group.threshold.level == "error"


async def test_when_nobody_is_there_nothing_is_shown(pipes: LogPipes) -> None:
    run = Run(Acts(["7", "!8"]), pipes)
    async with running(run):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: bool(run.lines("replaced")))
        assert await run.group.dump() is None
        assert b"sluice_build_info" in (await run.group.scrape(""))[1]
