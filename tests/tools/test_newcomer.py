"""The parts of the newcomer's road: what is pasted stands on the pages, and what is waited for is a token."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tools import newcomer

README = (ROOT / newcomer.README).read_text(encoding="utf-8")
GUIDE = (ROOT / newcomer.QUICK_START).read_text(encoding="utf-8")


def test_both_pages_begin_alike() -> None:
    for words in (newcomer.CLONE, newcomer.ASK):
        assert newcomer.block(README, words) == newcomer.block(GUIDE, words)
    assert newcomer.block(README, newcomer.CLONE).strip().split("\n") == [
        "git clone REPOSITORY sluice",
        "cd sluice",
        newcomer.RUN,
    ]


def test_the_query_is_not_the_command_that_starts_prometheus() -> None:
    query = newcomer.block(GUIDE, newcomer.QUERY)
    assert "curl" in query
    assert newcomer.block(GUIDE, newcomer.PROMETHEUS).startswith("prometheus ")
    with pytest.raises(LookupError, match="no block"):
        newcomer.block(GUIDE, "there is no such command")


def test_ports_are_moved_and_no_two_are_the_same() -> None:
    ports = newcomer.free_ports(8080, 9090)
    assert len(set(ports.values())) == 2
    assert newcomer.moved("localhost:8080 localhost:15020", ports) == f"localhost:{ports[8080]} localhost:15020"


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ('data: {"choices":[{"delta":{"role":"assistant","content":""}}]}', False),
        ('data: {"choices":[{"delta":{"content":"Hi"}}]}', True),
        ('{"error":{"message":"no"}}', False),
    ],
)
def test_a_role_is_no_token(line: str, token: bool) -> None:
    assert newcomer.has_token(f"x\n{line}\n") is token


def test_a_command_is_pasted_again_until_it_prints_what_is_wanted(tmp_path: Path) -> None:
    once = "test -e seen && { echo 0.25; sleep 60; }; touch seen; exit 1"
    begun = time.monotonic()
    newcomer.until_printed(once, tmp_path, re.compile("0.25"), begun + 30)
    assert time.monotonic() - begun < 30
    with pytest.raises(TimeoutError, match="never printed"):
        newcomer.until_printed("echo null", tmp_path, re.compile("0.25"), time.monotonic() + 0.1)


def test_what_was_started_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    with newcomer.running("sleep 60 & echo $! > pid; wait", tmp_path, {}):
        deadline = time.monotonic() + 10
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
        pid = (tmp_path / "pid").read_text().strip()
    while subprocess.run(["kill", "-0", pid], capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline
