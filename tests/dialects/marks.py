"""Marks for texts in a request's template, and canaries that stand in their places.

`S(...)`, `M(...)`, `I(...)`, `O(...)` mark texts of the scopes system, messages, tool_input and tool_output; `N(...)`
marks what no model reads. Each occurrence becomes a text of its own.
"""

import base64
from collections.abc import Callable, Iterator

import msgspec

from sluice.dialects.text_walk import Scope


class Mark(msgspec.Struct, frozen=True):
    """A place for a canary; `form` makes the value that stands there of it."""

    scope: Scope | None
    form: Callable[[str], object] = str


def S(form: Callable[[str], object] = str) -> Mark:
    return Mark("system", form)


def M(form: Callable[[str], object] = str) -> Mark:
    return Mark("messages", form)


def I(form: Callable[[str], object] = str) -> Mark:  # noqa: E743 - the letter of its scope
    return Mark("tool_input", form)


def O(form: Callable[[str], object] = str) -> Mark:  # noqa: E743 - the letter of its scope
    return Mark("tool_output", form)


N = Mark(None)


def as_json(canary: str) -> str:
    return msgspec.json.encode({"deep": [{"within": canary}], "number": 1}).decode()


def as_base64(canary: str) -> str:
    return base64.b64encode(f"one {canary} two".encode()).decode()


def as_data_url(canary: str) -> str:
    return f"data:text/plain;base64,{as_base64(canary)}"


def planted(template: object) -> tuple[object, dict[str, Scope | None]]:
    """Return a template with a canary in each place, and the scope of each canary."""
    scopes: dict[str, Scope | None] = {}

    def plant(value: object) -> object:
        if isinstance(value, Mark):
            canary = f"canary{len(scopes):03}x"
            scopes[canary] = value.scope
            return value.form(canary)
        if isinstance(value, dict):
            return {name: plant(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plant(inner) for inner in value]
        return value

    return plant(template), scopes


def strings(value: object) -> Iterator[str]:
    """Every text in a value, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def readable(value: object) -> str:
    """All that a value says, what is base64 in it too."""
    return "\n".join(said for text in strings(value) for said in (text, _decoded(text)))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text.rpartition(",")[2]).decode("latin-1")
    except ValueError:
        return ""
