"""A test of a relay as a script that people can read: `>>` is what happens to it, `<<` is what it has to do.

    def test_a_cut_is_told():
        playbook = Playbook(relay)
        playbook >> feed(ROLE) >> at(0.3) >> feed(TOKEN) << send(ROLE + TOKEN)
        playbook >> eof() << send(ERROR) << end("upstream_truncated")
        playbook.run()

What the relay does and the script does not name is a failure too: nothing between two `>>` means that the first has
to be answered with no action at all. How many writes the bytes of one answer are spread over does not matter.
Pure: time is what `at` says. The idea is that of mitmproxy's tutils.
"""

import difflib
import re
import warnings
from collections.abc import Iterator
from typing import Self, assert_never

from sluice.relay.actions import Action, Ask, End, Send
from sluice.relay.relay import Relay
from sluice.testing.steps import (
    Asked,
    At,
    Broke,
    ClientGone,
    Cut,
    Ended,
    Eof,
    Expectation,
    Feed,
    Happening,
    Resume,
    Sent,
    SentThat,
    Tick,
    ask,
    at,
    broke,
    client_gone,
    cut,
    end,
    eof,
    feed,
    resume,
    send,
    send_that,
    tick,
)

__all__ = [
    "Playbook",
    "ask",
    "at",
    "broke",
    "client_gone",
    "cut",
    "end",
    "eof",
    "feed",
    "resume",
    "send",
    "send_that",
    "tick",
]


class Playbook:
    """One relay and the script that it has to keep to. Build it with `>>` and `<<`, then call `run` once.

    A playbook that is thrown away without `run` warns: a test that cannot fail is a defect.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._script: list[Happening | Expectation] = []
        self._ran = False

    def __rshift__(self, happening: Happening) -> Self:
        self._script.append(happening)
        return self

    def __lshift__(self, expectation: Expectation) -> Self:
        self._script.append(expectation)
        return self

    def run(self) -> None:
        """Play the script.

        Raises:
            AssertionError: the relay did something else; the message is the script as a diff, `-` what was expected
                and `+` what was done.
        """
        self._ran = True
        expected: list[str] = []
        done: list[str] = []
        now = 0.0
        for happening, expectations in _acts(self._script):
            line = _happening_line(happening)
            expected.append(line)
            done.append(line)
            if isinstance(happening, At):
                now = happening.seconds
            actions = _joined(_perform(self._relay, happening, now))
            _compare(_joined_expectations(expectations), actions, expected, done)
        if expected != done:
            diff = difflib.ndiff(expected, done)
            lines = [line for line in diff if not line.startswith("?")]
            raise AssertionError("\n".join(["the relay did not keep to the script:", *lines]))

    def __del__(self) -> None:
        if self._script and not self._ran:
            warnings.warn("a Playbook was written but never run", ResourceWarning, stacklevel=2)


def _acts(script: list[Happening | Expectation]) -> Iterator[tuple[Happening, list[Expectation]]]:
    """Yield each happening with what has to follow from it."""
    acts: list[tuple[Happening, list[Expectation]]] = []
    for step in script:
        if not isinstance(step, Expectation):
            acts.append((step, []))
        elif acts:
            acts[-1][1].append(step)
        else:
            raise ValueError("a script begins with what happens (>>), not with what follows (<<)")
    yield from acts


def _perform(relay: Relay, happening: Happening, now: float) -> list[Action]:
    match happening:
        case Feed():
            return relay.feed(happening.data, now)
        case Eof():
            return relay.eof(now)
        case Broke():
            return relay.broke(happening.error, now)
        case ClientGone():
            return relay.client_gone(now)
        case Cut():
            return relay.cut(happening.outcome, now)
        case Resume():
            return relay.resume(happening.verdict, now)
        case Tick():
            return relay.tick(now)
        case At():
            return []
        case _:
            assert_never(happening)


def _joined(actions: list[Action]) -> list[Action]:
    """The same with neighbouring writes made one."""
    joined: list[Action] = []
    for action in actions:
        last = joined[-1] if joined else None
        if isinstance(action, Send) and isinstance(last, Send):
            joined[-1] = Send(last.data + action.data)
        else:
            joined.append(action)
    return joined


def _joined_expectations(expectations: list[Expectation]) -> list[Expectation]:
    joined: list[Expectation] = []
    for expectation in expectations:
        last = joined[-1] if joined else None
        if isinstance(expectation, Sent) and isinstance(last, Sent):
            joined[-1] = Sent(last.data + expectation.data)
        else:
            joined.append(expectation)
    return joined


def _compare(expectations: list[Expectation], actions: list[Action], expected: list[str], done: list[str]) -> None:
    """Write both as lines; what agrees is written alike."""
    for position in range(max(len(expectations), len(actions))):
        wanted = expectations[position] if position < len(expectations) else None
        action = actions[position] if position < len(actions) else None
        if wanted is not None:
            expected += _expectation_lines(wanted)
        if action is not None:
            agrees = wanted is not None and _agree(wanted, action)
            done += _expectation_lines(wanted) if agrees and wanted is not None else _action_lines(action)


def _agree(wanted: Expectation, action: Action) -> bool:
    match wanted, action:
        case Sent(data), Send():
            return action.data == data
        case SentThat(), Send():
            return wanted.check(action.data)
        case Asked(), Ask():
            return (action.judge.name, action.texts) == (wanted.judge, wanted.texts)
        case Ended(), End():
            error = action.outcome.error
            return (
                action.outcome.kind == wanted.kind
                and (not wanted.code or (error is not None and error.code == wanted.code))
                and (not wanted.status or (error is not None and error.status == wanted.status))
            )
        case _:
            return False


def _happening_line(happening: Happening) -> str:
    match happening:
        case Feed():
            return f">> feed({happening.data!r})"
        case At():
            return f">> at({happening.seconds:g})"
        case Broke():
            return f">> broke({happening.error.code})"
        case Cut():
            return f">> cut({happening.outcome.kind})"
        case Eof():
            return ">> eof()"
        case ClientGone():
            return ">> client_gone()"
        case Resume():
            return f">> resume({happening.verdict!r})"
        case Tick():
            return ">> tick()"
        case _:
            assert_never(happening)


def _expectation_lines(expectation: Expectation) -> list[str]:
    match expectation:
        case Sent():
            return _action_lines(Send(expectation.data))
        case SentThat():
            return [f"<< send bytes that are {expectation.what}"]
        case Asked():
            return [f"<< ask({expectation.judge}, {expectation.texts})"]
        case Ended():
            words = [expectation.kind, expectation.code, str(expectation.status or "")]
            return [f"<< end({', '.join(word for word in words if word)})"]
        case _:
            assert_never(expectation)


def _action_lines(action: Action) -> list[str]:
    """One row per line of the bytes: a diff of two streams then shows the line that differs."""
    match action:
        case Send():
            return ["<< send", *(f"     {line!r}" for line in re.findall(rb"[^\n]*\n|[^\n]+", action.data))]
        case Ask():
            return [f"<< ask({action.judge.name}, {action.texts})"]
        case End():
            error = action.outcome.error
            return [f"<< end({action.outcome.kind}{f', {error.code}, {error.status}: {error}' if error else ''})"]
        case _:
            assert_never(action)
