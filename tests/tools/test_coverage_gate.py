"""The coverage gate: what it counts, and that a run of pytest really fails by it, with pytest's summary last."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.coverage_gate import File, Report, Summary, describe, judge


def report(**covered: tuple[int, list[int]]) -> Report:
    files = {}
    for name, (seen, missing) in covered.items():
        path = "src/sluice/" + name.replace("__", "/") + ".py"
        files[path] = File(Summary(seen, seen + len(missing)), missing)
    return Report(files)


def test_counts_lines_of_the_pure_zone_alone() -> None:
    verdict = judge(report(wire__sse=(19, [7]), errors=(20, []), net__server=(0, list(range(1, 100)))))
    assert verdict.percent == pytest.approx(97.5)
    assert verdict.passed
    assert verdict.gaps == (("src/sluice/wire/sse.py", (7,)),)


def test_fails_below_the_least_and_says_which_lines() -> None:
    verdict = judge(report(wire__sse=(90, [3, 4, 5, 9]), relay__stream=(0, [1, 2])))
    assert not verdict.passed
    lines = list(describe(verdict))
    assert lines[0] == "  src/sluice/wire/sse.py: not run: 3-5, 9"
    assert lines[1] == "  src/sluice/relay/stream.py: not run: 1-2"
    assert lines[-1].startswith("coverage gate FAILED: the pure zone has 93.8 %")


def test_fails_when_nothing_was_measured() -> None:
    assert not judge(report(net__server=(10, []))).passed


@pytest.mark.parametrize(("tested", "status"), [("both", 0), ("one", 1)])
def test_decides_the_exit_status_of_pytest_and_leaves_its_summary_last(
    tmp_path: Path, tested: str, status: int
) -> None:
    package = tmp_path / "src" / "sluice" / "wire"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "text.py").write_text("def one():\n    return 1\n\n\ndef two():\n    x = 2\n    return x\n")
    calls = "one(), two()" if tested == "both" else "one()"
    (tmp_path / "test_it.py").write_text(
        f"from sluice.wire.text import one, two\n\n\ndef test_it():\n    assert one\n    assert two\n    {calls}\n"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.coverage.run]\nsource_pkgs = ['sluice']\n")
    root = Path(__file__).resolve().parents[2]
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("COV_", "COVERAGE_", "PYTEST_"))
    }
    arguments = "-q -n 2 -p no:langsmith_plugin -p tools.coverage_gate --cov --cov-report="
    arguments += " --cov-report=json:build/coverage.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments.split()],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": f"{tmp_path / 'src'}{os.pathsep}{root}"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    closing = done.stdout.strip().split("\n")
    assert closing[-1].startswith("1 passed in ")
    assert ("coverage gate passed" if status == 0 else "coverage gate FAILED") in done.stdout
