"""Environment variables in configuration text: anywhere in the short form, as a whole value in objects.

PURE: the environment is an argument. A value that came from it is never part of a message; the variable's name is.
"""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_WHOLE = re.compile(r"(Bearer )?\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class MissingVariable(LookupError):
    """A variable that the configuration names is not in the environment."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set")


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace `$VAR` and `${VAR}` by their values and `$$` by a dollar sign. What is inserted is not expanded again.

    A `$` before anything else stays as it is.

    Raises:
        MissingVariable: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return _lookup(name, env) if name else "$"

    return _REFERENCE.sub(value, text)


def inserted(text: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return what `expand` inserts, by the names of the variables."""
    names = (match[1] or match[2] for match in _REFERENCE.finditer(text))
    return {name: env[name] for name in names if name}


def expand_whole(text: str, env: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Replace `${VAR}` and `Bearer ${VAR}` where they are the whole value; also return what was inserted, by name.

    Anything else is taken literally: expressions, patterns, prompts and secrets may hold any character.

    Raises:
        MissingVariable: the variable is not set.
    """
    match = _WHOLE.fullmatch(text)
    if match is None:
        return text, {}
    value = _lookup(match[2], env)
    return (match[1] or "") + value, {match[2]: value}


def _lookup(name: str, env: Mapping[str, str]) -> str:
    if name not in env:
        raise MissingVariable(name)
    return env[name]
