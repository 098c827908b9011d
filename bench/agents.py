"""`python -m bench.agents`: what one event of an agent's stream costs, beside a plain Starlette endpoint.

Each server is a process of its own; this one is the readers. All runs begin together and say their words at an even
pace, so that each word is an event of its own and wakes its reader. Counted are the processor time of the server's
process from the first request to the last byte, and the time from a word's saying to its reading here.

Writes bench/results/agents.json and the table of docs/performance.md. `--quick` takes a tenth and writes nothing.
`make bench` measures the same, and judges it.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

import msgspec
import uvloop

from bench.agent_figures import AgentFigures
from bench.agent_report import LATEST, Result, table
from bench.agent_target import PATH
from bench.machine import machine
from bench.proc import cpu_seconds, rss_mib
from bench.rig import ROOT, RigError
from tools import docs

TARGETS = ("plain", "memory", "sqlite")
RUNS, WORDS, INTERVAL_MS = 100, 300, 50.0
ROUNDS = 3
_SAID = re.compile(rb'"text":"(\d+) "')


@contextmanager
def serving(name: str, words: int, folder: str) -> Iterator[tuple[int, int]]:
    """Run a target; give its process and its port."""
    command = [sys.executable, "-m", "bench.agent_target", name, str(words), str(INTERVAL_MS), folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RigError(f"{name} did not start")
        yield process.pid, int(line)
    finally:
        process.terminate()
        process.wait(timeout=20)


async def read(port: int) -> list[float]:
    """Begin a run and read it; return the microseconds that each word took."""
    body = b'{"input":"go"}'
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    delays: list[float] = []
    try:
        while True:
            piece = await reader.read(1 << 16)
            now = time.monotonic_ns()
            delays += [(now - int(said)) / 1000 for said in _SAID.findall(piece)]
            if not piece or piece.endswith(b"0\r\n\r\n"):
                return delays
    finally:
        writer.close()


async def one(name: str, words: int) -> AgentFigures:
    """Measure a target once.

    Raises:
        RigError: it did not start, or not every word came.
    """
    with tempfile.TemporaryDirectory() as folder, serving(name, words, folder) as (pid, port):
        await read(port)  # what is done once is done
        before, began = cpu_seconds(pid), time.monotonic()
        per_run = await asyncio.gather(*(read(port) for _ in range(RUNS)))
        spent, took = cpu_seconds(pid) - before, time.monotonic() - began
        resident = rss_mib(pid)
    delays = [delay for run in per_run for delay in run]
    if len(delays) != RUNS * words:
        raise RigError(f"{name}: {len(delays)} of {RUNS * words} words came")
    return AgentFigures(
        target=name,
        cpu_us=round(spent / len(delays) * 1e6, 1),
        p50_us=round(median(delays)),
        p99_us=round(quantiles(delays, n=100)[98]),
        per_second=round(len(delays) / took),
        rss_mib=round(resident, 1),
    )


async def measure(words: int, rounds: int) -> tuple[AgentFigures, ...]:
    """Measure all targets, by turns; of each figure the best round counts: what else the machine does makes it worse,
    never better.

    Raises:
        RigError: as `one`.
    """
    found: dict[str, list[AgentFigures]] = {name: [] for name in TARGETS}
    for _ in range(rounds):
        for name in TARGETS:
            figures = await one(name, words)
            print(msgspec.json.encode(figures).decode(), flush=True)
            found[name].append(figures)
    return tuple(best(figures) for figures in found.values())


def best(rounds: list[AgentFigures]) -> AgentFigures:
    """Return the best of each figure."""
    return AgentFigures(
        target=rounds[0].target,
        cpu_us=min(figures.cpu_us for figures in rounds),
        p50_us=min(figures.p50_us for figures in rounds),
        p99_us=min(figures.p99_us for figures in rounds),
        per_second=max(figures.per_second for figures in rounds),
        rss_mib=min(figures.rss_mib for figures in rounds),
    )


def told(rows: tuple[AgentFigures, ...], words: int, rounds: int) -> Result:
    """Return figures with where and how they were measured."""
    return Result(machine=machine(), runs=RUNS, words=words, interval_ms=INTERVAL_MS, rounds=rounds, rows=rows)


def write(result: Result) -> None:
    """Write bench/results/agents.json."""
    LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of it; nothing is written")
    options = parser.parse_args()
    os.nice(10)
    words, rounds = (WORDS // 3, 1) if options.quick else (WORDS, ROUNDS)
    try:
        rows = uvloop.run(measure(words, rounds))
    except RigError as error:
        print(f"bench.agents: {error}", file=sys.stderr)
        return 2
    result = told(rows, words, rounds)
    print("\n" + table(result))
    if not options.quick:
        write(result)
        docs.renew(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
