"""`sluice verify`: its options, its exit status, what it prints and writes. What it finds: tests/verify."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from sluice.cli import main
from sluice.verify import own
from sluice.verify.report import Report
from tests.support.command import START_S
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.verify.bad.gateway import HonestGateway
from tests.verify.bad.gateways import Launderer

ONLY_CHAT = [f"--without={name}" for name in ("responses", "messages", "gemini", "converse")]


def verify(*args: str) -> Result:
    return CliRunner().invoke(main, ["verify", *args])


async def run(*args: str) -> tuple[int, str, str]:
    """The real command, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sluice", "verify", *args),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["localhost:4000"], "no address"),
        (["ftp://localhost"], "no address"),
        (["http://localhost:99999"], "no address"),
        (["http://h", "--model", "chat"], "DIALECT=NAME"),
        (["http://h", "--model", "cohere=x"], "DIALECT=NAME"),
        (["http://h", "--header", "x"], "NAME: VALUE"),
        (["http://h", "--header", "x: a\r\nb: c"], "NAME: VALUE"),
        (["--without", "cohere"], "no dialect"),
        (["--without", "client:converse"], "no dialect"),
        ([f"--without={name}" for name in ("chat", "responses", "messages", "gemini")], "nothing is left"),
        (["--only", "speed"], "speed"),
        (["--require", "101"], "101"),
    ],
)
def test_what_cannot_be_meant_is_refused(args: list[str], said: str) -> None:
    result = verify(*args)
    assert result.exit_code == 2
    assert said in result.output


def test_the_configuration_is_printed_for_the_port_that_was_asked_for() -> None:
    assert verify("--print-config").output == own.configuration(9400)
    assert verify("--print-config", "--provider-port", "9555").output == own.configuration(9555)


async def test_a_gateway_is_scored_and_the_report_written(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with HonestGateway(port) as gateway:
        url = f"http://127.0.0.1:{gateway.port}"
        args = ["--provider-port", str(port), *ONLY_CHAT, "--idle", "1", "--only", "usage", "--only", "timing"]
        status, out, err = await run(url, *args, "--report", str(tmp_path / "new"), "--require", "100")
    assert (status, err) == (0, "")
    assert re.search(r"^usage +100\.0 +5 of 5$", out, re.MULTILINE)
    assert re.search(r"^score +100\.0 ", out, re.MULTILINE)
    report = msgspec.json.decode((tmp_path / "new" / "report.json").read_bytes(), type=Report)
    assert (report.gateway, report.seed, report.score.total) == (url, 1, 100.0)
    assert [area.area for area in report.score.areas] == ["usage", "timing"]
    assert "**Score: 100.0**" in (tmp_path / "new" / "report.md").read_text()


async def test_a_score_that_is_too_low_is_status_1_and_the_failures_are_shown() -> None:
    (port,) = free_ports(1)
    async with Launderer(port) as gateway:
        args = ["--provider-port", str(port), *ONLY_CHAT, "--only", "ends", "--quick", "--require", "99"]
        status, out, _ = await run(f"http://127.0.0.1:{gateway.port}", *args)
    assert status == 1
    assert "it looks finished: [DONE] came" in out
    assert "more; --report DIR has all of them" in out


async def test_without_a_required_score_a_bad_gateway_is_no_error() -> None:
    (port,) = free_ports(1)
    async with Launderer(port) as gateway:
        args = ["--provider-port", str(port), *ONLY_CHAT, "--only", "usage"]
        status, _, _ = await run(f"http://127.0.0.1:{gateway.port}", *args)
    assert status == 0


async def test_the_path_of_the_url_stands_before_every_address() -> None:
    (port,) = free_ports(1)
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line := (await reader.readline()).decode():  # at first it is only seen whether somebody listens
            asked.append(line)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/llm/"
    await run(url, "--prefix", "/team", "--provider-port", str(port), "--only", "usage", "--without", "converse")
    server.close()
    assert asked
    assert all(line.split()[1].startswith("/llm/team/v1") for line in asked)


async def test_a_port_that_is_taken_is_said() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    status, _, err = await run("http://127.0.0.1:1", "--provider-port", str(port))
    server.close()
    assert status == 2
    assert f"port {port} cannot be listened on" in err


def _is_gone(pid: str) -> bool:
    """Whether a process has ended; whoever inherited it may not have asked for its status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@contextmanager
def terminal() -> Iterator[tuple[int, Callable[[], str]]]:
    """A terminal's end for a process, and what was shown on it so far."""
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    shown = bytearray()

    def screen() -> str:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(ours, 1 << 16):
                shown.extend(data)
        return shown.decode()

    try:
        yield theirs, screen
    finally:
        os.close(ours)
        os.close(theirs)


HIDDEN, VISIBLE = "\x1b[?25l", "\x1b[?25h"
"""The cursor (DECTCEM)."""


@asynccontextmanager
async def watched(*args: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Callable[[], str]]]:
    """The real command in a terminal, which scores an honest gateway, and what it has shown so far."""
    (port,) = free_ports(1)
    async with HonestGateway(port) as gateway:
        command = [sys.executable, "-m", "sluice", "verify", f"http://127.0.0.1:{gateway.port}"]
        given = ["--provider-port", str(port), *ONLY_CHAT, *args]
        with terminal() as (stderr, screen):
            process = await asyncio.create_subprocess_exec(
                *command, *given, stdout=asyncio.subprocess.DEVNULL, stderr=stderr
            )
            try:
                yield process, screen
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def test_a_terminal_is_shown_how_far_it_is_and_gets_its_cursor_back() -> None:
    async with watched("--only", "usage") as (process, screen):
        assert await process.wait() == 0
        bar = screen()
    assert re.findall(r"(\d)/5", bar) == ["0", "1", "2", "3", "4", "5"]
    last = bar.rpartition(HIDDEN)[2]
    assert re.fullmatch(r"  \[#+\]  5/5  usage" + re.escape(VISIBLE) + r"\s*", last), last


async def test_ctrl_c_gives_the_terminal_its_cursor_back() -> None:
    async with watched("--only", "ends") as (process, screen):
        await until(lambda: "1/" in screen(), within_s=START_S)
        assert VISIBLE not in screen()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            assert await process.wait() == 130
        assert screen().rstrip().endswith(VISIBLE)


async def test_ctrl_c_ends_it_and_what_it_started() -> None:
    command = [sys.executable, "-m", "sluice", "verify", "--only", "ends"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        await until(lambda: bool(children.read_text()))
        (started,) = children.read_text().split()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            assert await process.wait() == 130
        await until(lambda: _is_gone(started))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
