"""CEL as text: what can be told of an expression, or changed in it, without evaluating it.

Guarantee: nothing inside a string or a comment is taken for code. Cost: O(n) in the text per call.
Obeys: the Common Expression Language, cel-spec v0.24, "Syntax".
"""

import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec

_NO_CODE = re.compile(
    r"""
      (?P<string> \b(?:[rR][bB]?|[bB][rR])(?: \"{3}.*?\"{3} | '{3}.*?'{3} | "[^"\n]*" | '[^'\n]*' )
      | (?:\b[bB])?(?: \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3} | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
      )
    | (?P<comment> //[^\n]* )
    """,
    re.DOTALL | re.VERBOSE,
)
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_LAZY = re.compile(r"(?<![\w.])(default|coalesce)\s*\(")
_LAZY_OR_ABSORBING = re.compile(rf"{_LAZY.pattern}|\.\s*(exists|all)\s*\((?=\s*[A-Za-z_]\w*\s*,)")
_OPENS, _CLOSES = "([{", ")]}"
_HEADERS = r"(?<![\w.])(?:request|response)\s*\.\s*headers"
_HEADER = re.compile(
    rf"""
      {_HEADERS} \s* \[ \s* (?P<index> "\s*" ) \s* \]
    | {_HEADERS} \s* \. \s* (?P<member> [A-Za-z_]\w* ) (?! \w | \s*\( )
    | (?P<sought> "\s*" ) \s* \b in \s+ {_HEADERS} \b (?! \s*[.\[] )
    """,
    re.VERBOSE,
)


class Lazy(msgspec.Struct, frozen=True):
    """A call whose arguments are tried one after the other, `default(a, b)`, `coalesce(a, b, c)`; or a macro that asks
    of each element whether something is true, `.exists(x, p)`, `.all(x, p)`."""

    kind: str
    start: int
    end: int
    """In the text: the call is `text[start:end]`."""
    arguments: tuple[str, ...]


def bare(text: str) -> str:
    """Return the text, as long as it was, with blanks for comments and for what stands in strings."""

    def blank(match: re.Match[str]) -> str:
        length = match.end() - match.start()
        return " " * length if match["comment"] else f'"{" " * (length - 2)}"'

    return _NO_CODE.sub(blank, text)


def lowered(text: str) -> str:
    """Return an expression with the names of headers in lower case, as `request.headers` and `response.headers` have
    them: people write `request.headers["X-User-ID"]`. What is no plain name (`request.headers[jwt.name]`) stays.
    """
    pieces, at = [], 0
    for match in _HEADER.finditer(bare(text)):
        start, end = next(match.span(name) for name in ("index", "member", "sought") if match[name] is not None)
        if "\\" not in text[start:end]:
            pieces += [text[at:start], text[start:end].lower()]
            at = end
    return "".join([*pieces, text[at:]])


def bound(text: str) -> frozenset[str]:
    """Return the names that macros bind inside an expression, as `x` in `list.map(x, x + 1)`."""
    return frozenset(_MACRO.findall(bare(text)))


def members(text: str, variable: str) -> frozenset[str] | None:
    """Return the members of a variable that an expression may look at; None = perhaps all of them.

    In doubt it is more than it does look at: names in strings count, since a string may be misread.
    """
    found = set()
    for match in re.finditer(rf"\b{variable}\b(?:\s*\.\s*([A-Za-z_]\w*))?", text):
        if match[1] is None:
            return None
        found.add(match[1])
    return frozenset(found)


def count(text: str) -> int:
    """Return how often an expression calls `default` or `coalesce`, at any depth."""
    return len(_LAZY.findall(bare(text)))


def lazies(text: str, *, macros: bool = False) -> Iterator[Lazy]:
    """Yield the outermost calls of `default` and `coalesce`, from left to right. `macros`: those of `exists` and `all`
    too.

    Raises:
        ValueError: one has too few arguments, or no end.
    """
    code, at = bare(text), 0
    pattern = _LAZY_OR_ABSORBING if macros else _LAZY
    while match := pattern.search(code, at):
        commas, end = _arguments(code, match.end())
        edges = [match.end() - 1, *commas, end]
        parts = tuple(text[a + 1 : b].strip() for a, b in pairwise(edges))
        kind = next(group for group in match.groups() if group is not None)
        if kind in ("exists", "all"):
            if len(parts) != 2:
                at = match.end()
                continue  # none of the macro's forms
        elif len(parts) < 2 or (kind == "default" and len(parts) > 2) or not all(parts):
            raise ValueError(f"`{kind}` takes {'two' if kind == 'default' else 'two or more'} arguments")
        yield Lazy(kind, match.start(), end + 1, parts)
        at = end + 1


def _arguments(code: str, start: int) -> tuple[list[int], int]:
    """Return where the commas of a call stand, and its closing parenthesis."""
    depth = 0
    commas: list[int] = []
    for place in range(start, len(code)):
        letter = code[place]
        if letter in _OPENS:
            depth += 1
        elif letter in _CLOSES:
            if depth == 0:
                return commas, place
            depth -= 1
        elif letter == "," and depth == 0:
            commas.append(place)
    raise ValueError("a parenthesis is not closed")
