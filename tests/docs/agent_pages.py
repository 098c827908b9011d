"""Pages of docs/agents/ as the reader has them: a terminal that serves agents, and one that asks them.

sh      its last line `sluice agent ...` starts what the following blocks talk to
bash    is run in a shell, in a folder with the page's files, and must succeed
python  `# NAME.py` in its first line names a file of that folder; without it it is a program, run as it stands
yaml    `# NAME.yaml` in its first line names a file
text    right after a bash block or a program: what it prints; right after what starts a server: what that has printed
        in the end; `…` stands for anything

Changed before they run: ports, the store (memory), and where providers are.
"""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.cli.test_agent import Agents, agents
from tests.docs.pages import Block, Step, blocks, exports, shape

PATIENCE_S = 20.0
_SERVES = re.compile(r"^sluice (agent|serve)\b(.*)$", re.MULTILINE)
_FILE = re.compile(r"# ([\w/-]+\.(?:py|yaml))\n")
_PORT = re.compile(r"localhost:(?:8080|3000)")
PROVIDERS = {"OPENAI": "/v1", "ANTHROPIC": "", "GEMINI": ""}
"""Those whose address can be given, and what their own client's stands behind the host."""


class Scene(msgspec.Struct, frozen=True):
    """One server and what the reader does while it runs."""

    start: Block | None
    """What starts it; None = none is needed."""
    steps: tuple[Step, ...]
    told: str | None = None
    """What the server prints, to its end."""

    @property
    def page(self) -> str:
        return self.place.partition(":")[0]

    @property
    def place(self) -> str:
        return self.start.place if self.start is not None else self.steps[0].command.place

    @property
    def args(self) -> list[str]:
        """What follows `sluice agent`."""
        return [] if self.start is None else shlex.split(_SERVES.findall(self.start.text)[-1][1], comments=True)


def scenes(page: str) -> list[Scene]:
    """Return what the reader of a page does, server by server."""
    found = [Scene(None, ())]
    in_order = blocks(page)
    for block, following in zip(in_order, [*in_order[1:], None], strict=True):
        said = following.text if following is not None and following.language == "text" else None
        if block.language == "sh" and (served := _SERVES.findall(block.text)):
            assert served[-1][0] == "agent", f"{block.place} starts something else"
            found.append(Scene(block, (), said))
        elif block.language == "bash" or (block.language == "python" and not _FILE.match(block.text)):
            found[-1] = msgspec.structs.replace(found[-1], steps=(*found[-1].steps, Step(block, said)))
    return [scene for scene in found if scene.start is not None or scene.steps]


def lay_out(page: str, folder: Path) -> None:
    """Put the page's files and the command into a folder."""
    for block in blocks(page):
        if named := _FILE.match(block.text):
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    command = folder / "bin" / "sluice"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sluice "$@"\n')
    command.chmod(0o755)
    (folder / ".curlrc").write_text("silent\nshow-error\n")


@asynccontextmanager
async def served(scene: Scene, folder: Path) -> AsyncIterator[Agents | None]:
    """Start what a scene needs, with providers that are played here."""
    lay_out(scene.page, folder)
    if scene.start is None:
        yield None
        return
    words = scene.args
    for option in ("--port", "--store"):
        if option in words:
            del words[words.index(option) : words.index(option) + 2]
    async with FakeProvider(Options()) as fake:
        origin = fake.url.removesuffix("/v1")
        env = exports(scene.start.text)
        if not any(f"{name}_API_KEY" in env for name in PROVIDERS):
            env = {"OPENAI_API_KEY": "sk-docs", **env}  # the built-in provider takes two seconds for an answer
        for name, path in PROVIDERS.items():
            if f"{name}_API_KEY" in env:
                env = {**env, f"{name}_BASE_URL": f"{origin}{path}"}
        async with agents(*words, cwd=folder, env=env) as running:
            assert running.process.returncode is None, f"{scene.place}: {running.err}"
            yield running
            if scene.told is not None:
                running.process.terminate()
                await running.process.wait()
    if scene.told is not None:
        assert shape(scene.told).fullmatch(running.out.strip()), f"{scene.place} printed:\n{running.out}"


async def follow(scene: Scene, folder: Path, running: Agents | None) -> None:
    """Do what the page says, and check that it prints what the page says."""
    for step in scene.steps:
        printed = await paste(step.command, folder, 0 if running is None else running.port)
        if step.output is not None:
            assert shape(step.output).fullmatch(printed.strip()), f"{step.command.place} printed:\n{printed}"


async def paste(command: Block, folder: Path, port: int) -> str:
    """Run a block as a person would, and return what the terminal shows."""
    text = _PORT.sub(f"localhost:{port}", command.text)
    if "sluice chat" in text and "--url" not in text:
        text = text.replace("sluice chat", f"sluice chat --url http://localhost:{port}")
    program = [sys.executable, "-c", text] if command.language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    home = {"HOME": str(folder), "CURL_HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    home["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # of our own plugins, whose start takes two seconds
    shell = await asyncio.create_subprocess_exec(
        *program,
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}", **home},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        printed, _ = await shell.communicate()
    assert shell.returncode == 0, f"{command.place} failed:\n{printed.decode()}"
    return printed.decode().replace("\r\n", "\n")  # a terminal shows no difference
