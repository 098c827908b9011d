"""What the pages tell people to paste is pasted, against the real command, and prints what the pages say it prints.

Changed before they run: see `tests/docs/terminal.py`.
"""

import re
import shlex
import subprocess
from pathlib import Path

import msgspec
import pytest

from sluice.config import Source, load
from sluice.errors import ConfigError
from sluice.standard import STANDARD
from tests.docs.pages import PAGES, PROVIDER_PAGES, ROOT, Block, Session, blocks, exports, sessions, shape
from tests.docs.terminal import ENV, follow, lay_out, paste, terminal
from tests.docs.vendors import key_file
from tests.support.command import Sluice

ALL = [session for page in (*PAGES, *PROVIDER_PAGES) for session in sessions(page)]
YAML = [block for page in (*PAGES, *PROVIDER_PAGES) for block in blocks(page) if block.language == "yaml"]
ACCOUNT = {"GOOGLE_APPLICATION_CREDENTIALS_JSON": key_file(1)}
"""What the process makes of the key file that a page names."""


def test_the_pages_have_the_blocks_that_they_should() -> None:
    counts = {page: (len(sessions(page)), sum(len(session.steps) for session in sessions(page))) for page in PAGES}
    assert counts == {
        "README.md": (1, 2),
        "docs/configuration.md": (3, 5),
        "docs/errors.md": (1, 3),
        "docs/live-page.md": (1, 2),
        "docs/observability.md": (1, 6),
    }
    files = [block.file for block in YAML if block.page in PAGES]
    assert files == ["llm.yaml", "gateway.yaml", "process.yaml", "limited.yaml", "seen.yaml", "seen-policy.yaml"]


@pytest.mark.parametrize("session", [s for s in ALL if s.page in PAGES], ids=lambda session: session.place)
async def test_the_commands_print_what_the_page_says(session: Session, tmp_path: Path) -> None:
    """Those of docs/providers/: in `tests/docs/test_providers.py`, which also looks at what the vendors were asked."""
    async with terminal(session, tmp_path) as (sluice, _):
        await follow(session, tmp_path, sluice)


async def test_the_log_line_of_the_quick_start_is_what_its_first_command_writes(tmp_path: Path) -> None:
    (shown,) = [block for block in blocks("docs/quick-start.md") if block.language == "json"]
    expected = msgspec.json.decode(shown.text, type=dict[str, object])
    first = sessions("docs/quick-start.md")[0]
    lay_out(first.page, tmp_path)
    async with Sluice() as sluice:
        await paste(first.steps[0].command, tmp_path, sluice)
        line = await sluice.request_line()
    assert list(line) == list(expected)
    assert {key: type(value) for key, value in line.items()} == {key: type(value) for key, value in expected.items()}
    varies = re.compile(r"time|request\.id|endpoint|src\.addr|http\.host|.*\.id|agw\.ai\..*|duration")
    same = [key for key in expected if not varies.fullmatch(key)]
    assert len(same) > 15
    assert {key: line[key] for key in same} == {key: expected[key] for key in same}


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.place)
def test_the_configurations_load(block: Block) -> None:
    source = Source(block.file, block.text)
    if block.refused:
        with pytest.raises(ConfigError, match=re.escape(block.file)):
            load([source], ENV, STANDARD)
        return
    said = {name: value for other in blocks(block.page) for name, value in exports(other.text).items()}
    plan = load([source], ENV | said | ACCOUNT, STANDARD)
    assert plan.listeners
    false = [(status.name, c) for status in plan.statuses for c in status.conditions if not c.status]
    assert [(name, c.type) for name, c in false if c.type != "Conflicted"] == []


@pytest.mark.parametrize("session", [s for s in ALL if s.run], ids=lambda session: session.place)
def test_make_run_is_the_command_that_was_tested(session: Session) -> None:
    """The gateways above are started as `sluice serve`: this is what `make run` comes to."""
    done = subprocess.run(
        [*shlex.split(session.make), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip().split("\n")[-1].split() == ["exec", ".venv/bin/sluice", "serve", *session.args]


@pytest.mark.parametrize(
    ("documented", "printed", "fits"),
    [
        ("a … c", "a b c", True),
        ("a …", "a b\nc", True),
        ("a … c", "a b d", False),
        ("a", "a b", False),
        ("x.y", "xzy", False),
        ("a\n\n…\n\nb", "a\n\n1\n\n2\n\nb", True),
    ],
)
def test_an_ellipsis_stands_for_anything_and_the_rest_for_itself(documented: str, printed: str, fits: bool) -> None:
    assert bool(shape(documented).fullmatch(printed)) is fits


def test_variables_are_read_as_a_shell_reads_them() -> None:
    text = 'export A=1\nexport B="two"  # Optional\nexport C=three # why\necho export D=4\n'
    assert exports(text) == {"A": "1", "B": "two", "C": "three"}
