"""`sluice check`: streams, retries, health, admission and targets' clocks are shown where they are no defaults."""

from pathlib import Path

from click.testing import CliRunner

from sluice.cli import main

TEXT = """
llm:
  models:
    - {name: a, provider: fake, health: {eviction: {duration: 60s, healthThreshold: 50}}}
    - {name: b, provider: fake, timeouts: {firstToken: 90s, responseIdle: 10m}}
  policies:
    errorFormat: text
    stream: {onDisconnect: Continue}
    retry: {attempts: 0}
    admission: {maxQueue: 0}
"""


def check(text: str, folder: Path) -> str:
    file = folder / "given.yaml"
    file.write_text(text)
    result = CliRunner().invoke(main, ["check", "-f", str(file)])
    assert result.exit_code == 0
    return result.output


def test_each_stands_once_with_what_it_belongs_to(tmp_path: Path) -> None:
    lines = check(TEXT, tmp_path).split("\n")
    last = max(index for index, line in enumerate(lines) if " -> by_model" in line)
    assert lines[last + 1 : last + 6] == [
        "        errorFormat: text",
        "        stream: onDisconnect Continue",
        "        retry: attempts 0",
        "",
        "admission: maxQueue 0",
    ]
    assert "\n".join(lines).count("errorFormat") == 1
    first = next(index for index, line in enumerate(lines) if line.startswith("    a  "))
    assert lines[first + 1].strip() == "health: eviction.duration 1m, eviction.healthThreshold 50"
    assert lines[first + 2].startswith("    b  ")
    assert lines[first + 3].strip() == "timeouts: firstToken 1m30s, responseIdle 10m"


def test_defaults_are_not_shown(tmp_path: Path) -> None:
    output = check("llm: {models: [{name: a, provider: fake}]}", tmp_path)
    words = ("errorFormat", "stream:", "retry:", "admission:", "health:", "timeouts:")
    assert [word for word in words if word in output] == []
