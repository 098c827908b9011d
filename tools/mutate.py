"""Breaks the code on purpose, a mistake at a time, and sees whether the tests that mirror it notice.

    python -m tools.mutate [FILE ...] [--limit 300] [--seed 1] [--threshold 80]

Each mutant runs in a copy of the tree, so the tree is never touched and two can run at once. Prints every mutant that
no test noticed and the score; exits 1 below the threshold, 2 if the tests fail without any mistake. A mutant that makes
the tests hang counts as noticed. The same seed and the same sources give the same sample.
"""

import argparse
import difflib
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tools.mutants import Mutant, mutants

DEFAULT = ("src/sluice/wire/sse.py", "src/sluice/relay")
COPIED = ("src", "tests", "tools", "bench", "pyproject.toml", "requirements")
WHOLE_ROOM = frozenset(["relay"])
"""Rooms whose files are one machine: every test of the room judges each of them."""
PROCESSES = 2
SLACK_S = 10.0
"""Over five times what the tests need without a mistake, a mutant counts as hanging."""


class Job(msgspec.Struct, frozen=True):
    """One mutant of one file, both relative to the root, and the tests that should notice it."""

    file: str
    mutant: Mutant
    tests: tuple[str, ...]


def mirror_of(root: Path, file: str) -> tuple[str, ...]:
    """Return the tests that mirror a file under src/sluice/: `tests/ROOM/test_NAME*.py`, or all of `tests/ROOM`.

    Raises:
        FileNotFoundError: there are none.
    """
    room, stem = Path(file).parts[2], Path(file).stem
    folder = root / "tests" / room
    found = sorted(folder.glob("test_*.py" if room in WHOLE_ROOM else f"test_{stem}*.py"))
    if not found:
        raise FileNotFoundError(f"no test mirrors {file}: expected tests/{room}/test_{stem}*.py")
    found.sort(key=lambda path: not path.name.startswith(f"test_{stem}"))  # the nearest first: they notice soonest
    return tuple(path.relative_to(root).as_posix() for path in found)


def jobs(root: Path, names: list[str], limit: int, seed: int) -> list[Job]:
    """Return a sample of at most `limit` mutants of the named files and folders (0 = all), in order of place."""
    every: list[Job] = []
    for name in names:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found = mutants(file.read_text(encoding="utf-8"))
            relative = file.relative_to(root).as_posix()
            every += [Job(relative, mutant, mirror_of(root, relative)) for mutant in found]
    if not limit or limit >= len(every):
        return every
    chosen = sorted(random.Random(seed).sample(range(len(every)), limit))
    return [every[index] for index in chosen]


class Lab:
    """Copies of the tree in which mutants live, each used by one run at a time."""

    def __init__(self, root: Path, folder: Path, processes: int = PROCESSES) -> None:
        """Make `processes` copies under `folder`."""
        self._root = root
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(processes):
            copy = folder / str(number)
            copy.mkdir()
            for name in filter(lambda name: (root / name).exists(), COPIED):
                goal, ignored = copy / name, shutil.ignore_patterns("__pycache__")
                if (root / name).is_dir():
                    shutil.copytree(root / name, goal, ignore=ignored)
                else:
                    shutil.copy2(root / name, goal)
            self._free.put(copy)

    def passes(self, tests: tuple[str, ...], timeout_s: float, job: Job | None = None) -> bool:
        """Return whether the tests pass in `timeout_s` seconds with the mutant of `job`, if any, in place."""
        copy = self._free.get()
        try:
            if job is None:
                return _run(copy, tests, timeout_s)
            file = copy / job.file
            origin = file.read_bytes()
            file.write_bytes(job.mutant.apply(origin))
            try:
                return _run(copy, tests, timeout_s)
            finally:
                file.write_bytes(origin)
        finally:
            self._free.put(copy)


def _run(copy: Path, tests: tuple[str, ...], timeout_s: float) -> bool:
    unwanted = [word for name in ("xdist", "randomly", "langsmith_plugin", "anyio") for word in ("-p", f"no:{name}")]
    options = ["-x", "-q", *unwanted, "--hypothesis-seed=0", "--no-header", "--tb=no"]
    # A cached byte code is trusted by time and size, which a mutant may share with its origin.
    env = os.environ | {"PYTHONPATH": f"{copy / 'src'}{os.pathsep}{copy}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=copy,
            env=env,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def survivors(lab: Lab, todo: list[Job]) -> Iterator[Job]:
    """Yield the jobs whose mutants no test noticed, as they are found.

    Raises:
        RuntimeError: tests fail without any mistake, so they could judge nothing.
    """
    patience: dict[tuple[str, ...], float] = {}
    for tests in {job.tests: None for job in todo}:
        start = time.monotonic()
        if not lab.passes(tests, 600):
            raise RuntimeError(f"the tests fail without any mistake: {' '.join(tests)}")
        patience[tests] = 5 * (time.monotonic() - start) + SLACK_S
    with ThreadPoolExecutor(PROCESSES) as pool:
        results = pool.map(lambda job: lab.passes(job.tests, patience[job.tests], job), todo)
        yield from (job for job, survived in zip(todo, results, strict=True) if survived)


def difference(root: Path, job: Job) -> str:
    """Return the mutant as a diff of its file, one line around it."""
    origin = (root / job.file).read_bytes()
    before, after = (text.decode().split("\n") for text in (origin, job.mutant.apply(origin)))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=1))[3:]
    return "\n".join(f"    {line}" for line in lines)


def main() -> int:
    """Run the mutants and print what nobody noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=list(DEFAULT), help="files or folders under src/sluice/")
    parser.add_argument("--limit", type=int, default=300, help="how many mutants at most, 0 = all (default 300)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threshold", type=float, default=80.0, help="least score in percent (default 80)")
    options = parser.parse_args()
    root = Path.cwd()
    alive = 0
    try:
        todo = jobs(root, options.files, options.limit, options.seed)
        with tempfile.TemporaryDirectory() as folder:
            for job in survivors(Lab(root, Path(folder)), todo):
                alive += 1
                print(f"{job.file}:{job.mutant.line}: {job.mutant.kind}\n{difference(root, job)}", flush=True)
    except (FileNotFoundError, RuntimeError) as error:
        print(f"mutate: {error}", file=sys.stderr)
        return 2
    score = 100 * (len(todo) - alive) / len(todo) if todo else 0.0
    print(f"{len(todo) - alive} of {len(todo)} mutants noticed: {score:.1f} %, {options.threshold:.0f} % is the least")
    return 0 if score >= options.threshold else 1


if __name__ == "__main__":
    sys.exit(main())
