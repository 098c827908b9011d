"""docs/reference/configuration.md: every object of configuration and every member, with type, default and meaning.

Each function returns the Markdown of one generated block; tools/docs.py puts it there. Facts: `config_schema`; words
that the schemas do not have: `config_words`.
"""

import re
from collections.abc import Iterator
from functools import cache

from sluice.config import objects
from sluice.config.short_form_api import ShortForm
from sluice.config.unserved import not_implemented
from tools.config_defaults import defaults
from tools.config_schema import Member, Struct, below, members, sentence_of, ways
from tools.config_words import MEMBERS
from tools.config_words_objects import OBJECTS, OF_OBJECT
from tools.markdown import code, table

NOT_SERVED = not_implemented("Such a member").partition(" is ")[2]
FRAME = ("apiVersion", "kind", "metadata", "status")
"""Of every object of a manifest; the table of kinds says them once."""
HEADS = ("member", "type", "default", "meaning")


def short_form() -> str:
    """Return the objects of the short form, each once, at the first place where it stands."""
    return "\n\n".join(_sections(ShortForm))


def manifest_kinds() -> str:
    """Return the kinds of objects that are read."""
    rows = []
    for kind, (group, versions, schema) in objects._KINDS.items():
        names = [f"{group}/{version}" if group else version for version in versions]
        rows.append((f"[`{kind}`](#{_anchor(schema)})", code(names), _sentence(schema)))
    return table(("kind", "`apiVersion`", "what it is"), rows)


def manifests() -> str:
    """Return the objects of manifests that the short form does not have."""
    return "\n\n".join(text for _, _, schema in objects._KINDS.values() for text in _sections(schema))


def missing() -> list[str]:
    """Return every member that nothing says the meaning of, as `Object.member`."""
    return [
        f"{kind.__name__}.{member.name}"
        for kind in _order()
        for member in members(kind)
        if member.served and not member.ignored and not _meaning(kind, member)
    ]


def unused() -> list[str]:
    """Return the words that nothing has: members and objects that are no more."""
    names = {member.name for kind in _order() for member in members(kind)}
    full = {f"{kind.__name__}.{member.name}" for kind in _order() for member in members(kind)}
    kinds = {kind.__name__ for kind in _order()}
    return [
        word
        for words, known in ((MEMBERS, names), (OF_OBJECT, full), (OBJECTS, kinds))
        for word in words
        if word not in known
    ]


# -- objects ----------------------------------------------------------------------------------------------------------


@cache
def _order() -> list[Struct]:
    return below(*_roots())


def _roots() -> list[Struct]:
    return [ShortForm, *(schema for _, _, schema in objects._KINDS.values())]


@cache
def _home() -> dict[Struct, Struct]:
    """Every object -> the root in whose part of the page it stands."""
    found: dict[Struct, Struct] = {}
    for root in _roots():
        for kind in below(root):
            found.setdefault(kind, root)
    return found


def _sections(root: Struct) -> Iterator[str]:
    way = ways(root)
    for kind in below(root):
        if _home()[kind] is root:
            yield _section(kind, way[kind])


def _section(kind: Struct, way: str) -> str:
    parts = [f"{'###' if not way else '####'} {_title(kind)}"]
    sentence = _sentence(kind)
    where = f"At `{way}`." if way else ""
    if text := f"{sentence} {where}".strip():
        parts.append(_linked(text))
    shown = [member for member in members(kind) if not member.ignored and not (not way and member.name in FRAME)]
    served = [member for member in shown if member.served]
    if served:
        parts.append(table(HEADS, [_row(kind, member) for member in served]))
    later = [member for member in shown if not member.served]
    if later:
        parts.append("Refused: " + "; ".join(_refused(member) for member in later) + ".")
    ignored = [member.name for member in members(kind) if member.ignored and not (not way and member.name in FRAME)]
    if ignored:
        parts.append(f"Not looked at: {code(ignored)}.")
    return "\n\n".join(parts)


def _row(kind: Struct, member: Member) -> tuple[str, str, str, str]:
    words = member.kind.format(*(f"[{_title(inner)}](#{_anchor(inner)})" for inner in member.inner))
    if member.bounds:
        words = f"{words}, {member.bounds}"
    default = member.default or defaults().get(f"{kind.__name__}.{member.name}", "")
    return f"`{member.name}`", words, default, _linked(_meaning(kind, member))


def _refused(member: Member) -> str:
    return f"`{member.name}`" + (f" ({member.instead})" if member.instead else "")


def _meaning(kind: Struct, member: Member) -> str:
    own = OF_OBJECT.get(f"{kind.__name__}.{member.name}", "") or member.said
    inner = _sentence(member.inner[0]) if len(member.inner) == 1 else ""
    return own or MEMBERS.get(member.name, "") or inner


def _sentence(kind: Struct) -> str:
    return OBJECTS.get(kind.__name__, "") or sentence_of(kind)


def _linked(text: str) -> str:
    """Return a text for a page: what looks like a tag of HTML is code."""
    return re.sub(r"(?<!`)<([\w.]+)>(?!`)", r"`<\1>`", text)


def _title(kind: Struct) -> str:
    for name, (_, _, schema) in objects._KINDS.items():
        if schema is kind:
            return name
    twins = [other for other in _order() if other.__name__ == kind.__name__]
    if len(twins) == 1:
        return kind.__name__.removeprefix("_")
    room = kind.__module__.rpartition(".")[2].removesuffix("_api").replace("_", " ")
    return f"{kind.__name__} ({room})"


def _anchor(kind: Struct) -> str:
    return re.sub(r"[^\w\- ]", "", _title(kind).lower()).replace(" ", "-")


GENERATORS = {
    "config-short-form": short_form,
    "config-kinds": manifest_kinds,
    "config-manifests": manifests,
}
