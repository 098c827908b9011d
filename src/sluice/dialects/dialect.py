"""What a dialect can do. Everything above this room knows dialects only by these protocols."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from sluice.chat.events import Event
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest
from sluice.errors import Refused, SluiceError
from sluice.wire.sse import Frame


class StreamDecoder(Protocol):
    """Frames of a provider's stream to events. One per stream."""

    def decode(self, frame: Frame) -> Sequence[Event]:
        """Return the events of the next frame, perhaps none.

        Raises:
            ProtocolError: the frame is not what the dialect allows. The decoder stays usable: mirror mode goes on.
        """
        ...


class StreamEncoder(Protocol):
    """Events to the bytes of a client's stream. One per stream; it cannot write an illegal order."""

    def encode(self, event: Event) -> bytes:
        """Return the frames for the next event of a legal answer, perhaps none. `Ended` writes the success marker."""
        ...


@runtime_checkable
class Dialect(Protocol):
    """One published API, read and written."""

    @property
    def module_id(self) -> str: ...

    def read_request(self, body: bytes) -> ChatRequest:
        """Read a client's request.

        Raises:
            BadRequest: the body is not what the API asks for; `param` names the place.
        """
        ...

    def write_request(self, request: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
        """Write a request for a provider. `model` replaces the request's unless empty; `ask_usage` adds the wish
        for usage on a stream."""
        ...

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

    def write_answer(self, answer: Answer) -> bytes:
        """Write a whole answer for a client."""
        ...

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        """Write the list of models, given as (name, who serves it)."""
        ...

    def read_error(self, status: int, body: bytes) -> Refused:
        """Read a provider's non-2xx answer; never raises."""
        ...

    def write_error(self, error: SluiceError) -> bytes:
        """Write an error as a whole body in the client's shape (JSON)."""
        ...

    def write_stream_error(self, error: SluiceError) -> bytes:
        """Write an error as one whole event; nothing may follow it."""
        ...
