"""`python -m bench.policies`: each case is about its policy, runs, and every page has one."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bench import policies, policy_cases, policy_report
from bench.policy_cases import Case, Words
from bench.policy_report import Costs, Row
from bench.rig import ROOT
from bench.verdict import Machine
from sluice.config import Source, load
from sluice.config.plan import Plan
from sluice.standard import STANDARD

CASES = policy_cases.read()
OF_THE_ANSWER = ("costs", "virtual-keys")
"""What is told by the price of a model, and by the ledger; the rest by the configuration."""


def plan(case: Case, words: Words) -> Plan:
    return load([Source("case.yaml", policy_cases.manifests(case, words))], {}, STANDARD)


def test_every_page_about_a_policy_has_a_measured_case_and_every_case_a_page() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "policies").glob("*.md")} - {"README"}
    assert {case.page for case in CASES} == pages


def test_each_case_is_named_once() -> None:
    assert len({(case.page, case.what) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.page}: {case.what}")
def test_each_case_is_its_policy_and_nothing_else(case: Case) -> None:
    words = Words()
    if case.page not in OF_THE_ANSWER:
        assert plan(case.beside_another(), words) != plan(case.without(), words)


@pytest.mark.parametrize("case", {case.page: case for case in CASES}.values(), ids=lambda case: case.page)
async def test_a_case_of_each_page_can_be_measured(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = Words()
    monkeypatch.setattr(policies, "REQUESTS", 2)
    monkeypatch.setattr(policies, "STREAMS", 1)
    row, plain = await policies.measure(case.beside_another(), case.without(), words, tmp_path, rounds=1)
    assert (row.page, row.what) == (case.page, case.what)
    assert plain.request_us > 0
    assert (row.chunk_us is not None) is case.streams
    assert plain.chunk_us or not case.streams  # one stream says little, perhaps less than nothing


async def test_an_exchange_that_is_refused_is_not_measured(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.page == "api-keys")
    stranger = msgspec.structs.replace(case, headers={})
    with pytest.raises(SystemExit, match="ended with 401"):
        await policies.measure(stranger, stranger.without(), Words(), tmp_path, rounds=1)
    assert asyncio.all_tasks() == {asyncio.current_task()}


COSTS = Costs(
    machine=Machine("2026-01-31", "A Processor", 2, "6.1", "3.11.7"),
    rounds=15,
    request_us=120.5,
    chunk_us=8.0,
    first_us=41.4,
    rows=(
        Row(page="rate-limits", what="requests", request_us=11.4, aside_us=0.2, chunk_us=-0.04),
        Row(page="budgets", what="tokens", request_us=25.0, aside_us=61.0, chunk_us=6.1),
        Row(page="redirects", what="instead", request_us=-80.2, aside_us=0.0, chunk_us=None),
    ),
)


def test_the_table_is_that_of_the_committed_file(tmp_path: Path) -> None:
    latest = tmp_path / "policies.json"
    assert policy_report.block(latest) == policy_report.NOTHING
    latest.write_bytes(msgspec.json.encode(COSTS))
    text = policy_report.block(latest)
    assert text.startswith("Measured 2026-01-31 on A Processor, Python 3.11.7; best of 15 rounds")
    assert "costs 120 for a request and 8.0 for a chunk; as soon as there is any policy, 41 more for a request" in text
    assert "| [rate limits](policies/rate-limits.md) | requests | 11 |  | 0 |" in text
    assert "| [budgets](policies/budgets.md) | tokens | 25 | 61 | 6.1 |" in text
    assert "| [redirects](policies/redirects.md) | instead | -80 |  |  |" in text


def test_a_page_shows_its_own_rows_and_how_to_measure_them_again(tmp_path: Path) -> None:
    latest = tmp_path / "policies.json"
    assert policy_report.of_page("budgets", latest) == policy_report.NOTHING
    latest.write_bytes(msgspec.json.encode(COSTS))
    text = policy_report.of_page("budgets", latest)
    assert [line for line in text.split("\n") if line.startswith("| ")][2:] == ["| tokens | 25 | 61 | 6.1 |"]
    assert "measured 2026-01-31 on A Processor with `.venv/bin/python -m bench.policies --only budgets`" in text


def test_each_page_has_the_block_of_its_own_rows() -> None:
    for page in {case.page for case in CASES}:
        text = (ROOT / "docs" / "policies" / f"{page}.md").read_text()
        section = text.partition("## What it costs\n")[2].partition("\n## ")[0]
        assert f"<!-- generated:cost-{page} -->" in section, page
