"""What `sluice logs` reads, whatever stands in a file and whatever becomes of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from sluice.cli import log_reading, main
from sluice.cli.log_reading import MAX_LINE_BYTES, READ_BYTES, lines_of

GOOD = b'{"scope":"request","time":"2026-11-21T10:00:00Z","http.status":200,"stream.outcome":"completed"}\n'
HOSTILE = {
    "deep": b'{"scope":"request","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "slow": b'{"scope":"request","duration":"' + b"9" * 5000 + b'ms"}',
    "dear": b'{"scope":"request","agw.ai.usage.cost.total":' + b"9" * 400 + b"}",
    "late": b'{"scope":"request","agw.ai.time_to_first_token":' + b"9" * 400 + b"}",
    "half a pair": b'{"scope":"request","http.path":"/\\ud800"}',
    "bytes": bytes(range(256)) * 16,
    "long": b"x" * (MAX_LINE_BYTES + 10),
}


def logs(*options: str, data: bytes) -> Result:
    return CliRunner().invoke(main, ["logs", *options], input=data)


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "options", [(), ("--json",), ("--slow", "1s"), ("--where", "line['http.path'] == '/'"), ("--fields", "http.path")]
)
def test_no_line_keeps_the_next_from_being_shown(options: tuple[str, ...], line: bytes) -> None:
    good = GOOD.replace(b"200", b'299,"http.path":"/","duration":"2000ms"')
    result = logs(*options, data=line + b"\n" + good)
    assert (result.exit_code, result.exception) == (0, None)
    shown = result.stdout_bytes.splitlines()[-1]
    assert b"/" in shown if "--fields" in options else b"299" in shown


def test_half_a_surrogate_pair_which_a_client_sent_is_a_line_all_the_same() -> None:
    data = HOSTILE["half a pair"]
    assert logs("--fields", "http.path", data=data).stdout == "/\\ud800\n"
    assert logs("--json", "--fields", "http.path", data=data).stdout == '{"http.path": "/\\ud800"}\n'.replace(" ", "")


def test_of_a_line_without_end_there_is_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\0" * (3 * MAX_LINE_BYTES) + b"\n" + GOOD)
    assert [len(line) for line in lines_of(path, follow=False)] == [MAX_LINE_BYTES, len(GOOD) - 1]


def test_a_line_is_whole_wherever_the_reads_cut_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sizes = [0, 1, READ_BYTES - 2, READ_BYTES - 1, READ_BYTES, 3 * READ_BYTES]
    path.write_bytes(b"".join(b"x" * size + b"\r\n" for size in sizes) + b"last")
    assert [len(line) for line in lines_of(path, follow=False)] == [*sizes, 4]


def test_what_no_text_can_hold_is_passed_on_byte_for_byte() -> None:
    assert logs(data=b"\x1b[31m\xff\n").stdout_bytes == b"\x1b[31m\xff\n"


# -- followed ---------------------------------------------------------------------------------------------------------


def taken(lines: Iterator[bytes], count: int) -> list[bytes]:
    return [next(lines) for _ in range(count)]


def test_what_was_written_just_before_a_file_was_replaced_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    lines = lines_of(path, follow=True)
    assert taken(lines, 1) == [b"one"]

    looks = log_reading._other

    def other(*arguments: object) -> object:
        if path.exists() and path.read_bytes() == b"one\n":
            with path.open("ab") as file:
                file.write(b"two\nhalf")
            path.rename(tmp_path / "log.1")
            path.write_bytes(b"three\n")
        return looks(*arguments)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(log_reading, "_other", other)
    assert taken(lines, 3) == [b"two", b"half", b"three"]


@pytest.mark.parametrize("gone_for", [1, 3])
def test_a_name_that_leads_nowhere_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone_for: int
) -> None:
    path, waits = tmp_path / "log", 0
    path.write_bytes(b"one\n")

    def sleep(_: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 1:
            path.unlink()
        if waits == gone_for + 1:
            path.write_bytes(b"two\n")

    monkeypatch.setattr(time, "sleep", sleep)
    assert taken(lines_of(path, follow=True), 2) == [b"one", b"two"]


def test_a_file_that_is_emptied_in_its_place_is_read_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one one one\n")
    monkeypatch.setattr(time, "sleep", lambda _: path.write_bytes(b"two\n"))
    assert taken(lines_of(path, follow=True), 2) == [b"one one one", b"two"]


def test_whatever_numbers_a_line_holds_conditions_are_asked_about_it() -> None:
    line = msgspec.json.encode({"scope": "request", "a": 0, "http.status": 500}).replace(b":0", b":" + b"9" * 30)
    assert logs("--where", 'line["a"] > 1.0', "--fields", "http.status", data=line).stdout == "500\n"
