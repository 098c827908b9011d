"""One worker: a serving process among several, which takes its orders from the supervisor that started it.

Orders come over the channel and never by signal, since whoever ends a group may signal all of its processes (systemd
does): a SIGTERM drains this worker, however often it comes, and only the supervisor can end it at once. If the
supervisor is gone, the worker finishes what is under way and ends.
"""

import asyncio
import signal
import socket
from collections.abc import Iterable
from typing import Self

import msgspec

from sluice.config.dump import dump
from sluice.config.exposure import Hosts
from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.gateway.limits_ports import Counters
from sluice.net.channel import Answer, Channel, Gone
from sluice.net.lifecycle import Process
from sluice.net.shares import share
from sluice.stores.limits_shared import MachineCounters

ANSWER_S = 5.0
"""How long the supervisor may take to answer."""


class Seat(msgspec.Struct, frozen=True):
    """Which of how many workers, and the file descriptors of its channel and of the table in which all workers count
    their limits. As text: `2/4:7,8`."""

    number: int
    """From 1."""
    of: int
    fd: int
    limits: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}:{self.fd},{self.limits}"

    @classmethod
    def read(cls, text: str) -> Self:
        """
        Raises:
            ValueError: the text is no seat.
        """
        number, _, rest = text.partition("/")
        of, _, fds = rest.partition(":")
        fd, _, limits = fds.partition(",")
        return cls(int(number), int(of), int(fd), int(limits))


class Worker:
    """Implements `place.Place` over the channel, and obeys what comes through it."""

    shared = True

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def run(self, process: Process, plan: Plan) -> int:
        """Serve until told to stop; return the exit status.

        Raises:
            ConfigError: an address cannot be bound, a certificate cannot be used.
        """
        self._process = process
        self._channel = await Channel.over(socket.socket(fileno=self._seat.fd), self._hear)
        self._listen_to_signals()
        status, refused = 0, None
        async with asyncio.TaskGroup() as tasks:
            orders = tasks.create_task(self._obey(), name="orders")
            try:
                status = await process.run(plan, self._ready)
                self._channel.tell("farewell", (await process.exposition("")).decode())
            except ConfigError as error:  # inside a group it would come out as a group
                refused = error
            finally:
                orders.cancel()
        await self._channel.close()
        if refused is not None:
            raise refused
        return status

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._process.drain)
        loop.add_signal_handler(signal.SIGINT, self._process.drain)
        loop.add_signal_handler(signal.SIGHUP, self._process.ask_reload)

    async def _obey(self) -> None:
        await self._channel.serve()
        self._process.drain()

    def _hear(self, verb: str, text: str) -> Answer:
        match verb:
            case "drain":
                self._process.drain()
            case "end":
                self._process.end()
            case "reload":
                self._process.ask_reload()
            case "level":
                self._process.threshold.set(text)
            case "metrics":
                return self._process.exposition(text)
            case "dump":
                return msgspec.json.encode(dump(self._process.plan))
            case "live" if self._process.lookout is not None:
                live = self._process.lookout.live(ready=self._process.ready, worker=self._seat.number)
                return msgspec.msgpack.encode(live)
            case "plan map" if self._process.lookout is not None:
                return msgspec.msgpack.encode(self._process.lookout.plan_map())
            case "live" | "plan map":
                raise ConfigError("it does not serve yet")
            case _:
                raise ValueError(verb)
        return b""

    def _ready(self, process: Process) -> None:
        self._channel.tell("ready")

    # -- place.Place --------------------------------------------------------------------------------------------------

    def counters(self, now: float) -> Counters:
        return MachineCounters(self._seat.limits, worker=self._seat.number, workers=self._seat.of, now=now)

    def share(self, plan: Plan) -> Plan:
        return share(plan, self._seat.of)

    async def reserve(self, port: int, hosts: Hosts) -> None:
        try:
            await self._channel.ask("reserve", " ".join((str(port), *hosts)), within_s=ANSWER_S)
        except (Gone, TimeoutError):
            raise ConfigError(f"port {port} cannot be listened on: the supervisor does not answer") from None

    def serves(self, ports: Iterable[int]) -> None:
        self._channel.tell("serves", " ".join(map(str, ports)))

    def drains(self) -> None:
        self._channel.tell("drains")
