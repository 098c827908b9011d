"""net/lifecycle.py: a reload that meets a fault of ours, or the end. The rest of its life is in the journeys."""

import asyncio
import errno
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest

from sluice.config.exposure import Hosts
from sluice.config.plan import Addresses, Plan
from sluice.net import listener, reservations, worker
from sluice.net.channel import Answer
from sluice.net.files import WATCH_S, ConfigFiles
from sluice.net.lifecycle import Options, Process
from sluice.net.place import Alone
from sluice.net.reservations import Reservations
from sluice.standard import STANDARD
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.report import Report
from tests.journeys.manifests import gateway, route
from tests.net.test_channel import line
from tests.support.command import rewrite
from tests.support.raw_client import RawClient
from tests.support.sockets import free_ports
from tests.support.waiting import PATIENCE_S, until

OFF = Addresses(admin="off", stats="off", readiness="off")


class Files(ConfigFiles):
    """Files whose reading takes as long as a test wants, and fails as it wants."""

    def __init__(self, path: Path) -> None:
        super().__init__([str(path)], {}, STANDARD)
        self.may_read = threading.Event()
        self.may_read.set()
        self.reads = 0
        self.fault: Exception | None = None

    def load(self) -> Plan:
        self.reads += 1
        assert self.may_read.wait(PATIENCE_S)
        if self.fault is not None:
            raise self.fault
        return super().load()


class Held(Alone):
    """A place that takes as long as a test wants to reserve a port. `shared`: signals are somebody else's."""

    shared = True

    def __init__(self) -> None:
        self.may_reserve = asyncio.Event()
        self.may_reserve.set()
        self.reserved: list[int] = []
        """Those that were asked for."""
        self.served: set[int] = set()
        """All that were ever listened on."""

    async def reserve(self, port: int, hosts: Hosts) -> None:
        self.reserved.append(port)
        await self.may_reserve.wait()

    def serves(self, ports: Iterable[int]) -> None:
        self.served |= {*ports}


class Life:
    """A process in this one, that serves one port of a file."""

    def __init__(self, file: Path) -> None:
        self.first, self.second = free_ports(2)
        self.file = file
        file.write_text(gateway(self.first) + route("/a", 1))
        self.files, self.place = Files(file), Held()
        self._lines: list[bytes] = []
        metrics, log = Metrics("agentgateway_", "test"), ProcessLog(self._lines.append, "json")
        report = Report(AccessLog(self._lines.append, "json"), metrics, log, asyncio.get_running_loop().call_soon)
        self.process = Process(
            self.files,
            Options(addresses=OFF, drain_timeout_s=1.0),
            registry=STANDARD,
            report=report,
            metrics=metrics,
            log=log,
            start_fake=_no_fake,
            place=self.place,
        )

    def lines(self, message: str) -> list[dict[str, object]]:
        lines = [msgspec.json.decode(line, type=dict[str, object]) for line in self._lines]
        return [line for line in lines if line.get("message") == message]

    def add_the_second_port(self) -> None:
        rewrite(self.file, gateway(self.first, self.second) + route("/a", 1))
        self.process.ask_reload()


async def _no_fake() -> int:
    raise AssertionError("no plan here needs it")


@asynccontextmanager
async def living(file: Path) -> AsyncIterator[Life]:
    """It is ready; in the end it is told to end, and does so with status 0."""
    life, ready = Life(file), asyncio.Event()
    running = asyncio.create_task(life.process.run(life.files.load(), lambda process: ready.set()))
    try:
        await until(lambda: ready.is_set() or running.done())
        yield life
    finally:
        life.files.may_read.set()
        life.place.may_reserve.set()
        life.process.drain()
        try:
            async with asyncio.timeout(PATIENCE_S):
                assert await running == 0
        finally:
            life.process._ports.close()  # whoever ends by a fault leaves them open, and uvloop then never closes


@pytest.mark.parametrize("fault", [RuntimeError("unforeseen"), OSError(24, "Too many open files")], ids=str)
async def test_a_reload_that_fails_by_a_fault_of_ours_is_refused_like_any_other(
    tmp_path: Path, fault: Exception
) -> None:
    async with living(tmp_path / "gateway.yaml") as life:
        life.files.fault = fault
        life.add_the_second_port()
        await until(lambda: bool(life.lines("configuration refused, the old one stays")))
        (line,) = life.lines("configuration refused, the old one stays")
        assert line["level"] == "error"
        assert str(fault) in str(line["error"])
        assert "Traceback" in str(line["traceback"])
        async with await RawClient.connect(life.first):
            pass
        life.files.fault = None
        life.process.ask_reload()
        await until(lambda: bool(life.lines("configuration reloaded")))
        assert life.place.served == {life.first, life.second}


@pytest.mark.parametrize("which", [1, 2, 3])
async def test_a_reload_for_which_there_was_no_thread_is_made_as_soon_as_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    start, started = threading.Thread.start, 0
    async with living(tmp_path / "gateway.yaml") as life:

        def short(thread: threading.Thread) -> None:
            nonlocal started
            started += thread.name == "sluice-apart"
            if started == which:
                raise RuntimeError("can't start new thread")
            start(thread)

        await asyncio.sleep(2 * WATCH_S)  # files are looked at
        monkeypatch.setattr(threading.Thread, "start", short)
        life.add_the_second_port()
        await until(lambda: bool(life.lines("configuration refused, the old one stays")))
        await until(lambda: bool(life.lines("configuration reloaded")))


async def test_a_port_for_which_no_descriptor_was_left_is_opened_as_soon_as_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind, refused = listener.bind, 0

    def short(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
        nonlocal refused
        if refused < 3:
            refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return bind(host, port, reuse_port=reuse_port)

    async with living(tmp_path / "gateway.yaml") as life:
        monkeypatch.setattr(listener, "bind", short)
        rewrite(life.file, gateway(life.first, life.second) + route("/a", 1))  # nobody asks
        await until(lambda: bool(life.lines("configuration reloaded")))
        (line,) = life.lines("configuration refused, the old one stays")
        assert line["error"] == f"port {life.second} cannot be listened on: Too many open files"
        assert (refused, life.place.served) == (3, {life.first, life.second})


@pytest.mark.parametrize("trouble", ["has no descriptor left", "answers too late"])
async def test_a_port_that_the_supervisor_could_not_hold_is_opened_as_soon_as_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """As a worker has it, which hears only what is said to it."""
    bind, held, asked = reservations.bind, Reservations(), 0
    monkeypatch.setattr(worker, "ANSWER_S", 0.2)

    def short(host: str, port: int) -> socket.socket:
        if asked == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return bind(host, port)

    def supervisor(verb: str, text: str) -> Answer:
        nonlocal asked
        asked += 1
        if trouble == "answers too late" and asked == 1:
            return late()
        port, *hosts = text.split()
        held.hold(int(port), 1, tuple(hosts))
        return b""

    async def late() -> bytes:
        await asyncio.sleep(2 * worker.ANSWER_S)
        return b""

    monkeypatch.setattr(reservations, "bind", short)
    with closing(held):
        async with line(there=supervisor) as (ours, _), living(tmp_path / "gateway.yaml") as life:
            of_a_group = worker.Worker(worker.Seat(number=1, of=2, fd=-1, limits=-1))
            of_a_group._channel = ours
            monkeypatch.setattr(life.place, "reserve", of_a_group.reserve)
            rewrite(life.file, gateway(life.first, life.second) + route("/a", 1))  # nobody asks
            await until(lambda: bool(life.lines("configuration reloaded")))
            (refused,) = life.lines("configuration refused, the old one stays")
            assert str(refused["error"]).startswith(f"port {life.second} cannot be listened on: ")
            assert (asked, life.place.served) == (2, {life.first, life.second})


async def test_an_end_while_a_port_is_opened_leaves_nobody_listening(tmp_path: Path) -> None:
    async with living(tmp_path / "gateway.yaml") as life:
        port = listener.Port(life.second, life.process.gateway, life.process.metrics, time.monotonic)
        opening = asyncio.create_task(port.open(["127.0.0.1"]))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
        port.close()
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect(life.second)


async def test_an_end_while_the_files_are_read_opens_no_port(tmp_path: Path) -> None:
    async with living(tmp_path / "gateway.yaml") as life:
        life.files.may_read.clear()
        life.add_the_second_port()
        await until(lambda: life.files.reads == 2)
        life.process.drain()
        await until(lambda: bool(life.lines("draining")))
    assert life.place.reserved == [life.first]
    assert not life.lines("configuration reloaded")


async def test_an_end_while_a_port_is_reserved_opens_it_no_more(tmp_path: Path) -> None:
    async with living(tmp_path / "gateway.yaml") as life:
        life.place.may_reserve.clear()
        life.add_the_second_port()
        await until(lambda: life.second in life.place.reserved)
        life.process.drain()
        await until(lambda: bool(life.lines("draining")))
    assert life.place.served == {life.first}
    assert not life.lines("configuration reloaded")
