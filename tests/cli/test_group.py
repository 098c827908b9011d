"""What the command line says about workers, and how their lines are marked."""

import sys

import pytest
from click.testing import CliRunner

from sluice.cli import main
from sluice.cli.group import MAX_WORKERS, command, stamped, workers
from sluice.errors import ConfigError
from sluice.net.worker import Seat
from sluice.telemetry.line import json_line, text_line

BOTH = {"WORKERS": "3", "WORKER_THREADS": "5"}


@pytest.mark.parametrize(
    ("option", "env", "number"),
    [
        (None, {}, 1),
        (None, {"WORKERS": ""}, 1),
        (None, {"WORKER_THREADS": "5"}, 5),
        (None, BOTH, 3),
        ("2", BOTH, 2),
        (str(MAX_WORKERS), {}, MAX_WORKERS),
    ],
)
def test_the_option_wins_over_the_environment(option: str | None, env: dict[str, str], number: int) -> None:
    assert workers(option, env) == number


def test_auto_is_a_number_of_cores() -> None:
    assert 1 <= workers("auto", {}) <= MAX_WORKERS


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", str(MAX_WORKERS + 1)])
@pytest.mark.parametrize("place", ["--workers", "WORKERS", "WORKER_THREADS"])
def test_what_is_no_number_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=f"^{place}: .*1 to {MAX_WORKERS}, or auto"):
        workers(text if place == "--workers" else None, {place: text})


def test_it_is_named_before_anything_listens() -> None:
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--workers", "many"])
    assert result.exit_code == 2
    assert "--workers: 'many' is no number of workers" in result.output


def test_the_option_of_a_worker_is_nobody_elses_business() -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output
    assert "--workers N" in text
    assert "--worker " not in text


def test_a_worker_is_started_as_its_supervisor_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "-W", "error", "-m", "sluice", "serve", "--workers", "2"])
    of = command("json")
    again = [sys.executable, "-W", "error", "-m", "sluice", "serve", "--workers", "2", "--log-format", "json"]
    assert list(of(Seat(1, 2, 7, 3), None)) == [*again, "--worker", "1/2:7,3"]
    assert list(of(Seat(2, 2, 9, 3), 8080)) == [*again, "--port", "8080", "--worker", "2/2:9,3"]


def test_a_seat_is_read_as_it_was_written() -> None:
    assert Seat.read(str(Seat(2, 4, 11, 12))) == Seat(2, 4, 11, 12)
    for text in ("", "1", "1/2", "1/2:", "a/2:3"):
        with pytest.raises(ValueError, match="invalid literal"):
            Seat.read(text)


def test_each_line_says_whose_it_is() -> None:
    fields = {"level": "info", "time": "t", "scope": "s", "message": "hello"}
    lines: list[bytes] = []
    stamped(lines.append, Seat(3, 4, 5, 6), "json")(json_line(fields))
    stamped(lines.append, Seat(3, 4, 5, 6), "text")(text_line(fields))
    assert lines == [json_line({**fields, "worker": 3}), text_line({**fields, "worker": 3})]
