"""What comes of asking a service about texts: the words in which gateway and relay speak of it.

Who is asked, and in which form, is configuration (`config/judging.py`) and the services' own (`providers/judge_*.py`).
Guarantee of whoever answers with one of these: every text that was asked about has been judged, each by itself or
together with the others; a verdict never covers a part of them.
"""

from typing import Literal

import msgspec

from sluice.policies.guards import Rejection

Side = Literal["request", "response"]


class Pass(msgspec.Struct, frozen=True):
    """The texts may go on as they are."""


class Changed(msgspec.Struct, frozen=True):
    """The texts may go on like this: as many as were asked about, in their order. An empty one is left out."""

    texts: tuple[str, ...]


class Rejected(msgspec.Struct, frozen=True):
    """Nothing of the texts may go on."""

    rejection: Rejection
    reason: str = ""
    """The service's own word for it. For logs: it may quote what was asked, so it never goes to the client."""


Verdict = Pass | Changed | Rejected

PASS = Pass()


class JudgeFailed(Exception):
    """There is no verdict: the service was not reached, was too slow, refused, or answered what it should not. Whether
    the texts may go on then is the guard's to say (`fails_open`). The message names no address, key or text."""
