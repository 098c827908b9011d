"""Older clients of A2A, each in a folder of its own below build/, installed once from a lock file with hashes.

They run in processes of their own, by the interpreter that the tests' environment was made from: nothing of that
environment is on their path.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "agent_server" / "a2a_clients"
INSTALL_S = 240.0
RUN_S = 30.0


def environment(version: str) -> Path:
    """Return the folder that holds a2a-sdk of a version. Where it cannot be installed the test is skipped, and fails in
    CI: what it proves is then not proven."""
    lock = ROOT / "requirements" / f"a2a-{version}.lock"
    folder = ROOT / "build" / f"a2a-{version}"
    mark, wanted = folder / ".installed", sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    folder.parent.mkdir(exist_ok=True)
    with Path(f"{folder}.claim").open("w") as claim:  # two test processes may want it at once
        fcntl.flock(claim, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            words = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes"]
            command = [sys.executable, "-m", "pip", "install", *words, "--target", str(folder), "-r", str(lock)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
            if done.returncode:
                _unproven(version)
            mark.write_text(wanted)
    return folder


def _unproven(version: str) -> None:
    why = f"NOT PROVEN: a2a-sdk {version} cannot be installed here (requirements/a2a-{version}.lock)"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


async def played(version: str, *args: str) -> dict[str, Any]:
    """Let the client of a version do its script, tests/agent_server/a2a_clients/client_N.py; return what it saw."""
    folder = environment(version)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    script = CLIENTS / f"client_{version.replace('.', '')}.py"
    process = await asyncio.create_subprocess_exec(
        *(sys._base_executable, "-s", "-W", "ignore", str(script), *args),  # type: ignore[attr-defined]
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_S):
            told, faults = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, faults.decode()
    return msgspec.json.decode(told, type=dict[str, Any])
