"""The coverage gate: the pure zone is tested to the line, or `make test` fails.

A pytest plugin (`-p tools.coverage_gate`, beside pytest-cov) so that the test runner's own summary stays the last thing
printed; also a program: `python -m tools.coverage_gate build/coverage.json`. Reads the JSON report of coverage.py.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tools.house import PURE

REPORT = Path("build/coverage.json")
"""Where the Makefile tells pytest-cov to write."""

MIN_PERCENT = 95.0
"""Of the lines of the pure zone as a whole (tools/house.py, PURE). The outer rooms are judged by journeys instead."""


class Summary(msgspec.Struct, frozen=True):
    """What coverage.py counts in one file."""

    covered_lines: int
    num_statements: int


class File(msgspec.Struct, frozen=True):
    """One measured file."""

    summary: Summary
    missing_lines: list[int]


class Report(msgspec.Struct, frozen=True):
    """The part of coverage.py's JSON report that is read here."""

    files: dict[str, File]


class Verdict(msgspec.Struct, frozen=True):
    """The pure zone's coverage, and the files in it with unseen lines, worst first."""

    percent: float
    gaps: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def passed(self) -> bool:
        """True at MIN_PERCENT or above."""
        return self.percent >= MIN_PERCENT


def judge(report: Report) -> Verdict:
    """Return the verdict on the pure zone. A report without any of its files is 0 %: nothing was measured."""
    files = dict(_pure(report))
    seen = sum(file.summary.covered_lines for file in files.values())
    all_lines = sum(file.summary.num_statements for file in files.values())
    worst_first = sorted(files.items(), key=lambda item: (-len(item[1].missing_lines), item[0]))
    gaps = tuple((path, tuple(file.missing_lines)) for path, file in worst_first if file.missing_lines)
    return Verdict(100.0 * seen / all_lines if all_lines else 0.0, gaps)


def _pure(report: Report) -> Iterator[tuple[str, File]]:
    for path, file in report.files.items():
        parts = Path(path).with_suffix("").parts
        if "sluice" in parts and {*parts[parts.index("sluice") + 1 :][:1]} & PURE:
            yield path, file


def describe(verdict: Verdict) -> Iterator[str]:
    """Yield the lines to print: the gaps, then the sentence that counts."""
    for path, lines in verdict.gaps:
        yield f"  {path}: not run: {_ranges(lines)}"
    word = "passed" if verdict.passed else "FAILED"
    share = f"{verdict.percent:.1f} % of its lines run"
    yield f"coverage gate {word}: the pure zone has {share}, {MIN_PERCENT:.0f} % is the least"


def _ranges(lines: tuple[int, ...]) -> str:
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def read(path: Path) -> Verdict:
    """Return the verdict on a report file.

    Raises:
        FileNotFoundError: no report was written.
    """
    return judge(msgspec.json.decode(path.read_bytes(), type=Report))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a passing run into a failed one if the gate is not passed. The workers of xdist have no say."""
    if hasattr(session.config, "workerinput") or session.exitstatus != pytest.ExitCode.OK:
        return
    if not read(REPORT).passed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Print the gate's lines above the test runner's own summary. An interrupted run has no report to judge."""
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and REPORT.exists():
        terminalreporter.section("coverage of the pure zone")
        for line in describe(read(REPORT)):
            terminalreporter.write_line(line)


def main() -> int:
    """Judge the report named on the command line."""
    verdict = read(Path(sys.argv[1]) if len(sys.argv) > 1 else REPORT)
    print("\n".join(describe(verdict)))
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
