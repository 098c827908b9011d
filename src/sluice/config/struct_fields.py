"""The fields of a struct, worked out once: msgspec reads its annotations anew each time, which took half of the time of
loading a configuration."""

from functools import cache

import msgspec
from msgspec.structs import FieldInfo


def fields_of(value: msgspec.Struct | type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """Return the fields of a struct, or of its type, in their order."""
    return _fields(value if isinstance(value, type) else type(value))


@cache
def _fields(schema: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(schema)
