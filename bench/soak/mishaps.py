"""What a provider does wrong, or does in an unusual way, and what a client must see of it. Pure.

What is only unusual has to come through whole. What is wrong has to be a failure that the client is told. All places
are early in the answer, so that no fault comes after its end.
"""

import random
from collections.abc import Callable, Mapping

import msgspec

from bench.soak.asked import Question
from bench.soak.case import BROKEN, COMPLETED, Case, Saw
from sluice.relay.outcome import OutcomeKind
from sluice.testing.fake_fault import At, Fault, InBand
from sluice.verify.facts import PROVIDERS, Client, Provider

Ends = Mapping[Saw, frozenset[OutcomeKind]]
LAST_EVENT = 9
"""Fewer than any answer has before its finish reason."""
PING = 2
"""The event of Messages that is a ping: it carries nothing, and clients do not read it."""
GIANT_BYTES = 1 << 20
STATUSES = (400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529)

_RIGHT: Ends = {"complete": COMPLETED}
_FAILED: Ends = {"failure": BROKEN}
_EITHER: Ends = {"complete": COMPLETED, "failure": BROKEN}
_TIMED_OUT: Ends = {"failure": frozenset(["timeout"])}
_TRUNCATED: Ends = {"failure": frozenset(["upstream_truncated"])}
_REFUSED: Ends = {"failure": frozenset(["upstream_error"])}
_SEEN: Ends = {"failure": BROKEN | COMPLETED}
"""A mirror may hand on what it cannot read, and the client sees it: who is wrong is then the provider's affair."""


class Mishap(msgspec.Struct, frozen=True, kw_only=True):
    """One way."""

    kind: str
    fault: Callable[[random.Random], Fault]
    ends: Ends
    providers: tuple[Provider, ...] = PROVIDERS
    whole: bool = True
    """Also in an answer in one piece."""
    weight: float = 1.0
    """How often it is drawn, beside the others."""


_SSE: tuple[Provider, ...] = ("chat", "responses", "messages", "gemini")
_ENDED: tuple[Provider, ...] = ("chat", "responses", "messages")
"""Whose streams have a terminator of their own."""
_PINGED: tuple[Provider, ...] = ("messages",)
_UNPINGED: tuple[Provider, ...] = ("chat", "responses", "gemini", "converse")
_FRAMES: tuple[Provider, ...] = ("converse",)
_QUICK: Mapping[int, Mapping[str, str]] = {429: {"retry-after": "1"}, 503: {"retry-after": "1"}}


def _at(dice: random.Random) -> At:
    return At(event=dice.randrange(LAST_EVENT), byte=dice.choice((0, 0, 7)))


def _status(dice: random.Random) -> Fault:
    status = dice.choice(STATUSES)
    return Fault(status=status, headers=dict(_QUICK.get(status, {})))


def _malformed(dice: random.Random) -> Fault:
    return Fault(malformed=dice.randrange(LAST_EVENT))


def _malformed_but_the_ping(dice: random.Random) -> Fault:
    return Fault(malformed=dice.choice([number for number in range(LAST_EVENT) if number != PING]))


def _small_writes(dice: random.Random) -> Fault:
    return Fault(write_bytes=dice.choice((1, 7, 50)))


def _error(dice: random.Random) -> Fault:
    return Fault(error=InBand(at=dice.randrange(LAST_EVENT), status=dice.choice((500, 503, 529))))


MISHAPS = (
    Mishap(kind="cut, FIN", fault=lambda dice: Fault(at=_at(dice), end="fin"), ends=_TRUNCATED, whole=False),
    Mishap(kind="cut, RST", fault=lambda dice: Fault(at=_at(dice), end="rst"), ends=_TRUNCATED, whole=False),
    Mishap(kind="stalled", fault=lambda dice: Fault(at=_at(dice), end="stall"), ends=_TIMED_OUT, whole=False),
    Mishap(kind="cut, FIN", fault=lambda _: Fault(at=At(byte=60), end="fin"), ends=_TRUNCATED),
    Mishap(kind="cut, RST", fault=lambda _: Fault(at=At(byte=60), end="rst"), ends=_TRUNCATED),
    Mishap(kind="no head", fault=lambda dice: Fault(end=dice.choice(("fin", "rst"))), ends=_FAILED),
    Mishap(kind="stalled", fault=lambda _: Fault(end="stall"), ends=_TIMED_OUT),
    Mishap(kind="refused", fault=_status, ends=_REFUSED),
    Mishap(kind="in-band error", fault=_error, ends=_REFUSED),
    Mishap(kind="malformed", fault=_malformed, ends=_FAILED, providers=_UNPINGED),
    Mishap(kind="malformed", fault=_malformed_but_the_ping, ends=_FAILED, providers=_PINGED),
    Mishap(kind="malformed", fault=lambda _: Fault(crc=True), ends=_FAILED, providers=_FRAMES, whole=False),
    Mishap(
        kind="malformed ping",
        fault=lambda _: Fault(malformed=PING),
        ends=_RIGHT,
        providers=_PINGED,
        whole=False,
        weight=0.5,
    ),
    Mishap(kind="empty 200", fault=lambda _: Fault(empty=True), ends=_FAILED),
    Mishap(kind="no finish reason", fault=lambda _: Fault(finish=False), ends=_TRUNCATED, whole=False),
    Mishap(
        kind="no terminator",
        fault=lambda _: Fault(terminator=False),
        ends=_TRUNCATED,
        providers=_ENDED,
        whole=False,
    ),
    Mishap(kind="mislabelled", fault=lambda _: Fault(content_type="text/plain"), ends=_EITHER, whole=False),
    Mishap(kind="CRLF", fault=lambda _: Fault(newline="crlf"), ends=_RIGHT, providers=_SSE, whole=False),
    Mishap(kind="CR", fault=lambda _: Fault(newline="cr"), ends=_RIGHT, providers=_SSE, whole=False),
    Mishap(kind="BOM", fault=lambda _: Fault(bom=True), ends=_RIGHT, providers=_SSE, whole=False),
    Mishap(kind="comments", fault=lambda _: Fault(comments=2), ends=_RIGHT, providers=_ENDED, whole=False),
    Mishap(kind="small writes", fault=_small_writes, ends=_RIGHT, weight=0.3),
    Mishap(kind="pings", fault=lambda _: Fault(pings=True, gap_ms=20.0), ends=_RIGHT, providers=_ENDED, whole=False),
    Mishap(kind="gzip", fault=lambda _: Fault(gzip=True), ends=_RIGHT),
    Mishap(kind="no usage", fault=lambda _: Fault(usage=False), ends=_RIGHT),
    Mishap(
        kind="giant event",
        fault=lambda _: Fault(giant_bytes=GIANT_BYTES),
        ends=_RIGHT,
        whole=False,
        weight=0.1,
    ),
)


def mishap(dice: random.Random, question: Question) -> Case:
    """Return one of them, put to the question."""
    provider = _provider(question)
    possible = [each for each in MISHAPS if provider in each.providers]
    chosen = dice.choices(possible, [each.weight for each in possible])[0]
    return case(chosen, chosen.fault(dice), question, stream=not chosen.whole or dice.random() < 0.7)


def case(chosen: Mishap, fault: Fault, question: Question, *, stream: bool) -> Case:
    """Return a mishap with a certain fault, put to the question."""
    as_it_was = _mirrors(question) and fault.malformed is not None
    return Case(
        kind=chosen.kind,
        question=msgspec.structs.replace(question, fault=fault, stream=stream),
        ends=_SEEN if as_it_was else chosen.ends,
        status=_told_status(fault.status or 0, question.client),
        usage=fault.usage,
        giant_bytes=fault.giant_bytes or 0,
        as_it_was=as_it_was,
    )


def _told_status(status: int, client: Client) -> int:
    """The status that the client of a dialect hears: 529 is Anthropic's own."""
    return 503 if status == 529 and client != "messages" else status


def _provider(question: Question) -> Provider:
    return next(provider for provider in PROVIDERS if question.model.endswith(provider))


def _mirrors(question: Question) -> bool:
    client: Client | Provider = question.client
    return client == _provider(question)
