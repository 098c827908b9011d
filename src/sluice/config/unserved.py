"""Fields that the schema knows and this version does not serve: refused, never silently ignored.

PURE. A schema marks such a field with the type `Later`. When it is implemented, the field gets its real type and this
file stays as it is.
"""

from functools import cache
from typing import Annotated, Any

import msgspec

from sluice.config.faults import Faults, Path
from sluice.config.source import Document

Later = Annotated[Any, msgspec.Meta(extra={"served": False})]
"""A field whose content is not looked at: setting it is an error. The `Any` is the YAML edge."""

Ignored = Annotated[Any, msgspec.Meta(extra={"served": True})]
"""A field that says nothing to a gateway (what a server writes into objects); it may hold anything."""


def not_implemented(what: str) -> str:
    """Return the sentence about something that is known and not served."""
    return f"{what} is not implemented by this version; it is refused rather than silently ignored"


def refuse_unserved(document: Document, value: object, faults: Faults, path: Path = ()) -> None:
    """Add a fault for every `Later` field that is set anywhere inside a decoded value; `path` leads to it in the
    document.
    """
    if isinstance(value, msgspec.Struct):
        for name, written, later in _fields(type(value)):
            inner = getattr(value, name)
            if inner is None or inner == []:
                continue
            if later:
                faults.add(document.place(*path, written), not_implemented(f"`{written}`"))
            else:
                refuse_unserved(document, inner, faults, (*path, written))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            refuse_unserved(document, item, faults, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_unserved(document, item, faults, (*path, str(key)))


@cache
def _fields(schema: type[msgspec.Struct]) -> tuple[tuple[str, str, bool], ...]:
    """Python name, name in files, and whether the field is a `Later`."""
    fields = msgspec.structs.fields(schema)
    return tuple((f.name, f.encode_name, f.type == Later) for f in fields if f.type != Ignored)
