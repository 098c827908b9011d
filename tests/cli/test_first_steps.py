"""What a newcomer types first and gets wrong: the command alone, a gateway that is not there, a file that is no use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_lines import run
from tests.support.sockets import free_ports

ENV = {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize("words", [[], ["keys"]])
def test_a_command_alone_shows_its_help_as_it_is(words: list[str]) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == run(*words, "--help").output


def test_nobody_at_the_address_is_one_line_and_a_status() -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    cases = {
        ("chat", "hi", "--url", url): (2, "Connection refused (is it running? try: sluice serve)"),
        ("top", "--once", "--url", url): (1, f"error: nobody answers at {url}: is `sluice serve` running there?"),
        ("verify", url, "--provider-port", "0"): (2, f"nobody listens at {url}: "),
    }
    for words, (status, said) in cases.items():
        done = subprocess.run([sys.executable, "-m", "sluice", *words], env=ENV, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (status, ""), words
        assert said in done.stderr
        assert len(done.stderr.strip().split("\n")) == 1, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["top", "--url", "nonsense"], "Invalid value for --url: 'nonsense' is no address like http://localhost:15000"),
        (["verify", "--model", "chat=x"], "--model, --prefix, --header and --idle are of a gateway, and no URL says"),
        (
            ["check", "-f", "tab.yaml"],
            "tab.yaml:2: not valid YAML: found character that cannot start any token (indent",
        ),
        (["import", "litellm", "litellm.yaml", "-o", "/dev/full", "--force"], "/dev/full: No space left on device"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tab.yaml").write_text("llm:\n\tmodels: []\n")
    (tmp_path / "litellm.yaml").write_text("model_list: [{model_name: m, litellm_params: {model: openai/m}}]")
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
