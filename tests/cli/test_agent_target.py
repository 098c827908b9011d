"""`module:agent` and `file.py:agent`: which agents a command line means."""

from pathlib import Path

import pytest

from sluice.cli.agent_target import load
from sluice.errors import ConfigError

CODE = """
from sluice import Agent
agent = Agent("first")
several = [Agent("a"), Agent("b")]
class Box:
    inner = Agent("boxed")
number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tea_shop.py").write_text(CODE)
    (tmp_path / "broken_shop.py").write_text("import not_there_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("tea_shop:agent", ["first"]),
        ("tea_shop", ["first"]),
        ("tea_shop:several", ["a", "b"]),
        ("tea_shop:Box.inner", ["boxed"]),
        ("tea_shop.py:agent", ["first"]),
    ],
)
def test_a_target_names_an_agent_or_several(folder: Path, target: str, names: list[str]) -> None:
    assert [agent.name for agent in load(target)] == names


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nothing_here:agent", "no such module"),
        ("nothing.py:agent", "no such file"),
        ("tea_shop:nobody", "there is agent"),
        ("tea_shop:number", "it is a int"),
        ("tea_shop:", "no agent"),
    ],
)
def test_what_is_no_agent_is_said_with_what_there_is(folder: Path, target: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(target)


def test_a_module_that_lacks_something_says_what_it_lacks(folder: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        load("broken_shop:agent")
