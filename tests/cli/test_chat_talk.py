"""`sluice chat` with an agent in a terminal: a real pseudo-terminal, and the loop with a scripted person."""

import asyncio
import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypedDict

import pytest

from sluice.agents.agent import Agent
from sluice.agents.callbacks import Press
from sluice.agents.context import Context
from sluice.agents.graph import END, START, Graph
from sluice.cli.chat import _answered
from sluice.cli.chat_agent import AgentQuestion
from sluice.cli.chat_screen import Screen
from sluice.cli.chat_talk import Talk
from sluice.runs.events import Source, ToolInput, ToolOutput, ToolStarted
from tests.support.agent_thread import AgentThread
from tests.support.waiting import until

WAIT_S = 15.0


def echo() -> Agent:
    agent = Agent("echo")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        yield " / ".join(message.text for message in ctx.messages if message.role == "user")
        if ctx.text == "wait":
            await asyncio.Event().wait()

    return agent


def curious() -> Agent:
    """Asks what it is told to ask, each question once."""
    agent = Agent("curious")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        name = await ctx.interrupt("Your name?")
        tea = await ctx.interrupt("Which tea?", schema={"enum": ["Assam", "Sencha", 3]})
        sure = await ctx.interrupt("Sure?", schema={"type": "boolean"})
        size = await ctx.interrupt("How much?", schema={"type": "integer"})
        return f"{name}, {tea}, {sure}, {size}"

    return agent


def twins() -> Agent:
    """Two nodes that ask at the same time."""

    class State(TypedDict, total=False):
        left: str
        right: str

    graph = Graph(State)

    def add(name: str) -> None:
        @graph.node(name=name)
        async def node(state: State, ctx: Context) -> dict[str, str]:
            return {name: await ctx.interrupt(name)}

    add("left")
    add("right")

    @graph.node
    async def tell(state: State, ctx: Context) -> AsyncIterator[str]:
        yield f"left {state['left']}, right {state['right']}"

    graph.edge(START, "left").edge(START, "right").edge(["left", "right"], "tell").edge("tell", END)
    return Agent("twins", graph=graph)


def shop() -> Agent:
    agent = Agent("shop")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        put, message = ctx.writer.put, ctx.writer.message()
        put(ToolStarted, id="c", name="stock", message_id=message)
        put(ToolInput, id="c", name="stock", input={})
        ctx.writer.close_message("tool_calls")
        put(ToolOutput, id="c", output="plenty")
        put(Source, id="s", url="https://tea.example/", title="Tea")
        await ctx.file("data:text/plain,hi", "text/plain", name="bill.txt")
        yield "Shall I?"
        await ctx.button("Order", "order", item=7)
        await ctx.button("Cancel", "order", item=0)

    @agent.callback("order")
    async def order(press: Press) -> str:
        return f"item {press.params['item']} is ordered"

    return agent


@pytest.fixture(scope="module")
def served() -> Iterator[AgentThread]:
    with AgentThread(echo(), curious(), twins(), shop()) as thread:
        yield thread


class Person:
    """Says lines, one to each question, and then leaves with Ctrl-D."""

    def __init__(self, *lines: str | BaseException) -> None:
        self.lines = list(lines)
        self.asked: list[str] = []

    def read(self, label: str) -> str:
        self.asked.append(label)
        line = self.lines.pop(0) if self.lines else EOFError()
        if isinstance(line, BaseException):
            raise line
        return line


def talk(served: AgentThread, person: Person, **first: Any) -> int:
    question = AgentQuestion(url=served.site.url, **first)
    return Talk(question, _answered, person.read, once=bool(question.prompt)).run()


def test_a_conversation_goes_on_in_one_thread_until_the_person_leaves(
    served: AgentThread, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person("A", "", "B")
    assert talk(served, person) == 0
    assert person.asked == ["> "] * 4
    assert capsys.readouterr().out == "A\nA / B\n"


def test_a_question_is_answered_here_in_the_shape_that_it_wants(
    served: AgentThread, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person("", "Ann", "7", "2", "perhaps", "Y", "lots", "true", "12")
    assert talk(served, person, prompt="go", agent="curious") == 0
    said = capsys.readouterr()
    assert (person.lines, said.out) == ([], "Ann, Sencha, True, 12\n")
    assert said.err.count("this is no integer") == 2
    labels = ["answer> "] * 2 + ["[1-3] "] * 2 + ["[y/n] "] * 2 + ["integer> "] * 3
    assert person.asked == labels


def test_a_choice_may_be_typed_too_and_is_what_it_was_offered_as(
    served: AgentThread, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person("Ann", "3", "n", "0")
    assert talk(served, person, prompt="go", agent="curious") == 0
    person = Person("Ann", "Assam", "n", "0")
    assert talk(served, person, prompt="go", agent="curious") == 0
    assert capsys.readouterr().out == "Ann, 3, False, 0\nAnn, Assam, False, 0\n"


def test_questions_that_are_asked_at_once_are_answered_together(
    served: AgentThread, capsys: pytest.CaptureFixture[str]
) -> None:
    assert talk(served, Person("1", "2"), prompt="go", agent="twins") == 0
    said = capsys.readouterr()
    assert said.out == "left 1, right 2\n"
    assert [line for line in said.err.split("\n") if line.startswith("?")] == ["? left", "? right"] * 2


def test_who_does_not_answer_leaves_the_question_open(served: AgentThread, capsys: pytest.CaptureFixture[str]) -> None:
    assert talk(served, Person(), prompt="go", agent="curious") == 0
    run = capsys.readouterr().err.partition("answer later with: sluice chat --resume ")[2].split()[0]
    assert talk(served, Person("Ann", "1", "y", "3"), resume=run) == 0
    assert capsys.readouterr().out == "Ann, Assam, True, 3\n"
    assert talk(served, Person(KeyboardInterrupt()), prompt="go", agent="curious") == 130


def test_buttons_have_numbers_and_each_is_pressed_once(served: AgentThread, capsys: pytest.CaptureFixture[str]) -> None:
    person = Person("1", "9", "")
    assert talk(served, person, prompt="go", agent="shop") == 0
    said = capsys.readouterr()
    assert "Shall I?\n" in said.out
    assert "[1] Order\n[2] Cancel\n" in said.err
    assert "Order: item 7 is ordered\n" in said.err
    assert "↗ Tea https://tea.example/\n+ bill.txt\n" in said.err
    assert person.asked == ["[1-2] or Enter: "] * 2
    person = Person("go", "go", "3", "3")
    assert talk(served, person, agent="shop") == 0
    said = capsys.readouterr()
    assert person.asked[1:3] == ["[1-2] > ", "[1-4] > "]
    assert said.err.count("Order: item 7 is ordered\n") == 1
    assert "error 409" in said.err


def test_an_error_does_not_end_the_conversation(served: AgentThread, capsys: pytest.CaptureFixture[str]) -> None:
    assert talk(served, Person("go"), agent="nobody") == 1
    assert talk(served, Person(), agent="nobody", prompt="go") == 1
    assert capsys.readouterr().err.count("nobody") == 2


def test_the_second_ctrl_c_leaves() -> None:
    """It comes while the server is still being told of the first: nothing of the turn is known."""

    def do(_: Callable[[Screen], Coroutine[None, None, int]]) -> int:
        return 130

    person = Person("never")
    assert Talk(AgentQuestion(url="http://localhost", prompt="go"), do, person.read, once=False).run() == 130
    assert person.asked == []


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, *args: str) -> None:
        self.screen = ""
        self._master, slave = pty.openpty()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TERM": "dumb", "OPENAI_API_KEY": ""}
        command = [sys.executable, "-m", "sluice", "chat", *args]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)

    def until(self, words: str) -> str:
        """Read until these words stand on the screen; return what stood before them."""
        deadline = time.monotonic() + WAIT_S
        while words not in self.screen:
            ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {words!r} in {self.screen!r}"
            self.screen += os.read(self._master, 1 << 16).decode()
        before, _, self.screen = self.screen.partition(words)
        return before

    def type(self, line: str) -> None:
        os.write(self._master, line.encode())

    def interrupted(self) -> int:
        """Press Ctrl-C until it is noticed: readline misses one between its prompt and its first wait for a key."""
        deadline = time.monotonic() + WAIT_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(served: AgentThread) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*args: str) -> Terminal:
        opened.append(Terminal("--url", served.site.url, *args))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_in_a_terminal_ctrl_c_stops_the_answer_and_the_next_one_leaves(
    served: AgentThread, terminal: Callable[..., Terminal]
) -> None:
    here = terminal()
    here.until("> ")
    here.type("Hello\n")
    here.until("Hello\r\nHello")
    here.until("> ")
    here.type("wait\n")
    here.until("Hello / wait")
    here.process.send_signal(signal.SIGINT)
    here.until("stopped")
    served.run(until(lambda: not served.site.service.running))
    here.until("> ")
    assert here.interrupted() == 130


def test_in_a_terminal_tools_are_dim_and_ctrl_d_leaves(terminal: Callable[..., Terminal]) -> None:
    here = terminal("--agent", "shop", "go")
    before = here.until("Shall I?")
    assert "\x1b[2m→ stock(\x1b[0m" in before
    assert re.search(r"\x1b\[2m← plenty\x1b\[0m", before)
    here.until("[1-2] or Enter: ")
    here.type("2\n")
    here.until("Cancel: item 0 is ordered")
    here.until("Enter: ")
    here.type("\x04")
    assert here.process.wait(WAIT_S) == 0
