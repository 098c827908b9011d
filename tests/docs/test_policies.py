"""docs/policies/: every page has its parts, every file on it loads, every command prints what the page says."""

import re
from pathlib import Path

import pytest

from sluice.config import Source, load
from sluice.standard import STANDARD
from tests.docs.pages import ROOT, Block, Session, blocks, sessions
from tests.docs.terminal import follow, terminal

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/policies").glob("*.md"))
POLICIES = [page for page in PAGES if not page.endswith("README.md")]
FIRST = [block for page in PAGES for block in blocks(page) if block.file.startswith("first-")]
WHOLE = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "yaml" and block not in FIRST and (block.file or block.text.startswith(("llm:", "config:")))
]
"""The other files, and short forms without a name."""
MODELS = "models: [{name: m, provider: fake}]"
ENV = {"ALICE_KEY": "sk-alice", "OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2", "SUBSCRIPTION_KEY": "sk-3"}
SESSIONS = [session for page in PAGES for session in sessions(page) if "first-" in session.run]
PARTS = (
    ("What it promises",),
    ("Manifest", "Headers"),
    ("What the client sees",),
    ("What is logged and counted",),
    ("What it costs",),
)
"""Of every page, one name of each; the short form may be shown with the manifest."""
ELSEWHERE = ("budgets", "costs", "rate-limits", "virtual-keys", "prompt-guards")
"""Pages whose first example is among the tests of their own policy."""


@pytest.mark.parametrize("page", POLICIES)
def test_a_page_says_what_every_page_says(page: str) -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    assert [names[0] for names in PARTS if not any(name in headings for name in names)] == []


def test_every_page_begins_with_something_that_works() -> None:
    begun = {Path(block.page).stem for block in FIRST}
    assert begun == {Path(page).stem for page in POLICIES} - set(ELSEWHERE)


@pytest.mark.parametrize("block", FIRST, ids=lambda block: block.file)
def test_the_first_example_of_a_page_loads_alone(block: Block) -> None:
    plan = load([Source(block.file, block.text)], {}, STANDARD)
    assert plan.listeners
    assert [(one.name, c.message) for one in plan.statuses for c in one.conditions if not c.status and c.message] == []


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: block.place)
def test_every_manifest_and_every_short_form_loads(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = block.text if "llm:" not in block.text or "models:" in block.text else f"{block.text}  {MODELS}\n"
    text = text if "config:" not in text or "llm:" in text else f"{text}llm: {{{MODELS}}}\n"
    (tmp_path / "prices.json").write_text('{"providers": {}}')
    assert load([Source(block.file or "llm.yaml", text)], ENV, STANDARD).listeners or "apiVersion" in text


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.place)
async def test_the_commands_print_what_the_page_says(session: Session, tmp_path: Path) -> None:
    assert all(step.output for step in session.steps)
    async with terminal(session, tmp_path) as (sluice, _):
        await follow(session, tmp_path, sluice)
