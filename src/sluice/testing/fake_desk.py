"""What the fake provider answers to which request: one Script each, with its fault, before any twist.

Opens nothing. Which address is whose stands in `fake_doors`; here all of them are treated alike.
"""

from collections.abc import Callable, Iterable
from itertools import chain, islice
from urllib.parse import parse_qs

import msgspec

from sluice.errors import SluiceError
from sluice.gateway.ports import Request
from sluice.testing import fake_damage, fake_doors, fake_models, fake_request, fake_rerank, fake_vectors
from sluice.testing.fake_asked import Asked
from sluice.testing.fake_chunks import answering_model
from sluice.testing.fake_damage import Draft
from sluice.testing.fake_doors import DIALECTS, Door
from sluice.testing.fake_drafts import VOICES, Drafts, Options, kind_of
from sluice.testing.fake_fault import Fault, InBand, refused
from sluice.testing.fake_fault import read as read_fault
from sluice.testing.fake_filler import Flood
from sluice.testing.fake_refusal import UNREADABLE, Refusal
from sluice.testing.fake_replay import Recording, recordings
from sluice.testing.fake_reply import lengthened, reply
from sluice.testing.fake_rules import Rules
from sluice.testing.fake_script import Script
from sluice.testing.fake_voice import Speech, Told
from sluice.wire.json_values import at_most_values, count_values

__all__ = ["FAULT_HEADER", "Answer", "Desk", "Options"]

_NO_FAULT = Fault()
FAULT_HEADER = b"x-fake-fault"
"""A request's header that says what goes wrong with its answer, as JSON."""

MAX_VALUES = 60_000
"""Elements of lists and members of objects in one request: they are read one by one, perhaps in the process of a
gateway, where nobody else has a turn meanwhile. Twice as many as a gateway reads, for a translation adds some."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered, and what of the request is worth remembering."""

    script: Script
    dialect: str
    model: str
    stream: bool
    tag: str


class Desk:
    """Turns requests into scripts. `wall` gives seconds since 1970.

    Raises:
        ValueError: one of `options.replay` is no recorded stream, or two are of one dialect.
    """

    def __init__(self, options: Options, wall: Callable[[], float]) -> None:
        self._options = options
        self._wall = wall
        self._drafts = Drafts(options)
        self.rules = Rules(options.faults)
        replayed = options.replay
        if isinstance(replayed, bytes):
            replayed = (replayed,) if replayed else ()
        self._recordings = recordings(replayed)

    def answer(self, request: Request) -> Script:
        """Return the usual answer to a request, refusals included."""
        return self.serve(request).script

    def serve(self, request: Request, given: Fault | None = None, error: SluiceError | None = None) -> Answer:
        """Return the answer to a request, with what goes wrong with it: `given`, else what the request prescribes, its
        header says, or a rule says. `error`: it is not fit to be read."""
        door = fake_doors.find(request)
        asked = in_header = refusal = None
        try:
            if error is not None:
                raise Refusal(error.status, str(error))
            self._check(request, door)
            _check_values(request.body)
            in_header = _in_header(request)
            asked = VOICES[door.vendor].read(request.body, door.model) if door.action == "generate" else None
        except Refusal as found:
            refusal = found
        wanted = None if asked is None else asked.wanted
        own = given or (None if wanted is None else wanted.fault) or in_header
        model = asked.model if asked is not None else door.model or fake_request.model_named(request.body)
        ruled = self.rules.pick(DIALECTS[door.vendor], request.path, model, free=own is None)
        fault = own or ruled or _NO_FAULT
        try:
            draft = self._draft(request, door, asked, fault, refusal)
        except Refusal as found:
            draft = self._drafts.refused(request, door, found)
            fault = msgspec.structs.replace(_NO_FAULT, tag=fault.tag) if refusal is None else fault
        return Answer(
            script=fake_damage.script(draft, fault),
            dialect=DIALECTS[door.vendor],
            model=model,
            stream=_streams(door, asked),
            tag=fault.tag,
        )

    def _check(self, request: Request, door: Door) -> None:
        fake_doors.check_key(request, door, self._options.key)
        if door.action == "none":
            raise Refusal(404, f"Invalid URL ({request.method} {request.path})")
        _check_method(request, door)
        _check_version(request, door)

    def _draft(self, request: Request, door: Door, asked: Asked | None, fault: Fault, refusal: Refusal | None) -> Draft:
        """The answer before anything goes wrong with it, unless the fault puts another in its place."""
        if fault.instead:
            return self._drafts.instead(request, door, fault)
        if refusal is not None:
            raise refusal
        if asked is not None:
            return self._generated(request, door, asked, fault)
        match door.action:
            case "models":
                return self._drafts.whole(request, door, fake_models.listed(door, self._options.model, request.query))
            case "model":
                return self._drafts.whole(request, door, fake_models.shown(door, self._options.model, answering_model))
            case "embeddings":
                return self._drafts.whole(
                    request, door, fake_vectors.embeddings(request.body, door, self._options.model)
                )
            case "rerank":
                return self._drafts.whole(request, door, fake_rerank.reranked(request.body, door))
        count = VOICES[door.vendor].count
        assert count is not None
        return self._drafts.whole(request, door, count(request.body, door.model))

    # -- generated answers --------------------------------------------------------------------------------------------

    def _generated(self, request: Request, door: Door, asked: Asked, fault: Fault) -> Draft:
        streams = _streams(door, asked)
        kind = kind_of(door) if streams else "whole"
        if sentence := refused(fault, kind):
            raise Refusal(400, f"The fault cannot be done here: {sentence}.")
        recording = self._recordings.get((door.vendor, streams and door.form == "array"))
        if recording is not None:
            return self._replay(request, door, recording, fault, stream=streams)
        failing = asked.wanted.error if asked.wanted is not None else None
        if failing is not None and not (streams and failing.after is not None):
            return self._drafts.refused(request, door, Refusal(failing.status, failing.message))
        if fault.error is not None and not streams:
            return self._drafts.refused(request, door, Refusal(fault.error.status, fault.error.message))
        voice = VOICES[door.vendor]
        flood = Flood(fault.flood_bytes, voice.echoes) if fault.flood_bytes is not None and streams else None
        giants = (fault.giant_bytes, None if streams else fault.flood_bytes)
        said = lengthened(reply(asked), giants, flood)
        writer = voice.speak(asked, said, self._told(door, asked))
        if not streams:
            tokens = max(choice.tokens for choice in said.choices)
            return self._drafts.whole(request, door, writer.whole(), wait_s=self._after(tokens))
        chunks: Iterable[bytes] = writer.stream()
        if failing is not None:
            failure = (writer.failure(refusal) for refusal in [Refusal(failing.status, failing.message)])
            chunks = chain(islice(chunks, failing.after), failure)
        draft = self._drafts.stream(request, door, chunks, writer.opening)
        return msgspec.structs.replace(draft, fail=_failure(writer), flood=flood)

    def _told(self, door: Door, asked: Asked) -> Told:
        model = self._options.model or answering_model(asked.model)
        return Told(model=model, created=int(self._wall()), form=door.form, latency_ms=self._drafts.latency_ms)

    def _replay(self, request: Request, door: Door, recording: Recording, fault: Fault, *, stream: bool) -> Draft:
        if fault.error or fault.giant_bytes or fault.flood_bytes:
            raise Refusal(400, "The fault cannot be done here: this answer is a recording, and nothing is put into it.")
        if stream:
            return self._drafts.stream(request, door, recording.events, 1)
        return self._drafts.whole(request, door, recording.whole, wait_s=self._after(len(recording.events)))

    def _after(self, tokens: int) -> float:
        """Seconds until the last of so many tokens."""
        return self._options.first_token_s + self._options.gap_s * max(0, tokens - 1)


def _streams(door: Door, asked: Asked | None) -> bool:
    return asked is not None and (asked.stream if door.stream is None else door.stream)


def _failure(writer: Speech) -> Callable[[InBand], bytes]:
    return lambda error: writer.failure(Refusal(error.status, error.message))


def _in_header(request: Request) -> Fault | None:
    text = request.header(FAULT_HEADER)
    if text is None:
        return None
    try:
        return read_fault(text.encode("latin-1"))
    except UNREADABLE as error:
        raise Refusal(400, f"The fault in the header {FAULT_HEADER.decode()} cannot be read: {error}") from None


def _check_values(body: bytes) -> None:
    if not at_most_values(body, MAX_VALUES) and count_values(body, MAX_VALUES) > MAX_VALUES:
        raise Refusal(400, f"The request holds too many values: at most {MAX_VALUES} elements and members are allowed.")


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
