"""The mutation run: which mistakes it makes, which tests it asks, and that it tells good tests from weak ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutants import mutants
from tools.mutate import Job, Lab, difference, jobs, mirror_of

ROOT = Path(__file__).resolve().parents[2]


def mistakes(body: str) -> list[str]:
    """Return the changed line of every mutant of a function with this one-line body."""
    source = f"def f(a, b):\n    {body}\n"
    return [mutant.apply(source.encode()).decode().split("\n")[1].strip() for mutant in mutants(source)]


MISTAKES = {
    "a < b": ("x = a < b", ["x = (a <= b)"]),
    "a chain": ("x = a < b < a", ["x = (a <= b < a)"]),
    "is not": ("x = a is not b", ["x = (a is b)"]),
    "arithmetic": ("x = a + b", ["x = (a - b)"]),
    "a number": ("x = 8", ["x = 9"]),
    "a truth": ("x = True", ["x = False"]),
    "bytes": ("x = b'a'", ["x = b'aX'"]),
    "a negation": ("x = not a", ["x = (a)"]),
    "and": ("x = a and b", ["x = (a or b)"]),
    "a return": ("return a", ["return None"]),
    "a denial": ("return False", ["return True"]),
    "a call": ("a(b)", ["pass"]),
    "an attribute": ("a.x = b", ["pass"]),
    "a raise": ("raise ValueError('no', 1)", ["pass"]),
    "a sum": ("a.n += b", ["pass", "a.n -= b"]),
    "letters beyond ASCII before it": ("x = 'é' if a == b else a", ["x = 'é' if (a != b) else a"]),
    "a condition": ("x = 's' if a else b", ["x = 's' if (not a) else b"]),
    "text for people": ("x = f'{a + 1}', 'text'", []),
    "an empty return": ("return None", []),
    "a docstring": ("'''Text.'''", []),
    "an assertion": ("assert a < 1", []),
}


@pytest.mark.parametrize(("body", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_makes_the_mistakes_people_make_and_no_others(body: str, expected: list[str]) -> None:
    assert sorted(mistakes(body)) == sorted(expected)


def test_swaps_break_and_continue_and_drops_what_does_not_compile() -> None:
    source = "for a in b:\n    if a:\n        break\nelse:\n    x = a\n"
    texts = [mutant.apply(source.encode()).decode() for mutant in mutants(source)]
    assert source.replace("break", "continue") in texts
    assert all(text != source for text in texts)


def test_leaves_annotations_and_type_aliases_alone() -> None:
    assert mutants("X = int | str\n\n\ndef f(a: 'int | None', b: int | str) -> int | None:\n    pass\n") == []
    assert mutants("class A(B, frozen=True):\n    x: int | str\n") == []


def test_takes_the_same_sample_for_the_same_seed(small: Path) -> None:
    every = jobs(small, ["src/sluice/wire/clamp.py"], 0, 1)
    some = jobs(small, ["src/sluice/wire/clamp.py"], 3, 1)
    assert some == jobs(small, ["src/sluice/wire/clamp.py"], 3, 1)
    assert len(some) == 3
    assert all(job in every for job in some)
    assert any(jobs(small, ["src/sluice/wire/clamp.py"], 3, seed) != some for seed in range(2, 9))


def test_asks_the_mirrored_mirror_of_a_file_or_the_whole_room_of_a_machine(tmp_path: Path) -> None:
    for name in (
        "wire/test_sse.py",
        "wire/test_sse_cuts.py",
        "wire/test_http1.py",
        "relay/test_a.py",
        "relay/test_meter.py",
    ):
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert mirror_of(tmp_path, "src/sluice/wire/sse.py") == ("tests/wire/test_sse.py", "tests/wire/test_sse_cuts.py")
    assert mirror_of(tmp_path, "src/sluice/relay/meter.py") == ("tests/relay/test_meter.py", "tests/relay/test_a.py")
    with pytest.raises(FileNotFoundError, match=r"tests/wire/test_chunked\*\.py"):
        mirror_of(tmp_path, "src/sluice/wire/chunked.py")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A tree of one function and its tests."""
    room, tests = tmp_path / "src" / "sluice" / "wire", tmp_path / "tests" / "wire"
    room.mkdir(parents=True)
    tests.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    for folder in (room.parent, room):
        (folder / "__init__.py").write_text("")
    (room / "clamp.py").write_text("def clamp(x):\n    if x > 9:\n        x = 9\n    return x if x > 3 else 3\n")
    (tests / "test_clamp.py").write_text(
        "from sluice.wire.clamp import clamp\n\n\ndef test_all():\n    assert [clamp(x) for x in range(12)] == "
        "[3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 9, 9]\n"
    )
    return tmp_path


def mutate(root: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tools.mutate", "src/sluice/wire/clamp.py", *options],
        cwd=root,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def test_a_weak_test_lets_mutants_live_and_each_is_shown(small: Path) -> None:
    test = small / "tests" / "wire" / "test_clamp.py"
    test.write_text("from sluice.wire.clamp import clamp\n\n\ndef test_one():\n    assert clamp(5) == 5\n")
    before = (small / "src" / "sluice" / "wire" / "clamp.py").read_text()
    done = mutate(small, "--limit", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "src/sluice/wire/clamp.py:2: constant" in done.stdout
    assert "    -    if x > 9:\n    +    if x > 10:" in done.stdout
    assert "80 % is the least" in done.stdout
    assert (small / "src" / "sluice" / "wire" / "clamp.py").read_text() == before


def test_a_strong_test_passes_the_threshold(small: Path) -> None:
    done = mutate(small, "--limit", "0", "--threshold", "70")
    assert done.returncode == 0, done.stdout + done.stderr
    # With `>=` for `>` it is still the same function: no test can tell.
    assert done.stdout.count(": compare\n") == 2
    assert "5 of 7 mutants noticed" in done.stdout


def test_a_mutant_that_hangs_counts_as_noticed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (small / "tests" / "wire" / "test_clamp.py").write_text("def test_it():\n    while True:\n        pass\n")
    lab = Lab(small, tmp_path_factory.mktemp("lab"), processes=1)
    assert not lab.passes(("tests/wire/test_clamp.py",), timeout_s=1.5)


def test_tests_that_fail_without_a_mistake_judge_nothing(small: Path) -> None:
    (small / "tests" / "wire" / "test_clamp.py").write_text("def test_it():\n    assert False\n")
    done = mutate(small)
    assert done.returncode == 2
    assert "the tests fail without any mistake" in done.stderr


def test_shows_a_mutant_as_a_diff(small: Path) -> None:
    (job,) = [job for job in jobs(small, ["src/sluice/wire/clamp.py"], 0, 1) if job.mutant.text == "return None"]
    assert isinstance(job, Job)
    assert "    -    return x if x > 3 else 3\n    +    return None" in difference(small, job)
