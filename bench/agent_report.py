"""What an agent's events cost as Markdown: for the block `<!-- generated:agent-events -->` of docs/performance.md.

tools/docs.py puts it there and checks that it is what bench/results/agents.json says.
"""

from pathlib import Path

import msgspec

from bench.agent_figures import AgentFigures
from bench.verdict import AGENT_ADDED_MS, AGENT_CPU_US, Machine
from tools import markdown

LATEST = Path(__file__).resolve().parent / "results" / "agents.json"
"""The last run; committed, so that the table can be checked against it."""
NOTHING = "Nothing is measured yet: run `python -m bench.agents`."
NAMES = {
    "plain": "a Starlette endpoint that writes its events itself",
    "memory": "Sluice, runs in memory",
    "sqlite": "Sluice, runs in SQLite",
}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run: bench/results/agents.json."""

    machine: Machine
    runs: int
    words: int
    interval_ms: float
    rounds: int
    rows: tuple[AgentFigures, ...]


def block(latest: Path = LATEST) -> str:
    """Return the Markdown of the last run, or a sentence that says there is none.

    Raises:
        msgspec.DecodeError: the file is not a result.
    """
    return table(msgspec.json.decode(latest.read_bytes(), type=Result)) if latest.exists() else NOTHING


def table(result: Result) -> str:
    """Return where it was measured, and a row for each server."""
    where = (
        f"Measured {result.machine.date} on {result.machine.cpu}, Python {result.machine.python}; best of "
        f"{result.rounds} rounds. {result.runs} runs at once, each with a reader of its own, {result.words} words "
        f"{result.interval_ms:g} ms apart. Promised: at most {AGENT_CPU_US:g} us of CPU an event with the SQLite log, "
        f"and {AGENT_ADDED_MS:g} ms added to the p50 of a plain endpoint."
    )
    heads = ("server", "CPU us per event", "delay p50 us", "p99 us", "events per second", "memory MiB")
    return f"{where}\n\n{markdown.table(heads, [_cells(row) for row in result.rows])}"


def _cells(row: AgentFigures) -> tuple[str, ...]:
    numbers = (row.p50_us, row.p99_us, row.per_second)
    return NAMES[row.target], f"{row.cpu_us:.0f}", *(str(number) for number in numbers), f"{row.rss_mib:.0f}"
