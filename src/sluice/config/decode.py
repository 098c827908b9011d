"""Plain values to typed structs, and the decoder's complaints to places with hints.

PURE. The schemas (`*_api.py`) are msgspec structs that forbid unknown fields. After a complaint the offending entry
is taken out and decoding tries again, so that an operator sees every mistake of a document at once.
"""

import copy
import difflib
import re
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from sluice.config.faults import Faults, Path
from sluice.config.source import Document
from sluice.config.struct_fields import fields_of
from sluice.config.units import Duration, Size, duration, size

T = TypeVar("T")

MAX_TRIES = 20
"""Mistakes shown per document."""

_AT = re.compile(r" - at `(?:key` in `)?\$(.*)`$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]|\[\.\.\.\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")

_WORDS = {"str": "a string", "int": "a whole number", "bool": "true or false", "float": "a number"}
_WORDS |= {"object": "a mapping", "array": "a list", "null": "nothing", "str | null": "a string"}


def decode(document: Document, schema: type[T], faults: Faults) -> T | None:
    """Return the document as `schema`, or None after adding every mistake to `faults`.

    What came from a variable is a text or a number as the schema wants it.
    """
    value = copy.deepcopy(document.value)
    removed = set(_refuse_nulls(document, schema, faults))
    for null in removed:
        _remove(value, null)
    tries = MAX_TRIES
    other: set[Path] = set()
    while tries:
        try:
            result = msgspec.convert(value, schema, dec_hook=construct)
        except msgspec.ValidationError as error:
            if _otherwise(document, value, schema, str(error), other):
                continue
            tries -= 1
            path = _complain(document, value, schema, str(error), removed, faults)
            if path is None:
                return None
            removed.add(path)
        else:
            return None if removed else result
    return None


def _otherwise(document: Document, value: object, schema: object, text: str, done: set[Path]) -> bool:
    """Put what came from a variable into the type that is wanted, once each; return whether that was done."""
    match = _AT.search(text)
    path, _ = _follow(match[1] if match else "", value, schema)
    if path in done or document.other(*path) is None:
        return False
    done.add(path)
    *way, last = path
    here = value
    for step in way:
        here = here[step]  # type: ignore[index]  # the key is of the kind that this one takes
    here[last] = document.other(*path)  # type: ignore[index]  # the key is of the kind that this one takes
    return True


_POLICIES = frozenset({"traffic", "backend", "frontend", "policies", "llm"})
"""These, and what stands below them: null would be a policy that is not there, without a word. So is the whole
`spec` of a policy."""


def _refuse_nulls(document: Document, schema: object, faults: Faults) -> Iterator[Path]:
    """Add a fault for each null where a policy could stand; yield their paths."""
    kind = document.value.get("kind") if isinstance(document.value, dict) else ""
    policies = _POLICIES | {"spec"} if str(kind).endswith(("Policy", "Option")) else _POLICIES
    for path, at in _nulls(document.value, schema, ()):
        if not policies.isdisjoint(path):
            hint = "leave it out, or write `{}`" if _fields(_core(at, {})) else "leave it out"
            faults.add(document.place(*path), "nothing stands here", hint)
            yield path


def _nulls(value: object, schema: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Yield where a null stands for a member that is left out, and the type of that member."""
    here = _core(schema, value)
    fields, inner = _fields(here), (get_args(here) or (None,))[-1 if isinstance(value, dict) else 0]
    for step, item in _items(value):
        at = fields.get(str(step)) if fields else inner
        if item is None and fields and type(None) in _members(at):
            yield (*path, step), at
        elif isinstance(item, dict | list):
            yield from _nulls(item, at, (*path, step))


def _members(schema: object) -> tuple[object, ...]:
    """Return the members of a union; anything else is its only one."""
    if get_origin(schema) is Annotated:
        return _members(get_args(schema)[0])
    return get_args(schema) if get_origin(schema) in (Union, types.UnionType) else (schema,)


def closest(word: str, words: typing.Iterable[str]) -> str:
    """Return a hint that names the most similar of `words`, or lists them when none is similar and they are few."""
    known = sorted(set(words))
    lower = {name.lower(): name for name in reversed(known)}
    near = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{lower[near[0]]}`?"
    return f"expected one of: {', '.join(known)}" if 0 < len(known) <= 12 else ""


def construct(schema: type, value: object) -> object:
    """Build the types that msgspec does not know: the `dec_hook` of whoever decodes a schema."""
    if schema is Duration:
        return duration(value)
    if schema is Size:
        return size(value)
    raise NotImplementedError(schema)


def _complain(
    document: Document, value: object, schema: object, text: str, removed: set[Path], faults: Faults
) -> Path | None:
    """Add a complaint, take its cause out of `value` and return its path; None when nothing more can be learned."""
    match = _AT.search(text)
    message = text[: match.start()] if match else text
    path, at = _follow(match[1] if match else "", value, schema)
    hint = ""
    if unknown := _UNKNOWN.fullmatch(message):
        path = (*path, unknown[1])
        message, hint = "unknown field", closest(unknown[1], _fields(at))
    elif missing := _MISSING.fullmatch(message):
        if (*path, missing[1]) in removed:
            return None
        faults.add(document.place(*path), f"the field `{missing[1]}` is missing")
        return None
    elif message.startswith("Invalid enum value"):
        # The word as the file has it: what a variable holds may be a secret.
        word = document.written(*path)
        message, hint = f"unknown value `{word}`", closest(word, _choices(at))
    else:
        message = in_plain_words(message)
        if any(gone[: len(path)] == path for gone in removed):
            return None  # a consequence of what was taken out below
    faults.add(document.place(*path), message, hint)
    return path if _remove(value, path) else None


def in_plain_words(message: str) -> str:
    """Say in plain words what the decoder says in names of types."""
    match = _EXPECTED.fullmatch(message)
    if match is None:
        return re.sub(r"`(\w+)`", lambda word: _WORDS.get(word[1], word[0]), message[:1].lower() + message[1:])
    wanted = [_WORDS.get(word, word) for word in match[1].removesuffix(" | null").split(" | ")]
    return f"expected {' or '.join(wanted)}, not {_WORDS.get(match[2], match[2])}"


def _follow(text: str, value: object, schema: object) -> tuple[Path, object]:
    """Return where the decoder's path leads, and the type that is expected there.

    The decoder writes `[...]` for any key of a mapping: it is the first one whose value does not decode.
    """
    path: list[str | int] = []
    here = _core(schema, value)
    for match in _STEP.finditer(text):
        step: str | int = int(match[2]) if match[2] else match[1] or ""
        if match[2]:
            inner: object = (get_args(here) or (None,))[0]
        elif match[1]:
            inner = _fields(here).get(match[1])
        else:
            inner = (get_args(here) or (None,))[-1]
            step = next((key for key, item in _items(value) if not _decodes(item, inner)), "")
        value = dict(_items(value)).get(step)
        here = _core(inner, value)
        path.append(step)
    return tuple(path), here


def _items(value: object) -> list[tuple[str | int, object]]:
    return list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []


def _decodes(value: object, schema: object) -> bool:
    try:
        msgspec.convert(value, schema, dec_hook=construct)
    except msgspec.ValidationError:
        return False
    return True


def _remove(value: object, path: Path) -> bool:
    """Take the entry at `path` out. A list keeps its length, since other complaints name indexes."""
    *way, last = path or ("",)
    here = value
    for step in way:
        here = here[step] if isinstance(here, dict | list) else None  # type: ignore[index]  # the key is of the kind that this one takes
    if isinstance(here, dict) and last in here:
        del here[last]
        return True
    return False


def _core(schema: object, value: object) -> object:
    """Return a type without what surrounds it; of several the first that such a value can be of."""
    origin = get_origin(schema)
    if origin is Annotated:
        return _core(get_args(schema)[0], value)
    if origin in (Union, types.UnionType):
        members = [_core(member, value) for member in get_args(schema) if member is not type(None)]
        return next((member for member in members if _suits(member, value)), members[0])
    return schema


def _suits(schema: object, value: object) -> bool:
    if isinstance(value, dict):
        return get_origin(schema) is dict or bool(_fields(schema))
    return isinstance(value, list) is (get_origin(schema) in (tuple, list))


def _fields(schema: object) -> dict[str, object]:
    if isinstance(schema, type) and issubclass(schema, msgspec.Struct):
        return {field.encode_name: field.type for field in fields_of(schema)}
    return {}


def _choices(schema: object) -> Iterator[str]:
    return (str(word) for word in get_args(schema)) if get_origin(schema) is Literal else iter(())
