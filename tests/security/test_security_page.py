"""docs/security.md: no record without its row, no row without a proof, no proof that is not there."""

import ast
import re
from pathlib import Path

import pytest

from sluice.policies import headers

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ELSEWHERE = PAGE.partition("## What went wrong elsewhere")[2]
ROWS = [line for line in ELSEWHERE.splitlines() if re.match(r"\| (?!-|record)", line)]
RECORDS = re.findall(
    r"\S+",
    """
    PyPI CVE-2026-42208 GHSA-h6m6-jj8v-94jj CVE-2026-49468 CVE-2026-48710 PYSEC-2026-248 CVE-2026-35030 CVE-2026-35029
    CVE-2026-47101 CVE-2026-47102 CVE-2026-114612 CVE-2026-42271 CVE-2026-30623 CVE-2026-59822 CVE-2026-42203
    CVE-2026-40217 PYSEC-2026-4074 CVE-2024-6587 PYSEC-2026-4070 CVE-2024-9606 CVE-2025-11203 GHSA-69x8-hrgq-fjj8
    CVE-2026-12772 CVE-2026-12795 CVE-2026-12796 PYSEC-2026-4068 PYSEC-2026-4072 CVE-2025-0628 CVE-2024-2952
    CVE-2024-4264 CVE-2024-5751 CVE-2024-6825 CVE-2024-8984 CVE-2024-10188 CVE-2025-0330 CVE-2025-45809
    CVE-2025-66405 CVE-2026-110719 CVE-2026-55245 CVE-2026-90898 CVE-2026-86242 CVE-2026-108719 CVE-2026-41432
    CVE-2026-25591 CVE-2026-64859 GO-2025-4154 GO-2026-5652 GO-2026-4813 CVE-2025-52967 GHSA-g53w-w6mj-hrpp
    GO-2026-5390 CVE-2026-52869 GHSA-5gf6-gc35-xjpc CVE-2026-27896 CVE-2026-34756 CVE-2026-116176 CVE-2026-24779
    CVE-2026-25960 CVE-2026-54020 CVE-2026-45400 CVE-2026-109292 CVE-2026-59216 CVE-2026-22771 CVE-2020-13945
    CVE-2022-24112 CVE-2025-43859 CVE-2025-69224 CVE-2025-69225 CVE-2026-111750 GHSA-p6xx-57qc-3wxr
    GHSA-4hxc-9384-m385
    """,
)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_every_record_has_one_row() -> None:
    first = " ".join(f"{cells(row)[0]} " for row in ROWS)
    for record in RECORDS:
        assert len(re.findall(rf"\b{record}\b", first)) == 1, record


@pytest.mark.parametrize("row", ROWS, ids=[cells(row)[0][:24] for row in ROWS])
def test_every_row_says_what_is_done_and_names_proofs_that_are_there(row: str) -> None:
    record, wrong, here, proof = cells(row)
    assert all((record, wrong, here, proof))
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", proof)
    assert len(named) == proof.count("::") > 0
    for path, name in named:
        parsed = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in parsed.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_lists_of_headers_are_those_of_the_policy() -> None:
    section = PAGE.partition("## Headers")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith(("| client", "| provider"))]
    to_provider, to_client = (set(re.findall(r"`([a-z-]+)`", row)) for row in rows)
    assert to_provider == {name.decode() for name in headers.SAME_API}
    assert to_client == {name.decode() for name in (*headers.RESPONSE, *headers.RESPONSE_PREFIXES)}
