"""How many JSON values a chat request may hold. They are read one by one, and while they are, nobody else has a turn:
the bytes of a body, which have a bound of their own, say little about how long that lasts.
"""

import msgspec

from sluice.dialects.reading import ABSENT, UNREADABLE, explain
from sluice.errors import BadRequest
from sluice.wire.json_values import at_most_values, count_values

MAX_VALUES = 30_000
"""Elements of lists and members of objects, at any depth: 10,000 messages of a role and a text, or 2,000 calls of tools
with their results. To read and to translate them takes a quarter of a second; with a higher bound one request would
hold up all others, and the probes, for longer."""
MAX_CARRIED = 150_000
"""Of all, those that cross unread among them: more than the context of any model has room for."""

_CARRIED = frozenset(
    [
        *("arguments", "input", "args", "response", "action", "operation"),
        *("parameters", "parametersJsonSchema", "parameters_json_schema", "input_schema", "schema"),
        *("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema"),
    ]
)
"""Members whose inside is the caller's own, in any dialect: arguments of calls, what tools gave, schemas. Nobody reads
them value by value, but for Gemini's schemas, of which a value costs two microseconds. A body's own member of such a
name, as `input` is, is read."""


class _Body(msgspec.Struct):
    """Members that hold much, if any do."""

    messages: msgspec.Raw = ABSENT
    input: msgspec.Raw = ABSENT
    contents: msgspec.Raw = ABSENT
    system: msgspec.Raw = ABSENT
    tools: msgspec.Raw = ABSENT
    functions: msgspec.Raw = ABSENT
    metadata: msgspec.Raw = ABSENT
    stop: msgspec.Raw = ABSENT


_read_all = msgspec.json.Decoder(dict[str, object]).decode
_read_body = msgspec.json.Decoder(_Body).decode


def check_values(body: bytes) -> None:
    """Pass unless a body holds more values than can be read without holding up others. Call it before it is read.

    Cost: none for a body that is shorter than MAX_VALUES, else as `at_most_values`; for one of more values 10 ms a
    megabyte, and up to 50 ms.

    Raises:
        BadRequest: it does, and `param` is the member that holds most of them, if one does; or what it holds cannot be
        known.
    """
    if at_most_values(body, MAX_VALUES):
        return
    found = count_values(body, MAX_CARRIED)
    if found <= MAX_VALUES:
        return
    try:
        members = _read_body(body)
    except UNREADABLE as error:
        if found > MAX_CARRIED:
            raise explain(error, body) from None
        return  # whoever reads it says better what is wrong, and where
    if found > MAX_CARRIED:
        raise _too_many(body, members, MAX_CARRIED)
    try:
        read = _read_one_by_one(_read_all(body))
    except UNREADABLE as error:
        raise explain(error, body) from None
    if read > MAX_VALUES:
        raise _too_many(body, members, MAX_VALUES)


def _read_one_by_one(body: dict[str, object]) -> int:
    found, left = len(body), list(body.values())
    while left:
        value = left.pop()
        if isinstance(value, dict):
            found += len(value)
            left += [inner for name, inner in value.items() if name not in _CARRIED]
        elif isinstance(value, list):
            found += len(value)
            left += value
    return found


def _too_many(body: bytes, members: _Body, most: int) -> BadRequest:
    commas = {name: bytes(getattr(members, name)).count(b",") for name in _Body.__struct_fields__}
    name = max(commas, key=commas.__getitem__)
    known = 2 * commas[name] > body.count(b",")
    what = f"'{name}'" if known else "request"
    message = f"Invalid {what}: too many values. At most {most} elements and members are allowed in a request."
    return BadRequest(message, param=name if known else None)
