"""`make bench`: everything that is promised about speed and memory, measured in one run beside nginx.

Writes bench/results/latest.json and the tables of README.md and docs/performance.md. Exits 1 if a promise was missed, 2
if it could not be measured. `--quick` takes 90 seconds, promises nothing and writes to build/ alone.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec
import uvloop

from bench import agents, compare, memory, rig, selfcheck, startup
from bench.agent_figures import AgentFigures
from bench.asked import FEW, PLAIN, PLAIN_PROSE, PROSE, STREAMS, TRANSLATED, Load, lanes
from bench.machine import machine
from bench.report import LATEST, render
from bench.verdict import Result, judge
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
    agent_words: int = agents.WORDS
    agent_rounds: int = agents.ROUNDS
    """0 = the target is another gateway: agents are not asked of it."""


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
        agent_words=agents.WORDS // 3,
        agent_rounds=1,
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
    with rig.sink(folder):
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
        _of_agents(todo),
    )


def _of_agents(todo: Plan) -> tuple[AgentFigures, ...]:
    if not todo.agent_rounds:
        return ()
    say(f"{todo.agent_rounds} rounds of agents' events")
    return uvloop.run(agents.measure(todo.agent_words, todo.agent_rounds))


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
    ours = options.target == parser.get_default("target")
    out = LATEST if ours and not options.quick else QUICK
    todo = plan(options.rounds, options.quick)
    todo = todo if ours else msgspec.structs.replace(todo, agent_rounds=0)
    try:
        with tempfile.TemporaryDirectory() as name:
            result = measure(rig.read_target(options.target), todo, Path(name))
    except (rig.RigError, OSError) as error:
        print(f"make bench: {error}", file=sys.stderr)
        return 2
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    if out == LATEST:
        agents.write(agents.told(result.agents, todo.agent_words, todo.agent_rounds))
        docs.renew(rig.ROOT)
    say("\n" + render(result))
    return 0 if options.quick or all(verdict.kept for verdict in judge(result)) else 1


if __name__ == "__main__":
    sys.exit(main())
