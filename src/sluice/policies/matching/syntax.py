"""The text of a pattern to a tree of five kinds of nodes, by the standard library's own parser.

The only file that knows that parser: it is what `re.compile` uses, so a pattern means here what it means there.
Its tree: CPython 3.11 to 3.14, Lib/re/_parser.py.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

from sluice.policies.matching.spelling import Unsupported, respelled

if TYPE_CHECKING:
    import sre_parse as parser
else:
    from re import _parser as parser  # since 3.11 the parser's name; the old one warns

ENDLESS: Final = 1 << 30
"""The length of a match that has no bound."""

Place = Literal[
    "text_start", "line_start", "text_end", "last_line_end", "line_end", "word", "inside", "word_a", "inside_a"
]
"""Where a pattern may demand to be: `last_line_end` is the end, or before a newline that is the last character; `word`
is a word's beginning or end, `inside` everywhere else, the latter two also by ASCII's idea of a word."""


class Char(msgspec.Struct, frozen=True):
    """One character out of a class: `spelling` is a pattern of one character."""

    spelling: str
    flags: int
    shortest: int = 1
    longest: int = 1


class Look(msgspec.Struct, frozen=True):
    place: Place
    shortest: int = 0
    longest: int = 0


class Sequence(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]
    shortest: int
    longest: int


class Choice(msgspec.Struct, frozen=True):
    """The earlier the better."""

    ways: tuple["Node", ...]
    shortest: int
    longest: int


class Repeat(msgspec.Struct, frozen=True):
    body: "Node"
    least: int
    most: int | None
    greedy: bool
    shortest: int
    longest: int


Node = Char | Look | Sequence | Choice | Repeat
"""`shortest` and `longest`: characters of a match, at most ENDLESS."""

_Item = tuple[object, object]
_LINEAR: Final = "patterns are matched in linear time, in either mode, and"
_REFUSED: Final = {
    "ASSERT": f"{_LINEAR} look-ahead and look-behind are not supported; `\\b`, `^` and `$` are",
    "ASSERT_NOT": f"{_LINEAR} look-ahead and look-behind are not supported; `\\b`, `^` and `$` are",
    "FAILURE": f"{_LINEAR} look-ahead is not supported",
    "GROUPREF": f"{_LINEAR} references to a group (`\\1`) are not supported: write the group again",
    "GROUPREF_EXISTS": f"{_LINEAR} conditions on a group are not supported: write both cases, as in `a|b`",
    "ATOMIC_GROUP": f"{_LINEAR} atomic groups are not needed and not supported: write `(?:...)`",
    "POSSESSIVE_REPEAT": f"{_LINEAR} possessive repeats are not needed and not supported: leave the second `+` out",
}
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_PLACES: Final[dict[str, tuple[re.RegexFlag, Place, Place]]] = {
    "AT_BEGINNING": (re.MULTILINE, "text_start", "line_start"),
    "AT_BEGINNING_STRING": (re.NOFLAG, "text_start", "text_start"),
    "AT_END": (re.MULTILINE, "last_line_end", "line_end"),
    "AT_END_STRING": (re.NOFLAG, "text_end", "text_end"),
    "AT_BOUNDARY": (re.ASCII, "word", "word_a"),
    "AT_NON_BOUNDARY": (re.ASCII, "inside", "inside_a"),
}
"""The flag that matters, the place without it and with it."""
_OF_A_CLASS: Final = int(re.IGNORECASE | re.ASCII | re.DOTALL)
_OF_A_KIND: Final = int(re.ASCII | re.LOCALE | re.UNICODE)


def parse(text: str) -> Node:
    """Return the pattern's tree.

    Raises:
        Unsupported: it is no regular expression, or one of those that need to look at text twice.
    """
    try:
        tree = parser.parse(respelled(text))
        return _sequence(tree.data, tree.state.flags)
    except Unsupported:
        raise
    except RecursionError:
        raise Unsupported("its groups are nested too deeply") from None
    except re.error as error:
        raise Unsupported(f"it is no regular expression that Python reads: {error.msg}") from None
    except (ValueError, OverflowError) as error:
        raise Unsupported(f"it is no regular expression that Python reads: {error}") from None


def _sequence(items: Iterable[_Item], flags: int) -> Node:
    parts = tuple(_node(str(code), value, flags) for code, value in items)
    if len(parts) == 1:
        return parts[0]
    return Sequence(
        parts, _bounded(sum(part.shortest for part in parts)), _bounded(sum(part.longest for part in parts))
    )


def _node(code: str, value: object, flags: int) -> Node:
    if code in _REFUSED:
        raise Unsupported(_REFUSED[code])
    if code == "AT":
        flag, without, with_it = _PLACES[str(value)]
        return Look(with_it if flags & flag else without)
    if code == "SUBPATTERN":
        _, added, removed, items = cast("tuple[object, int, int, Iterable[_Item]]", value)
        kept = flags & ~_OF_A_KIND if added & _OF_A_KIND else flags
        return _sequence(items, (kept | added) & ~removed)
    if code == "BRANCH":
        _, alternatives = cast("tuple[None, list[Iterable[_Item]]]", value)
        ways = tuple(_sequence(items, flags) for items in alternatives)
        return Choice(ways, min(way.shortest for way in ways), max(way.longest for way in ways))
    if code in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, items = cast("tuple[int, int, Iterable[_Item]]", value)
        return _repeat(least, most, _sequence(items, flags), greedy=code == "MAX_REPEAT")
    return Char(_class(code, value), flags & _OF_A_CLASS)


def _repeat(least: int, most: int, body: Node, *, greedy: bool) -> Node:
    endless = most == parser.MAXREPEAT
    times = (ENDLESS if body.longest else 0) if endless else most
    return Repeat(
        body,
        least,
        None if endless else most,
        greedy,
        _bounded(body.shortest * least),
        _bounded(body.longest * times),
    )


def _class(code: str, value: object) -> str:
    if code == "ANY":
        return "."
    if code == "LITERAL":
        return _escaped(cast("int", value))
    if code == "NOT_LITERAL":
        return f"[^{_escaped(cast('int', value))}]"
    if code == "IN":
        return f"[{''.join(_member(str(kind), member) for kind, member in cast('list[_Item]', value))}]"
    raise Unsupported(f"it uses something that is not known here ({code.lower()})")


def _member(kind: str, value: object) -> str:
    if kind == "NEGATE":
        return "^"
    if kind == "RANGE":
        first, last = cast("tuple[int, int]", value)
        return f"{_escaped(first)}-{_escaped(last)}"
    return _CATEGORIES[str(value)] if kind == "CATEGORY" else _escaped(cast("int", value))


def _escaped(code_point: int) -> str:
    return f"\\U{code_point:08x}"


def _bounded(length: int) -> int:
    return min(length, ENDLESS)
