"""Measures gateways side by side: CPU per streamed chunk and per request, latency, memory; nginx is the yardstick.

    python -m bench.compare [--rounds 3] [--conns 100] [--no-stream] TARGET.json ...

Every round measures the bare upstream (`direct`), nginx and each target in turn, and every figure is also given as a
ratio to nginx in the same round, because absolute times on a shared machine mean little. Each delta carries its number
and its send time, so loss, order and latency are all checked. Needs cc and nginx (Debian: gcc, nginx-light).
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from bench import asked, rig
from bench.asked import Lane, Load, lanes
from bench.proc import cpu_seconds, rss_mib


class Percentiles(msgspec.Struct, frozen=True):
    """Microseconds."""

    p50: float
    p99: float


class Seen(msgspec.Struct, frozen=True):
    """What loadgen.c prints."""

    done: int
    bad: int
    disorder: int
    chunks: int
    chunk_lat_us: Percentiles
    ttft_us: Percentiles
    req_us: Percentiles


class Figures(msgspec.Struct, frozen=True):
    """One target's figures: of one round, or the medians of all."""

    name: str
    cpu_us: float
    x_nginx: float
    chunk_p50_us: float
    chunk_p99_us: float
    ttft_p50_us: float
    request_p50_us: float
    rss_mib: float
    bad: int
    """Answers that were not 200, broke, or had no success marker at their end: all rounds together."""
    lost: int
    """Deltas lost, repeated, out of order or in the wrong form: all rounds together."""


def compare(targets: Sequence[rig.Target], loads: Sequence[Load], rounds: int, folder: Path) -> list[list[Figures]]:
    """Measure everyone under each load, load after load in every round; return the medians in the order of `loads` and
    of `lanes`. What is compared is never minutes apart: a shared machine changes its speed.

    `folder` holds the programs that rig.build made.

    Raises:
        rig.RigError: a process did not start.
    """
    measured = [[_round(lanes(targets, load, folder), load, folder) for load in loads] for _ in range(rounds)]
    return [[_median(list(rows)) for rows in zip(*each, strict=True)] for each in zip(*measured, strict=True)]


def _round(everyone: list[Lane], load: Load, folder: Path) -> list[Figures]:
    with rig.upstream(folder, load.chunks, load.interval_us, load.dialect):
        figures = [_measure(lane, load, folder) for lane in everyone]
    nginx = next(row.cpu_us for row in figures if row.name == "nginx")
    return [msgspec.structs.replace(row, x_nginx=round(row.cpu_us / max(0.01, nginx), 2)) for row in figures]


def _measure(lane: Lane, load: Load, folder: Path) -> Figures:
    (folder / "body.json").write_bytes(asked.body(lane.form, lane.model))
    with rig.running(lane.target, folder) as pid:
        push(lane, folder, conns=8, seconds=0.5, deltas=load.deltas)
        before = cpu_seconds(pid) if pid else 0.0
        seen = push(lane, folder, load.conns, load.seconds, load.deltas)
        cpu = cpu_seconds(pid) - before if pid else 0.0
        return Figures(
            name=lane.name,
            cpu_us=round(cpu * 1e6 / max(1, seen.chunks if load.stream else seen.done), 2),
            x_nginx=0.0,
            chunk_p50_us=seen.chunk_lat_us.p50,
            chunk_p99_us=seen.chunk_lat_us.p99,
            ttft_p50_us=seen.ttft_us.p50,
            request_p50_us=seen.req_us.p50,
            rss_mib=round(rss_mib(pid), 1) if pid else 0.0,
            bad=seen.bad,
            lost=seen.disorder,
        )


def push(lane: Lane, folder: Path, conns: int, seconds: float, deltas: int) -> Seen:
    """Run the load client once and return what it saw. It sends `folder`/body.json and expects `deltas` per answer."""
    program = ["taskset", "-c", rig.LOAD_CPU, str(folder / "loadgen"), str(lane.target.port), lane.target.path]
    checks = [lane.form, str(deltas)]
    command = [*program, str(conns), str(seconds), str(folder / "body.json"), *checks, *lane.target.headers]
    done = subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60)
    return msgspec.json.decode(done.stdout, type=Seen)


def _median(rounds: list[Figures]) -> Figures:
    def middle(read: Callable[[Figures], float]) -> float:
        return round(statistics.median(map(read, rounds)), 2)

    return Figures(
        name=rounds[0].name,
        cpu_us=middle(lambda row: row.cpu_us),
        x_nginx=middle(lambda row: row.x_nginx),
        chunk_p50_us=middle(lambda row: row.chunk_p50_us),
        chunk_p99_us=middle(lambda row: row.chunk_p99_us),
        ttft_p50_us=middle(lambda row: row.ttft_p50_us),
        request_p50_us=middle(lambda row: row.request_p50_us),
        rss_mib=middle(lambda row: row.rss_mib),
        bad=sum(row.bad for row in rounds),
        lost=sum(row.lost for row in rounds),
    )


def table(rows: Iterable[Figures], unit: str) -> str:
    """Return the figures as a table for a terminal."""
    heads = (
        "cpu us/" + unit,
        "x nginx",
        "chunk p50 us",
        "p99 us",
        "ttft p50 us",
        "request us",
        "rss MiB",
        "bad",
        "lost",
    )
    lines = [f"{'target':22}" + "".join(f"{head:>15}" for head in heads)]
    lines += [
        row.name.ljust(22) + "".join(f"{figure:>15g}" for figure in msgspec.structs.astuple(row)[1:]) for row in rows
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure the targets named on the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", type=Path, metavar="TARGET.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--conns", type=int, default=100)
    parser.add_argument("--chunks", type=int, default=200)
    parser.add_argument("--interval-us", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--dialect", choices=["openai", "anthropic"], default="openai")
    parser.add_argument("--no-stream", action="store_true")
    parser.add_argument("--json", type=Path, metavar="OUT")
    given = vars(parser.parse_args())
    paths, out, rounds = given.pop("targets"), given.pop("json"), given.pop("rounds")
    load = Load(stream=not given.pop("no_stream"), **given)
    with tempfile.TemporaryDirectory() as name:
        rig.build(Path(name))
        (rows,) = compare([rig.read_target(path) for path in paths], [load], rounds, Path(name))
    print(table(rows, load.unit))
    if out:
        out.write_bytes(msgspec.json.format(msgspec.json.encode({"unit": load.unit, "summary": rows}), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
