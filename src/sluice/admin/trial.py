"""The page's form: one streaming request to our own front door, and the times of all that came back.

It goes the way of any client, through an ordinary socket, with the key that was typed and no other: what it may do is
what whoever typed it may do. It is refused to every page but ours and to whoever is not on this machine, since to a
policy that looks at addresses it comes from here. The key is neither kept nor logged.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Literal

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sluice import __version__
from sluice.admin.callers import of_another_page, of_this_machine
from sluice.admin.house import House
from sluice.admin.places import Places, Seated
from sluice.admin.plan_map import Front
from sluice.admin.timeline import Timeline
from sluice.errors import SluiceError
from sluice.gateway.ports import Upstream, UpstreamStream
from sluice.wire import http1
from sluice.wire.http1 import Header

MAX_ASKED_BYTES = 256 << 10
"""Of what the form sends."""
MAX_TRIALS = 4
"""At the same time."""
CONNECT_S = 5.0
MAX_S = 900.0
"""Of one, all in all."""
_TOO_LONG = f"it took longer than {MAX_S:g} seconds"
_PATH = re.compile(r"/[!-~]{0,2000}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
_KEY = re.compile(r"[!-~]{0,4000}")


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the form says."""

    port: int
    path: str
    dialect: Literal["chat", "messages"] = "chat"
    model: str = ""
    prompt: str
    host: str = ""
    key: str = ""
    max_tokens: int = 1024

    def wrong(self) -> str:
        """Return what cannot be sent, in words; empty = nothing."""
        if not _PATH.fullmatch(self.path):
            return "the path has to begin with / and to be percent-encoded"
        if self.host and not _HOST.fullmatch(self.host):
            return "the host is no name"
        if not _KEY.fullmatch(self.key):
            return "the key has characters that no header can have"
        return ""

    def bytes(self, front: Front) -> bytes:
        """Return the HTTP request. Call `wrong` before."""
        body: dict[str, object] = {"messages": [{"role": "user", "content": self.prompt}], "stream": True}
        if self.model:
            body["model"] = self.model
        if self.dialect == "messages":
            body["max_tokens"] = self.max_tokens
        else:
            body["stream_options"] = {"include_usage": True}
        data = msgspec.json.encode(body)
        host = self.host or front.host
        headers: list[Header] = [
            (b"host", f"{host}:{front.port}".encode()),
            (b"user-agent", f"sluice-live-page/{__version__}".encode()),
            (b"accept", b"text/event-stream"),
            (b"accept-encoding", b"identity"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(data)),
            (b"connection", b"close"),
        ]
        if self.dialect == "messages":
            headers.append((b"anthropic-version", b"2023-06-01"))
        if self.key and self.dialect == "messages":
            headers.append((b"x-api-key", self.key.encode()))
        elif self.key:
            headers.append((b"authorization", b"Bearer " + self.key.encode()))
        return b"POST %b HTTP/1.1\r\n%b\r\n%b" % (self.path.encode(), http1.fields(headers), data)


class Trials:
    """One per house. `run` answers a request of the form."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._places = Places(MAX_TRIALS)

    async def run(self, request: Request) -> Response:
        """Send what the form says, and stream back what comes of it: one JSON object to a line (see `timeline`)."""
        refused = _refused(request)
        if refused is not None:
            return refused
        try:
            wish = msgspec.json.decode(await _body(request), type=Wish)
        except (msgspec.DecodeError, ValueError) as error:
            return _no(400, str(error))
        except ClientDisconnect:
            return _no(400, "the request broke off")
        if wrong := wish.wrong():
            return _no(400, wrong)
        there = await self._house.plan_map()
        front = None if there is None else next((front for front in there.fronts if front.port == wish.port), None)
        if front is None:
            return _no(400, f"this gateway does not listen on port {wish.port}")
        if self._places.full:  # asked last: nothing is awaited between this and the answer that takes a place
            return _no(429, f"{MAX_TRIALS} are under way already")
        trial = Trial(self._house.knock, wish, front)
        return Seated(self._places, trial.lines(), "application/x-ndjson", trial.close)


class Trial:
    """One request. `close` gives up what is left of it."""

    def __init__(self, knock: Upstream, wish: Wish, front: Front) -> None:
        self._knock = knock
        self._wish = wish
        self._front = front
        self._stream: UpstreamStream | None = None

    async def lines(self) -> AsyncIterator[bytes]:
        wish, front = self._wish, self._front
        timeline = Timeline(wish.dialect, time.monotonic)
        try:
            async with asyncio.timeout(MAX_S) as patience:
                endpoint = front.endpoint(wish.host or front.host)
                self._stream = stream = await self._knock.open(
                    endpoint, wish.bytes(front), expects_body=True, connect_s=CONNECT_S, headers_s=0.0
                )
            timeline.begin(stream.head)
            stream.attach(timeline)
        except (SluiceError, TimeoutError) as error:
            timeline.give_up(str(error) or _TOO_LONG)
        while not timeline.over:
            try:
                async with asyncio.timeout_at(patience.when()):
                    said = await timeline.lines()
            except TimeoutError:
                timeline.give_up(_TOO_LONG)
            else:
                yield said

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close(complete=False)


def _refused(request: Request) -> Response | None:
    if of_another_page(request):
        return _no(403, "other pages may not ask this")
    if not of_this_machine(request):
        return _no(403, "this form works only from the machine that the gateway runs on")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # what a form of another page can send without being asked for it first
        return _no(415, "the body has to be application/json")
    return None


async def _body(request: Request) -> bytes:
    """
    Raises:
        ValueError: it is too large.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_ASKED_BYTES:
            raise ValueError(f"the request is larger than {MAX_ASKED_BYTES} bytes")
    return body


def _no(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=status)
