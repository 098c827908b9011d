"""A conversation with an agent in a terminal: its questions are asked here, its buttons have numbers, and it goes on
until the person leaves.

    question ──► turn ──► what it asks ──► turn ──► … ──► next line: a message, or the number of a button

Ctrl-C stops the run that is being watched; the next one, or one while nothing runs, leaves. Ctrl-D leaves.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import click
import msgspec

from sluice.agent_client.client import Client
from sluice.agents.ids import uuid7
from sluice.cli.chat_agent import CANCELLED, AgentQuestion, Turn, converse
from sluice.cli.chat_screen import Screen
from sluice.cli.chat_teller import QUESTION, Button, aside, text_of
from sluice.runs.events import InterruptRequested

Read = Callable[[str], str]
"""Ask the person for a line; raises EOFError and KeyboardInterrupt."""
Do = Callable[[Callable[[Screen], Coroutine[None, None, int]]], int]
"""Do something with a screen, tell what went wrong, and return the exit status."""
_YES, _NO = frozenset({"y", "yes", "true"}), frozenset({"n", "no", "false"})
_KINDS: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}
"""What a value of a JSON type is here."""


class Talk:
    """One conversation. `once`: it ends when the first message is answered and nothing is left to answer."""

    def __init__(self, first: AgentQuestion, do: Do, read: Read, *, once: bool) -> None:
        self._first = msgspec.structs.replace(first, thread=first.thread or uuid7())
        self._do, self._read, self._once = do, read, once
        self._thread = self._first.thread
        self._buttons: list[Button] = []

    def run(self) -> int:
        """Talk, and return the exit status."""
        status = 0
        question = self._first if self._first.prompt or self._first.resume else None
        try:
            if question is None:
                aside(f"thread {self._thread} · Ctrl-C stops an answer, Ctrl-D leaves")
            while question is not None or (question := self._next()) is not None:
                status, turn = self._turn(question)
                if turn is None and status == CANCELLED:
                    return status
                question = None if turn is None else self._answers(turn)
                if question is None and self._once and not (turn and turn.buttons):
                    return status
        except (EOFError, KeyboardInterrupt) as left:
            click.echo(err=True)
            return CANCELLED if isinstance(left, KeyboardInterrupt) else status
        return status

    def _turn(self, question: AgentQuestion) -> tuple[int, Turn | None]:
        turns: list[Turn] = []

        async def one(screen: Screen) -> int:
            turns.append(await converse(question, screen, asks=True, pressed=len(self._buttons)))
            return turns[0].status

        status = self._do(one)
        turn = turns[0] if turns else None
        if turn is not None:
            self._thread = turn.thread
            self._buttons += turn.buttons
            if status == CANCELLED:
                click.echo("stopped", err=True)
        return status, turn

    def _next(self) -> AgentQuestion | None:
        """Return the next message; None: there is to be none."""
        last = len(self._buttons)
        numbers = f"[1-{last}] " if last else ""
        label = f"{numbers}or Enter: " if self._once else f"{numbers}> "
        while True:
            line = self._read(label).strip()
            if line.isdecimal() and 1 <= int(line) <= last:
                self._do(partial(self._press, self._buttons[int(line) - 1]))
            elif line and not self._once:
                return self._question(prompt=line)
            elif self._once:
                return None

    def _question(self, **fields: Any) -> AgentQuestion:
        blank = {"thread": self._thread, "prompt": "", "resume": "", "answers": None}
        return msgspec.structs.replace(self._first, **(blank | fields))

    async def _press(self, button: Button, screen: Screen) -> int:
        async with Client(self._first.url, key=self._first.key) as client:
            pressed = await client.press(button.token)
        screen.close()
        aside(f"{button.label}: {pressed.message or 'done'}", dim=False)
        return 0

    def _answers(self, turn: Turn) -> AgentQuestion | None:
        """Ask what a run asks, and return what goes on with the answers."""
        answers: dict[str, Any] = {}
        try:
            for asked in turn.questions:
                if len(turn.questions) > 1:
                    aside(f"? {text_of(asked.question)}", dim=False, most=QUESTION)
                answers[asked.id] = self._answer(asked)
        except EOFError:
            aside(f"answer later with: sluice chat --resume {turn.run}")
            raise
        return self._question(resume=turn.run, answers=answers) if answers else None

    def _answer(self, asked: InterruptRequested) -> Any:
        schema = asked.schema if isinstance(asked.schema, Mapping) else {}
        choices = schema.get("enum")
        if asked.reason == "approval" or schema.get("type") == "boolean":
            return self._yes_or_no("Allow it? " if asked.reason == "approval" else "")
        if isinstance(choices, Sequence) and not isinstance(choices, str) and choices:
            return self._choice(choices)
        if schema.get("type") in _KINDS:
            return self._json(str(schema["type"]))
        while not (line := self._read("answer> ").strip()):
            pass
        return line

    def _yes_or_no(self, label: str) -> bool:
        while True:
            line = self._read(f"{label}[y/n] ").strip().lower()
            if line in _YES | _NO:
                return line in _YES

    def _choice(self, choices: Sequence[Any]) -> Any:
        told = [choice if isinstance(choice, str) else msgspec.json.encode(choice).decode() for choice in choices]
        for number, text in enumerate(told, 1):
            aside(f"  {number}  {text}", dim=False)
        while True:
            line = self._read(f"[1-{len(told)}] ").strip()
            if line.isdecimal() and 1 <= int(line) <= len(told):
                return choices[int(line) - 1]
            if line in told:
                return choices[told.index(line)]

    def _json(self, kind: str) -> Any:
        """Ask for a value that is no text, as JSON."""
        while True:
            with suppress(msgspec.DecodeError):
                value = msgspec.json.decode(self._read(f"{kind}> "))
                if isinstance(value, _KINDS[kind]) and not isinstance(value, bool):
                    return value
            aside(f"this is no {kind}, as JSON has it", dim=False)
