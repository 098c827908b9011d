"""How much a chat request may hold. Its values are read one by one, and while they are, nobody else has a turn: the
bytes of a body, which have a bound of their own, say little about how long that lasts.
"""

from collections.abc import Collection

import msgspec

from sluice.chat import seal
from sluice.dialects.reading import ABSENT, UNREADABLE, explain
from sluice.errors import BadRequest
from sluice.wire.json_values import at_most_values, count_values

MAX_VALUES = 30_000
"""Elements of lists and members of objects, at any depth: 10,000 messages of a role and a text, or 2,000 calls of tools
with their results. To read and to translate them takes a quarter of a second; with a higher bound one request would
hold up all others, and the probes, for longer."""
MAX_CARRIED = 400_000
"""Of all, those that cross unread among them. To tell them from those that are read, all are built once: 10 ms for
numbers, 140 ms and 40 MB for one object of so many names. Where guards look, they are built once more, for 70 to 350
ms. That is the reason for the bound: contexts of millions of tokens have room for more of the smallest ones."""
MAX_SCHEMA_VALUES = 150_000
"""Of these, those in schemas. Gemini's are translated value by value: a microsecond each."""

_SCHEMAS = frozenset(
    [
        *("parameters", "parametersJsonSchema", "parameters_json_schema", "input_schema", "schema"),
        *("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema"),
    ]
)
_CARRIED = _SCHEMAS | {"arguments", "input", "args", "response", "action", "operation", "logprobs", "top_logprobs"}
"""Members whose inside is the caller's own, in any dialect: arguments of calls, what tools gave, schemas; and log
probabilities, which come back with the answers of Responses. Of them Gemini's schemas alone are read value by value. A
body's own member of such a name, as `input` is, is read."""


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
_MARK = seal.MARK.encode()


def check_values(body: bytes) -> None:
    """Pass unless a body holds more, in values or in tokens of reasoning, than can be read without holding up others.
    Call it before it is read.

    Cost: two searches for a body that is shorter than MAX_VALUES, else as `at_most_values` too; for one of more values
    10 ms a megabyte, and up to 140 ms and 40 MB to tell which are read. For one with tokens up to 80 ms more, as
    `seal.hold_too_much`, and what they cost to read: where every value that a request may have is one of a token's, it
    is read and translated in a quarter of a second all the same.

    Raises:
        BadRequest: it does, and `param` is the member that holds most of them, if one does; or what it holds cannot be
        known.
    """
    whole = None if at_most_values(body, MAX_VALUES) else _check_number(body)
    marked = _MARK in body
    if not marked and (b"\\" not in body or rb"\u00" not in body):
        return  # nearly always
    if (marked and seal.hold_too_much(body)) or (seal.escaped(body) and seal.hold_too_much(_texts(body, whole))):
        raise BadRequest(
            "Invalid request: too much reasoning comes back in signatures and ids of tool calls. At most "
            f"{seal.MAX_HELD_BYTES >> 20} MiB and {seal.MAX_HELD_PARTS} parts of it are allowed in a request."
        )


def _check_number(body: bytes) -> dict[str, object] | None:
    """Return the body, if it had to be read whole."""
    found = count_values(body, MAX_CARRIED)
    if found <= MAX_VALUES:
        return None
    try:
        members = _read_body(body)
    except UNREADABLE as error:
        if found > MAX_CARRIED:
            raise explain(error, body) from None
        return None  # whoever reads it says better what is wrong, and where
    if found > MAX_CARRIED:
        raise _too_many(body, members, MAX_CARRIED)
    whole = _read(body)
    schemas: list[object] = []
    if _held(list(whole.values()), MAX_VALUES - len(whole), _CARRIED, schemas) > MAX_VALUES - len(whole):
        raise _too_many(body, members, MAX_VALUES)
    if _held(schemas, MAX_SCHEMA_VALUES, (), []) > MAX_SCHEMA_VALUES:
        raise _too_many(body, members, MAX_SCHEMA_VALUES)
    return whole


def _read(body: bytes) -> dict[str, object]:
    try:
        return _read_all(body)
    except UNREADABLE as error:
        raise explain(error, body) from None


def _held(left: list[object], enough: int, carried: Collection[str], schemas: list[object]) -> int:
    """How many values some values hold, but for those that are carried, of which `schemas` gets the schemas. Counting
    ends where there are more than `enough`."""
    found = 0
    while left and found <= enough:
        value = left.pop()
        if isinstance(value, dict):
            found += len(value)
            left += [inner for name, inner in value.items() if name not in carried]
            if carried:
                schemas += [value[name] for name in value.keys() & _SCHEMAS]
        elif isinstance(value, list):
            found += len(value)
            left += value
    return found


def _texts(body: bytes, whole: dict[str, object] | None) -> bytes:
    """The texts of a body that hold tokens, as they are read."""
    found: list[bytes] = []
    left: list[object] = [_read(body) if whole is None else whole]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if seal.MARK in value:
                found.append(value.encode())
        elif isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
    return b'"'.join(found)


def _too_many(body: bytes, members: _Body, most: int) -> BadRequest:
    commas = {name: bytes(getattr(members, name)).count(b",") for name in _Body.__struct_fields__}
    name = max(commas, key=commas.__getitem__)
    known = 2 * commas[name] > body.count(b",")
    what = f"'{name}'" if known else "request"
    message = f"Invalid {what}: too many values. At most {most} elements and members are allowed in a request."
    return BadRequest(message, param=name if known else None)
