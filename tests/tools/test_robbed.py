"""A test is run again if, and only if, the machine was taken from it; it is named, and may still fail."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.robbed import stolen_s

TESTS = """
import gc, socket, time, pytest, tools.robbed as chance
taken, runs = [0.0], []
chance.stolen_s = lambda: taken[0]
chance._LOOK_S = 0.01

@pytest.fixture
def fresh():
    return []

def test_leaves_a_socket():
    taken[0] += STOLEN
    if "left" not in runs:
        runs.append("left")
        left = socket.create_server(("127.0.0.1", 0))
        assert False

def test_collects():
    gc.collect()

def test_fails_once(fresh):
    assert not fresh, "what the first run got"
    fresh.append(1)
    runs.append("once")
    taken[0] += STOLEN
    assert runs.count("once") > 1

def test_hangs():
    taken[0] += STOLEN
    time.sleep(30)

def test_hangs_when_it_runs_again():
    taken[0] += STOLEN
    if "hung" not in runs:
        runs.append("hung")
        assert False
    time.sleep(30)

def test_fails_always():
    taken[0] += STOLEN
    assert False

def test_fails_when_nothing_is_taken_any_more():
    if "taken" not in runs:
        runs.append("taken")
        taken[0] += STOLEN
    assert False

def test_passes():
    taken[0] += STOLEN
"""


HANG = {"hangs", "hangs_when_it_runs_again"}
ALWAYS = {"fails_always", "fails_when_nothing_is_taken_any_more"} | HANG
AT_FIRST = {"fails_once", "leaves_a_socket"}
CONFIG = """[tool.pytest.ini_options]
timeout = 2
asyncio_default_fixture_loop_scope = "function"
filterwarnings = ["error"]
"""


@pytest.mark.parametrize("stolen", [100.0, 0.0])
@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_who_was_robbed_has_another_chance(tmp_path: Path, stolen: float, workers: str) -> None:
    (tmp_path / "test_it.py").write_text(TESTS.replace("STOLEN", str(stolen)))
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    root = Path(__file__).resolve().parents[2]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV", "PYTEST_"))}
    arguments = ["-q", workers, "--dist=loadfile", "-p", "no:langsmith_plugin", "-p", "tools.robbed"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(tmp_path)],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 1, run.stdout
    failed = set(re.findall(r"^FAILED test_it.py::test_(\w+)", run.stdout, re.MULTILINE))
    again = set(re.findall(r"^test_it.py::test_(\w+): \d+%", run.stdout, re.MULTILINE))
    if stolen:
        assert (failed, again) == (ALWAYS, (ALWAYS | AT_FIRST) - {"hangs"}), run.stdout
        assert "ERROR" not in run.stdout, run.stdout
    else:
        victim = {"collects"}  # of what another test left
        assert (failed, again) == (ALWAYS | AT_FIRST | victim, set()), run.stdout


def test_what_was_stolen_only_grows() -> None:
    assert 0 <= stolen_s() <= stolen_s()
