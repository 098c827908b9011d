"""The reader's terminal: a folder with the page's files, the gateway running, and commands that are pasted.

Changed before they run: the ports, to those that are free here, and where providers are (`tests/docs/vendors.py`).
`gateway.log` is what the gateway has written to stdout: a page that speaks of it starts it with `| tee gateway.log`.
"""

import asyncio
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.docs.pages import Block, Session, Step, blocks, shape
from tests.docs.vendors import Vendors
from tests.support.command import Sluice

PATIENCE_S = 15.0
"""For one block; the built-in provider takes two seconds for an answer."""
ENV = {"OPENAI_API_KEY": "sk-docs-19c4"}
"""What a shell has that runs a block of a page without a gateway."""
NOTHING: Mapping[str, Callable[[str], str]] = {}
SIDE = {15000: "admin", 15020: "stats", 15021: "readiness"}
LOG = "gateway.log"
HOSTS = ("localhost", "$GATEWAY_IP", "${INGRESS_GW_ADDRESS}")
"""Where a page may say that the gateway is; the last two are the published labs'."""


@asynccontextmanager
async def terminal(
    session: Session, folder: Path, before: Sequence[Step] = ()
) -> AsyncIterator[tuple[Sluice, Vendors]]:
    """Start the gateway of a session, and the vendors that it asks; `before` is what its reader has done by then."""
    async with Vendors(session.env) as vendors:
        lay_out(session.page, folder, dict.fromkeys(session.args, vendors.file))
        for step in before:
            await paste(step.command, folder)
        async with Sluice(*in_folder(session.args, folder), env=vendors.env(folder)) as sluice:
            yield sluice, vendors


def lay_out(page: str, folder: Path, changed: Mapping[str, Callable[[str], str]] = NOTHING) -> None:
    """Put what the reader has into a folder: the page's files, the command, and a curl without its progress bar.
    `changed` says of a file's name what becomes of its text."""
    for block in blocks(page):
        if block.language == "yaml" and block.file:  # without a name it is a part of one
            text = changed[block.file](block.text) if block.file in changed else block.text
            (folder / block.file).write_text(text, encoding="utf-8")
    command = folder / ".venv" / "bin" / "sluice"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sluice "$@"\n')
    command.chmod(0o755)
    (folder / ".curlrc").write_text("silent\nshow-error\n")


def in_folder(args: list[str], folder: Path) -> list[str]:
    return [str(folder / word) if word.endswith(".yaml") else word for word in args]


def moved(command: str, sluice: Sluice) -> str:
    """The command with the ports that are free here."""
    ports = dict.fromkeys((8080, 4000, 8443), sluice.port) | {port: sluice.side[name] for port, name in SIDE.items()}
    for port, here in ports.items():
        for host in HOSTS:
            command = command.replace(f"{host}:{port}", f"127.0.0.1:{here}")
    if "sluice chat" in command and "--url" not in command:
        command = command.replace("sluice chat", f"sluice chat --url http://127.0.0.1:{sluice.port}/v1")
    if "sluice top" in command and "--url" not in command:
        command = command.replace("sluice top", f"sluice top --url http://127.0.0.1:{sluice.side['admin']}")
    return command


async def follow(session: Session, folder: Path, sluice: Sluice) -> None:
    """Do what the page says, step by step, and check that it prints what the page says."""
    for step in session.steps:
        printed = await _done(step, folder, sluice)
        if step.output is not None:
            assert shape(step.output).fullmatch(printed.strip()), f"{step.command.place} printed:\n{printed}"


async def _done(step: Step, folder: Path, sluice: Sluice) -> str:
    """What a step prints. One that only reads the log is done again until the line that it waits for has come."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        (folder / LOG).write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in sluice.lines))
        printed = await paste(step.command, folder, sluice)
        there = step.output is None or shape(step.output).fullmatch(printed.strip())
        if there or LOG not in step.command.text or time.monotonic() > deadline:
            return printed


async def paste(command: Block, folder: Path, sluice: Sluice | None = None, env: Mapping[str, str] = ENV) -> str:
    """Run a block as a person would, and return what the terminal shows."""
    text = command.text if sluice is None else moved(command.text, sluice)
    program = [sys.executable, "-c", text] if command.language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    shell = await asyncio.create_subprocess_exec(
        *program,
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "CURL_HOME": str(folder), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        printed, _ = await shell.communicate()
    assert shell.returncode == 0, f"{command.place} failed:\n{printed.decode()}"
    return printed.decode().replace("\r\n", "\n")  # a terminal shows no difference
