"""What an expression comes to, as a value of JSON: for log lines, labels and attributes of spans.

Guarantee: what is returned can be written as JSON; nothing is raised.
"""

import base64
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeGuard

from sluice.policies import cel_text

Spread = Callable[[str, object], Iterator[tuple[str, object]]]
"""Tells which names and values a value becomes under a name."""
NOT_JSON: Final = object()
"""In place of what JSON has no value for."""
MAX_DEPTH = 64
"""Of lists and maps in each other; deeper ones have no value."""


def json_value(value: object, depth: int = MAX_DEPTH) -> object:
    """Return a value of CEL's types as one of JSON, NOT_JSON if there is none: bytes that are no text in base64, a time
    as RFC 3339, a duration as `1.5s`. In a list or a map what has none is null. A map's names are sorted: CEL's maps
    have no order, and what is the same shall look the same."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else NOT_JSON
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
    if depth and isinstance(value, Mapping):
        named = {_name(name): item for name, item in value.items()}
        return {name: _inner(named[name], depth) for name in sorted(named)}
    if depth and isinstance(value, list | tuple):
        return [_inner(item, depth) for item in value]
    return NOT_JSON


def _inner(value: object, depth: int) -> object:
    found = json_value(value, depth - 1)
    return None if found is NOT_JSON else found


def _name(name: object) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


# -- maps that become several names -----------------------------------------------------------------------------------


def spread(text: str) -> Spread:
    """Return how the value of an expression is shown: as it is, or, if all of it is a call of `flatten`, each member
    under a name of its own, `name.member`; of `flattenRecursive`, members of members too. A list's members are
    numbered from 0. Obeys: agentgateway, schema/cel-functions.md (read 2026-11-21)."""
    code = cel_text.bare(text).strip()
    for function, deep in (("flattenRecursive", True), ("flatten", False)):
        if code.startswith(function) and _is_one_call(code[len(function) :].lstrip()):
            return partial(_spread, deep=deep)
    return _as_it_is


def _is_one_call(code: str) -> bool:
    """Whether the first parenthesis closes where the code ends."""
    depth = 0
    for at, character in enumerate(code):
        depth += (character == "(") - (character == ")")
        if depth <= 0:
            return character == ")" and at == len(code) - 1
    return False


def _as_it_is(name: str, value: object) -> Iterator[tuple[str, object]]:
    yield name, value


def _spread(name: str, value: object, *, deep: bool) -> Iterator[tuple[str, object]]:
    if not _has_members(value):
        yield name, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if item is not None:
            yield from _spread(f"{name}.{key}", item, deep=True) if deep else [(f"{name}.{key}", item)]


def _has_members(value: object) -> TypeGuard[dict[str, object] | list[object]]:
    return isinstance(value, dict | list)
