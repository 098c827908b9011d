"""What a newcomer reads: quick start, tutorials, operate, migrate, troubleshoot. What it says to paste is pasted."""

import re
import shlex
import subprocess
from pathlib import Path

import msgspec
import pytest

from sluice.config import Source, load
from sluice.errors import ConfigError
from sluice.standard import STANDARD
from tests.docs.pages import GUIDES, ROOT, Block, Session, blocks, exports, sessions
from tests.docs.terminal import ENV, follow, terminal
from tools.newcomer import QUERY

EVERY = [session for page in GUIDES for session in sessions(page)]
PREPARED = {session.page: session.steps for session in EVERY if not session.run and session.page.endswith("/tls.md")}
"""What a page has its reader do before the gateway is started."""
ALL = [session for session in EVERY if session.run or session.page not in PREPARED]
FOREIGN = ("litellm.yaml", "prometheus.yaml")
"""Files of other programs."""
FILES = [
    block
    for page in GUIDES
    for block in blocks(page)
    if block.language == "yaml" and block.file and block.file not in FOREIGN
]
DANGLING = {"dangling.yaml": 1, "tls-gateway.yaml": 3}
"""Files whose objects name one that is not there, or that the reader makes; and how many conditions say so."""


@pytest.mark.parametrize("session", ALL, ids=lambda session: session.place)
async def test_the_commands_print_what_the_page_says(session: Session, tmp_path: Path) -> None:
    """But for what Prometheus is asked: in `tests/docs/test_quick_start.py`."""
    steps = tuple(step for step in session.steps if QUERY not in step.command.text)
    async with terminal(session, tmp_path, before=PREPARED.get(session.page, ())) as (sluice, _):
        await follow(msgspec.structs.replace(session, steps=steps), tmp_path, sluice)


@pytest.mark.parametrize("block", FILES, ids=lambda block: block.place)
def test_the_configurations_load(block: Block) -> None:
    source = Source(block.file, block.text)
    if block.refused:
        with pytest.raises(ConfigError, match=re.escape(block.file)):
            load([source], ENV, STANDARD)
        return
    said = {name: value for other in blocks(block.page) for name, value in exports(other.text).items()}
    plan = load([source], ENV | said, STANDARD)
    assert plan.listeners
    false = [c.message for one in plan.statuses for c in one.conditions if not c.status and c.message]
    assert len(false) == DANGLING.get(block.file, 0), false


@pytest.mark.parametrize("session", [s for s in ALL if s.run], ids=lambda session: session.place)
def test_make_run_is_the_command_that_was_tested(session: Session) -> None:
    """The gateways above are started as `sluice serve`: this is what `make run` comes to."""
    done = subprocess.run(
        [*shlex.split(session.make), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip().split("\n")[-1].split() == ["exec", ".venv/bin/sluice", "serve", *session.args]


@pytest.mark.parametrize("page", GUIDES)
def test_a_page_begins_with_what_the_reader_gets(page: str) -> None:
    opening = (ROOT / page).read_text(encoding="utf-8").split("\n\n")[1]
    assert "You get" in opening or page.endswith("README.md")
    assert not opening.startswith(("#", "|", "```"))
