"""What a client is told whose request or answer was rejected before anything of an answer was sent.

Guarantee: a configured message is the body, byte for byte, and it has a content type that fits it. Without one the
default sentence goes into the error of the client's own dialect. The error's own sentence, which is what is logged, is
always the default one: services that reject quote what they found.
Obeys: stream-life 10.4, labs C5 and D2.
"""

import msgspec

from sluice.errors import GuardRejected
from sluice.policies.guards import REQUEST_MESSAGE, RESPONSE_MESSAGE, Rejection
from sluice.policies.judges import Side

Header = tuple[bytes, bytes]

CONTENT_TYPE = b"content-type"
_DEFAULT: dict[Side, str] = {"request": REQUEST_MESSAGE, "response": RESPONSE_MESSAGE}


def error_of(rejection: Rejection, side: Side) -> GuardRejected:
    """Return the error that says a rejection; its headers are all that the rejection wants to have on the answer."""
    message = rejection.message
    headers = {} if message is None else {CONTENT_TYPE: [content_type(message)]}
    change = rejection.headers
    headers |= {_bytes(name): [_bytes(value)] for name, value in change.set}
    for name, value in change.add:
        headers.setdefault(_bytes(name), []).append(_bytes(value))
    for name in change.remove:
        headers.pop(_bytes(name), None)
    return GuardRejected(
        _DEFAULT[side],
        status=rejection.status,
        body=message,
        headers=tuple((name, value) for name, values in headers.items() for value in values),
    )


def content_type(body: str) -> bytes:
    """Return the type of a body of an operator's: JSON if it is an object or an array, else plain text."""
    if body.lstrip()[:1] in ("{", "["):
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
        else:
            return b"application/json"
    return b"text/plain" if body.isascii() else b"text/plain; charset=utf-8"


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
