"""A verification on paper: `report.json` for programs, `report.md` for people. Pure.

The JSON is `Report` as it stands here; docs/verify.md describes it. A member may be added, none changes its meaning
while `schema` is 1.
"""

from collections.abc import Iterator, Sequence

import msgspec

from sluice.verify.facts import Finding
from sluice.verify.score import Score

SCHEMA = 1


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found."""

    schema: int = SCHEMA
    version: str
    """Sluice's, whose `verify` this was."""
    gateway: str
    """Its address; `sluice` = one that was started for the purpose."""
    seed: int
    quick: bool
    seconds: float
    requests: int
    """That the gateway was sent: its own count should be the same."""
    score: Score
    cells: tuple[Finding, ...]


def as_json(report: Report) -> bytes:
    """Return `report.json`."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def as_markdown(report: Report) -> str:
    """Return `report.md`: the score, the ends of each pair, and every cell that failed."""
    how = "a quick sample" if report.quick else "all cells"
    lines = [
        "# sluice verify",
        "",
        f"Gateway `{report.gateway}`: {len(report.cells)} cells ({how}, seed {report.seed}) in {report.seconds:.0f} s.",
        "",
        f"**Score: {report.score.total:.1f}**",
        "",
        *_table(("area", "score", "passed", "failed", "not judged"), _areas(report.score)),
        *_ends(report.cells),
        *_listed("Failed", [found for found in report.cells if found.result == "fail"]),
        *_listed("Not judged", [found for found in report.cells if found.result == "info"]),
    ]
    return "\n".join(lines) + "\n"


def _areas(score: Score) -> Iterator[tuple[str, ...]]:
    for area in score.areas:
        yield area.area, f"{area.score:.1f}", str(area.passed), str(area.failed), str(area.info)


def _ends(cells: Sequence[Finding]) -> list[str]:
    """Which client gets truthful ends from which provider: passed of asked."""
    ends = [found for found in cells if found.area == "ends"]
    clients = list(dict.fromkeys(found.client for found in ends))
    providers = list(dict.fromkeys(found.provider for found in ends))
    if not ends:
        return []

    def share(client: str, provider: str) -> str:
        results = [found.result for found in ends if (found.client, found.provider) == (client, provider)]
        return f"{results.count('pass')} / {len(results)}" if results else ""

    rows = [(provider, *(share(client, provider) for client in clients)) for provider in providers]
    return ["", "## Ends", "", *_table(("provider ╲ client", *clients), rows)]


def _listed(title: str, cells: Sequence[Finding]) -> list[str]:
    if not cells:
        return []
    rows = [(f"{found.area}: {found.name}", found.sent, found.expected, found.came) for found in cells]
    return ["", f"## {title}", "", *_table(("cell", "the provider", "expected", "came"), rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[tuple[str, ...]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *(_row([_escaped(cell) for cell in row]) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """A text that came from a gateway, as one cell of a table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
