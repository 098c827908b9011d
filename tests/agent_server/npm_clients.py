"""Clients from npm, as their users install them, run under node: installed once, into build/npm."""

import asyncio
import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "npm"
BUILD = Path(__file__).parents[2] / "build"
MANIFEST = ("package.json", "package-lock.json")
PATIENCE_S = 30.0


def installed(manifest: Path = HERE, name: str = "npm") -> Path:
    """Install what the lock file says, unless it is there, and return where the scenarios lie beside it.

    `manifest`: the folder of package.json; `name`: what the installation is called in build/.
    """
    place = BUILD / name
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one of the test workers installs, the others wait for it
        wanted = b"".join((manifest / file).read_bytes() for file in MANIFEST)
        done = place / "installed"
        if not done.exists() or done.read_bytes() != wanted:
            done.unlink(missing_ok=True)
            for file in MANIFEST:
                shutil.copy(manifest / file, place)
            _npm(place, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            done.write_bytes(wanted)
        for script in manifest.glob("*.mjs"):
            shutil.copy(script, place)
    return place


def _npm(place: Path, *arguments: str) -> None:
    ended = subprocess.run(["npm", *arguments], cwd=place, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


async def play(script: str, url: str, open_gate: Callable[[str], None]) -> dict[str, Any]:
    """Run the scenarios of a script against a server and return what each saw. `open_gate` is told when a scenario has
    seen what it waits for and wants the agent to go on."""
    node = await asyncio.create_subprocess_exec(
        "node",
        str(installed() / script),
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    assert node.stdin is not None
    assert node.stdout is not None
    assert node.stderr is not None
    saw: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while line := await node.stdout.readline():
                fact = json.loads(line)
                if "open" in fact:
                    open_gate(fact["open"])
                    node.stdin.write(b"\n")
                else:
                    saw[fact["scenario"]] = fact["saw"]
            await node.wait()
    finally:
        if node.returncode is None:
            node.kill()
            await node.wait()
    assert node.returncode == 0, (await node.stderr.read()).decode()
    return saw
