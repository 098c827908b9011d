"""What one exchange is watched for because an operator's logs, metrics or traces name it: what its client was sent, and
what the answer said. An exchange of a plan that names neither has no witness.

Guarantee: MAX_BYTES of a body at most, `…` where it was cut off; nothing is decoded before somebody asks.
"""

from codecs import utf_8_decode
from collections.abc import Iterable, Sequence
from typing import Literal

from sluice.gateway.ports import ClientObserver, ClientStream
from sluice.policies.cel_text import members
from sluice.relay.transcript import CUT, Transcript
from sluice.wire.http1 import Header

Want = Literal["reply", "transcript"]
"""`reply`: the head and the bytes that the client is sent. `transcript`: what the answer says."""
Wants = frozenset[Want]

MAX_BYTES = 64 << 10
_OF_REPLY = frozenset(["headers", "body", "bodyPrefix"])
_SAID_IN_REPLY = frozenset(["serviceTier", "countTokens"])
_OF_TRANSCRIPT = frozenset(["completion", "toolCalls"])


def wanted(expressions: Iterable[str]) -> Wants:
    """Return what has to be watched for these expressions: in doubt more than they look at."""
    found: set[Want] = set()
    for text in expressions:
        if _looks_at(text, "response", _OF_REPLY) or _looks_at(text, "llm", _SAID_IN_REPLY):
            found.add("reply")
        if _looks_at(text, "llm", _OF_TRANSCRIPT):
            found.add("transcript")
    return frozenset(found)


def _looks_at(text: str, variable: str, wanted: frozenset[str]) -> bool:
    seen = members(text, variable)
    return seen is None or bool(seen & wanted)


class Witness:
    """Of one exchange."""

    __slots__ = ("_body", "_cut", "_wants", "headers", "transcript")

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._body = bytearray()
        self._cut = False
        self.headers: Sequence[Header] | None = None
        """That the client was sent; None = none yet, or nobody wants to see them."""
        self.transcript: Transcript | None = None
        """Of the answer that was begun last; None = there is none, or nobody wants to see it."""

    def watches(self, client: ClientStream) -> ClientStream:
        """Return the client's answer to write to from now on."""
        return Watched(client, self) if "reply" in self._wants else client

    def listens(self) -> Transcript | None:
        """An answer begins: return where to note what it says. What an earlier one said was not given."""
        self.transcript = Transcript() if "transcript" in self._wants else None
        return self.transcript

    def note(self, data: bytes) -> None:
        """The client was sent these bytes of a body."""
        room = MAX_BYTES - len(self._body)
        if len(data) > room:
            self._cut = True
            data = data[:room]
        self._body += data

    def text(self) -> str:
        """The body that the client was sent: of a stream its frames.

        Raises:
            ValueError: it is no text.
        """
        return prefix_of(self._body, cut=self._cut)


def prefix_of(body: bytes | bytearray, *, cut: bool = False) -> str:
    """Return the beginning of a body as text. `cut`: there was more of it.

    Raises:
        ValueError: it is no text.
    """
    if len(body) <= MAX_BYTES and not cut:
        return body.decode()
    text, _ = utf_8_decode(body[:MAX_BYTES], "strict", False)  # what stands last may be half a character
    return text + CUT


class Watched:
    """A client's answer; a witness sees what is written to it. See `ClientStream`."""

    __slots__ = ("_client", "_witness")

    def __init__(self, client: ClientStream, witness: Witness) -> None:
        self._client, self._witness = client, witness

    @property
    def observer(self) -> ClientObserver | None:
        return self._client.observer

    @observer.setter
    def observer(self, observer: ClientObserver | None) -> None:
        self._client.observer = observer

    def start(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        self._witness.headers = headers
        self._client.start(status, headers, length)

    def write(self, data: bytes) -> None:
        self._witness.note(data)
        self._client.write(data)

    def finish(self, data: bytes = b"") -> bool:
        self._witness.note(data)
        return self._client.finish(data)

    def unread(self) -> int:
        return self._client.unread()

    def abort(self) -> None:
        self._client.abort()
