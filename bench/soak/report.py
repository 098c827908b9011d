"""The result as Markdown, for the block `<!-- generated:soak -->` of docs/reliability.md. Pure, but for one file.

tools/docs.py puts it there and checks that it is what bench/results/soak.json says.
"""

import math
from collections import defaultdict
from pathlib import Path

import msgspec

from bench.soak.result import Result, judge
from bench.soak.trend import Bounds
from tools.markdown import table

LATEST = Path(__file__).resolve().parents[1] / "results" / "soak.json"
"""The last full run; committed, so that the tables can be checked against it."""
NOTHING = "Nothing is measured yet: run `make soak`."


def block(latest: Path = LATEST) -> str:
    """Return the Markdown of the last full run, or a sentence that says there is none.

    Raises:
        msgspec.DecodeError: the file is not a result.
    """
    return render(msgspec.json.decode(latest.read_bytes(), type=Result)) if latest.exists() else NOTHING


def render(result: Result) -> str:
    """Return where it was run, the promises, the figures, and what became of each kind of request."""
    parts = [_where(result), _promises(result), _figures(result), _outcomes(result)]
    if result.examples:
        parts.append("What was wrong:\n\n" + "\n".join(f"- {_quiet(each)}" for each in result.examples))
    return "\n\n".join(parts)


def _where(result: Result) -> str:
    machine, load = result.machine, result.load
    awake = ", the processors kept from sleep" if load.awake else ""
    command = f"--minutes {result.minutes:g} --rate {load.rate:g} --seed {load.seed}" + " --awake" * load.awake
    return (
        f"Run {machine.date} for {result.minutes:g} minutes on {machine.cores} cores of {machine.cpu}, Linux "
        f"{machine.kernel}, Python {machine.python}; {load.rate:g} requests a second and {load.burst} more at once "
        f"every {load.burst_every_s:g} s, seed {load.seed}{awake}. The same again: "
        f'`make soak ARGS="{command}"`.'
    )


def _promises(result: Result) -> str:
    rows = []
    for each in judge(result):
        measured = f"{each.measured:g} {each.unit}"
        if each.label == "growth of memory" and result.memory.trend is not None:
            measured = f"{round(result.memory.trend.per_hour, 3):g} ± {result.memory.trend.error:.2g} {each.unit}"
        if each.label.startswith("event loop"):
            measured = _bounds(result.lag)
        rows.append((each.label, measured, f"at most {each.most:g} {each.unit}", "kept" if each.kept else "**missed**"))
    return table(("", "found", "promised", ""), rows)


def _figures(result: Result) -> str:
    load, memory = result.load, result.memory
    rows = [
        ("requests", f"{result.requests}"),
        ("records", f"{result.records}"),
        ("requests of more than one attempt", f"{load.retried}"),
        ("gateway busy", f"{load.busy:.0%} of one core"),
        ("gateway kept waiting by other processes", f"{load.waited:.1%} of the time"),
        *(
            []
            if load.stolen is None
            else [("its processor taken by the machine's host", f"{load.stolen:.1%} of the time")]
        ),
        *([("load held back because of the host", f"{load.held_s:.0f} s")] if load.held_s else []),
        ("memory before, warm, at the end, highest", _mib(memory.before, memory.warm, memory.last, memory.highest)),
        ("memory at rest: the first, the last, after all", _mib(*memory.rests[:1], *memory.rests[-1:], memory.after)),
        ("open files, most", f"{load.files_most}"),
        ("streams, most", f"{load.streams_most}"),
        ("waiting for admission, most", f"{load.waiting_most}"),
        ("read on after their client had left, most", f"{load.read_on_most}"),
        ("event loop lag, p99", _bounds(result.lag_p99)),
        ("samples of the lag", f"{result.lag_samples}"),
        *_calm(result),
        ("reloads taken, refused", f"{result.reloads.taken}, {result.reloads.refused}"),
    ]
    return table(("", ""), rows)


def _calm(result: Result) -> list[tuple[str, str]]:
    """Where the host took something: what the lag was while it did not."""
    calm = result.calm
    if not result.load.stolen or calm is None or calm.lag is None:
        return []
    return [
        (
            "event loop lag, p99.9, while the host took nothing",
            f"{_bounds(calm.lag)}; {calm.seconds:.0f} of {result.load.seconds:.0f} s, {calm.lag_samples} samples",
        )
    ]


def _mib(*values: float) -> str:
    return ", ".join(f"{value:.1f}" for value in values) + " MiB"


def _bounds(bounds: Bounds) -> str:
    least = f"more than {bounds.more_than * 1000:g} ms"
    if bounds.at_most == math.inf:
        return least
    most = f"at most {bounds.at_most * 1000:g} ms"
    return f"{least}, {most}" if bounds.more_than else most


def _outcomes(result: Result) -> str:
    """One row for each kind of request: what its clients saw, and what its records say."""
    counts: dict[str, int] = defaultdict(int)
    seen: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ended: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in result.rows:
        counts[row.kind] += row.requests
        seen[row.kind][row.saw] += row.requests
        ended[row.kind][row.outcome] += row.requests
    rows = [(kind, f"{counts[kind]}", _counted(seen[kind]), _counted(ended[kind])) for kind in sorted(counts)]
    return table(("requests", "number", "what their clients saw", "outcome of their records"), rows)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {counts[name]}" for name in sorted(counts, key=lambda name: (-counts[name], name)))


def _quiet(sentence: str) -> str:
    """A sentence that quotes strangers' bytes, as text of a page."""
    return "`" + sentence.replace("`", "'").replace("\n", " ") + "`"
