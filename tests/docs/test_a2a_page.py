"""Every command and program of docs/agents/a2a.md runs as it stands, but for the port."""

import contextlib
import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.a2a_agents import STORY, storyteller
from tests.support.agent_thread import AgentThread

PAGE = Path(__file__).resolve().parents[2] / "docs" / "agents" / "a2a.md"
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def served() -> Iterator[AgentThread]:
    with AgentThread(storyteller()) as thread:
        yield thread


def here(text: str, served: AgentThread) -> str:
    assert "http://localhost:8080" in text
    return text.replace("http://localhost:8080", served.site.url)


def printed(command: str) -> str:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=True).stdout


def test_the_seeds_message_is_answered_as_the_page_shows(served: AgentThread) -> None:
    shown = ".*".join(map(re.escape, BLOCKS["text"].strip().split("…")))
    told = printed(here(COMMANDS[0], served))
    assert re.fullmatch(shown, told)
    assert "".join(STORY) in told


def test_the_stream_of_the_page_is_a_stream(served: AgentThread) -> None:
    told = printed(here(COMMANDS[1], served))
    names = re.findall("^event: (.*)$", told, re.MULTILINE)
    assert names[:2] == ["task", "status-update"]
    assert set(names[2:-1]) == {"artifact-update"}
    assert len(COMMANDS) == 2


def test_the_program_of_the_page_prints_the_story(served: AgentThread) -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(here(BLOCKS["python"], served), PAGE.name, "exec"), {"__name__": "__main__"})
    assert out.getvalue() == "".join(STORY)
