"""The fake provider's answers before anything goes wrong with them: the heads that each vendor puts around a body.

Opens nothing. What is said is decided in `fake_desk`, what goes wrong in `fake_damage`.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from sluice.gateway.ports import Request
from sluice.testing.fake_chunks import CHAT
from sluice.testing.fake_converse import CONVERSE
from sluice.testing.fake_damage import Draft
from sluice.testing.fake_doors import Door, Vendor
from sluice.testing.fake_fault import Fault, InBand, Kind
from sluice.testing.fake_gemini import ARRAY_TYPE, GEMINI
from sluice.testing.fake_messages import MESSAGES
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_responses import RESPONSES
from sluice.testing.fake_rules import Rule
from sluice.testing.fake_voice import Voice
from sluice.wire.http1 import Header

VOICES: dict[Vendor, Voice] = {
    "openai": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "gemini": GEMINI,
    "converse": CONVERSE,
}
_JSON: Header = (b"content-type", b"application/json")
_TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")


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
    faults: tuple[Rule, ...] = ()
    """What goes wrong with which answers; the first rule that matches is taken."""
    never_accept: bool = False
    """Listen, and let nobody in."""


class Drafts:
    """Puts heads around bodies, as fast as `options` says."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @property
    def latency_ms(self) -> int:
        """What an answer says of its own latency."""
        return int(self._options.first_token_s * 1000)

    def stream(self, request: Request, door: Door, events: Iterable[bytes], together: int) -> Draft:
        """Return a stream. The first `together` events leave with the first token."""
        kind = ARRAY_TYPE if door.form == "array" else VOICES[door.vendor].stream_type
        return Draft(
            vendor=door.vendor,
            kind=kind_of(door),
            events=events,
            headers=[(b"content-type", kind), (b"cache-control", b"no-cache"), *self._own(request, door)],
            first_s=self._options.first_token_s,
            gap_s=self._options.gap_s,
            together=together,
        )

    def whole(self, request: Request, door: Door, body: bytes, *, wait_s: float = 0.0) -> Draft:
        """Return an answer in one piece, after so many seconds."""
        headers = [_JSON, *self._own(request, door)]
        return Draft(vendor=door.vendor, kind="whole", events=[body], headers=headers, first_s=wait_s)

    def refused(self, request: Request, door: Door, refusal: Refusal) -> Draft:
        """Return an error in the vendor's own shape."""
        voice = VOICES[door.vendor]
        body = voice.refuse(refusal, _request_id(request), door.form)
        headers = [_JSON, *self._own(request, door), *voice.error_headers(refusal)]
        return Draft(vendor=door.vendor, kind="whole", events=[body], headers=headers, status=refusal.status)

    def instead(self, request: Request, door: Door, fault: Fault) -> Draft:
        """Return what a fault puts in the place of the answer: a status, and a body or the vendor's own error."""
        status = fault.status or 200
        draft = self.refused(request, door, Refusal(status, InBand().message))
        if fault.body is msgspec.UNSET:
            return draft
        text = isinstance(fault.body, str)
        body = fault.body.encode() if isinstance(fault.body, str) else msgspec.json.encode(fault.body)
        vendors = draft.headers[1:] if status >= 400 else self._own(request, door)
        return msgspec.structs.replace(draft, events=[body], headers=[_TEXT if text else _JSON, *vendors])

    def _own(self, request: Request, door: Door) -> list[Header]:
        """What stands on every answer of the vendor."""
        voice = VOICES[door.vendor]
        own = [(voice.request_id, _request_id(request).encode()), *voice.headers]
        return [*own, (b"openai-processing-ms", b"%d" % self.latency_ms)] if door.vendor == "openai" else own


def kind_of(door: Door) -> Kind:
    """Return how an address streams."""
    return "frames" if door.vendor == "converse" else "array" if door.form == "array" else "sse"


def _request_id(request: Request) -> str:
    """The same request has the same id."""
    return "req_" + hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()[:32]
