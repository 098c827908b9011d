"""Headers, bodies and members of bodies that an operator computes with CEL.

Guarantee: a header whose expression fails is not there, whatever the client sent under its name; a member of a body
whose expression fails is not there either. No value can begin a line of its own. All expressions of one transformation
see what was there before it; `metadata` is noted first, and seen by all that follow.
Obeys: compat-agentgateway 1.5, 2.2 and 2.3; labs A017, B8, C15 and C17.
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from math import isfinite
from typing import Final

import msgspec

from sluice.policies.ai import AiPolicy, patched
from sluice.policies.header_change import Change, fits
from sluice.policies.scene import ANSWERED, ASKED, Scene
from sluice.policies.value import Value

PSEUDO: Final = (":path", ":authority", ":method")
"""What a request's transformation may set beside headers. Names of HTTP/2; they are the same in HTTP/1.1."""

MAX_REMEMBERED: Final = 1024
"""Sets of members whose expressions stay compiled: those of a plan's policies, and of the plan before."""

_UNWRITABLE = (TypeError, ValueError, OverflowError, RecursionError)
_read = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_value = msgspec.json.Encoder(order="deterministic").encode
"""A map of CEL has no order of its own; the same request should be the same bytes, for providers' caches."""


class Transform(msgspec.Struct, frozen=True, kw_only=True):
    """Of a request or of an answer. Names in lower case, and the text of an expression each."""

    set: tuple[tuple[str, str], ...] = ()
    """Of a request also `:path` (with its query), `:authority` and `:method`."""
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
    body: str = ""
    """Of a request: what is sent instead. A string and bytes as they are, anything else as JSON."""
    metadata: tuple[tuple[str, str], ...] = ()
    """What later expressions find under `metadata`."""


NO_TRANSFORM: Final = Transform()


class Transformation(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route or backend. `condition`: of several the first whose condition holds for the request is made; an
    empty one always holds."""

    request: Transform = NO_TRANSFORM
    response: Transform = NO_TRANSFORM
    condition: str = ""


class Transformed(msgspec.Struct, frozen=True, kw_only=True):
    """What a transform came to."""

    headers: Change
    pseudo: Mapping[str, str] = {}
    """Of PSEUDO, those that are set and whose expression did not fail."""
    body: bytes | None = None
    """None = it stays."""
    metadata: Mapping[str, object] = {}


class Transformer:
    """A transform, compiled. It holds nothing of any exchange."""

    __slots__ = ("_add", "_body", "_metadata", "_pseudo", "_remove", "_set")

    def __init__(self, transform: Transform, *, answers: bool) -> None:
        """`answers`: it is one of answers; those of requests know no `response`.

        Raises:
            ValueError: an expression is wrong. `load` has said so before, with its place.
        """
        sees = ANSWERED if answers else ASKED
        self._set = tuple(
            (name.encode("latin-1"), Value(text, sees=sees)) for name, text in transform.set if name not in PSEUDO
        )
        self._pseudo = tuple((name, Value(text, sees=sees)) for name, text in transform.set if name in PSEUDO)
        self._add = tuple((name.encode("latin-1"), Value(text, sees=sees)) for name, text in transform.add)
        self._remove = tuple(name.encode("latin-1") for name in transform.remove)
        self._body = Value(transform.body, sees=sees) if transform.body else None
        self._metadata = tuple((name, Value(text, sees=sees)) for name, text in transform.metadata)

    def of(self, scene: Scene, metadata: Mapping[str, object]) -> Transformed:
        """Return what it comes to. The scene learns the metadata: `metadata`, what was noted before, and what is noted
        here."""
        if self._metadata:
            noted = {name: found for name, value in self._metadata if (found := _value(value, scene)) is not None}
            metadata = {**metadata, **noted}
            scene.learn("metadata", dict(metadata))
        found = [(name, _text(value, scene)) for name, value in self._set]
        added = [(name, _text(value, scene)) for name, value in self._add]
        address = [(name, _text(value, scene)) for name, value in self._pseudo]
        return Transformed(
            headers=Change(
                set=tuple((name, text) for name, text in found if text is not None),
                add=tuple((name, text) for name, text in added if text is not None),
                remove=(*self._remove, *(name for name, text in found if text is None)),
            ),
            pseudo={name: text.decode("latin-1") for name, text in address if text},
            body=None if self._body is None else as_body(_value(self._body, scene)),
            metadata=metadata,
        )


def as_body(value: object) -> bytes:
    """Return a value as a body; nothing, and what is no JSON, is an empty one."""
    if isinstance(value, bytes):
        return value
    try:
        return b"" if value is None else value.encode() if isinstance(value, str) else _encode_value(value)
    except _UNWRITABLE:
        return b""


def as_header(value: object) -> bytes | None:
    """Return a value as a header's: text and bytes without the white space around them, anything else as JSON; None of
    what cannot be sent, infinity among it."""
    if isinstance(value, float) and not isfinite(value):
        return None
    try:
        raw = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else _encode_value(value)
    except _UNWRITABLE:
        return None
    text = raw.strip(b" \t")
    return text if value is not None and fits(text) else None


def _value(value: Value, scene: Scene) -> object:
    try:
        return value.value(scene)
    except LookupError:
        return None


def _text(value: Value, scene: Scene) -> bytes | None:
    return as_header(_value(value, scene))


# -- members of a body ------------------------------------------------------------------------------------------------

Members = dict[str, msgspec.Raw]


class _Fields:
    """Members of a body that are computed, compiled."""

    __slots__ = ("_values",)

    def __init__(self, transformations: tuple[tuple[str, str], ...]) -> None:
        self._values = tuple((name, Value(text, sees=ASKED)) for name, text in transformations)

    def of(self, fields: Members, scene: Scene) -> Members:
        scene.learn("llmRequest", partial(_whole, fields))
        overrides: list[tuple[str, msgspec.Raw]] = []
        gone: list[str] = []
        for name, value in self._values:
            try:
                overrides.append((name, msgspec.Raw(_encode_value(value.value(scene)))))
            except (LookupError, *_UNWRITABLE):
                gone.append(name)
        kept = fields
        for name in gone:
            kept = _without(kept, name.split("."))
        return patched(AiPolicy(overrides=tuple(overrides)), kept)


_fields = lru_cache(maxsize=MAX_REMEMBERED)(_Fields)


def body_fields(
    policy: AiPolicy, transformations: tuple[tuple[str, str], ...], fields: Members, scene: Scene
) -> Members:
    """Return a body's members as an operator wishes: overrides, then what is computed, then defaults.

    The same object if nothing is to be changed. `llmRequest` is the body after the overrides, for every expression
    alike; a dotted name leads into nested objects.
    """
    if not transformations:
        return patched(policy, fields)
    overridden = patched(AiPolicy(overrides=policy.overrides), fields)
    computed = _fields(transformations).of(overridden, scene)
    return patched(AiPolicy(defaults=policy.defaults), computed)


def final_body(transformations: tuple[tuple[str, str], ...], body: bytes, scene: Scene) -> bytes:
    """Return a body in its provider's form after the last transformations; `llmRequest` is this body.

    A body that is no JSON object stays.
    """
    if not transformations:
        return body
    try:
        fields = msgspec.json.decode(body, type=Members)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    changed = _fields(transformations).of(fields, scene)
    return body if changed is fields else _encode(changed)


def _whole(fields: Members) -> object:
    return _read(_encode(fields))


def _without(fields: Members, way: list[str]) -> Members:
    """Return members without the one at the end of a way through objects."""
    name, *rest = way
    if name not in fields:
        return fields
    if not rest:
        return {key: value for key, value in fields.items() if key != name}
    try:
        inner = msgspec.json.decode(fields[name], type=Members)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return fields
    less = _without(inner, rest)
    return fields if less is inner else fields | {name: msgspec.Raw(_encode(less))}
