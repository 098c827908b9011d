"""`sluice top`: what the admin address says, as text; and where nobody says anything, why."""

import asyncio
import json
import os
import sys
from io import StringIO

import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from sluice.admin.live import Point, View, view
from sluice.cli.top import top_command
from sluice.cli.top_screen import frame, plain, seconds, spark
from sluice.gateway.watching import Flight
from sluice.telemetry.recent import Ended
from tests.admin.lives import TARGET, live
from tests.support.command import Sluice
from tests.support.raw_client import CHAT, request
from tests.support.sockets import free_ports


def text(seen: View, *, width: int = 120, rows: int = 0, lost: str = "") -> str:
    out = StringIO()
    Console(file=out, width=width, height=rows or 40, color_system=None).print(frame(seen, width, rows=rows, lost=lost))
    return out.getvalue()


def flight(number: int, **members: object) -> Flight:
    facts = {"key": str(number), "id": "i", "phase": "streaming", "age_s": float(number), "quiet_s": 0.2} | members
    return Flight(**facts)  # type: ignore[arg-type]  # of this test


def busy(flights: int = 1) -> View:
    rows = [flight(n + 1, model=f"model-{n}", ttft_s=0.25, tokens=7, tokens_per_s=41.7) for n in range(flights)]
    end = Ended(key="e", id="i", at=9.0, status=503, outcome="upstream_error", error="overloaded", duration_s=1.5)
    return view([live(phases={"streaming": flights}, flights=rows, ended=[end], targets=[TARGET])])


def test_a_frame_has_streams_ends_and_targets() -> None:
    shown = text(busy())
    for words in ("1 in flight", "model-0", "250 ms", "41.7", "overloaded", "503", "well", "live"):
        assert words in shown


def test_a_frame_fits_the_screen_it_is_for() -> None:
    for width, rows in ((80, 24), (120, 40), (200, 60)):
        lines = text(busy(150), width=width, rows=rows).rstrip("\n").split("\n")
        assert len(lines) <= rows, (width, rows)
        assert max(map(len, lines)) <= width


def test_on_a_small_screen_a_model_can_still_be_told_from_another() -> None:
    rows = [flight(1, model="claude-sonnet-4-5"), flight(2, model="claude-sonnet-4-6", phase="reading_on")]
    shown = text(view([live(flights=rows, phases={"streaming": 2})]), width=80, rows=24)
    assert "claude-sonnet-4-5" in shown
    assert "read on, client left" in shown


def test_of_workers_those_are_counted_that_answer() -> None:
    assert "1 of 2 workers" in text(view([live(1)], 2))
    assert " 2 workers" in text(view([live(1), live(2)], 2))


def test_where_not_all_fit_those_are_shown_that_are_silent() -> None:
    seen = busy(150)
    rows = [*seen.flights, flight(200, model="the-silent-one", quiet_s=99.0)]
    seen = view([live(phases={"streaming": 151}, flights=rows)])
    assert "the-silent" in text(seen, rows=30)


def test_an_empty_gateway_has_a_frame_too() -> None:
    shown = text(view([live(targets=[])]))
    assert "nothing is under way" in shown
    assert "nothing has ended yet" in shown


def test_a_line_that_is_lost_is_said() -> None:
    assert "nobody answers" in text(busy(), lost="nobody answers at x")


def test_what_a_client_wrote_commands_no_terminal() -> None:
    assert plain("a\x1b[2Jb\n\x9b") == "a�[2Jb��"
    assert plain("e\u0301\u0301\u200b漢") == "e���漢"
    seen = view([live(flights=[flight(1, model="\x1b[31mred")], phases={"streaming": 1})])
    assert "\x1b" not in text(seen)


def test_the_highest_bar_is_the_highest_value_and_nothing_is_a_flat_line() -> None:
    assert spark([0, 1, 2, 4, 8]) == "▁▁▂▄█"
    assert spark([0, 0]) == "▁▁"
    assert spark([]) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.0421, "42 ms"), (1.234, "1.23 s"), (12.34, "12.3 s"), (90.0, "2 min"), (9000, "2 h")],
)
def test_times_are_said_as_people_say_them(value: float | None, said: str) -> None:
    assert seconds(value) == said


def test_points_without_a_stream_leave_no_hole() -> None:
    empty = Point(
        at=1,
        requests=0,
        errors=0,
        tokens=0,
        ttft_p50_ms=None,
        ttft_p95_ms=None,
        exchanges=0,
        streams=0,
        waiting=0,
        lag_ms=0.0,
    )
    seen = msgspec.structs.replace(busy(), points=[empty] * 3)
    assert "–" in text(seen)


# -- the command ------------------------------------------------------------------------------------------------------


def top(*args: str) -> Result:
    return CliRunner().invoke(top_command, args)


def test_where_nobody_answers_it_says_so_with_a_hint() -> None:
    (port,) = free_ports(1)
    for args in (("--once",), ("--json",), ()):
        result = top("--url", f"http://127.0.0.1:{port}", *args)
        assert result.exit_code == 1
        assert f"nobody answers at http://127.0.0.1:{port}" in result.output
        assert "--url" in result.output


def test_an_address_that_is_none_is_told() -> None:
    assert "is no address like http://localhost:15000" in top("--url", "http://", "--once").output


async def test_it_shows_a_real_gateway_once_and_as_json() -> None:
    async with Sluice() as sluice, await sluice.client() as client:
        assert (await client.ask(request(CHAT, path="/v1/chat/completions"))).status == 200
        url = f"http://localhost:{sluice.side['admin']}"
        shown = await _run("--url", url, "--once")
        assert "completed" in shown
        assert "\x1b" not in shown, "a pipe gets no colours"
        said = await asyncio.to_thread(top, "--url", url, "--json")
        assert json.loads(said.output)["ended"][0]["status"] == 200
        wrong = await asyncio.to_thread(top, "--url", f"http://localhost:{sluice.side['stats']}", "--once")
        assert wrong.exit_code == 1
        assert "answers 404: is it the admin address" in wrong.output


async def _run(*args: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sluice", "top", *args),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"COLUMNS": "140"},
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()
