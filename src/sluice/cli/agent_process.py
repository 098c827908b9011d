"""A process that serves agents: from its first line to its last.

put together ── open ── serve, announce ──SIGTERM──► no new work, runs end ──► exit 0
                                              └── the second time: at once
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable

import msgspec

from sluice import __version__
from sluice.agent_server.app import build
from sluice.agent_server.door import AgentDoor
from sluice.agent_server.server import Server
from sluice.cli.agent_house import AgentHouse, Wanted
from sluice.config.exposure import Hosts
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.line import Format
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import LoggingBridge, ProcessLog, Threshold
from sluice.telemetry.report import Report
from sluice.telemetry.stdout import StdoutWriter
from sluice.telemetry.traces import Traces
from sluice.testing.fake_provider import FakeProvider
from sluice.testing.fake_provider import Options as FakeOptions

DRAIN_S = 10.0
"""How long runs may go on at the end (agents.md A25)."""
FLUSH_S = 2.0
STDERR = 2
FAKE = FakeOptions(first_token_s=0.15, gap_s=0.02)
"""The pace of the built-in provider: a stream that can be seen to stream."""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How agents are served."""

    hosts: Hosts
    port: int
    drain_s: float = DRAIN_S
    log_format: Format = "json"
    log_level: str = "info"


async def run(wanted: Wanted, serving: Serving, announce: Callable[[AgentDoor], None]) -> int:
    """Serve until told to stop; return the exit status. `announce` is called once, when the port answers. The log goes
    to standard error: standard output is the agents'.

    Raises:
        ConfigError: something that is wanted cannot be used.
    """
    async with standing(wanted, log_format=serving.log_format, log_level=serving.log_level) as server:
        door = AgentDoor(build(server), server.service, serving.hosts, serving.port)
        await door.open()
        await _serve(door, serving.drain_s, announce)
    return 0


@contextlib.asynccontextmanager
async def standing(wanted: Wanted, *, log_format: Format, log_level: str) -> AsyncIterator[Server]:
    """Put together what agents stand on, and take it apart again. The service is opened and closed within.

    Raises:
        ConfigError: something of it cannot be used.
    """
    stderr = StdoutWriter(STDERR)
    threshold = Threshold(log_level)
    log = ProcessLog(stderr, log_format, threshold)
    bridge = LoggingBridge(log)
    logging.getLogger().addHandler(bridge)
    plan = wanted.plan
    labels = tuple(name for name, _ in plan.observing.labels)
    metrics = Metrics(plan.metrics_prefix, __version__, labels=labels, removed=plan.observing.removed_metrics)
    access_log = AccessLog(stderr, log_format, threshold)
    report = Report(access_log, metrics, log, asyncio.get_running_loop().call_soon)
    traces = report.traces = Traces(log, asyncio.get_running_loop().call_soon_threadsafe)
    traces.follow(plan)
    fake = FakeProvider(FAKE)
    house = AgentHouse(wanted, report=report, log=log, start_fake=fake.start)
    try:
        server = await house.open()
        try:
            yield server
        finally:
            await house.close()
    finally:
        await fake.close()
        report.flush()
        traces.close()
        logging.getLogger().removeHandler(bridge)
        stderr.flush(FLUSH_S)


async def _serve(door: AgentDoor, drain_s: float, announce: Callable[[AgentDoor], None]) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            door.close()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(door.serve(), name="agent door")
            await door.started()
            announce(door)
            await stopping.wait()
            await door.drain(drain_s)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)


def plain_say(line: str) -> None:
    """Print a line for people, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
