"""`sluice import`: two spellings of one command, what it writes and where, and what it says."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sluice.cli import main

CONFIG = """
model_list:
  - model_name: m
    litellm_params: {model: openai/gpt-4o-mini, api_key: sk-canary-9, rpm: 5}
general_settings: {master_key: os.environ/MASTER_KEY}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, words, env=env)


def test_both_spellings_are_one_command() -> None:
    ours, theirs = run("import", "litellm", "config.yaml"), run("import", "--from", "litellm", "config.yaml")
    assert (ours.exit_code, ours.stdout, ours.stderr) == (0, theirs.stdout, theirs.stderr)
    assert ours.stdout.startswith("# Made of config.yaml, ")


def test_what_was_not_carried_over_is_said_with_its_line() -> None:
    result = run("import", "litellm", "config.yaml")
    first, second, *rest = result.stderr.strip().split("\n")
    assert first.startswith(
        "config.yaml:4: model_list[0].litellm_params.api_key: a secret that was written here; set M_API_KEY"
    )
    assert second.startswith("config.yaml:4: model_list[0].litellm_params.rpm: not carried over: ")
    assert rest == ["1 model; 2 notes, see above", "set before it is served: MASTER_KEY M_API_KEY"]
    assert "canary" not in result.output


def test_what_it_writes_passes_the_check() -> None:
    result = run("import", "litellm", "config.yaml", "-o", "gateway.yaml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("see what it serves: sluice check -f gateway.yaml\n")
    checked = run("check", "-f", "gateway.yaml", M_API_KEY="sk-1234567", MASTER_KEY="sk-7654321")
    assert checked.exit_code == 0, checked.output
    assert "openai as gpt-4o-mini at https://api.openai.com" in checked.output


def test_a_file_that_is_there_is_written_over_only_if_it_is_said(folder: Path) -> None:
    target = folder / "gateway.yaml"
    target.write_text("mine")
    refused = run("import", "litellm", "config.yaml", "-o", "gateway.yaml")
    assert (refused.exit_code, target.read_text()) == (2, "mine")
    assert "gateway.yaml is there already: --force writes over it" in refused.stderr
    assert run("import", "litellm", "config.yaml", "-o", "gateway.yaml", "--force").exit_code == 0
    assert target.read_text().startswith("# Made of ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["litellm", "none.yaml"], "none.yaml: No such file or directory"),
        (["litellm", "binary.yaml"], "binary.yaml is not UTF-8"),
        (["litellm", "config.yaml", "-o", "gone/gateway.yaml"], "gone/gateway.yaml: No such file or directory"),
        (["litellm"], "expected one file: sluice import litellm FILE"),
        (["litellm", "a", "b"], "expected one file: sluice import litellm FILE"),
        (["litellm", "ours.yaml"], "ours.yaml:1: the section `model_list` is missing (LiteLLM's proxy has one)"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_2(words: list[str], message: str, folder: Path) -> None:
    (folder / "ours.yaml").write_text("llm: {models: []}")
    (folder / "binary.yaml").write_bytes(b"\xff\xfe")
    result = run("import", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
