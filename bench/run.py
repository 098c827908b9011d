"""`make bench`: everything that is promised about speed and memory, measured in one run beside nginx.

Writes bench/results/latest.json and the tables of README.md and docs/performance.md. Exits 1 if a promise was missed, 2
if it could not be measured. `--quick` takes 90 seconds, promises nothing and writes to build/ alone.
"""

import argparse
import datetime
import os
import platform
import sys
import tempfile
from pathlib import Path

import msgspec

from bench import compare, memory, rig, selfcheck, startup
from bench.asked import FEW, PLAIN, PLAIN_PROSE, PROSE, STREAMS, TRANSLATED, Load, lanes
from bench.report import LATEST, render
from bench.verdict import Machine, Result, judge
from tools import docs

QUICK = rig.ROOT / "build" / "bench-quick.json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to measure."""

    streams: Load = STREAMS
    translated: Load = TRANSLATED
    plain: Load = PLAIN
    prose: Load = PROSE
    few: Load = FEW
    plain_prose: Load = PLAIN_PROSE
    rounds: int = 3
    held_streams: int = memory.STREAMS
    starts: int = startup.STARTS


def plan(rounds: int, quick: bool) -> Plan:
    """Return the full plan with `rounds` rounds, or the quick one."""
    if not quick:
        return Plan(rounds=rounds)
    streams, translated, plain, prose, few, plain_prose = (
        msgspec.structs.replace(load, seconds=1.0, chunks=min(load.chunks, 50))
        for load in (STREAMS, TRANSLATED, PLAIN, PROSE, FEW, PLAIN_PROSE)
    )
    return Plan(
        streams=streams,
        translated=translated,
        plain=plain,
        prose=prose,
        few=few,
        plain_prose=plain_prose,
        rounds=1,
        held_streams=200,
        starts=1,
    )


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
        rig.RigError: a process did not start, a stream failed, or the load client sees nothing.
    """
    rig.build(folder)
    selfcheck.run(folder)
    translates, guards = bool(target.translated_model), target.guarded is not None and target.everything is not None
    loads = {"Streams": todo.streams, "Plain requests": todo.plain}
    loads |= {"Streams of Messages": todo.translated} if translates else {}
    loads |= _of_prose(todo) if guards else {}
    say(f"{todo.rounds} rounds of streams and plain requests")
    compared = compare.compare([target], list(loads.values()), todo.rounds, folder)
    measured = {title: tuple(rows) for title, rows in zip(loads, compared, strict=True)}
    for title, rows in measured.items():
        say(f"{title}:\n{compare.table(rows, loads[title].unit)}")
    say(f"memory of {todo.held_streams} open streams")
    held, held_translated = (_held(target, load, todo, folder) for load in (todo.streams, todo.translated))
    ready_s = startup.measure(target, folder, todo.starts)
    say(f"start to ready: {ready_s} s")
    return Result(
        machine(),
        target.name,
        todo.rounds,
        measured["Streams"],
        measured["Plain requests"],
        held,
        ready_s,
        measured.get("Streams of Messages", ()),
        held_translated,
        measured.get("Streams of prose", ()),
        measured.get("A few streams of prose", ()),
        measured.get("Plain requests for prose", ()),
    )


def _of_prose(todo: Plan) -> dict[str, Load]:
    return {
        "Streams of prose": todo.prose,
        "A few streams of prose": todo.few,
        "Plain requests for prose": todo.plain_prose,
    }


def _held(target: rig.Target, load: Load, todo: Plan, folder: Path) -> tuple[memory.Memory, ...]:
    """Measure the memory of nginx and of `target` under the streams of a load; nothing if `target` has none of them."""
    rows = {lane.name: lane for lane in lanes([target], load, folder)}
    if target.name not in rows:
        return ()
    held = [memory.measure(rows[name], load.dialect, folder, todo.held_streams) for name in ("nginx", target.name)]
    for row in held:
        say(f"{row.name:18} {load.dialect:9} idle {row.idle_mib} MiB, {row.kib_per_stream} KiB per stream")
    return tuple(held)


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
