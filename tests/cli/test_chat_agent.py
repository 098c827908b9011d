"""`sluice chat` with an agent."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from click.testing import CliRunner, Result

from sluice.agent_client.client import Client
from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.cli.chat import chat_command
from sluice.cli.chat_agent import _stop
from sluice.runs.events import ToolFailed, ToolInput, ToolOutput, ToolStarted
from sluice.runs.records import LIVE
from tests.support.agent_thread import AgentThread
from tests.support.waiting import until
from tests.testing.threads import FakeThread


def echo() -> Agent:
    """Says what was said so far."""
    agent = Agent("echo")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        await ctx.think("Hm.")
        await ctx.progress(0.5, "half way")
        yield " / ".join(message.text for message in ctx.messages)

    return agent


def worker() -> Agent:
    agent = Agent("worker")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        put, message = ctx.writer.put, ctx.writer.message()
        for call in ("c1", "c2"):
            put(ToolStarted, id=call, name="add", message_id=message)
            put(ToolInput, id=call, name="add", input={"a": 1})
        ctx.writer.close_message("tool_calls")
        put(ToolOutput, id="c1", output={"sum": 1, "bell": "\x07"})
        put(ToolFailed, id="c2", error="no such number")
        return "done"

    return agent


def careful() -> Agent:
    agent = Agent("careful")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        return f"you said {await ctx.interrupt('Go on?')}"

    return agent


def broken() -> Agent:
    agent = Agent("broken")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        yield "Once"
        raise RuntimeError("secret")

    return agent


def endless() -> Agent:
    agent = Agent("endless")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        yield "Once"
        await asyncio.Event().wait()

    return agent


@pytest.fixture(scope="module")
def served() -> Iterator[AgentThread]:
    with AgentThread(echo(), worker(), careful(), broken(), endless()) as thread:
        yield thread


def chat(served: AgentThread, *args: str) -> Result:
    return CliRunner(env={"OPENAI_API_KEY": None}).invoke(chat_command, ["--url", served.site.url, *args])


def test_an_agent_at_the_address_is_found_out_and_asked(served: AgentThread) -> None:
    result = chat(served, "Hello", "there")
    assert result.exit_code == 0
    assert result.stdout == "Hm.\nHello there\n"
    assert "… 50% half way\n" in result.stderr
    assert re.search(r"TTFT \d+ ms · \d+ characters · [\d.]+ s · run \S+ · thread \S+\n$", result.stderr)


def test_the_conversation_goes_on_by_its_name(served: AgentThread) -> None:
    first = chat(served, "A")
    thread = first.stderr.rsplit("thread ", 1)[1].strip()
    assert chat(served, "B", "--thread", thread).stdout.endswith("A / A / B\n")
    assert chat(served, "B").stdout.endswith("\nB\n")


def test_tools_are_shown_with_what_they_answered_and_no_character_that_commands_a_terminal(served: AgentThread) -> None:
    result = chat(served, "go", "--agent", "worker")
    assert '→ add({"a":1})' in result.stdout
    assert result.stdout.endswith("done\n")
    assert '← {"sum":1,"bell":"\\u0007"}\n← failed: no such number\n' in result.stderr


def test_a_question_is_shown_and_its_answer_goes_on(served: AgentThread) -> None:
    asked = chat(served, "go", "--agent", "careful")
    assert asked.exit_code == 0
    assert "? Go on?" in asked.stderr
    run = asked.stderr.partition("--resume ")[2].split()[0]
    assert chat(served, "yes", "--resume", run).stdout == "you said yes\n"


def test_a_run_can_be_watched_again(served: AgentThread) -> None:
    run = chat(served, "Hello").stderr.partition("run ")[2].split()[0]
    assert chat(served, "--resume", run).stdout == "Hm.\nHello\n"


def test_a_run_that_fails_is_not_a_whole_answer(served: AgentThread) -> None:
    result = chat(served, "go", "--agent", "broken")
    assert (result.exit_code, result.stdout) == (1, "Once\n")
    assert result.stderr.startswith("error inside the answer, which is not complete: ")
    assert "secret" not in result.stderr


def test_who_is_not_there_is_said(served: AgentThread) -> None:
    result = chat(served, "go", "--agent", "nobody")
    assert result.exit_code == 1
    assert "nobody" in result.stderr


def test_ctrl_c_stops_the_run_on_the_server(served: AgentThread) -> None:
    command = [sys.executable, "-m", "sluice", "chat", "go", "--url", served.site.url, "--agent", "endless"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(4) == b"Once"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert b"cancelled" in process.stderr.read()
    service = served.site.service
    served.run(until(lambda: not service.running))
    assert not [run for run in served.run(service.store.live_runs()) if run.status in LIVE]


async def test_a_server_that_cannot_be_told_is_said_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    async with Client(f"http://127.0.0.1:{port}", retries=0) as client:
        await _stop(client, "run-1")
    assert capsys.readouterr().err == "the server could not be told: run run-1 may go on\n"


def test_options_of_agents_are_refused_where_none_answer() -> None:

    with FakeThread() as gateway:
        url = f"http://127.0.0.1:{gateway.fake.port}"
        result = CliRunner().invoke(chat_command, ["hi", "--url", url, "--thread", "t"])
    assert result.exit_code == 2
    assert "No agents answer" in result.stderr
