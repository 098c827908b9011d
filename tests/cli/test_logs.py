"""`sluice logs`: what is chosen, what it looks like, what passes, and what is refused."""

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from sluice.cli import main
from sluice.cli.log_screen import row
from tests.support.waiting import PATIENCE_S

DONE = {
    "level": "info",
    "time": "2026-11-21T10:00:00.123456Z",
    "scope": "request",
    "route": "default/openai",
    "http.method": "POST",
    "http.path": "/v1/chat/completions",
    "http.status": 200,
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 340,
    "agw.ai.time_to_first_token": 0.3123,
    "agw.ai.usage.cost.total": 0.00343,
    "stream.outcome": "completed",
    "reason": "Upstream",
    "duration": "2242ms",
}
GONE = DONE | {"http.status": 499, "stream.outcome": "client_gone", "reason": "ClientGone", "duration": "500ms"}
FAILED = {
    **DONE,
    "http.status": 502,
    "stream.outcome": "upstream_error",
    "gen_ai.request.model": "claude",
    "gen_ai.response.model": "",
    "route": "default/other",
    "retry.attempt": 2,
    "error": "the provider is not there",
    "reason": "UpstreamFailure",
    "duration": "12ms",
}
READY = {"level": "info", "time": "2026-11-21T09:00:00.000000Z", "scope": "sluice", "message": "ready", "port": 4000}
LOUD = READY | {
    "level": "error",
    "message": "internal error",
    "error": "ValueError: x",
    "traceback": "Traceback\n  at y",
}
TEXT = "Traceback (most recent call last):"
ALL = (READY, DONE, GONE, FAILED, LOUD)


def log(*lines: dict[str, object] | str) -> bytes:
    return b"".join((line.encode() if isinstance(line, str) else msgspec.json.encode(line)) + b"\n" for line in lines)


def logs(*options: str, data: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["logs", *options], input=log(*ALL) if data is None else data)


def chosen(*options: str) -> list[object]:
    """The lines that these options choose, as their status, or the message of one that is about no exchange."""
    result = logs("--json", *options)
    assert result.exit_code == 0, result.output
    lines = [msgspec.json.decode(line, type=dict[str, object]) for line in result.stdout.split("\n") if line]
    return [line.get("http.status", line.get("message")) for line in lines]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["ready", 200, 499, 502, "internal error"]),
        (("--outcome", "completed"), [200]),
        (("--outcome", "client_gone,upstream_error"), [499, 502]),
        (("--status", "5xx"), [502]),
        (("--status", "499"), [499]),
        (("--status", "200-499"), [200, 499]),
        (("--status", "200", "--status", "502"), [200, 502]),
        (("--model", "claude"), [502]),
        (("--model", "gpt-*-08-06"), [200, 499]),
        (("--route", "default/op*"), [200, 499]),
        (("--slow", "2s"), [200]),
        (("--slow", "500ms"), [200, 499]),
        (("--errors",), [499, 502, "internal error"]),
        (("--where", 'line["http.status"] >= 500'), [502]),
        (("--where", 'has(line.error) || line["retry.attempt"] > 1'), [502, "internal error"]),
        (("--since", "2026-11-21T09:30:00Z"), [200, 499, 502]),
        (("--errors", "--slow", "100ms"), [499]),
    ],
)
def test_lines_are_chosen_by_what_the_options_say_together(options: tuple[str, ...], expected: list[object]) -> None:
    assert chosen(*options) == expected


def test_since_counts_from_now() -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - 60))
    data = log(DONE, DONE | {"time": now, "http.status": 201})
    assert '"http.status":201' in logs("--json", "--since", "10m", data=data).stdout
    assert logs("--json", "--since", "30s", data=data).stdout == ""


def test_json_is_the_line_as_it_was_and_nothing_that_is_none() -> None:
    data = log(DONE, TEXT, "[1]", GONE)
    assert logs("--json", data=data).stdout.encode() == log(DONE, GONE)
    assert (
        logs("--json", "--fields", "http.status,nothing", data=data).stdout
        == '{"http.status":200}\n{"http.status":499}\n'
    )


def test_fields_stand_between_tabs() -> None:
    assert logs("--fields", "http.status,error,http.path", "--status", "5xx").stdout == (
        "502\tthe provider is not there\t/v1/chat/completions\n"
    )
    assert logs("--fields", "http.status,error", data=log(DONE)).stdout == "200\t-\n"


def test_what_is_no_json_is_passed_on_as_it_is() -> None:
    said = logs(data=log(TEXT, DONE, "  at x", '{"broken": ')).stdout.split("\n")
    assert (said[0], said[2], said[3]) == (TEXT, "  at x", '{"broken": ')
    assert TEXT not in logs("--errors", data=log(TEXT, FAILED)).stdout


def test_a_row_tells_what_a_person_asks_first() -> None:
    rest = "first 312ms 12+340 tokens $0.00343"
    assert logs(data=log(DONE)).stdout == (
        f"10:00:00.123 200 completed POST /v1/chat/completions gpt-4o-2024-08-06 {rest} 2.24s\n"
    )
    assert logs(data=log(FAILED)).stdout.split("\n")[:2] == [
        f"10:00:00.123 502 upstream_error POST /v1/chat/completions claude {rest} 2 retried 12ms",
        "             UpstreamFailure: the provider is not there",
    ]
    assert logs(data=log(READY)).stdout == "09:00:00.000 info  ready port=4000\n"
    assert logs(data=log(LOUD)).stdout.split("\n")[1:3] == ["    Traceback", "      at y"]


def test_a_terminal_gets_colours_and_no_commands() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system="standard", highlight=False, soft_wrap=True)
    console.print(row(FAILED | {"http.path": "/\x1b[2J[bold]", "error": "\x07\x9b31m"}))
    assert "\x1b[1;31m502\x1b[0m" in screen.getvalue()
    assert "/\\u001b[2J[bold]" in screen.getvalue()
    assert "\\u0007\\u009b31m" in screen.getvalue()


def test_an_empty_log_and_a_last_line_without_end_are_fine(tmp_path: Path) -> None:
    assert logs(data=b"").stdout == ""
    path = tmp_path / "log"
    path.write_bytes(log(DONE) + log(GONE)[:-1])
    assert logs("--fields", "http.status", str(path)).stdout == "200\n499\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--outcome", "done"), "there is no outcome `done`; there are completed"),
        (("--status", "5x"), "`5x` is no status; one is written as 404, 5xx or 400-499"),
        (("--slow", "2"), "expected a duration such as"),
        (("--since", "yesterday"), "`yesterday` is no time"),
        (("--where", "line["), "not a CEL expression"),
        (("--where", "nothing > 1"), "there is no `nothing`"),
        (("--follow",), "--follow needs a FILE"),
        (("nowhere.log",), "nowhere.log cannot be read: No such file or directory. Without FILE"),
    ],
)
def test_what_is_wrong_is_said_with_a_hint_and_status_2(options: tuple[str, ...], words: str) -> None:
    result = logs(*options)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_a_file_is_followed_as_it_grows_and_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log(DONE))
    command = [sys.executable, "-m", "sluice", "logs", "-f", str(path), "--fields", "http.status"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        patience = threading.Timer(PATIENCE_S, process.kill)
        patience.start()
        try:
            assert process.stdout.readline() == b"200\n"
            with path.open("ab") as file:
                file.write(log(GONE)[:40])
                file.flush()
                file.write(log(GONE)[40:])
            assert process.stdout.readline() == b"499\n"
            (tmp_path / "new").write_bytes(log(FAILED))
            (tmp_path / "new").rename(path)
            assert process.stdout.readline() == b"502\n"
        finally:
            patience.cancel()
            process.kill()


@pytest.mark.parametrize("options", [("--json",), ()])
def test_a_reader_that_has_enough_ends_it_quietly(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "log"
    path.write_bytes(log(DONE) * 20_000)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "sluice", "logs", *options, str(path)]
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        assert os.read(reading, 10)
        os.close(reading)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
