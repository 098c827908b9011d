"""The result as Markdown, for the block `<!-- generated:bench -->` of README.md and docs/performance.md.

tools/docs.py puts it there and checks that it is what bench/results/latest.json says.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.compare import Figures
from bench.verdict import Result, Verdict, judge

LATEST = Path(__file__).resolve().parent / "results" / "latest.json"
"""The last full run; committed, so that the tables can be checked against it."""

NOTHING = "Nothing is measured yet: run `make bench`."


def block(latest: Path = LATEST) -> str:
    """Return the Markdown of the last run, or a sentence that says there is none.

    Raises:
        msgspec.DecodeError: the file is not a result.
    """
    return render(msgspec.json.decode(latest.read_bytes(), type=Result)) if latest.exists() else NOTHING


def render(result: Result) -> str:
    """Return the Markdown of a result: where it was measured, the promises, and the figures beside nginx."""
    machine = result.machine
    where = (
        f"Measured {machine.date} on {machine.cores} cores of {machine.cpu}, Linux {machine.kernel}, "
        f"Python {machine.python}; medians of {_count(result.rounds, 'round')}. "
        "Ratios carry over to other machines, microseconds do not."
    )
    tables = [_promises(result), _beside_nginx(result)] + ([_translated(result)] if result.translated else [])
    tables += [_with_policies(result)] if result.prose else []
    return "\n\n".join([where, *tables])


def _promises(result: Result) -> str:
    rows = [
        (each.label, f"{each.measured:g} {each.unit}", f"at most {each.most:g} {each.unit}", _word(each))
        for each in judge(result)
    ]
    return _table(("", result.target, "promised", ""), rows)


def _word(verdict: Verdict) -> str:
    return "kept" if verdict.kept else "**missed**"


def _beside_nginx(result: Result) -> str:
    heads = (
        *("", "CPU us per chunk", "x nginx", "chunk p50 us", "p99 us", "TTFT p50 us"),
        *("CPU us per request", "x nginx", "request p50 us", "idle MiB", "KiB per stream"),
    )
    return _table(heads, [(row.name, *_cells(result, row)) for row in result.streams])


def _cells(result: Result, row: Figures) -> Sequence[str]:
    plain = result.figures(row.name, plain=True)
    held = next((memory for memory in result.memory if memory.name == row.name), None)
    no_cpu = row.cpu_us == 0  # nothing stands between: there is no process to measure
    return (
        "" if no_cpu else f"{row.cpu_us:.1f}",
        "" if no_cpu else f"{row.x_nginx:.2f}",
        f"{row.chunk_p50_us:.0f}",
        f"{row.chunk_p99_us:.0f}",
        f"{row.ttft_p50_us:.0f}",
        "" if no_cpu else f"{plain.cpu_us:.1f}",
        "" if no_cpu else f"{plain.x_nginx:.2f}",
        f"{plain.request_p50_us:.0f}",
        f"{held.idle_mib:.1f}" if held else "",
        f"{held.kib_per_stream:.1f}" if held else "",
    )


def _translated(result: Result) -> str:
    heads = (
        *("From Messages", "CPU us per chunk", "x nginx, Messages", "x nginx, chat"),
        *("chunk p50 us", "p99 us", "TTFT p50 us", "idle MiB", "KiB per stream"),
    )
    return _table(heads, [(_role(result, row), *_translated_cells(result, row)) for row in result.translated])


def _role(result: Result, row: Figures) -> str:
    return f"{row.name}, to chat completions" if row.name == result.target else row.name


def _translated_cells(result: Result, row: Figures) -> Sequence[str]:
    held = next((memory for memory in result.translated_memory if memory.name == row.name), None)
    no_cpu = row.cpu_us == 0
    return (
        "" if no_cpu else f"{row.cpu_us:.1f}",
        "" if no_cpu else f"{row.x_nginx:.2f}",
        f"{result.translated_x_chat:.2f}" if row.name == result.target else "",
        f"{row.chunk_p50_us:.0f}",
        f"{row.chunk_p99_us:.0f}",
        f"{row.ttft_p50_us:.0f}",
        f"{held.idle_mib:.1f}" if held else "",
        f"{held.kib_per_stream:.1f}" if held else "",
    )


def _with_policies(result: Result) -> str:
    heads = (
        *("With policies", "CPU us per chunk", "x nginx", "chunk p50 us", "p99 us", "TTFT p50 us, 4 streams"),
        *("CPU us per request", "x nginx", "request p50 us"),
    )
    return _table(heads, [(row.name, *_policies_cells(result, row)) for row in result.prose])


def _policies_cells(result: Result, row: Figures) -> Sequence[str]:
    plain = next((figures for figures in result.plain_prose if figures.name == row.name), None)
    few = next((figures for figures in result.few if figures.name == row.name), None)
    return (
        f"{row.cpu_us:.1f}",
        f"{row.x_nginx:.2f}",
        f"{row.chunk_p50_us:.0f}",
        f"{row.chunk_p99_us:.0f}",
        f"{few.ttft_p50_us:.0f}" if few else "",
        f"{plain.cpu_us:.1f}" if plain else "",
        f"{plain.x_nginx:.2f}" if plain else "",
        f"{plain.request_p50_us:.0f}" if plain else "",
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.strip() for cell in line) + " |" for line in lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
