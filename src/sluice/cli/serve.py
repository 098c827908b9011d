"""`sluice serve`: put the process together and run it."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping

import click
import uvloop

from sluice import __version__
from sluice.cli.banner import banner
from sluice.cli.group import command, stamped, workers
from sluice.cli.help import Told
from sluice.config.exposure import Exposure, is_wide, read_hosts
from sluice.config.plan import Addresses, Plan
from sluice.config.units import duration
from sluice.errors import ConfigError
from sluice.net.assembly import Assembly
from sluice.net.files import ConfigFiles
from sluice.net.guest import Guest
from sluice.net.lifecycle import ALONE, Options, Process
from sluice.net.log_pipes import LogPipes
from sluice.net.worker import Seat, Worker
from sluice.net.workers import Group
from sluice.standard import STANDARD
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.line import Format
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.names import TASKS
from sluice.telemetry.process_log import LoggingBridge, ProcessLog, Threshold
from sluice.telemetry.report import Report
from sluice.telemetry.server_names import TRACES_EXPORTED
from sluice.telemetry.stdout import OncePerTurn, StdoutWriter, stdout_writer
from sluice.telemetry.traces import Traces
from sluice.testing.fake_provider import FakeProvider
from sluice.testing.fake_provider import Options as FakeOptions

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", ""})
FLUSH_S = 2.0
"""How long a slow reader of stdout may take for the last lines."""
OFF = Addresses(admin="off", stats="off", readiness="off")
"""A worker has no side doors: they are the supervisor's."""
_PORTS = {"admin": 15000, "stats": 15020, "readiness": 15021}


@click.command(
    "serve",
    cls=Told,
    examples=(
        ("sluice serve", "the environment is the configuration"),
        ("sluice serve -f gateway.yaml", "manifests or the short form; folders too"),
        ("sluice serve -f gateway.yaml --workers auto", "a process for each core"),
    ),
)
@click.option(
    "-f", "--file", "paths", multiple=True, metavar="FILE_OR_DIR", help="Configuration.", show_default="the environment"
)
@click.option("--port", type=click.IntRange(0, 65535), help="In place of the configured port; 0 is any.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="ADDRESS",
    help="Listen here.",
    show_default="all addresses where everybody has to authenticate, else this machine's own",
)
@click.option("--insecure-bind", is_flag=True, help="Listen on all addresses although no client has to authenticate.")
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    help="Of the lines on stdout.",
    show_default="text on a terminal, else json; env: LOG_FORMAT",
)
@click.option(
    "--drain-timeout",
    metavar="DURATION",
    default=None,
    help="Time for running streams at the end, as 30s or 5m.",
    show_default="60s; env: DRAIN_TIMEOUT",
)
@click.option(
    "--metrics-prefix",
    type=click.Choice(["agentgateway_", "sluice_"]),
    help="Begins the names of the metrics.",
    show_default="agentgateway_",
)
@click.option(
    "--workers",
    "number",
    metavar="N",
    help="Processes that share the ports, or auto: one per core.",
    show_default="1; env: WORKERS",
)
@click.option("--agent", "agents", multiple=True, metavar="MODULE:AGENT", help="Serve an agent beside it.")
@click.option("--agent-port", type=click.IntRange(0, 65535), default=8081, help="Where agents answer.")
@click.option("--agent-store", default="sqlite:///sluice.db", metavar="URL", help="Of their runs.")
@click.option("--worker", "seat", hidden=True, help="Of a worker: NUMBER/OF:FD.")
def serve_command(
    paths: tuple[str, ...],
    port: int | None,
    hosts: tuple[str, ...],
    insecure_bind: bool,
    log_format: str | None,
    drain_timeout: str | None,
    metrics_prefix: str | None,
    number: str | None,
    agents: tuple[str, ...],
    agent_port: int,
    agent_store: str,
    seat: str | None,
) -> None:
    """Serve the gateway.

    Without -f the environment is the configuration: OPENAI_API_KEY makes /openai and /v1 go to OpenAI; without a key
    the built-in provider `fake` answers there, so that the first request works at once.

    Exit status: 0 it was told to end and did, 2 it cannot start with this configuration, 130 interrupted before it
    was ready.
    """
    env = os.environ
    try:
        files = ConfigFiles(paths, env, STANDARD)
        plan = files.load()
        count = 1 if seat else workers(number, env)
        exposure = Exposure(hosts=read_hosts(hosts), insecure=insecure_bind)
        options = Options(
            addresses=OFF if seat else _addresses(plan, env, exposure),
            exposure=exposure,
            drain_timeout_s=_drain_timeout(drain_timeout, env),
            port=port,
        )
        form = _format(plan, env, log_format)
        invite = None
        if agents:
            from sluice.cli.agent_guest import invitation  # without agents nobody needs their server

            if count > 1:
                hint = "leave --workers out, or run `sluice agent` beside it"
                raise ConfigError("agents are served by one process", path="--agent", hint=hint)
            invite = invitation(agents, plan, exposure, agent_port, agent_store)
        if count > 1:
            status = uvloop.run(_lead(plan, options, count, form, metrics_prefix or plan.metrics_prefix))
        else:
            status = uvloop.run(
                _serve(files, plan, options, form, metrics_prefix, Seat.read(seat) if seat else None, invite)
            )
    except KeyboardInterrupt:
        sys.exit(130)  # before there was anything to drain
    except ConfigError as error:
        click.echo(f"sluice cannot start: {error}", err=True)
        sys.exit(2)
    sys.exit(status)


async def _serve(
    files: ConfigFiles,
    plan: Plan,
    options: Options,
    log_format: Format,
    prefix: str | None,
    seat: Seat | None,
    invite: Callable[[Assembly, Report], Awaitable[Guest]] | None,
) -> int:
    """One process that serves, alone or as a worker."""
    stdout = stdout_writer()
    loop = asyncio.get_running_loop()
    turn = OncePerTurn(stdout, loop.call_soon)
    write = turn if seat is None else stamped(turn, seat, log_format)
    worker = None if seat is None else Worker(seat)
    threshold = Threshold(plan.logging.level)
    log = ProcessLog(write, log_format, threshold)
    labels = tuple(name for name, _ in plan.observing.labels)
    removed = plan.observing.removed_metrics
    metrics = Metrics(prefix or plan.metrics_prefix, __version__, labels=labels, removed=removed)
    metrics.log_lines_dropped = lambda: stdout.dropped
    logging.getLogger().addHandler(LoggingBridge(log))
    report = Report(AccessLog(write, log_format, threshold), metrics, log, loop.call_soon)
    traces = report.traces = Traces(log, loop.call_soon_threadsafe)
    traces.follow(plan)
    metrics.by_label[TRACES_EXPORTED.name] = lambda: traces.exported
    fake = FakeProvider(FakeOptions(first_token_s=0.15, gap_s=0.02))
    process = Process(
        files,
        options,
        registry=STANDARD,
        report=report,
        metrics=metrics,
        log=log,
        start_fake=fake.start,
        place=worker or ALONE,
        invite=None if invite is None else lambda assembly: invite(assembly, report),
    )
    # What exists now lives as long as the process: the collector need not look at it again. The first threshold is what
    # fifty exchanges make and drop again, which is no reason to look; more of it would be a longer pause.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 80, 20)
    try:
        if worker is not None:
            return await worker.run(process, plan)
        return await process.run(plan, lambda ready: banner(ready, options.exposure))
    finally:
        await fake.close()
        report.flush()
        traces.close()
        turn.flush()
        stdout.flush(FLUSH_S)


async def _lead(plan: Plan, options: Options, count: int, log_format: Format, prefix: str) -> int:
    """The supervisor of several workers."""
    pipes = LogPipes()
    end = pipes.open()
    stdout = StdoutWriter(end)
    log = ProcessLog(stdout, log_format, Threshold(plan.logging.level))
    metrics = Metrics(prefix, __version__, removed=plan.observing.removed_metrics)
    metrics.log_lines_dropped = lambda: stdout.dropped + pipes.dropped
    metrics.runtime = lambda: {TASKS.name: len(asyncio.all_tasks())}  # it is no worker
    logging.getLogger().addHandler(LoggingBridge(log))
    group = Group(
        plan, options, count, command=command(log_format), pipes=pipes, metrics=metrics, prefix=prefix, log=log
    )
    try:
        return await group.run(lambda ready: banner(ready, options.exposure, workers=count))
    finally:
        stdout.flush(FLUSH_S)
        os.close(end)
        pipes.close(FLUSH_S)


def _addresses(plan: Plan, env: Mapping[str, str], exposure: Exposure) -> Addresses:
    """Environment over configuration over default. By itself the readiness door, which tells nothing, opens where the
    front door does; the stats door, which tells names of models and keys, only with --insecure-bind; the admin's only
    if both its address and --insecure-bind say so.

    Raises:
        ConfigError: the admin's address can be reached from outside, and nobody said that it may; see also
            `Exposure.places`.
    """
    wide = next((hosts[0] for hosts in exposure.places(plan).values() if is_wide(hosts)), "localhost")
    wide = f"[{wide}]" if ":" in wide else wide
    written = plan.addresses
    admin = env.get("ADMIN_ADDR") or written.admin or f"localhost:{_PORTS['admin']}"
    if admin != "off" and not exposure.insecure and admin.rpartition(":")[0] not in _LOOPBACK:
        raise ConfigError(
            f"{admin} can be reached from outside", path="admin address", hint="--insecure-bind allows it"
        )
    return Addresses(
        admin=admin,
        stats=env.get("STATS_ADDR")
        or written.stats
        or f"{wide if exposure.insecure else 'localhost'}:{_PORTS['stats']}",
        readiness=env.get("READINESS_ADDR") or written.readiness or f"{wide}:{_PORTS['readiness']}",
    )


def _drain_timeout(option: str | None, env: Mapping[str, str]) -> float:
    try:
        return duration(option or env.get("DRAIN_TIMEOUT") or "60s")
    except ValueError as error:
        raise ConfigError(str(error), path="--drain-timeout" if option else "DRAIN_TIMEOUT") from None


def _format(plan: Plan, env: Mapping[str, str], option: str | None) -> Format:
    wanted = option or env.get("LOG_FORMAT") or plan.logging.format
    if wanted not in ("json", "text", "auto"):
        raise ConfigError(f"{wanted!r} is no log format", path="LOG_FORMAT", hint="json or text")
    if wanted == "json":
        return "json"
    if wanted == "text":
        return "text"
    return "text" if sys.stdout.isatty() else "json"
