"""What the fake provider answers to which request: one Script each, before any twist.

Opens nothing. Which address is whose stands in `fake_doors`; here all of them are treated alike.
"""

import hashlib
from collections.abc import Callable, Iterable
from itertools import chain, islice
from urllib.parse import parse_qs

import msgspec

from sluice.errors import SluiceError
from sluice.gateway.ports import Request
from sluice.testing import fake_doors, fake_models, fake_rerank, fake_vectors
from sluice.testing.fake_asked import Asked
from sluice.testing.fake_chunks import CHAT, answering_model
from sluice.testing.fake_converse import CONVERSE
from sluice.testing.fake_doors import Door, Vendor
from sluice.testing.fake_gemini import ARRAY_TYPE, GEMINI
from sluice.testing.fake_messages import MESSAGES
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_replay import Recording, recordings
from sluice.testing.fake_reply import reply
from sluice.testing.fake_responses import RESPONSES
from sluice.testing.fake_script import Pause, Script, paced
from sluice.testing.fake_voice import Told, Voice
from sluice.wire.http1 import Header

_VOICES: dict[Vendor, Voice] = {
    "openai": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "gemini": GEMINI,
    "converse": CONVERSE,
}
_JSON: Header = (b"content-type", b"application/json")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a fake provider is told at its start."""

    first_token_s: float = 0.0
    """Time to the first token."""
    gap_s: float = 0.0
    """Time between two chunks after it; 0 = as fast as the client reads. A whole answer takes as long as a stream."""
    key: str = ""
    """Requests need it, in their vendor's header; empty = every request is served."""
    replay: bytes | tuple[bytes, ...] = b""
    """Recorded streams: each answers every request of its dialect, byte for byte."""
    model: str = ""
    """Answer under this name; empty = under the requested one, or its dated name if it is well known."""
    remember: int = 256
    """How many past requests are kept."""


class Desk:
    """Turns requests into scripts. `wall` gives seconds since 1970.

    Raises:
        ValueError: one of `options.replay` is no recorded stream, or two are of one dialect.
    """

    def __init__(self, options: Options, wall: Callable[[], float]) -> None:
        self._options = options
        self._wall = wall
        replayed = options.replay
        if isinstance(replayed, bytes):
            replayed = (replayed,) if replayed else ()
        self._recordings = recordings(replayed)

    def answer(self, request: Request) -> Script:
        """Return the usual answer to a request, refusals included."""
        door = fake_doors.find(request)
        try:
            return self._answer(request, door)
        except Refusal as refusal:
            return self._refused(request, door, refusal)

    def refuse(self, error: SluiceError, request: Request) -> Script:
        """Return the answer to a request that is not fit to be read."""
        return self._refused(request, fake_doors.find(request), Refusal(error.status, str(error)))

    def _answer(self, request: Request, door: Door) -> Script:
        fake_doors.check_key(request, door, self._options.key)
        if door.action == "none":
            raise Refusal(404, f"Invalid URL ({request.method} {request.path})")
        _check_method(request, door)
        _check_version(request, door)
        match door.action:
            case "models":
                return self._whole(request, door, fake_models.listed(door, self._options.model, request.query))
            case "model":
                return self._whole(request, door, fake_models.shown(door, self._options.model, answering_model))
            case "count":
                return self._counted(request, door)
            case "embeddings":
                return self._whole(request, door, fake_vectors.embeddings(request.body, door, self._options.model))
            case "rerank":
                return self._whole(request, door, fake_rerank.reranked(request.body, door))
        return self._generated(request, door)

    def _counted(self, request: Request, door: Door) -> Script:
        count = _VOICES[door.vendor].count
        assert count is not None
        return self._whole(request, door, count(request.body, door.model))

    # -- generated answers --------------------------------------------------------------------------------------------

    def _generated(self, request: Request, door: Door) -> Script:
        asked = _VOICES[door.vendor].read(request.body, door.model)
        streams = asked.stream if door.stream is None else door.stream
        recording = self._recordings.get((door.vendor, streams and door.form == "array"))
        if recording is not None:
            return self._replay(request, door, recording, stream=streams)
        failing = asked.wanted.error if asked.wanted is not None else None
        if failing is not None and not (streams and failing.after is not None):
            raise Refusal(failing.status, failing.message)
        said = reply(asked)
        writer = _VOICES[door.vendor].speak(asked, said, self._told(door, asked))
        if not streams:
            tokens = max(choice.tokens for choice in said.choices)
            return self._whole(request, door, writer.whole(), wait_s=self._after(tokens))
        chunks: Iterable[bytes] = writer.stream()
        if failing is not None:
            failure = (writer.failure(refusal) for refusal in [Refusal(failing.status, failing.message)])
            chunks = chain(islice(chunks, failing.after), failure)
        return self._stream(request, door, chunks, writer.opening)

    def _told(self, door: Door, asked: Asked) -> Told:
        model = self._options.model or answering_model(asked.model)
        return Told(model=model, created=int(self._wall()), form=door.form, latency_ms=self._latency_ms)

    def _replay(self, request: Request, door: Door, recording: Recording, *, stream: bool) -> Script:
        if stream:
            return self._stream(request, door, recording.events, 1)
        return self._whole(request, door, recording.whole, wait_s=self._after(len(recording.events)))

    def _after(self, tokens: int) -> float:
        """Seconds until the last of so many tokens."""
        return self._options.first_token_s + self._options.gap_s * max(0, tokens - 1)

    @property
    def _latency_ms(self) -> int:
        return int(self._options.first_token_s * 1000)

    # -- scripts ------------------------------------------------------------------------------------------------------

    def _stream(self, request: Request, door: Door, chunks: Iterable[bytes], together: int) -> Script:
        kind = ARRAY_TYPE if door.form == "array" else _VOICES[door.vendor].stream_type
        headers = [(b"content-type", kind), (b"cache-control", b"no-cache"), *self._own(request, door)]
        return Script(chunks=paced(chunks, self._options.first_token_s, self._options.gap_s, together), headers=headers)

    def _whole(self, request: Request, door: Door, body: bytes, *, wait_s: float = 0.0) -> Script:
        waiting = [Pause(wait_s)] if wait_s else []
        return Script(chunks=[*waiting, body], headers=[_JSON, *self._own(request, door)], length=len(body))

    def _refused(self, request: Request, door: Door, refusal: Refusal) -> Script:
        voice = _VOICES[door.vendor]
        body = voice.refuse(refusal, _request_id(request), door.form)
        headers = [_JSON, *self._own(request, door), *voice.error_headers(refusal)]
        return Script(chunks=[body], status=refusal.status, headers=headers, length=len(body))

    def _own(self, request: Request, door: Door) -> list[Header]:
        """What stands on every answer of the vendor."""
        voice = _VOICES[door.vendor]
        own = [(voice.request_id, _request_id(request).encode()), *voice.headers]
        return [*own, (b"openai-processing-ms", b"%d" % self._latency_ms)] if door.vendor == "openai" else own


def _request_id(request: Request) -> str:
    """The same request has the same id."""
    return "req_" + hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()[:32]


def _check_method(request: Request, door: Door) -> None:
    if request.method != door.method and not (door.method == "GET" and request.method == "HEAD"):
        hint = f"(HINT: Perhaps you meant to use {door.method}?)"
        message = f"Not allowed to {request.method} on {request.path}. {hint}"
        raise Refusal(405, message, code="method_not_supported", headers=((b"allow", door.method.encode()),))


def _check_version(request: Request, door: Door) -> None:
    """The version of its API that a vendor wants to be told."""
    if door.vendor == "messages" and door.form != "vertex" and request.header(b"anthropic-version") is None:
        raise Refusal(400, "anthropic-version: header is required")
    if door.form == "azure" and not parse_qs(request.query).get("api-version"):
        raise Refusal(404, "Resource not found", code="404")
