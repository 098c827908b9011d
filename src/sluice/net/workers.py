"""The supervisor: several workers on the same ports, shown to the outside as one process.

    load and validate ── hold the ports ── open the side doors ── start the workers ── all ready ── banner
                                                                        │
                     one dies: another takes its place, the others go on┘
    SIGTERM, SIGINT   not ready; every worker drains; exit 0 with the last of them; again: they end at once
    SIGHUP            every worker loads the configuration, and takes or refuses it by itself

It serves no request and reads none. What is not ready in time after a drain is killed.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence

import msgspec

from sluice.admin.live import Live
from sluice.admin.plan_map import PlanMap
from sluice.config.plan import Plan
from sluice.config.rewire import with_port
from sluice.errors import ConfigError
from sluice.gateway.ports import Upstream
from sluice.net.channel import Gone
from sluice.net.group_doors import group_doors
from sluice.net.lifecycle import FLUSH_S, Options
from sluice.net.log_pipes import LogPipes
from sluice.net.member import Backoff, Member, ending
from sluice.net.pool import Pool
from sluice.net.reservations import Reservations
from sluice.net.scrape import Totals
from sluice.net.tls import server_context
from sluice.net.worker import Seat
from sluice.stores import limits_shared
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog, Threshold

ANSWER_S = 5.0
"""How long a worker may take to answer a question."""
LOOK_S = 1.0
"""And one that is asked every second: who is stuck keeps nobody from looking at the others."""
GRACE_S = FLUSH_S + 1.0
"""What a worker gets after the drain timeout for its last bytes and its last lines."""


class Group:
    """The supervisor of one group. `run` returns its exit status."""

    def __init__(
        self,
        plan: Plan,
        options: Options,
        workers: int,
        *,
        command: Callable[[Seat, int | None], Sequence[str]],
        pipes: LogPipes,
        metrics: Metrics,
        prefix: str,
        log: ProcessLog,
    ) -> None:
        """`command` says how to start a worker, on the port that replaces that of the plan's only listener; `metrics`
        are the supervisor's own, `prefix` that of their names."""
        self.plan = plan
        self.threshold: Threshold = log.threshold
        self.side_ports: dict[str, int] = {}
        self._options = options
        self._command = command
        self._metrics = metrics
        self._log = log
        self.knock: Upstream = Pool()
        self.workers = workers
        self._ports = Reservations()
        self._totals = Totals(prefix)
        self._limits = limits_shared.create(workers)
        self._members = [
            Member(number, workers, command=self._command_of, pipes=pipes, limits=self._limits, listens=self._hear)
            for number in range(1, workers + 1)
        ]
        self._started = asyncio.Event()
        """All workers have been ready."""
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._status = 0

    def _command_of(self, seat: Seat) -> Sequence[str]:
        return self._command(seat, None if self._options.port is None else self.plan.listeners[0].port)

    async def run(self, announce: Callable[["Group"], None]) -> int:
        """Serve until told to stop, or until a worker cannot start. `announce` is called once, when all are ready.

        Raises:
            ConfigError: an address cannot be bound, a certificate cannot be used; nothing was started.
        """
        try:
            self._take_ports()
            doors = group_doors(self, self._options.addresses)
            self._listen_to_signals()
            async with asyncio.TaskGroup() as tasks:
                for door in doors.values():
                    tasks.create_task(door.serve(), name="side door")
                for door in doors.values():
                    await door.started()
                self.side_ports = {name: door.port for name, door in doors.items()}
                waiting = [tasks.create_task(self._announce(announce)), tasks.create_task(self._end())]
                async with asyncio.TaskGroup() as places:
                    for member in self._members:
                        places.create_task(self._keep(member), name=f"worker {member.number}")
                for task in waiting:
                    task.cancel()
                for door in doors.values():
                    door.close()
        finally:
            self._ports.close()
            os.close(self._limits)
        return self._status

    # -- starting -----------------------------------------------------------------------------------------------------

    def _take_ports(self) -> None:
        """Find out now what would be wrong with the ports, and which one port 0 is."""
        if self._options.port is not None:
            self.plan = with_port(self.plan, self._options.port)
        for listener in self.plan.listeners:
            if listener.tls is not None:
                server_context(listener.tls)
        for number, hosts in self._options.exposure.places(self.plan).items():
            held = self._ports.hold(number, self._members[0].number, hosts)
            if number == 0:
                self.plan = with_port(self.plan, held)

    async def _announce(self, announce: Callable[["Group"], None]) -> None:
        await self._started.wait()
        announce(self)

    def _greet(self, member: Member) -> None:
        """A process was started: tell it what the others were told."""
        member.tell("level", self.threshold.level)
        if self._stopping.is_set():
            member.tell("end" if self._at_once.is_set() else "drain")

    # -- keeping ------------------------------------------------------------------------------------------------------

    async def _keep(self, member: Member) -> None:
        """See to it that a place is held for as long as the group serves."""
        backoff = Backoff()
        while not self._stopping.is_set():
            began = time.monotonic()
            status, how = 1, ""
            try:
                status = await member.live(self._greet)
                how = ending(status)
            except OSError as error:
                how = str(error)
            self._totals.retire(member.life)
            if self._stopping.is_set():
                return
            if not self._started.is_set():
                self._log.error("a worker cannot start", worker=member.number, ended=how)
                self._status = max(1, status)
                self.stop()
                return
            pause_s = backoff.after(time.monotonic() - began)
            say = self._log.error if status else self._log.warn
            say("a worker has ended and is replaced", worker=member.number, ended=how, pause=f"{pause_s:g}s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    def _hear(self, member: Member, verb: str, text: str) -> bytes:
        match verb:
            case "ready":
                member.serves = member.ready = True
                self._log.info("a worker is ready", worker=member.number, pid=member.pid)
                if self.ready:
                    self._started.set()
            case "drains":
                member.ready = False
            case "reserve":
                port, *hosts = text.split()
                self._ports.hold(int(port), member.number, tuple(hosts))
            case "serves":
                self._ports.keep({int(port) for port in text.split()}, member.number)
            case "farewell":
                self._totals.note(member.life, text)
            case _:
                raise ValueError(verb)
        return b""

    # -- orders -------------------------------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._tell, "reload")

    def _tell(self, verb: str) -> None:
        for member in self._members:
            member.tell(verb)

    def stop(self) -> None:
        """Let every worker drain, and end with the last of them; the second time, let them end at once."""
        if self._stopping.is_set():
            self._at_once.set()
            self._tell("end")
            return
        self._stopping.set()
        timeout = f"{self._options.drain_timeout_s:g}s"
        self._log.info("draining", workers=len(self._members), timeout=timeout)
        self._tell("drain")

    async def _end(self) -> None:
        """Kill those who do not end in time."""
        await self._stopping.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain_timeout_s):
                await self._at_once.wait()
        await asyncio.sleep(GRACE_S)
        for member in self._members:
            if member.kill():
                self._status = 1
                self._log.error("a worker did not end in time and is killed", worker=member.number, pid=member.pid)

    # -- what the side doors show -------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        return not self._stopping.is_set() and all(member.ready for member in self._members)

    async def scrape(self, accept: str) -> tuple[str, bytes]:
        """Return content type and body of the metrics of all."""
        present = [(member, member.life) for member in self._members if member.serves]
        said = await asyncio.gather(*(_ask(member, "metrics", accept) for member, _ in present))
        answers = {life: None if text is None else text.decode() for (_, life), text in zip(present, said, strict=True)}
        content_type, own = self._metrics.render(accept)
        body = bytearray()
        for piece in self._totals.merging(own.decode(), answers):
            body += piece.encode()
            await asyncio.sleep(0)  # thousands of label sets take seconds, and readiness is asked for meanwhile
        return content_type, bytes(body)

    async def dump(self) -> bytes | None:
        """Return the plan in use as JSON, secrets hidden, as the first worker that answers has it."""
        for member in self._members:
            if member.ready and (said := await _ask(member, "dump")) is not None:
                return said
        return None

    async def live(self) -> list[Live]:
        """Return what each worker does now; of those that answer."""
        there = [member for member in self._members if member.serves]
        said = await asyncio.gather(*(_ask(member, "live", within_s=LOOK_S) for member in there))
        return [msgspec.msgpack.decode(each, type=Live) for each in said if each is not None]

    async def plan_map(self) -> PlanMap | None:
        """Return who is asked for what, as the first worker that answers has it."""
        for member in self._members:
            if member.ready and (said := await _ask(member, "plan map")) is not None:
                return msgspec.msgpack.decode(said, type=PlanMap)
        return None

    async def set_level(self, level: str) -> None:
        """Change the log level of all.

        Raises:
            ValueError: there is no such level.
        """
        self.threshold.set(level)
        await asyncio.gather(*(_ask(member, "level", self.threshold.level) for member in self._members))


async def _ask(member: Member, verb: str, text: str = "", within_s: float = ANSWER_S) -> bytes | None:
    if member.channel is None:
        return None
    try:
        return await member.channel.ask(verb, text, within_s=within_s)
    except (Gone, TimeoutError, ConfigError):
        return None
