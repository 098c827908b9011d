"""`make bench`: everything that is promised about speed and memory, measured in one run beside nginx.

Writes bench/results/latest.json and the tables of README.md and docs/performance.md. Exits 1 if a promise was missed, 2
if it could not be measured. `--quick` takes a minute less, promises nothing and writes to build/ alone.
"""

import argparse
import datetime
import os
import platform
import sys
import tempfile
from pathlib import Path

import msgspec

from bench import compare, memory, rig, startup
from bench.compare import PLAIN, STREAMS, Load
from bench.report import LATEST, render
from bench.verdict import Machine, Result, judge
from tools import docs

QUICK = rig.ROOT / "build" / "bench-quick.json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to measure."""

    streams: Load = STREAMS
    plain: Load = PLAIN
    held_streams: int = memory.STREAMS
    starts: int = startup.STARTS


def plan(rounds: int, quick: bool) -> Plan:
    """Return the full plan with `rounds` rounds, or the quick one."""
    if quick:
        loads = [msgspec.structs.replace(load, rounds=1, seconds=1.0, chunks=50) for load in (STREAMS, PLAIN)]
        return Plan(streams=loads[0], plain=loads[1], held_streams=200, starts=1)
    loads = [msgspec.structs.replace(load, rounds=rounds) for load in (STREAMS, PLAIN)]
    return Plan(streams=loads[0], plain=loads[1])


def machine() -> Machine:
    """Return what this machine is."""
    info = Path("/proc/cpuinfo").read_text().split("\n")
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    return Machine(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        cpu=models[0] if models else platform.machine(),
        cores=os.cpu_count() or 1,
        kernel=platform.release(),
        python=platform.python_version(),
    )


def measure(target: rig.Target, todo: Plan, folder: Path) -> Result:
    """Measure `target` beside nginx.

    Raises:
        rig.RigError: a process did not start, or a stream failed.
    """
    rig.build(folder)
    say(f"streams: {todo.streams.rounds} rounds")
    streams = compare.compare([target], todo.streams, folder)
    say(compare.table(streams, "chunk"))
    say(f"plain requests: {todo.plain.rounds} rounds")
    plain = compare.compare([target], todo.plain, folder)
    say(compare.table(plain, "request"))
    say(f"memory of {todo.held_streams} open streams")
    held = [memory.measure(each, folder, todo.held_streams) for each in (rig.nginx_target(folder), target)]
    say("\n".join(f"{row.name:12} idle {row.idle_mib} MiB, {row.kib_per_stream} KiB per stream" for row in held))
    ready_s = startup.measure(target, folder, todo.starts)
    say(f"start to ready: {ready_s} s")
    return Result(machine(), target.name, todo.streams.rounds, tuple(streams), tuple(plain), tuple(held), ready_s)


def say(line: str) -> None:
    """Print at once, also into a pipe: a run takes minutes."""
    print(line, flush=True)


def main() -> int:
    """Measure, write and print the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=rig.HERE / "sluice.json", help="another gateway than Sluice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round, 200 streams, no tables: for smoke")
    options = parser.parse_args()
    out = QUICK if options.quick or options.target != parser.get_default("target") else LATEST
    try:
        with tempfile.TemporaryDirectory() as name:
            result = measure(rig.read_target(options.target), plan(options.rounds, options.quick), Path(name))
    except (rig.RigError, OSError) as error:
        print(f"make bench: {error}", file=sys.stderr)
        return 2
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    if out == LATEST:
        docs.renew(rig.ROOT)
    say("\n" + render(result))
    return 0 if options.quick or all(verdict.kept for verdict in judge(result)) else 1


if __name__ == "__main__":
    sys.exit(main())
