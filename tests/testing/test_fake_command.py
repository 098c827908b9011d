"""`sluice fake` as a process: faults of a file, inspection, and nobody let in."""

import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from sluice.cli.fake import fake_command

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'


@contextmanager
def fake(*args: str, lines: int = 1) -> Iterator[list[str]]:
    """Start it; yield the addresses that it names."""
    command = [sys.executable, "-m", "sluice", "fake", "--port", "0", *args]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = [process.stderr.readline() for _ in range(lines)]
            found = [re.search(r"http://127\.0\.0\.1:\d+", line) for line in told]
            assert all(found), told
            yield [each[0] for each in found if each is not None]
        finally:
            process.kill()


def status(url: str) -> int:
    request = urllib.request.Request(url, BODY, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_faults_of_a_file_happen_and_are_told_by_inspection(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"match": {"nth": 2}, "fault": {"status": 503, "tag": "second"}}]')
    arguments = ("--faults", str(tmp_path / "faults.json"), "--inspect", "0")
    with fake(*arguments, lines=2) as (url, inspection):
        assert [status(f"{url}/v1/chat/completions") for _ in range(3)] == [200, 503, 200]
        with urllib.request.urlopen(f"{inspection}/seen?tag=second", timeout=10) as answer:
            (row,) = msgspec.json.decode(answer.read())
    assert (row["tag"], row["ended"], row["model"]) == ("second", "finished", "m")


def test_nobody_is_let_in() -> None:
    with fake("--never-accept") as (url,):
        port = int(url.rpartition(":")[2])
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", port), timeout=0.2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fault: {}", "Expected `array`, got `object`"),
        (
            "- fault: {status: 503, end: rst}",
            "`status` is instead of the answer, which `end` is about - at `$[0].fault`",
        ),
        ("- [", "it is no YAML: "),
    ],
)
def test_rules_that_are_none_are_a_usage_error(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "faults.yaml").write_text(text)
    result = CliRunner().invoke(fake_command, ["--faults", str(tmp_path / "faults.yaml")])
    assert result.exit_code == 2
    assert "Invalid value for --faults: " in result.stderr
    assert sentence in result.stderr


def test_an_address_that_is_none_is_a_usage_error() -> None:
    result = CliRunner().invoke(fake_command, ["--inspect", "here"])
    assert result.exit_code == 2
    assert "'here' is not HOST:PORT" in result.stderr


def test_an_inspection_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(fake_command, ["--port", "0", "--inspect", str(port)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"port {port} cannot be listened on: ")
    assert result.stderr.count("\n") == 1
