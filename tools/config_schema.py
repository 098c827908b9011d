"""The schemas of configuration as facts: objects, members, types in plain words, defaults, bounds, what is refused.

Read from the structs of `config` themselves, and their docstrings: what a reference says cannot be other than what is
checked. `config_reference` makes Markdown of it.
"""

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from sluice.config.units import Duration, Size, duration_text, size_text
from sluice.config.unserved import Ignored, Later

Struct = type[msgspec.Struct]
PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Duration: "duration",
    Size: "size",
    object: "any value",
    Any: "any value",
    msgspec.Raw: "any value",
}
"""Types of values, in words."""


class Member(msgspec.Struct, frozen=True):
    """One member of an object."""

    name: str
    """As files have it."""
    kind: str
    """In words; `{N}` stands for the N-th of `inner`."""
    inner: tuple[Struct, ...]
    """Objects that it may hold."""
    default: str
    """Empty = nothing; `required`."""
    said: str
    """Its docstring."""
    bounds: str
    served: bool
    ignored: bool
    instead: str
    """What to use in place of one that is not served."""


@cache
def members(kind: Struct) -> tuple[Member, ...]:
    """Return the members of an object, in the order of its schema."""
    told = _told(kind)
    return tuple(_member(field, told.get(field.name, "")) for field in msgspec.structs.fields(kind))


def below(*roots: Struct) -> list[Struct]:
    """Return every object that these may hold, themselves first, each once."""
    found: list[Struct] = []
    waiting = list(roots)
    while waiting:
        kind = waiting.pop(0)
        if kind not in found:
            found.append(kind)
            waiting += [inner for member in members(kind) for inner in member.inner]
    return found


def ways(root: Struct, name: str = "") -> dict[Struct, str]:
    """Return the shortest path to every object below one, as `llm.models[].params`."""
    found = {root: name}
    waiting = [root]
    while waiting:
        kind = waiting.pop(0)
        for member in members(kind):
            for inner in member.inner:
                if inner not in found:
                    found[inner] = f"{found[kind]}.{member.name}{_sign(member.kind)}".lstrip(".")
                    waiting.append(inner)
    return found


def _sign(kind: str) -> str:
    return "[]" if kind.startswith("list") else ".<name>" if kind.startswith("mapping") else ""


def _member(field: msgspec.structs.FieldInfo, told: str) -> Member:
    metas = list(_metas(field.type))
    extras = [meta.extra for meta in metas if meta.extra]
    instead = next((str(extra["instead"]) for extra in extras if "instead" in extra), "")
    words, inner = _words(field.type)
    return Member(
        name=field.encode_name,
        kind=words,
        inner=tuple(inner),
        default=_default(field),
        said=" ".join(told.split()),
        bounds=", ".join(
            dict.fromkeys(text for meta in metas for text in _bounds(meta, listed=words[:5] in ("list ", "mappi")))
        ),
        served=not any(extra.get("served") is False for extra in extras),
        ignored=field.type == Ignored,
        instead=instead,
    )


def _metas(kind: object) -> Iterator[msgspec.Meta]:
    """Yield what is said of a value itself; what is said of those inside a list or mapping is theirs."""
    if get_origin(kind) is Annotated:
        inner, *rest = get_args(kind)
        yield from _metas(inner)
        yield from (item for item in rest if isinstance(item, msgspec.Meta))
    elif get_origin(kind) in (Union, types.UnionType):
        for one in get_args(kind):
            yield from _metas(one)


def _bounds(meta: msgspec.Meta, *, listed: bool) -> Iterator[str]:
    if meta.ge is not None and meta.le is not None:
        yield f"{meta.ge:,} to {meta.le:,}"
    elif meta.ge is not None:
        yield f"{meta.ge:,} or more"
    elif meta.le is not None:
        yield f"{meta.le:,} at most"
    if meta.gt is not None:
        yield f"more than {meta.gt:,}"
    if meta.max_length is not None:
        yield f"{meta.max_length:,} {'' if listed else 'characters '}at most"


def _words(kind: object) -> tuple[str, list[Struct]]:
    """Return a type in words, and the objects in it; `{N}` in the words stands for the N-th."""
    inner: list[Struct] = []

    def said(kind: object) -> str:
        origin = get_origin(kind)
        if kind in (Later, Ignored):
            return "any value"
        if origin is Annotated:
            return said(get_args(kind)[0])
        if origin in (Union, types.UnionType):
            found = [said(one) for one in get_args(kind) if one is not type(None)]
            return " or ".join(dict.fromkeys(found))
        if origin is Literal:
            return " · ".join(f"`{word}`" if word != "" else '`""`' for word in get_args(kind))
        if origin in (tuple, list, frozenset):
            return f"list of {said(get_args(kind)[0])}"
        if origin in (dict, typing.Mapping) or (isinstance(origin, type) and issubclass(origin, typing.Mapping)):
            return f"mapping to {said(get_args(kind)[1])}"
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            inner.append(kind)
            return f"{{{len(inner) - 1}}}"
        if isinstance(kind, type) and kind in PLAIN:
            return PLAIN[kind]
        return PLAIN[kind] if kind in (Any, object) else str(kind)

    return said(kind), inner


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default
    if value is None or value is msgspec.NODEFAULT or isinstance(value, msgspec.Struct) or value in ((), "", {}):
        return ""
    if isinstance(value, Duration):
        return f"`{duration_text(value)}`"
    if isinstance(value, Size):
        return f"`{size_text(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple) and any(isinstance(item, msgspec.Struct) for item in value):
        return ""  # config_defaults says it in words
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


@cache
def _told(kind: Struct) -> dict[str, str]:
    """Return the docstring below each member, those of the classes it is made of included."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if one is msgspec.Struct or not (isinstance(one, type) and issubclass(one, msgspec.Struct)):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(tree, ast.ClassDef)
        for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                said = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                if said or node.target.id not in found:
                    found[node.target.id] = str(following.value.value) if said else ""  # type: ignore[union-attr]
    return found


def sentence_of(kind: Struct) -> str:
    """Return the docstring of an object, its own and not one that it inherits, on one line."""
    own = kind.__dict__.get("__doc__") or ""
    return " ".join(inspect.cleandoc(own).partition("\n\n")[0].split())
