"""The address at which the fake provider tells what it saw: `sluice fake --inspect HOST:PORT`. JSON over HTTP/1.1.

    GET  /seen[?tag=&model=&path=]   the last requests, newest last (`Sight`)
    GET  /connections                the last connections (`ConnectionSight`)
    POST /reset                      forget both, and count rules anew

Who can reach it can read what the fake was asked: it belongs on the loopback interface.
"""

from urllib.parse import parse_qs

import msgspec

from sluice.errors import SluiceError
from sluice.gateway.ports import ClientStream, Request
from sluice.testing.fake_line import Line
from sluice.testing.fake_lines import Lines
from sluice.testing.fake_provider import FakeProvider

LOOPBACK = "127.0.0.1"
_METHODS = {"/seen": "GET", "/connections": "GET", "/reset": "POST"}
_FILTERS = frozenset(["tag", "model", "path"])
_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


def address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `:PORT` or `PORT`; a host that is not named is the loopback.

    Raises:
        ValueError: it is none of them.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else ""
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host or LOOPBACK, int(port)


class Inspection:
    """Tells what one fake provider saw. `await start()`, and `await close()` at the end."""

    def __init__(self, fake: FakeProvider) -> None:
        self._fake = fake
        self._lines = Lines(self._serve, lambda line, request: None)

    async def start(self, host: str = LOOPBACK, port: int = 0) -> int:
        """Listen, and return the port.

        Raises:
            OSError: the address cannot be listened on.
        """
        return await self._lines.start(host, port)

    async def close(self) -> None:
        """Listen no longer, and cut every connection."""
        await self._lines.close()

    def _serve(self, line: Line, request: Request, client: ClientStream, error: SluiceError | None) -> None:
        status, found = (error.status, _problem(str(error))) if error is not None else self._answer(request)
        body = msgspec.json.encode(found) + b"\n"
        allow = ((b"allow", _METHODS[request.path].encode()),) if status == 405 else ()
        client.start(status, (*_HEADERS, *allow), len(body))
        client.finish(body)

    def _answer(self, request: Request) -> tuple[int, object]:
        method = _METHODS.get(request.path)
        if method is None:
            return 404, _problem(f"there are {', '.join(_METHODS)}")
        if request.method != method:
            return 405, _problem(f"{request.path} is asked with {method}")
        asked = parse_qs(request.query, keep_blank_values=True)
        if unknown := sorted(set(asked) - (_FILTERS if request.path == "/seen" else set())):
            return 400, _problem(f"{request.path} has no filter {unknown[0]!r}")
        match request.path:
            case "/seen":
                only = {name: values[-1] for name, values in asked.items()}
                return 200, self._fake.seen_of(tag=only.get("tag"), model=only.get("model"), path=only.get("path"))
            case "/connections":
                return 200, self._fake.connections
        return 200, {"forgotten": self._fake.reset()}


def _problem(sentence: str) -> dict[str, str]:
    return {"error": sentence}
