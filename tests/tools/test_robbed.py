"""A test is run again if, and only if, the machine was taken from it; it is named, and may still fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.robbed import stolen_s

TESTS = """
import time, pytest, tools.robbed as chance
taken, runs = [0.0], []
chance.stolen_s = lambda: taken[0]
chance._LOOK_S = 0.01

@pytest.fixture
def fresh():
    return []

def test_fails_once(fresh):
    assert not fresh, "what the first run got"
    fresh.append(1)
    runs.append(1)
    taken[0] += STOLEN
    assert len(runs) > 1

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
    if len(runs) < 3:
        runs.append(1)
        taken[0] += STOLEN
    assert False

def test_passes():
    taken[0] += STOLEN
"""


@pytest.mark.parametrize(
    ("stolen", "said"),
    [
        (100.0, {"4 failed, 2 passed", *(f"test_it.py::test_fails_{each}: " for each in ("once", "always"))}),
        (0.0, {"5 failed, 1 passed"}),
    ],
)
@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_who_was_robbed_has_another_chance(tmp_path: Path, stolen: float, said: set[str], workers: str) -> None:
    (tmp_path / "test_it.py").write_text(TESTS.replace("STOLEN", str(stolen)))
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\ntimeout = 2\n")
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
    assert {each for each in said if each in run.stdout} == said, run.stdout
    assert ("run again" in run.stdout) is (stolen > 0)
    assert "test_it.py::test_passes: " not in run.stdout
    assert "test_it.py::test_hangs: " not in run.stdout
    assert ("test_it.py::test_hangs_when_it_runs_again: " in run.stdout) is (stolen > 0)


def test_what_was_stolen_only_grows() -> None:
    assert 0 <= stolen_s() <= stolen_s()
