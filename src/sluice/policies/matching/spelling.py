r"""How patterns are spelled: what is usual elsewhere is put in the words of Python's parser, or refused.

Most patterns in circulation were written for Rust's `regex` or for RE2. Python reads some of their spellings as
something else without a word (`[[:digit:]]`, `a&&b` in a class, `\b{start}`), and a guard that silently looks for
something else is worse than none. Source: docs.rs/regex, "Syntax" (read 2026-11-21).
"""

import re
from collections.abc import Iterator
from typing import Final

MAX_PATTERN: Final = 1024
"""Characters of one pattern (compat-agentgateway 1.6)."""

_NAMED: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_TOKEN: Final = re.compile(
    r"""(?sx)
    \\[xu]\{ (?P<code>[0-9A-Fa-f]{1,8}) \}
  | (?P<end>\\z)
  | (?P<boundary>\\[bB]\{)
  | (?P<property>\\[pP])
  | \\.
  | (?P<named>\[:(?P<name>[a-z]+):\])
  | (?P<twice>--|&&|~~|\|\|)
  | (?P<group>\(\?<(?=[A-Za-z_]))
  | (?P<open>\[\^?\]?)
  | (?P<close>\])
  | .
    """
)


class Unsupported(ValueError):
    """A pattern that this machine cannot look for.

    `sentence` says why and what would be right; `index` is the pattern's place among those given to `Finder`.
    """

    def __init__(self, sentence: str, index: int = -1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.index = index


def respelled(text: str) -> str:
    """Return the pattern as Python's parser spells it.

    Raises:
        Unsupported: too long, or spelled in a way that Python would take for something else.
    """
    if len(text) > MAX_PATTERN:
        raise Unsupported(f"it has {len(text)} characters; a pattern may have {MAX_PATTERN}")
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    in_class = False
    for token in _TOKEN.finditer(text):
        kind, piece = token.lastgroup, token.group()
        if kind == "code":
            yield f"\\U{int(token['code'], 16):08x}"
        elif kind == "property":
            raise Unsupported(
                f"`{piece}{{...}}` is not supported: write the class out, as in `[A-Za-zÀ-ÿ]`, or use `\\w`"
            )
        elif in_class:
            yield _within(token)
            in_class = kind != "close"
        else:
            yield _outside(token)
            in_class = kind == "open"


def _outside(token: re.Match[str]) -> str:
    kind, piece = token.lastgroup, token.group()
    if kind == "end":
        return r"\Z"
    if kind == "boundary":
        raise Unsupported(f"`{piece}...}}` is not supported: `\\b` is a word's beginning or end; a brace is `\\{{`")
    if kind == "named":
        raise Unsupported(f"`{piece}` stands alone: within a class it is `[{piece}]`")
    return "(?P<" if kind == "group" else piece


def _within(token: re.Match[str]) -> str:
    kind, piece = token.lastgroup, token.group()
    if kind == "named":
        name = token["name"]
        if name not in _NAMED:
            raise Unsupported(f"there is no class `{piece}`: known are {', '.join(_NAMED)}")
        return _NAMED[name]
    if kind == "open":
        raise Unsupported("a class within a class is not supported; if the bracket itself is meant, write `\\[`")
    if kind == "twice":
        raise Unsupported(f"`{piece}` in a class is an operator to some and two characters to others: write it once")
    return piece
