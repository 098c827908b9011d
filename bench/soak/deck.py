"""The traffic of the soak: which requests there are, and how often each is drawn. Pure; chance is handed in.

Every request is one that a gateway meets, and each knows what its client must see: that is what makes a wrong answer
among a hundred thousand visible.
"""

import random
from collections.abc import Callable, Mapping

import msgspec

from bench.soak import gateway
from bench.soak.asked import Question
from bench.soak.case import COMPLETED, Case, Deaf, Leaves, Saw, Trickles
from bench.soak.mishaps import MISHAPS, mishap
from sluice.relay.outcome import OutcomeKind
from sluice.testing.fake_fault import Fault
from sluice.verify.facts import CLIENTS, PROVIDERS
from sluice.verify.words import sentence

WORDS = (12, 40)
"""Of an answer: each is an event of a stream."""
GAPS_MS = (4.0, 24.0)
"""Between two events of a stream."""
FLOOD_BYTES = 32 << 20
"""More than two kernels hold for a client that does not read: the most of it is never made."""
SLOW_BYTES = 4 << 20
"""For a client that does read."""
TRICKLE_S = 0.02
DEAF_S = gateway.SLOW_READER_S * 2 + 10.0
"""Bytes that are on their way when the gateway begins to watch are taken for progress: it may wait twice as long. And
there has to be something to watch: the kernels take megabytes before."""
TOTAL_S = 0.2
"""Of a request that is in a hurry, by its header."""
WHOLE_ENDS: Mapping[Saw, frozenset[OutcomeKind]] = {"complete": COMPLETED}
BURST_WORDS, BURST_GAP_MS = 20, 30.0
KINDS = frozenset(
    [
        *("stream", "whole answer", "fail-over", "client leaves", "client reads nothing", "client reads slowly"),
        *("total time-out", "wrong request", "burst"),
        *(each.kind for each in MISHAPS),
    ]
)
"""Names under which requests are counted."""


def burst(dice: random.Random) -> Case:
    """Return one of many that come at once: a stream of more than half a second."""
    fault = Fault(gap_ms=BURST_GAP_MS)
    return Case(kind="burst", question=_question(dice, fault, words=BURST_WORDS), ends=WHOLE_ENDS)


def draw(dice: random.Random) -> Case:
    """Return the next request."""
    return dice.choices(_BUILDERS, _WEIGHTS)[0](dice)


def _stream(dice: random.Random) -> Case:
    return Case(kind="stream", question=_question(dice, _paced(dice)), ends=WHOLE_ENDS)


def _whole(dice: random.Random) -> Case:
    return Case(kind="whole answer", question=_question(dice, None, stream=False), ends=WHOLE_ENDS)


def _fail_over(dice: random.Random) -> Case:
    """The first target fails by itself: the prescription says nothing of it."""
    name = dice.choice(list(gateway.FAILING))
    question = _question(dice, None, stream=dice.random() < 0.75)
    question = msgspec.structs.replace(question, model=gateway.fail_over(name))
    return Case(kind="fail-over", question=question, ends=WHOLE_ENDS)


def _leaver(dice: random.Random) -> Case:
    """Leaves at any moment, from the first byte on until a little after the end."""
    fault = _paced(dice)
    question = _question(dice, fault)
    lasts_s = fault.head_delay_ms / 1000 + _gap_s(fault) * question.content.count(" ")
    behaviour = Leaves(dice.uniform(0.0, lasts_s * 1.2), reset=dice.random() < 0.5)
    outcomes: frozenset[OutcomeKind] = frozenset(["client_gone", "completed"])
    return Case(
        kind="client leaves",
        question=question,
        behaviour=behaviour,
        ends={"complete": COMPLETED, "left": outcomes},
    )


def _deaf(dice: random.Random) -> Case:
    return Case(
        kind="client reads nothing",
        question=_flooded(dice, FLOOD_BYTES),
        behaviour=Deaf(DEAF_S),
        ends={"cut": frozenset(["slow_reader"])},
        floods=True,
    )


def _trickle(dice: random.Random) -> Case:
    return Case(
        kind="client reads slowly",
        question=_flooded(dice, SLOW_BYTES),
        behaviour=Trickles(TRICKLE_S),
        ends=WHOLE_ENDS,
        floods=True,
    )


def _hurried(dice: random.Random) -> Case:
    question = _question(dice, Fault(gap_ms=TOTAL_S * 1000 / 4))
    question = msgspec.structs.replace(question, headers={"x-sluice-timeout-total": f"{TOTAL_S * 1000:g}ms"})
    ends: Mapping[Saw, frozenset[OutcomeKind]] = {"failure": frozenset(["timeout"])}
    return Case(kind="total time-out", question=question, ends=ends)


def _mishap(dice: random.Random) -> Case:
    return mishap(dice, _question(dice, None))


def _wrong(dice: random.Random) -> Case:
    """A request that the gateway itself has to refuse."""
    path, body, status = dice.choice(_WRONG)
    return Case(
        kind="wrong request",
        question=None,
        raw=(path, body, {}),
        ends={"failure": frozenset(["rejected"])},
        status=status,
    )


_WRONG = (
    ("/v1/chat/completions", b'{"model": "soak-chat", "messages": [', 400),
    ("/v1/chat/completions", b'{"model": "soak-chat", "messages": "none"}', 400),
    ("/v1/chat/completions", b'{"model": "nobody", "messages": [{"role": "user", "content": "Hello"}]}', 404),
    ("/nowhere", b"{}", 404),
)

_DECK: Mapping[Callable[[random.Random], Case], float] = {
    _stream: 46,
    _whole: 13,
    _fail_over: 10,
    _leaver: 14,
    _mishap: 14,
    _hurried: 1,
    _wrong: 1.5,
    _deaf: 0.1,
    _trickle: 0.1,
}
_BUILDERS, _WEIGHTS = tuple(_DECK), tuple(_DECK.values())


def _question(dice: random.Random, fault: Fault | None, *, stream: bool = True, words: int = 0) -> Question:
    """Any client of any provider."""
    content = sentence(dice, words or dice.randint(*WORDS))
    model = gateway.model(dice.choice(PROVIDERS))
    return Question(client=dice.choice(CLIENTS), model=model, content=content, fault=fault, stream=stream)


def _flooded(dice: random.Random, flood_bytes: int) -> Question:
    """Any client but one of Responses: its last events say the whole text four times again, and whoever reads it
    compares all of them. No model's answer is so long."""
    client = dice.choice([each for each in CLIENTS if each != "responses"])
    return msgspec.structs.replace(_question(dice, Fault(flood_bytes=flood_bytes)), client=client)


def _paced(dice: random.Random) -> Fault:
    """No fault at all: a stream with the pace of a model, of whose clients some wait for the first token so long that
    they are kept alive."""
    delay_ms = dice.choice((0.0, 0.0, 0.0, dice.uniform(0, 300), 900.0))
    return Fault(head_delay_ms=delay_ms, gap_ms=dice.uniform(*GAPS_MS))


def _gap_s(fault: Fault) -> float:
    assert isinstance(fault.gap_ms, float)
    return fault.gap_ms / 1000
