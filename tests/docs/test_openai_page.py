"""Every program of docs/agents/openai.md runs as it stands, but for the port."""

import contextlib
import io
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from tests.support.agent_thread import AgentThread

PAGE = Path(__file__).resolve().parents[2] / "docs" / "agents" / "openai.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def served() -> Iterator[AgentThread]:
    agent = Agent("storyteller")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        yield "Once upon"
        yield f" a time, {len(ctx.messages)}"

    with AgentThread(agent) as thread:
        yield thread


SAID = ["Once upon a time, 1", "Once upon a time, 1\nOnce upon a time, 3", "Once upon a time, 1"]


@pytest.mark.parametrize(("program", "said"), list(zip(PROGRAMS, SAID, strict=True)))
def test_a_program_of_the_page_prints_the_story(served: AgentThread, program: str, said: str) -> None:
    program = program.replace("http://localhost:8080", served.site.url)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, PAGE.name, "exec"), {"__name__": "__main__"})
    assert printed.getvalue().strip() == said
