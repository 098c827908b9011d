"""The table of policies and kinds of requests, told from the one that the code runs on.

`matrix_table` returns the Markdown of the generated block of docs/reference/policy-matrix.md.
"""

from sluice.config.matrix import POLICIES, Cell, Row, cell, rows
from tools.markdown import table

_WORDS = {"runs": "runs", "refused_when_asked": "refused", "refused_at_load": "not loaded", "not_about_it": "–"}


def matrix_table() -> str:
    """Return a row for each kind of request, streaming or not, and a column for each policy, in parts that fit a page;
    under them the reasons."""
    kinds = list(rows())
    reasons: list[str] = []
    lines = []
    for policy in POLICIES:
        found = [(row, streams, cell(row, streams=streams, policy=policy)) for row, streams in kinds]
        lines.append((f"`{policy}`", *(_shown(one, reasons) for one in _joined(found))))
    heads = [f"`{row}`" for row, streams in kinds if not streams]
    notes = "\n".join(f"{number}. {why}" for number, why in enumerate(reasons, 1))
    return table(("policy", *heads), lines) + f"\n\nReasons:\n\n{notes}"


def _joined(found: list[tuple[Row, bool, Cell]]) -> list[tuple[Cell, ...]]:
    """One column for each kind of request; where streaming makes a difference it has both cells."""
    columns: dict[Row, list[Cell]] = {}
    for row, _, one in found:
        columns.setdefault(row, []).append(one)
    return [tuple(dict.fromkeys(cells)) for cells in columns.values()]


def _shown(cells: tuple[Cell, ...], reasons: list[str]) -> str:
    texts = []
    for one, when in zip(cells, ("", "stream: ") if len(cells) > 1 else ("",), strict=True):
        if one.why and one.why not in reasons:
            reasons.append(one.why)
        number = f" ({reasons.index(one.why) + 1})" if one.why else ""
        texts.append(f"{when}{_WORDS[one.word]}{number}")
    return "; ".join(texts)
