"""One request of the load: what is asked, how its client behaves, what it must see, how its record may end. Pure."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from bench.soak.asked import Question
from sluice.relay.outcome import OutcomeKind

Saw = Literal["complete", "failure", "refused", "left", "cut", "wrong"]
"""What became of an answer in its client's eyes: whole and right; a failure that was told; 503 because there was no
room; given up by the client himself; cut because he did not read; or something that must not be."""

COMPLETED: frozenset[OutcomeKind] = frozenset(["completed"])
SHED: frozenset[OutcomeKind] = frozenset(["shed"])
BROKEN: frozenset[OutcomeKind] = frozenset(["upstream_error", "upstream_truncated"])
"""How a provider's failure is recorded where there are two good names for it."""


class Reads(msgspec.Struct, frozen=True, tag=True):
    """Reads everything as it comes."""


class Leaves(msgspec.Struct, frozen=True, tag=True):
    """Closes the connection after so many seconds, or resets it once the answer has begun."""

    after_s: float
    reset: bool


class Trickles(msgspec.Struct, frozen=True, tag=True):
    """Reads a little, waits, and reads on."""

    every_s: float


class Deaf(msgspec.Struct, frozen=True, tag=True):
    """Reads nothing for so many seconds."""

    for_s: float


Behaviour = Reads | Leaves | Trickles | Deaf


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One request. What is not in `ends` must not be seen."""

    kind: str
    """Under which it is counted."""
    question: Question | None
    """None = `raw` is sent as it is."""
    raw: tuple[str, bytes, Mapping[str, str]] = ("", b"", {})
    """Path, body and headers of a request that is wrong."""
    behaviour: Behaviour = Reads()
    ends: Mapping[Saw, frozenset[OutcomeKind]]
    """What the client may see, and which outcomes a record may then have."""
    status: int = 0
    """Of a failure that has one; 0 = any."""
    usage: bool = True
    """The provider tells it."""
    giant_bytes: int = 0
    """Added to the text."""
    floods: bool = False
    """An unknown number of pieces is added to the text."""
    as_it_was: bool = False
    """Something that is no JSON may reach the client as it is: he sees it himself."""
