"""Fields that the schema knows and this version does not serve: refused, never silently ignored.

PURE. A schema marks such a field with the type `Later`. When it is implemented, the field gets its real type and this
file stays as it is.
"""

from functools import cache
from typing import Annotated, Any, get_args

import msgspec

from sluice.config.faults import Faults, Path
from sluice.config.source import Document
from sluice.config.struct_fields import fields_of

Later = Annotated[Any, msgspec.Meta(extra={"served": False})]
"""A field whose content is not looked at: setting it is an error. The `Any` is the YAML edge."""


def instead(hint: str) -> msgspec.Meta:
    """Return what makes a `Later` say what to use in its place: `Annotated[Later, instead("...")]`."""
    return msgspec.Meta(extra={"served": False, "instead": hint})


NO_EXT_PROC = instead("`transformation` changes headers and bodies, `promptGuard.webhook` asks a service about texts")
NO_OIDC = instead("`jwtAuth` takes the tokens of the same issuer; a proxy that logs people in may stand in front")
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
        for name, written, later, hint in _fields(type(value)):
            inner = getattr(value, name)
            if inner is None or inner == []:
                continue
            if later:
                faults.add(document.place(*path, written), not_implemented(f"`{written}`"), hint)
            else:
                refuse_unserved(document, inner, faults, (*path, written))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            refuse_unserved(document, item, faults, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_unserved(document, item, faults, (*path, str(key)))


@cache
def _fields(schema: type[msgspec.Struct]) -> tuple[tuple[str, str, bool, str], ...]:
    """Python name, name in files, whether the field is a `Later`, and what to use in its place."""
    fields = (field for field in fields_of(schema) if field.type != Ignored)
    return tuple((field.name, field.encode_name, *_later(field.type)) for field in fields)


def _later(kind: object) -> tuple[bool, str]:
    extras = [item.extra for item in get_args(kind) if isinstance(item, msgspec.Meta) and item.extra]
    later = any(extra.get("served") is False for extra in extras)
    return later, next((str(extra["instead"]) for extra in extras if "instead" in extra), "")
