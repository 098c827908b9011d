"""Headers that an operator sets, adds and removes: of a request on its way to a backend, of an answer on its way to the
client.

Guarantee: what frames a message, what belongs to one connection, and what names the exchange cannot be touched; no
value can begin a line of its own. An operator's header reaches the other side although headers.py does not know it.
Obeys: Gateway API 1.4, HTTPHeaderFilter; RFC 9110, 5.3, 5.5 and 7.6.1 (read 2026-11-21).
"""

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from sluice.policies.guards import HeaderChange
from sluice.policies.headers import Header

Side = Literal["request", "response"]

MAX_VALUE_BYTES: Final = 8 << 10
"""Of one value. Many servers refuse a head beyond that."""

FRAMING: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""They say where a message ends, how its body is coded, and what holds for one connection."""
_WHY: Final[dict[Side, dict[str, str]]] = {
    "request": {
        "host": "the host has policies of its own, `urlRewrite.hostname` and `hostRewrite`",
        "expect": "the gateway has the whole body before it asks",
    },
    "response": {"x-request-id": "it is the id that the log shows"},
}
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change as bytes, names in lower case: an operator's words, or what their expressions came to."""

    set: tuple[Header, ...] = ()
    add: tuple[Header, ...] = ()
    remove: tuple[bytes, ...] = ()


def as_bytes(change: HeaderChange) -> Change:
    """Return a change of a file, ready to be made."""
    return Change(
        set=tuple((name.encode("latin-1"), value.encode()) for name, value in change.set),
        add=tuple((name.encode("latin-1"), value.encode()) for name, value in change.add),
        remove=tuple(name.encode("latin-1") for name in change.remove),
    )


def changed(headers: Iterable[Header], change: Change) -> list[Header]:
    """Return headers, names in lower case, after a change.

    `set` replaces all fields of its name, in the first one's place or at the end; `add` is one more field, which means
    the same as one more value after a comma and is right for `set-cookie` too.
    """
    gone, news = set(change.remove), dict(change.set)
    result: list[Header] = []
    for field in headers:
        name = field[0]
        if name in gone:
            continue
        if name in news:
            field = (name, news.pop(name))
            gone.add(name)
        result.append(field)
    return [*result, *news.items(), *change.add]


def check_name(name: str, side: Side) -> None:
    """Check that an operator may name a header.

    Raises:
        ValueError: it is no header's name, or of one that nobody may touch.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("expected the name of a header")
    if name.lower() in FRAMING:
        raise ValueError(f"`{name}` cannot be changed: it frames the message")
    if why := _WHY[side].get(name.lower()):
        raise ValueError(f"`{name}` cannot be changed: {why}")


def settable(field: Header) -> bool:
    """Return whether a service that is asked about a request may have this header set in it."""
    try:
        check_name(field[0].decode("latin-1"), "request")
    except ValueError:
        return False
    return fits(field[1])


def check_value(value: str) -> None:
    """Check a value of a file.

    Raises:
        ValueError: it cannot be sent.
    """
    if not fits(value.encode("utf-8", "surrogatepass")):
        raise ValueError(f"a header's value has no control characters and {MAX_VALUE_BYTES} bytes at most")


def fits(value: bytes) -> bool:
    """Return whether a value can be sent as it is: no CR, LF, NUL or other control character, and not too long."""
    return len(value) <= MAX_VALUE_BYTES and _VALUE.fullmatch(value) is not None
