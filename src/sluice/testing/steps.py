"""The words of a playbook: what happens to a relay, and what has to follow from it. Values; `playbook` plays them."""

from collections.abc import Callable

import msgspec

from sluice.errors import UpstreamError
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.outcome import Outcome, OutcomeKind


class _Step(msgspec.Struct, frozen=True):
    """A line of the script."""


class Feed(_Step, frozen=True):
    data: bytes


class Eof(_Step, frozen=True):
    pass


class Broke(_Step, frozen=True):
    error: UpstreamError


class ClientGone(_Step, frozen=True):
    pass


class Cut(_Step, frozen=True):
    outcome: Outcome


class Resume(_Step, frozen=True):
    verdict: Verdict | JudgeFailed


class At(_Step, frozen=True):
    seconds: float


class Tick(_Step, frozen=True):
    pass


class Sent(_Step, frozen=True):
    data: bytes


class SentThat(_Step, frozen=True):
    what: str
    check: Callable[[bytes], bool]


class Ended(_Step, frozen=True):
    kind: OutcomeKind
    code: str
    status: int


class Asked(_Step, frozen=True):
    judge: str
    texts: tuple[str, ...]


Happening = Feed | Eof | Broke | ClientGone | Cut | Resume | At | Tick
Expectation = Sent | SentThat | Asked | Ended


def feed(data: bytes) -> Feed:
    """The next bytes of the provider's body come."""
    return Feed(data)


def eof() -> Eof:
    """The provider's body is complete, as far as HTTP can tell."""
    return Eof()


def broke(error: UpstreamError) -> Broke:
    """The provider's body will not be complete."""
    return Broke(error)


def client_gone() -> ClientGone:
    """The client closes its connection."""
    return ClientGone()


def cut(outcome: Outcome) -> Cut:
    """The server ends the exchange."""
    return Cut(outcome)


def resume(verdict: Verdict | JudgeFailed) -> Resume:
    """The question that was asked is answered."""
    return Resume(verdict)


def at(seconds: float) -> At:
    """From here on it is this monotonic second. Nothing else happens; to wake the relay, add `tick()`."""
    return At(seconds)


def tick() -> Tick:
    """The relay's deadline may have passed."""
    return Tick()


def send(data: bytes) -> Sent:
    """Exactly these bytes go to the client."""
    return Sent(data)


def send_that(what: str, check: Callable[[bytes], bool]) -> SentThat:
    """Bytes go to the client of which `check` holds; `what` says it in words, for the diff."""
    return SentThat(what, check)


def ask(judge: str, *texts: str) -> Asked:
    """The judge of this name is asked about these texts."""
    return Asked(judge, texts)


def end(kind: OutcomeKind, *, code: str = "", status: int = 0) -> Ended:
    """The exchange is over, in this way; `code` and `status` of its error are compared unless empty and 0."""
    return Ended(kind, code, status)
