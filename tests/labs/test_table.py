"""docs/labs.md and docs/compatibility.md: every lab that has to run has its tests, and every test that is named is
there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("labs", "compatibility")
LABS = {
    "P0": ("C8", "C9", "2.1", "2.2", "2.3"),
    "P1": (
        *(
            "A001",
            "A002",
            "A003",
            "B12",
            "C13",
            "A007",
            "A008",
            "A009",
            "A011",
            "A013",
            "A014",
            "A015",
            "A016",
            "B1",
            "B4",
            "B5",
        ),
        *("C5", "C6", "C7", "C10", "C11", "C12", "D2", "E3", "E4", "E5", "3.6", "3.8"),
    ),
}
"""Of those that are about policies, and about seeing."""
NEIGHBOURS = (
    *("A010", "A012", "A017", "A019", "A022", "A024", "A030", "B2", "B6", "B7", "B8"),
    *("C4", "C15", "C17", "C21", "D3", "D4", "D6"),
)
CONTRADICTIONS = 13
"""That the list of labs knows of; the page has some more."""
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows(page: str) -> list[list[str]]:
    """The cells of the tables' rows that name tests."""
    lines = (ROOT / f"docs/{page}.md").read_text().split("\n")
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if _TEST.search(line)]


@cache
def defined(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_row_names_exists(page: str) -> None:
    named = [found for row in rows(page) for found in _TEST.findall(row[-1])]
    assert len(named) > 15
    assert [f"{file}::{name}" for file, name in named if name not in defined(file)] == []


def test_every_lab_about_policies_has_a_row_with_its_priority() -> None:
    found = {(row[0], row[1]) for row in rows("labs") if len(row) == 4}
    assert found >= {(lab, priority) for priority, labs in LABS.items() for lab in labs}
    assert {lab for lab, _ in found} == {*LABS["P0"], *LABS["P1"], *NEIGHBOURS}


def test_every_lab_that_a_whole_gateway_is_asked_about_has_a_row() -> None:
    named = {name for row in rows("labs") for _, name in _TEST.findall(row[-1])}
    served = [f"tests/labs/{path.name}" for path in (ROOT / "tests/labs").glob("test_served_*.py")]
    assert len(served) == 7
    left = [name for file in served for name in defined(file) if name.startswith("test_") and name not in named]
    assert left == []


def test_every_contradiction_has_a_choice_and_a_test() -> None:
    found = rows("compatibility")
    assert len(found) >= CONTRADICTIONS
    assert all(len(row) == 4 and all(row) for row in found)
