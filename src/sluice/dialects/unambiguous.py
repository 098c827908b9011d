"""JSON of which two readers cannot read two things: no member stands twice in one object.

Most readers take the last of two members, some the first; whoever judges one of them has not judged what the other
reader sees. Obeys: RFC 8259, 4 (names SHOULD be unique), stream-life 6.
"""

import json
import re

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.errors import BadRequest

_NAME = re.compile(rb'[\s,{]*("(?:[^"\\]|\\.)*")\s*:\s*', re.DOTALL)
_BEHIND = b" \t\r\n,}"
"""What may stand behind a member's value."""
_MAX_SHOWN = 64

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_name = msgspec.json.Decoder(str).decode


def value_of(raw: msgspec.Raw, name: str) -> object:
    """Decode a member of the body; numbers keep their bytes.

    Raises:
        BadRequest: a member stands twice in one of its objects, it is nested too deeply, or it is no JSON.
    """
    try:
        text = bytes(raw).decode()
        value: object = json.loads(text, object_pairs_hook=_object, parse_int=_number, parse_float=_number)
    except _Twice as error:
        raise _twice(str(error), f"one object of '{name}'", name) from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.", param=name) from None
    except ValueError:
        raise BadRequest(f"'{name}' is not valid JSON.", param=name) from None
    return value


def check_members(body: bytes) -> None:
    """Pass if each member of a body stands in it once; what its members hold is `value_of`'s to check.

    A reader that takes the last of two says how long each value is, so that the body need not be read twice: a value
    that is not the one that was read is the first of two. Cost: O(n), a megabyte in a millisecond.

    Raises:
        BadRequest: one stands twice, or the body is no JSON object.
    """
    try:
        last = _read_members(body)
    except UNREADABLE:
        raise BadRequest("The body is not a JSON object.") from None
    seen: set[str] = set()
    at = 0
    while (begun := _NAME.match(body, at)) is not None:
        name = _read_name(begun[1])
        value, at = bytes(last[name]), begun.end()
        end = at + len(value)
        if name in seen or not body.startswith(value, at) or body[end : end + 1] not in _BEHIND:
            raise _twice(name, "the body", name)
        seen.add(name)
        at = end


def _twice(name: str, where: str, param: str) -> BadRequest:
    shown = name[:_MAX_SHOWN]
    return BadRequest(f"The member '{shown}' stands twice in {where}.", param=param[:_MAX_SHOWN])


class _Twice(Exception):
    """An object has two members of one name."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Twice(name)
            seen.add(name)
    return members


def _number(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
