"""Services that judge text: what each is asked, and what its answer means.

A `Form` is one service's published API: configuration and format in one. It knows neither where the service is nor its
credential, and what follows from a finding is a guard's to say.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar

import msgspec

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Texts that are to be judged together."""

    texts: tuple[str, ...]
    roles: tuple[str, ...]
    """Who says each of them: `system`, `user`, `assistant`, `tool`."""
    context: tuple[str, ...] = ()
    """What was said right before each text, and has been judged already; empty = nothing was, or it is not known."""
    side: Literal["request", "response"] = "request"


class Question(msgspec.Struct, frozen=True):
    """A POST request of JSON."""

    path: str
    """Below the service's address, with its query."""
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Fine(msgspec.Struct, frozen=True):
    """Nothing was found."""


class Masked(msgspec.Struct, frozen=True):
    """What was found is taken out of the texts: as many as were asked about."""

    texts: tuple[str, ...]


class Flagged(msgspec.Struct, frozen=True):
    """Something was found that must not pass."""

    reason: str = ""
    """In the service's own words."""
    status: int | None = None
    """The status of the answer that says so, if the service decides it."""
    body: str | None = None
    """Its body, likewise."""


class Apart(msgspec.Struct, frozen=True):
    """Something was found that can be taken out, but not said in which of the texts: ask for each by itself."""


Finding = Fine | Masked | Flagged | Apart

FINE = Fine()
APART = Apart()


class BadAnswer(ValueError):
    """The service's answer says nothing that can be relied on. The message does not quote it."""


class Form(Protocol):
    """One service's API. Immutable."""

    def questions(self, asked: Asked) -> Sequence[Question]:
        """Return what to ask, all of it; one at least."""
        ...

    def read(self, asked: Asked, bodies: Sequence[bytes]) -> Finding:
        """Return what the bodies of the answers mean, all of status 2xx, in the order of the questions. Never `Apart`
        for one text.

        Raises:
            BadAnswer: they are not what the API promises.
        """
        ...


def read_with(decode: Callable[[bytes], T], body: bytes) -> T:
    """Return an answer's body, decoded.

    Raises:
        BadAnswer: it is no JSON, or not of the shape that it should have.
    """
    try:
        return decode(body)
    except UNREADABLE:
        raise BadAnswer("it did not answer with the JSON that its API promises") from None


def pieces(texts: Sequence[str], size: int) -> list[str]:
    """Return the texts, longer ones cut into pieces of this many characters; empty ones are left out. Pieces overlap by
    a tenth, so that what is cut by one end stands whole in the next."""
    step = max(1, size - size // 10)
    return [
        text[start : start + size]
        for text in texts
        for start in (range(0, max(1, len(text) - size + step), step) if text else ())
    ]
