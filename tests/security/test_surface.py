"""What is not there cannot be attacked: no code from requests, no processes, no SQL put together, no parser that is
lenient. Looked up in the sources and in the locks, so that it stays so."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "sluice"
PARSED = {path.relative_to(SOURCES).as_posix(): ast.parse(path.read_text()) for path in sorted(SOURCES.rglob("*.py"))}
STARTS_PROCESSES = {"net/member.py": "workers: the command that this one was started with", "verify/own.py": "a tool"}
EVALUATES = {"eval", "exec", "compile", "__import__", "literal_eval"}
UNSAFE = {"pickle", "marshal", "shelve", "dill", "jinja2", "mako", "xml", "lxml", "aiohttp", "requests", "httpx"}
ASKS = {"execute", "executemany", "executescript", "fetch", "fetchrow", "fetchval"}
FLOORS = {"h11": (0, 16), "starlette": (1, 3)}
"""Below these, versions with published faults (docs/security.md)."""


def calls(name: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(PARSED[name]) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    return ast.unparse(call.func)


def imported(name: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(PARSED[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("name", PARSED)
def test_no_source_makes_code_of_text_or_reads_what_could_be_code(name: str) -> None:
    plain = {called(call) for call in calls(name)}
    assert not plain & EVALUATES
    assert not {one for one in plain if one.endswith((".literal_eval", "yaml.load", "yaml.unsafe_load", ".system"))}
    assert not imported(name) & UNSAFE


def test_processes_are_started_by_two_modules_and_never_for_a_request() -> None:
    found = {
        name
        for name in PARSED
        if "subprocess" in imported(name)
        or any(re.search(r"subprocess|\bos\.(?:exec|spawn|popen|fork)", called(call)) for call in calls(name))
    }
    assert found == STARTS_PROCESSES.keys()


OWN_NUMBERS = (
    "f'PRAGMA user_version={sql.VERSION}'",
    "f'PRAGMA user_version={len(sql.MIGRATIONS)}'",
)
"""Questions that are not constants: they hold the number of the store's own schema."""
REWRITES = ("numbered", "_translated")
"""Functions that put a question into a database's own words, whatever it is."""


@pytest.mark.parametrize("name", [name for name in PARSED if name.startswith("stores/")])
def test_no_question_to_a_database_is_put_together_from_text(name: str) -> None:
    """A constant, a name that the store's own table of questions gives, or the one number of its own version."""
    for call in calls(name):
        if called(call).rpartition(".")[2] not in ASKS or not call.args or not called(call).startswith("db."):
            continue
        question = call.args[0]
        if isinstance(question, ast.Call) and called(question) in REWRITES:
            question = question.args[0]
        fixed = isinstance(question, ast.Constant | ast.Name | ast.Attribute)
        grouped = isinstance(question, ast.Call) and ast.unparse(question) == "pg.spend(by)"
        assert fixed or grouped or ast.unparse(question) in OWN_NUMBERS, ast.unparse(call)


def versions(lock: str) -> dict[str, tuple[int, ...]]:
    found = re.findall(r"^([a-z0-9_.-]+)==([\d.]+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE)
    return {name: tuple(int(part) for part in version.split(".") if part) for name, version in found}


@pytest.mark.parametrize("lock", ["runtime.lock", "dev.lock"])
def test_no_lock_holds_a_version_with_a_published_fault(lock: str) -> None:
    locked = versions(lock)
    assert locked.keys() >= FLOORS.keys()
    for name, floor in FLOORS.items():
        assert locked[name] >= floor, name
    assert not {"aiohttp", "litellm", "jinja2"} & versions("runtime.lock").keys()


def test_the_package_brings_no_file_that_runs_at_the_start_of_every_python() -> None:
    assert not [path for path in (ROOT / "src").rglob("*") if path.suffix == ".pth"]
    assert ".pth" not in (ROOT / "pyproject.toml").read_text()
