"""Measures gateways side by side: CPU per streamed chunk and per request, latency, memory; nginx is the yardstick.

    python -m bench.compare [--rounds 3] [--conns 100] [--no-stream] TARGET.json ...

Every round measures the bare upstream (`direct`), nginx and each target in turn, and every figure is also given as a
ratio to nginx in the same round, because absolute times on a shared machine mean little. Each delta carries its number
and its send time, so loss, order and latency are all checked. Needs cc and nginx (Debian: gcc, nginx-light).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from bench import rig
from bench.proc import cpu_seconds, rss_mib

BODY: dict[str, object] = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant who explains concepts clearly."},
        {"role": "user", "content": "In a couple of sentences, explain what streaming is and why it is useful."},
    ],
}


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How hard to push. A stream is `chunks` deltas, one each `interval_us`; else a request has one whole answer."""

    stream: bool = True
    conns: int = 100
    chunks: int = 200
    interval_us: int = 10_000
    seconds: float = 4.0
    rounds: int = 3
    dialect: str = "openai"

    @property
    def unit(self) -> str:
        """What CPU time is divided by."""
        return "chunk" if self.stream else "request"


STREAMS = Load()
"""100 streams of 100 deltas a second each."""
PLAIN = Load(stream=False, conns=16)
"""16 connections, one request after the other on each."""


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
    """Answers that were not 200, or connections that broke: all rounds together."""
    lost: int
    """Deltas lost or out of order: all rounds together."""


def compare(targets: Iterable[rig.Target], load: Load, folder: Path) -> list[Figures]:
    """Measure `direct`, nginx and `targets` in `load.rounds` rounds; return the medians in that order.

    `folder` holds the programs that rig.build made.

    Raises:
        rig.RigError: a process did not start.
    """
    everyone = [rig.DIRECT, rig.nginx_target(folder), *targets]
    body = folder / "body.json"
    body.write_text(json.dumps({"stream": load.stream} | BODY))
    with rig.upstream(folder, load.chunks, load.interval_us, load.dialect):
        rounds = [_round(everyone, load, folder) for _ in range(load.rounds)]
    return [_median([figures[index] for figures in rounds]) for index in range(len(everyone))]


def _round(targets: list[rig.Target], load: Load, folder: Path) -> list[Figures]:
    figures = [_measure(target, load, folder) for target in targets]
    nginx = next(row.cpu_us for row in figures if row.name == "nginx")
    return [msgspec.structs.replace(row, x_nginx=round(row.cpu_us / max(0.01, nginx), 2)) for row in figures]


def _measure(target: rig.Target, load: Load, folder: Path) -> Figures:
    with rig.running(target, folder) as pid:
        push(target, folder, conns=8, seconds=0.5)
        before = cpu_seconds(pid) if pid else 0.0
        seen = push(target, folder, load.conns, load.seconds)
        cpu = cpu_seconds(pid) - before if pid else 0.0
        return Figures(
            name=target.name,
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


def push(target: rig.Target, folder: Path, conns: int, seconds: float) -> Seen:
    """Run the load client once and return what it saw."""
    program = ["taskset", "-c", rig.LOAD_CPU, str(folder / "loadgen"), str(target.port), target.path]
    command = [*program, str(conns), str(seconds), str(folder / "body.json"), *target.headers]
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
    lines = [f"{'target':12}" + "".join(f"{head:>15}" for head in heads)]
    lines += [
        row.name.ljust(12) + "".join(f"{figure:>15g}" for figure in msgspec.structs.astuple(row)[1:]) for row in rows
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
    paths, out, stream = given.pop("targets"), given.pop("json"), not given.pop("no_stream")
    load = Load(stream=stream, **given)
    with tempfile.TemporaryDirectory() as name:
        rig.build(Path(name))
        rows = compare([rig.read_target(path) for path in paths], load, Path(name))
    print(table(rows, load.unit))
    if out:
        out.write_bytes(msgspec.json.format(msgspec.json.encode({"unit": load.unit, "summary": rows}), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
