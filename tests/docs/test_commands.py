"""What the pages tell people to paste is pasted, against the real command, and prints what the pages say it prints.

Changed before they run: the ports, to those that are free here, and nothing else.
"""

import asyncio
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from sluice.config import Source, load
from sluice.errors import ConfigError
from sluice.standard import STANDARD
from tests.docs.pages import PAGES, ROOT, Block, Session, blocks, sessions, shape
from tests.support.command import Sluice

PATIENCE_S = 15.0
"""For one block; the fake provider takes two seconds for an answer."""
ENV = {"OPENAI_API_KEY": "sk-docs-19c4"}
SIDE = {15000: "admin", 15020: "stats", 15021: "readiness"}
ALL = [session for page in PAGES for session in sessions(page)]
YAML = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]


def test_the_pages_have_the_blocks_that_they_should() -> None:
    counts = {page: (len(sessions(page)), sum(len(session.steps) for session in sessions(page))) for page in PAGES}
    assert counts == {
        "README.md": (3, 5),
        "docs/configuration.md": (3, 4),
        "docs/errors.md": (1, 2),
        "docs/observability.md": (1, 3),
    }
    assert [block.file for block in YAML] == ["llm.yaml", "openai.yaml", "llm.yaml", "gateway.yaml", "limited.yaml"]


@pytest.mark.parametrize("session", ALL, ids=lambda session: session.place)
async def test_the_commands_print_what_the_page_says(session: Session, tmp_path: Path) -> None:
    lay_out(session.page, tmp_path)
    async with Sluice(*in_folder(session.args, tmp_path), env=session.env) as sluice:
        for step in session.steps:
            printed = await paste(step.command.text, tmp_path, sluice)
            if step.output is not None:
                assert shape(step.output).fullmatch(printed.strip()), f"{step.command.place} printed:\n{printed}"


async def test_the_log_line_of_the_readme_is_what_its_first_command_writes(tmp_path: Path) -> None:
    (shown,) = [block for block in blocks("README.md") if block.language == "json"]
    expected = msgspec.json.decode(shown.text, type=dict[str, object])
    first = sessions("README.md")[0]
    lay_out(first.page, tmp_path)
    async with Sluice() as sluice:
        await paste(first.steps[0].command.text, tmp_path, sluice)
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
    plan = load([source], ENV, STANDARD)
    assert plan.listeners
    false = [(status.name, c) for status in plan.statuses for c in status.conditions if not c.status]
    assert [(name, c.type) for name, c in false if c.type != "Conflicted"] == []


@pytest.mark.parametrize("session", [s for s in ALL if s.run], ids=lambda session: session.place)
def test_make_run_is_the_command_that_was_tested(session: Session) -> None:
    """The gateways above are started as `sluice serve`: this is what `make run` comes to."""
    done = subprocess.run(
        [*shlex.split(session.run), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
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


# -- the reader's terminal ---------------------------------------------------------------------------------------------


def lay_out(page: str, folder: Path) -> None:
    """Put what the reader has into a folder: the page's files, the command, and a curl without its progress bar."""
    for block in blocks(page):
        if block.language == "yaml":
            (folder / block.file).write_text(block.text, encoding="utf-8")
    command = folder / ".venv" / "bin" / "sluice"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sluice "$@"\n')
    command.chmod(0o755)
    (folder / ".curlrc").write_text("silent\nshow-error\n")


def in_folder(args: list[str], folder: Path) -> list[str]:
    return [str(folder / word) if word.endswith(".yaml") else word for word in args]


def moved(command: str, sluice: Sluice) -> str:
    """The command with the ports that are free here."""
    ports = {8080: sluice.port, 4000: sluice.port} | {port: sluice.side[name] for port, name in SIDE.items()}
    for port, here in ports.items():
        command = command.replace(f"localhost:{port}", f"127.0.0.1:{here}")
    if "sluice chat" in command and "--url" not in command:
        command = command.replace("sluice chat", f"sluice chat --url http://127.0.0.1:{sluice.port}/v1")
    return command


async def paste(command: str, folder: Path, sluice: Sluice, env: Mapping[str, str] = ENV) -> str:
    """Run a block as a person would, and return what the terminal shows."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", moved(command, sluice)),
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "CURL_HOME": str(folder), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        printed, _ = await shell.communicate()
    assert shell.returncode == 0, printed.decode()
    return printed.decode()
