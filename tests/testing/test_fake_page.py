"""docs/fake.md: its commands print what it says they print, and its tables are complete."""

import asyncio
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.testing.fake_inspect import _METHODS
from sluice.testing.fake_rules import read
from sluice.testing.fake_sight import MAX_SIGHTS
from tests.docs.pages import ROOT, Block, blocks, shape

PAGE = "docs/fake.md"
PATIENCE_S = 15.0
BLOCKS = blocks(PAGE)
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[dict[int, int]]:
    """Start what the page starts, on free ports; yield which port of the page is which."""
    (start,) = [block for block in BLOCKS if block.language == "sh"]
    words = shlex.split(start.text)
    assert words[:2] == [".venv/bin/sluice", "fake"]
    words = ["0" if word in ("9000", "9001") else word for word in words[1:]]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sluice", *words), cwd=folder, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            told = [await process.stderr.readline() for _ in range(2)]
        ports = [re.search(rb":(\d+)", line) for line in told]
        yield {page: int(found[1]) for page, found in zip((9000, 9001), ports, strict=True) if found is not None}
    finally:
        process.terminate()
        await process.communicate()


async def paste(block: Block, folder: Path, ports: dict[int, int]) -> str:
    text = block.text
    for page, here in ports.items():
        text = text.replace(f"localhost:{page}", f"127.0.0.1:{here}")
    program = [sys.executable, "-c", text] if block.language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "CURL_HOME": str(folder)}
    shell = await asyncio.create_subprocess_exec(
        *program, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(PATIENCE_S):
        printed, _ = await shell.communicate()
    assert shell.returncode == 0, f"{block.place} failed:\n{printed.decode()}"
    return printed.decode().replace("\r\n", "\n")


async def test_the_commands_print_what_the_page_says(tmp_path: Path) -> None:
    (rules,) = [block for block in BLOCKS if block.language == "yaml"]
    (tmp_path / rules.file).write_text(rules.text, encoding="utf-8")
    (tmp_path / ".curlrc").write_text("silent\nshow-error\n")
    commands = 0
    async with started(tmp_path) as ports:
        assert len(ports) == 2
        for block, following in pairwise(BLOCKS):
            if block.language in ("bash", "python"):
                assert following.language == "text", f"{block.place}: says nothing of what is printed"
                printed = await paste(block, tmp_path, ports)
                assert shape(following.text).fullmatch(printed.strip()), f"{block.place} printed:\n{printed}"
                commands += 1
    assert commands == 7


def test_the_rules_of_the_page_are_rules() -> None:
    (rules,) = [block for block in BLOCKS if block.language == "yaml"]
    assert len(read(rules.text)) == 2


def test_the_table_of_members_has_every_member_of_a_fault() -> None:
    section = TEXT.partition("| member |")[2].partition("\n\n")[0]
    shown = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(shown) == sorted(field.name for field in msgspec.structs.fields(Fault))


def test_the_table_of_addresses_has_every_address() -> None:
    assert dict(re.findall(r"^\| `(?:GET|POST) (/\w+)` ()\|", TEXT, re.MULTILINE)).keys() == _METHODS.keys()
    assert f"{MAX_SIGHTS:,} requests" in TEXT
