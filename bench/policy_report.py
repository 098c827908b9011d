"""What policies cost as Markdown: for the block `<!-- generated:policy-costs -->` of docs/performance.md, and for
`<!-- generated:cost-PAGE -->` of each page of docs/policies.

tools/docs.py puts it there and checks that it is what bench/results/policies.json says.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from bench.verdict import Machine
from tools import markdown

LATEST = Path(__file__).resolve().parent / "results" / "policies.json"
"""The last run; committed, so that the table can be checked against it."""
CHANCE_US = 1.0
"""A smaller figure of a chunk is chance, and shown as 0."""
NOTHING = "Nothing is measured yet: run `python -m bench.policies`."


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy adds, in microseconds of CPU; less than nothing = it saves that."""

    page: str
    what: str
    request_us: float
    """Of the event loop's thread, for a request with a whole answer."""
    aside_us: float
    """Of other threads, for the same."""
    chunk_us: float | None
    """Of the event loop's thread, for each delta of a stream; None = it has nothing to do with streams."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """One run: bench/results/policies.json."""

    machine: Machine
    rounds: int
    request_us: float
    """What an exchange costs that no policy says anything about."""
    chunk_us: float
    first_us: float
    """What a request costs more as soon as there is any policy. The rows are beyond that."""
    rows: tuple[Row, ...]


def block(latest: Path = LATEST) -> str:
    """Return the Markdown of the last run, or a sentence that says there is none.

    Raises:
        msgspec.DecodeError: the file is not a result.
    """
    return table(msgspec.json.decode(latest.read_bytes(), type=Costs)) if latest.exists() else NOTHING


def table(costs: Costs) -> str:
    """Return where it was measured, and a row for each case."""
    where = (
        f"Measured {costs.machine.date} on {costs.machine.cpu}, Python {costs.machine.python}; best of {costs.rounds} "
        f"rounds. Microseconds of CPU, sockets left out. An exchange that no policy says anything about costs "
        f"{costs.request_us:.0f} for a request and {costs.chunk_us:.1f} for a chunk; as soon as there is any policy, "
        f"{costs.first_us:.0f} more for a request. Each row is what its policy adds to that."
    )
    heads = ("policy", "with", "us per request", "in other threads", "us per chunk")
    return f"{where}\n\n{markdown.table(heads, [_cells(row) for row in costs.rows])}"


def of_page(page: str, latest: Path = LATEST) -> str:
    """Return the rows of one page of docs/policies, and how to measure them again."""
    if not latest.exists():
        return NOTHING
    costs = msgspec.json.decode(latest.read_bytes(), type=Costs)
    cells = [_cells(row) for row in costs.rows if row.page == page]
    rows = [(what, own, aside, chunk) for _, what, own, aside, chunk in cells]
    return (
        f"{markdown.table(('', 'us per request', 'in another thread', 'us per chunk'), rows)}\n\n"
        f"Microseconds of CPU, measured {costs.machine.date} on {costs.machine.cpu} with `.venv/bin/python -m "
        f"bench.policies --only {page}`:\n[what that means](../performance.md#what-policies-cost)."
    )


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    aside = f"{row.aside_us:.0f}" if abs(row.aside_us) >= 1 else ""
    chunk = "" if row.chunk_us is None else f"{row.chunk_us:.1f}" if abs(row.chunk_us) >= CHANCE_US else "0"
    return f"[{row.page.replace('-', ' ')}](policies/{row.page}.md)", row.what, f"{row.request_us:.0f}", aside, chunk


_PAGES = Path(__file__).resolve().parents[1] / "docs" / "policies"
GENERATORS: dict[str, Callable[[], str]] = {
    "policy-costs": block,
    **{f"cost-{page.stem}": partial(of_page, page.stem) for page in _PAGES.glob("*.md") if page.stem != "README"},
}
"""Each block's text by its name."""
