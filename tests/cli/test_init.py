"""`sluice init`: what it writes works as it is, and what is there stays."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sluice.cli import main
from sluice.cli.agent_target import load
from sluice.cli.init import FILES


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(name: str) -> Result:
    return CliRunner().invoke(main, ["init", name])


def test_the_project_passes_its_own_tests_with_nothing_but_pytest(tmp_path: Path) -> None:
    done = init("shop")
    assert (done.exit_code, done.stderr) == (0, "")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
    bare = {"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=tmp_path / "shop", env=bare, capture_output=True, text=True, timeout=50)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout
    written = {path.relative_to(tmp_path / "shop").as_posix() for path in (tmp_path / "shop").rglob("*")}
    assert written == {*FILES.values(), "tests"}


def test_its_agent_is_what_sluice_agent_serves_and_all_names_are_one(tmp_path: Path) -> None:
    init("my-Shop_2")
    folder = tmp_path / "my-Shop_2"
    (agent,) = load(f"{folder / 'agent.py'}:agent")
    assert (agent.name, list(agent.tools)) == ("my-Shop_2", ["count_words"])
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"] == "my-Shop_2"
    files = [path for path in folder.rglob("*.*") if path.is_file() and path.parent.name != "__pycache__"]
    assert not [path for path in files if "@NAME@" in path.read_text()]


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "/a", "2nd", "-a", "a-", "a b", "é", "a\n", "a" * 65])
def test_a_name_that_is_none_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    done = init(name) if not name.startswith("-") else CliRunner().invoke(main, ["init", "--", name])
    assert done.exit_code == 2
    assert "1 to 64 letters" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "notes").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("shop", "file", "link"):
        done = init(name)
        assert done.exit_code == 2
        assert "is there already" in done.stderr
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["notes"]
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert init("shop").exit_code == 0
    assert (tmp_path / "shop" / "agent.py").exists()


def test_what_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    done = init("shop")
    assert (done.exit_code, done.stderr) == (1, "the project cannot be written: Permission denied: shop\n")
