"""What a dialect can do. Everything above this room knows dialects only by these protocols."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

import msgspec

from sluice.chat.caching import PromptCaching
from sluice.chat.carry import Carry
from sluice.chat.conversation import Conversation
from sluice.chat.events import Event, FinishReason
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest, Framing
from sluice.errors import Refused, SluiceError
from sluice.wire.sse import Frame

PING: Final[list[Event]] = []
"""The events of a frame of data that says nothing but that the connection lives: this list itself, so that to tell such
a frame from others without events costs nothing. Never added to."""


class StreamDecoder(Protocol):
    """Frames of a provider's stream to events. One per stream."""

    def decode(self, frame: Frame) -> Sequence[Event]:
        """Return the events of the next frame, perhaps none; `PING` itself if it is on the dialect's closed list of
        frames that say nothing of the answer.

        Raises:
            ProtocolError: the frame is not what the dialect allows. The decoder stays usable: mirror mode goes on, and
                passes the frame on. Never raised of one that a client would take for the answer's end: that is `Failed`
                if it cannot be read, so that no client is told of two ends.
        """
        ...

    def finish(self) -> Sequence[Event]:
        """The body has ended, cleanly or not: return `Ended` if this dialect has no terminator of its own and the
        answer has finished, else nothing."""
        ...

    def only_usage(self, frame: Frame) -> bool:
        """Whether a frame that reports usage says nothing else at all, in members of any name: a mirror may leave it
        out for clients who did not ask. Called for such frames alone."""
        ...

    def failure(self, error: SluiceError) -> bytes:
        """Return the error as one whole event that may follow what was decoded so far, for a client who was sent the
        provider's own frames; nothing may follow it."""
        ...


class StreamEncoder(Protocol):
    """Events to the bytes of a client's stream. One per stream; it cannot write an illegal order.

    `Ended` writes the success marker, `Failed` the error as one whole event; nothing may follow either.
    """

    def encode(self, event: Event) -> bytes:
        """Return the frames for the next event of a legal answer, perhaps none."""
        ...


class Field(msgspec.Struct, frozen=True):
    """What a translation does with a member of a client's body: `read`, `dropped` or `refused`, and why. A row of
    docs/reference/translation.md."""

    how: str
    why: str = ""
    feature: str = ""
    """The feature (`chat.carry`) that this member asks for, if there is one."""


class Shape(msgspec.Struct, frozen=True):
    """How a client of a dialect is shown an answer: what of it is read as one text."""

    ordered: bool = True
    """Texts, reasoning and calls are parts in one order. Otherwise each is a member of its own, and what stands between
    two pieces of one says nothing."""
    refusals_are_text: bool = False
    """A refusal has no place of its own."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of a dialect: what the docs print is what the code runs on."""

    title: str
    """The API's name, for people."""
    source: str
    """Vendor page and the day it was read."""
    fields: Mapping[str, Field] = {}
    """Members of a client's body. One that is not in here cannot be translated: 400. Empty = no client speaks it."""
    carries: Mapping[str, Carry] = {}
    """What a provider of this dialect can be asked: every feature of `chat.carry.FEATURES`."""
    finish_read: Mapping[str, FinishReason] = {}
    """The provider's words for the end, and ours. Others count as `stop`; of an answer that says it is incomplete, as
    `length`."""
    finish_written: Mapping[FinishReason, str] = {}
    headers: tuple[tuple[str, str], ...] = ()
    """On every chat request in this dialect, whoever serves it."""
    shape: Shape = Shape()
    """Of an answer to a client."""
    keep_alive: bytes = b""
    """What tells a client in the midst of a stream, between two events, that it still lives, and nothing else. Its own
    official client must skip it."""
    query: frozenset[str] = frozenset()
    """Parameters of a client's address, whole (`beta=true`), that cross to a provider of the same dialect."""


@runtime_checkable
class Dialect(Protocol):
    """One published API, read and written. A dialect that no client speaks raises NotImplementedError where a client
    would be read or answered."""

    @property
    def module_id(self) -> str: ...

    @property
    def facts(self) -> Facts: ...

    # -- requests -----------------------------------------------------------------------------------------------------

    def read_request(
        self, body: bytes, *, model: str = "", stream: bool | None = None, framing: Framing = "sse"
    ) -> ChatRequest:
        """Read a client's request: what routing and the record need, the rest untouched. `model` and `stream` are
        what the address says, for APIs whose addresses do; None = the body says.

        Raises:
            BadRequest: the body is not what the API asks for; `param` names the place.
        """
        ...

    def write_request(self, request: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
        """Write a client's request for a provider of the same dialect: the client's own members, byte for byte, but
        for the model (unless empty), `stream` where the request's differs from its body's, and the wish for usage."""
        ...

    def read_conversation(self, request: ChatRequest) -> Conversation:
        """Read the whole of a request, for a provider of another dialect.

        Raises:
            BadRequest: it holds what cannot be translated, or what this API does not allow; `param` names the place.
        """
        ...

    def write_conversation(self, conversation: Conversation, *, model: str, stream: bool, ask_usage: bool) -> bytes:
        """Write a request that came in another dialect. Applies `facts.carries` first.

        Raises:
            BadRequest: something of it cannot be said in this dialect.
        """
        ...

    def enrich(
        self, request: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]
    ) -> ChatRequest:
        """Return the request with messages, given as (role, text), before and after its own. What a role `system` is
        in this dialect is its business; of the raw `fields` nothing else changes."""
        ...

    def cached(self, request: ChatRequest, caching: PromptCaching) -> ChatRequest:
        """Return the request with marks for a provider of the same dialect that let it keep the prompt's beginning;
        unchanged where the API has no marks, or nothing is worth one."""
        ...

    # -- answers ------------------------------------------------------------------------------------------------------

    def decoder(self, *, keep_leftovers: bool) -> StreamDecoder:
        """Return a decoder for one stream. Leftovers cost a second decode per frame: mirror mode does without."""
        ...

    def encoder(self, request: ChatRequest) -> StreamEncoder:
        """Return an encoder for one stream to the client who sent this request."""
        ...

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        """Read a provider's whole answer as the events of a legal and complete stream, or as `Failed` alone.

        Raises:
            ProtocolError: it is not an answer of this API.
        """
        ...

    def write_answer(self, answer: Answer, request: ChatRequest) -> bytes:
        """Write a whole answer for the client who sent this request."""
        ...

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        """Write the list of models, given as (name, who serves it)."""
        ...

    # -- errors -------------------------------------------------------------------------------------------------------

    def read_error(self, status: int, body: bytes) -> Refused:
        """Read a provider's non-2xx answer; never raises."""
        ...

    def error_status(self, error: SluiceError) -> int:
        """The HTTP status of an error in this dialect: 529 is 503 where the vendor has no such status."""
        ...

    def write_error(self, error: SluiceError) -> bytes:
        """Write an error as a whole body in the client's shape (JSON). Its words follow `error_status`."""
        ...
