"""`make soak`: half an hour of everything that goes wrong, and what is left of it.

Writes bench/results/soak.json and the table of docs/reliability.md. Exits 1 if a promise was missed, 2 if there was no
run. A run of fewer minutes than 30 writes to build/ alone, and is not asked about slopes.
"""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import msgspec

from bench import rig
from bench.machine import machine
from bench.soak.host import Host
from bench.soak.load import BURST, Settings
from bench.soak.processes import SoakError, awake, processors
from bench.soak.report import LATEST, render
from bench.soak.result import FULL_MINUTES, Reloads, Result, judge
from bench.soak.samples import Sample, stolen_s
from bench.soak.scene import Scene
from bench.soak.summary import Run, summarise
from tools import docs

SHORT = rig.ROOT / "build" / "soak.json"
RATE = 300.0
"""Requests a second: about half of two cores of an AMD EPYC, a third of one for the gateway and
two thirds of the other for the provider and the load."""
BURST_EVERY_S, RELOAD_EVERY_S, REST_EVERY_S = 20.0, 60.0, 90.0
LEAST_BURSTS, LEAST_RELOADS = 2, 3
"""Of a run that is too short for these intervals."""
SAMPLE_S = 1.0
OVERTIME_S = 120.0
"""For the last answers."""
PATIENCE_S = 60.0
"""With the machine's host, at least; with a longer run as long as it is."""
SAY_EVERY_S = 60.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    minutes: float = FULL_MINUTES
    rate: float = RATE
    seed: int = 1
    awake: bool = False
    """Keep the processors from sleep."""

    @property
    def seconds(self) -> float:
        return self.minutes * 60

    @property
    def burst_every_s(self) -> float:
        return min(BURST_EVERY_S, self.seconds / LEAST_BURSTS)

    @property
    def reload_every_s(self) -> float:
        return min(RELOAD_EVERY_S, self.seconds / (LEAST_RELOADS + 1))


def soak(plan: Plan, folder: Path) -> Result:
    """Run it; `folder` is for files that are not needed afterwards.

    Raises:
        SoakError, OSError: a process did not start, or ended in the middle.
    """
    with (
        awake() if plan.awake else nullcontext(),
        processors() as (ours, theirs),
        Scene(folder, ours=ours, theirs=theirs) as scene,
    ):
        before = scene.at_rest()
        host = Host()
        samples = _watch(plan, scene, host)
        after = scene.settle(before)
        heard = scene.heard()
        if status := scene.gateway.end():  # and all that it said is read
            scene.faults.append(f"the gateway ended with status {status}: {scene.gateway.last_words()}")
        run = Run(
            machine=machine(),
            minutes=plan.minutes,
            rate=plan.rate,
            seed=plan.seed,
            burst=BURST,
            burst_every_s=plan.burst_every_s,
            before=before,
            samples=samples,
            awake=plan.awake,
            held_s=host.held_s,
            after=after,
            heard=heard,
            reloads=Reloads(good=scene.good, bad=scene.bad, taken=scene.reloaded, refused=scene.refused),
            faults=scene.faults,
        )
        return summarise(run, scene.ledger)


def _watch(plan: Plan, scene: Scene, host: Host) -> list[Sample]:
    """Let the load run, look once a second, and reload now and then; return what was seen. While the machine's host
    takes much, the load waits, all in all for no longer than the run takes."""
    samples: list[Sample] = []
    load = scene.begin(
        Settings(
            port=0,
            seconds=plan.seconds,
            rate=plan.rate,
            burst_every_s=plan.burst_every_s,
            rest_every_s=REST_EVERY_S,
            seed=plan.seed,
        )
    )
    began_s = due_s = said_s = time.monotonic()
    shown, held = 0, False
    reload_due_s = began_s + plan.reload_every_s
    while load.running:
        samples.append(scene.look())
        now = time.monotonic()
        host.look(now, [stolen_s(each) for each in scene.processors])
        if host.holds != held and scene.ledger.answered:  # before it asks it does not listen
            held = host.holds
            load.signal(signal.SIGUSR1 if held else signal.SIGUSR2)
        if host.held_s > max(plan.seconds, PATIENCE_S):
            raise SoakError(
                f"the machine's host takes too much: nothing was asked for {host.held_s:.0f} s because of it"
            )
        if now > began_s + plan.seconds + host.held_s + OVERTIME_S:
            raise SoakError(f"the load does not end: {scene.ledger.answered} requests were answered")
        if reload_due_s <= now < began_s + plan.seconds + host.held_s:
            reload_due_s += plan.reload_every_s
            scene.reload()
        if now >= said_s + SAY_EVERY_S:
            said_s = now
            say(_progress(scene, samples[-1], now - began_s))
            for example in scene.ledger.examples[shown:]:
                shown += 1
                say(f"          {example}")
        due_s += SAMPLE_S
        time.sleep(max(0.0, due_s - time.monotonic()))
    if status := load.end(ask=False):
        raise SoakError(f"the load ended with status {status}: {load.last_words()}")
    return samples


def _progress(scene: Scene, last: Sample, seconds: float) -> str:
    ledger = scene.ledger
    return (
        f"{seconds / 60:4.1f} min: {ledger.answered} requests, {ledger.wrong + ledger.otherwise} wrong, "
        f"{last.rss_mib:.1f} MiB, {last.files} files, {last.numbers.values['active_streams']:.0f} streams"
    )


def say(line: str) -> None:
    """Print at once, also into a pipe: a run takes half an hour."""
    print(line, flush=True)


def main() -> int:
    """Run, write and print the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=FULL_MINUTES)
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second, bursts not counted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--awake", action="store_true", help="keep the processors from sleep: for a virtual machine")
    parser.add_argument("--out", type=Path, help="write the result here, and renew no page")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and what was started is ended
    plan = Plan(minutes=options.minutes, rate=options.rate, seed=options.seed, awake=options.awake)
    say(f"{plan.minutes:g} minutes at {plan.rate:g} requests a second, seed {plan.seed}")
    try:
        with tempfile.TemporaryDirectory() as name:
            result = soak(plan, Path(name))
    except (SoakError, OSError) as error:
        print(f"make soak: {error}", file=sys.stderr)
        return 2
    out = options.out or (LATEST if result.full else SHORT)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    if out == LATEST:
        docs.renew(rig.ROOT)
    say("\n" + render(result))
    return 0 if all(verdict.kept for verdict in judge(result)) else 1
