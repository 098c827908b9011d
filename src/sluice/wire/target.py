"""The path and the method of a request: what may be served, and in which one spelling.

A path is brought into one spelling before anything is chosen or decided by it, and goes on in it: a rule about
`/internal` could else be walked round with `/%69nternal` or `//internal`, which backends take for the same. An encoded
slash is another matter: `%2F` is data of a segment (RFC 3986, 2.2), of a model's name for one, and crosses as it is, as
`;x` does; but who decides by a path has to look at it as many backends read it: with a slash, and without parameters.
Obeys: RFC 3986, 3.3 and 6.2.2; RFC 9110, 9.3.8 (read 2026-11-21).
"""

import re
from typing import Final

DOTS: Final = re.compile(r"(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\;]|%2f|%5c|$)", re.IGNORECASE)
"""`.` and `..` as segments, however they are written, parameters behind them: joined to a provider's base path they
would lead out of it."""
_RTSP: Final = "DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER REDIRECT RECORD FLUSH"
OTHER_METHODS: Final = frozenset(["CONNECT", "TRACE", "PRI", "SOURCE", *_RTSP.split()])
"""Methods of forward proxies, ICE and RTSP; and TRACE, whose answer would show a client what the gateway has added."""

_UNRESERVED: Final = re.compile(r"%(2d|2e|3[0-9]|4[1-9a-f]|5[0-9a]|5f|6[1-9a-f]|7[0-9a]|7e)", re.IGNORECASE)
_SLASHES: Final = re.compile(r"/{2,}")
_PARAMETERS: Final = re.compile(r";[^/]*")
_ENCODED_SLASH: Final = re.compile(r"%(?:2f|5c)", re.IGNORECASE)


def has_dots(path: str) -> bool:
    """Return whether a path has dot segments."""
    return ("." in path or "%" in path) and DOTS.search(path) is not None


def spelt(path: str) -> str:
    """Return a path, without its query, in its one spelling: what needs no percent-encoding has none, and there are no
    empty segments."""
    if "%" in path:
        path = _UNRESERVED.sub(lambda match: chr(int(match[1], 16)), path)
    return _SLASHES.sub("/", path) if "//" in path else path


def as_read(path: str) -> str:
    """Return a path as backends read it that decode slashes and backslashes before they look for segments, and leave
    out what follows a `;` in one."""
    if "%" not in path and ";" not in path:
        return path
    return _SLASHES.sub("/", _ENCODED_SLASH.sub("/", _PARAMETERS.sub("", path)))
