"""Addresses of electronic mail.

A full stop that ends a sentence is no part of one, and `git@host:path` is a place. Letters of the Latin, Greek and
Cyrillic scripts may stand in a name; those of scripts without spaces do not, or a sentence would be taken for a name.
Obeys: RFC 5321 4.5.3.1.1 (a name has 64 characters at most), RFC 1035 2.3.1.
"""

from typing import Final

_EDGE: Final = r"(?:\b|(?a:\b))"
r"""A word begins or ends, by all letters or by those of ASCII: Chinese has no spaces around a name."""
_ESCAPE: Final = r"\\[nrt]"
"""A line's end or a tab as source code, and JSON inside of a text, write it: its letter is no part of a name."""
_LETTER: Final = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u04ff"
_HOST: Final = rf"[{_LETTER}0-9](?:[{_LETTER}0-9-]*\.)+(?:xn--[a-z0-9-]{{2,59}}|[{_LETTER}]{{2,24}})"
_NAME: Final = f"[{_LETTER}0-9_][{_LETTER}0-9_.%+'~-]{{0,63}}"

PATTERN: Final = rf"(?:{_ESCAPE}|{_EDGE})(?:git@{_HOST}:[\w~/]|{_NAME}@{_HOST})"
"""A place of a repository is matched too, so that no address is found in it."""


def place(match: str) -> tuple[int, int] | None:
    """Return where in a match the address is; None = there is none."""
    start = 2 if match.startswith("\\") else 0
    return None if match.startswith("git@", start) and ":" in match else (start, len(match))
