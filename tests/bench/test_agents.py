"""What is written of an agent's events: of each figure the best round, and the promise beside it."""

import sys

from bench.agent_figures import AgentFigures
from bench.agent_report import NAMES, Result, block, table
from bench.agents import TARGETS, best
from bench.verdict import Machine

MACHINE = Machine(date="2026-11-21", cpu="Z80", cores=2, kernel="k", python=sys.version.split()[0])


def figures(target: str, cpu_us: float, p50_us: int) -> AgentFigures:
    return AgentFigures(target=target, cpu_us=cpu_us, p50_us=p50_us, p99_us=9, per_second=1000, rss_mib=50.0)


def test_of_each_figure_the_best_round_counts() -> None:
    found = best([figures("sqlite", 80.4, 100), figures("sqlite", 90.0, 50)])
    assert (found.cpu_us, found.p50_us) == (80.4, 50)


def test_the_table_names_every_server_and_the_promise() -> None:
    rows = tuple(figures(name, 80.4, 50) for name in TARGETS)
    text = table(Result(machine=MACHINE, runs=100, words=300, interval_ms=50, rounds=3, rows=rows))
    assert "at most 100 us of CPU an event with the SQLite log, and 1 ms added" in text
    for name in TARGETS:
        assert f"| {NAMES[name]} | 80 | 50 | 9 | 1000 | 50 |" in text


def test_what_was_measured_last_keeps_the_promise() -> None:
    rows = {line.split(" | ")[0]: line.split(" | ") for line in block().split("\n") if "Sluice" in line}
    assert float(rows[f"| {NAMES['sqlite']}"][1]) <= 100
