"""Values of JSON as attributes of spans: plain ones, and lists of one plain kind; the rest as the text of its JSON.

Source: OpenTelemetry, common specification, attribute (read 2026-11-21). Maps are no attributes for most backends.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sluice.telemetry.line import compact

Attribute = str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]
Attributes = dict[str, Attribute]

_MOST: Final = (1 << 63) - 1
"""Integers are of 64 bits."""


def attribute(value: object) -> Attribute:
    """Return a value of JSON as an attribute."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()  # protobuf takes UTF-8 only
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) <= _MOST):
        return value
    if isinstance(value, list) and value and _alike(value):
        return [attribute(item) for item in value]  # type: ignore[return-value]  # all are of one plain kind
    return compact(value)


def size(attributes: Mapping[str, object]) -> int:
    """How much room attributes take: the characters of their texts."""
    chars = 0
    for value in attributes.values():
        if type(value) is str:
            chars += len(value)
        elif type(value) is list:
            chars += sum(len(item) for item in value if type(item) is str)
    return chars


def _alike(items: list[object]) -> bool:
    """Whether a list is one of texts, of truths or of numbers."""
    kind = type(items[0])
    if kind not in (str, bool, int, float) or any(type(item) is not kind for item in items):
        return False
    return kind is not int or all(isinstance(item, int) and abs(item) <= _MOST for item in items)
