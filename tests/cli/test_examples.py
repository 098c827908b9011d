"""Every example of the help is true: it is run, as it stands there."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer

import click
import msgspec
import pytest

from sluice.cli import main
from tests.cli.command_lines import EXAMPLES, argv, run
from tests.testing.threads import FakeThread

GATEWAY = "llm: {models: [{name: '*', provider: fake}]}\n"
FILES = {
    "gateway.yaml": GATEWAY,
    "config.yaml": "model_list: [{model_name: m, litellm_params: {model: openai/gpt-4o-mini}}]\n",
    "faults.yaml": "- fault: {status: 503}\n  times: 1\n",
    "question.txt": "Hello\n",
    "shop.py": (
        "from sluice import Agent\n\nagent = Agent('shop')\n\n\n"
        "@agent.on_message\nasync def answer(ctx):\n    yield 'yes'\n"
    ),
}
STAYS = {"serve": "is ready", "agent": "Listening on http", "fake": "fake provider at"}
"""Commands that serve until they are told to end, and what they say when they do."""
DEADLINE_S = 20.0


def of(*names: str) -> list[str]:
    return [line for line in EXAMPLES if argv(line)[0] in names]


FOLLOWS = [line for line in of("logs") if "-f" in argv(line)]
PARSED = [*of("top"), *FOLLOWS, *(line for line in of("verify") if "--print-config" not in line)]
"""What needs a terminal, minutes, or never ends: tests/cli/test_{top,logs,verify}.py run these options for real."""
ENDING = [line for line in EXAMPLES if line not in {*PARSED, *of(*STAYS, "chat", "logs")}]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "teams").mkdir()
    (tmp_path / "verify.yaml").write_text(GATEWAY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", ENDING)
def test_an_example_does_what_it_should(line: str, folder: Path) -> None:
    words = argv(line)
    if words[0] == "keys":
        made = run("keys", "-d", "sqlite:ledger.db", "create", "--name", "before")
        key_id = made.stderr.split()[0]
        words = [key_id if word.startswith("vk-") else word for word in words]
    if "-o" in words:
        (folder / words[words.index("-o") + 1]).unlink()
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert result.output
    assert words[0] != "keys" or (folder / "ledger.db").exists()


@pytest.mark.parametrize("line", PARSED)
def test_the_options_of_an_example_are_understood(line: str) -> None:
    name, *words = argv(line)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    with command.make_context(name, words):
        pass


def test_an_example_that_asks_is_answered(folder: Path) -> None:
    """The address is another one, since nobody may listen at the usual ones of a machine that tests."""
    with FakeThread() as provider:
        for line in of("chat"):
            result = run(*argv(line), "--url", provider.fake.url, stdin=FILES["question.txt"])
            assert result.exit_code == 0, line
            assert result.stdout.strip()
            assert result.stderr.startswith("TTFT ")


@pytest.mark.parametrize("line", [line for line in of("logs") if line not in FOLLOWS])
def test_an_example_of_the_log_shows_what_it_says(line: str, folder: Path) -> None:
    fine = {"scope": "request", "time": datetime.now(UTC).isoformat(), "http.path": "/fine", "http.status": 200}
    bad = fine | {"http.path": "/bad", "http.status": 503, "retry.attempt": 2, "stream.outcome": "upstream_error"}
    log = "".join(f"{msgspec.json.encode(each).decode()}\n" for each in (fine | {"stream.outcome": "completed"}, bad))
    (folder / "sluice.log").write_text(log, encoding="utf-8")
    result = run(*argv(line), stdin=log)
    assert result.exit_code == 0, result.output
    assert "/bad" in result.stdout
    assert ("/fine" in result.stdout) is (argv(line) == ["logs"])


def test_an_example_serves(folder: Path) -> None:
    """All of them at once: a process takes most of its time to start."""
    started = [(line, start(line, folder)) for line in of(*STAYS)]
    try:
        for line, process in started:
            said = told(process, STAYS[argv(line)[0]])
            assert STAYS[argv(line)[0]] in said, f"{line}\n{said}"
            process.send_signal(signal.SIGTERM)
        assert [process.wait(DEADLINE_S) for _, process in started] == [0] * len(started)
    finally:
        for _, process in started:
            process.kill()
            process.communicate()


def start(line: str, folder: Path) -> "subprocess.Popen[str]":
    """Begin what an example says, at free ports and with nothing kept."""
    words = argv(line)
    words += ["--port", "0"]
    if words[0] == "agent" and "--store" not in words:
        words += ["--store", "memory:"]
    free = {f"{door}_ADDR": "127.0.0.1:0" for door in ("ADMIN", "STATS", "READINESS")}
    return subprocess.Popen(
        [sys.executable, "-m", "sluice", *words],
        env={"PATH": os.environ["PATH"], **free},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def told(process: "subprocess.Popen[str]", words: str) -> str:
    """What a process says until it has said these words, or ends, or the deadline is over."""
    said = ""
    assert process.stdout is not None
    late = Timer(DEADLINE_S, process.kill)
    late.start()
    try:
        while words not in said and (line := process.stdout.readline()):
            said += line
    finally:
        late.cancel()
    return said
