"""What the fake provider answers to which request: one Script each, before any twist.

Opens nothing. Obeys: platform.openai.com/docs/api-reference/chat and /models, read 2026-11-21.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator

import msgspec

from sluice.errors import SluiceError
from sluice.gateway.ports import Request
from sluice.testing import fake_request
from sluice.testing.fake_chunks import Writer, answering_model, model_row
from sluice.testing.fake_replay import Recording
from sluice.testing.fake_reply import reply
from sluice.testing.fake_request import Refusal
from sluice.testing.fake_script import Pause, Script, paced
from sluice.wire.http1 import Header

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo", "fake")
"""What `/v1/models` lists; any other model is served as well."""

_CHAT = frozenset({"/v1/chat/completions", "/chat/completions"})
_MODELS = frozenset({"/v1/models", "/models"})
_JSON: Header = (b"content-type", b"application/json")
_EVENT_STREAM: Header = (b"content-type", b"text/event-stream; charset=utf-8")

_KEYS = "You can find your API key at https://platform.openai.com/account/api-keys."
_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the "
    "API from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a fake provider is told at its start."""

    first_token_s: float = 0.0
    """Time to the first token."""
    gap_s: float = 0.0
    """Time between two chunks after it; 0 = as fast as the client reads. A whole answer takes as long as a stream."""
    key: str = ""
    """Requests need it as a bearer token; empty = every request is served."""
    replay: bytes = b""
    """A recorded stream that answers every chat request, byte for byte."""
    model: str = ""
    """Answer under this name; empty = under the requested one, or its dated name if it is well known."""
    remember: int = 256
    """How many past requests are kept."""


class Desk:
    """Turns requests into scripts. `wall` gives seconds since 1970.

    Raises:
        ValueError: `options.replay` is no recorded stream.
    """

    def __init__(self, options: Options, wall: Callable[[], float]) -> None:
        self._options = options
        self._wall = wall
        self._recording = Recording(options.replay) if options.replay else None

    def answer(self, request: Request) -> Script:
        """Return the usual answer to a request, refusals included."""
        try:
            return self._answer(request)
        except Refusal as refusal:
            script = self._whole(request, refusal.body, refusal.status)
            return msgspec.structs.replace(script, headers=[*script.headers, *refusal.headers])

    def refuse(self, error: SluiceError, request: Request) -> Script:
        """Return the answer to a request that is not fit to be read."""
        return self._whole(request, Refusal(error.status, str(error)).body, error.status)

    def _answer(self, request: Request) -> Script:
        self._check_key(request)
        path = request.path
        root, _, model = path.rpartition("/")
        if path in _CHAT:
            _only("POST", request)
            return self._chat(request)
        if path in _MODELS:
            _only("GET", request)
            return self._whole(request, _encode({"object": "list", "data": [model_row(name) for name in self._listed]}))
        if root in _MODELS:
            _only("GET", request)
            return self._model(request, model)
        raise Refusal(404, f"Invalid URL ({request.method} {path})")

    def _check_key(self, request: Request) -> None:
        if not self._options.key:
            return
        scheme, _, given = (request.header(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise Refusal(401, _NO_KEY)
        if not hmac.compare_digest(given.encode(), self._options.key.encode()):
            shown = f"{given[:8]}***{given[-4:]}" if len(given) > 16 else "***"
            raise Refusal(401, f"Incorrect API key provided: {shown}. {_KEYS}", code="invalid_api_key")

    @property
    def _listed(self) -> tuple[str, ...]:
        return (self._options.model,) if self._options.model else MODELS

    def _model(self, request: Request, name: str) -> Script:
        if name not in self._listed and name not in map(answering_model, self._listed):
            raise Refusal(404, f"The model '{name}' does not exist", code="model_not_found", param="model")
        return self._whole(request, _encode(model_row(name)))

    # -- chat ---------------------------------------------------------------------------------------------------------

    def _chat(self, request: Request) -> Script:
        asked, seed = fake_request.read(request.body)
        if self._recording is not None:
            return self._replay(request, self._recording, stream=bool(asked.stream))
        said = reply(asked, seed)
        model = self._options.model or answering_model(asked.model)
        writer = Writer(asked, said, model=model, created=int(self._wall()))
        if asked.stream:
            # The first token of each choice leaves together with the choice's role.
            return self._stream(request, paced(writer.stream(), self._first_s, self._gap_s, 2 * len(said.choices)))
        tokens = max(choice.tokens for choice in said.choices)
        return self._whole(request, writer.whole(), wait_s=self._first_s + self._gap_s * max(0, tokens - 1))

    def _replay(self, request: Request, recording: Recording, *, stream: bool) -> Script:
        if stream:
            return self._stream(request, paced(recording.events, self._first_s, self._gap_s))
        wait_s = self._first_s + self._gap_s * (len(recording.events) - 1)
        return self._whole(request, recording.whole, wait_s=wait_s)

    @property
    def _first_s(self) -> float:
        return self._options.first_token_s

    @property
    def _gap_s(self) -> float:
        return self._options.gap_s

    # -- scripts ------------------------------------------------------------------------------------------------------

    def _stream(self, request: Request, chunks: Iterator[bytes | Pause]) -> Script:
        return Script(chunks=chunks, headers=[_EVENT_STREAM, (b"cache-control", b"no-cache"), *self._own(request)])

    def _whole(self, request: Request, body: bytes, status: int = 200, *, wait_s: float = 0.0) -> Script:
        waiting = [Pause(wait_s)] if wait_s else []
        return Script(chunks=[*waiting, body], status=status, headers=[_JSON, *self._own(request)], length=len(body))

    def _own(self, request: Request) -> list[Header]:
        """What stands on every answer of the provider. The same request has the same id."""
        digest = hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()
        return [
            (b"x-request-id", b"req_" + digest[:32].encode()),
            (b"openai-version", b"2020-10-01"),
            (b"openai-processing-ms", b"%d" % (self._first_s * 1000)),
        ]


_encode = msgspec.json.encode


def _only(method: str, request: Request) -> None:
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        message = f"Not allowed to {request.method} on {request.path}. (HINT: Perhaps you meant to use {method}?)"
        raise Refusal(405, message, code="method_not_supported", headers=((b"allow", method.encode()),))
