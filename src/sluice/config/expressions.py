"""Values that an operator computes with CEL: their texts as the Plan has them, each tried once while it is loaded.

PURE. A wrong expression is a fault at its place. The Plan keeps the texts; who asks them compiles them again, once per
Plan.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sluice.config.faults import Faults, Path, Place
from sluice.config.shaping_api import Expressions, FieldExpressions, HeaderValue, HeaderValues, NamedExpression
from sluice.policies.cel_text import bare
from sluice.policies.scene import ANSWERED, ASKED
from sluice.policies.value import Value

Placing = Callable[..., Place]
"""Tells where a step below some settings stands."""

_HINT: Final = 'such as `default(request.headers["x-user"], "nobody")`; a text of its own stands in quotes'
_BODY: Final = re.compile(r"\bresponse\s*\.\s*body\b")


class Row(msgspec.Struct, frozen=True):
    """A name and its value, and the step that leads to them."""

    name: str
    value: str
    step: str | int

    @property
    def at_name(self) -> Path:
        return (self.step,) if isinstance(self.step, str) else (self.step, "name")

    @property
    def at_value(self) -> Path:
        return (self.step,) if isinstance(self.step, str) else (self.step, "value")


def rows(entries: HeaderValues | Expressions) -> list[Row]:
    """Return a mapping, or a list of `name` and `value`, as rows."""
    if isinstance(entries, dict):
        return [Row(name, value, name) for name, value in entries.items()]
    items: Sequence[HeaderValue | NamedExpression] = entries
    return [Row(item.name, item.value, i) for i, item in enumerate(items)]


def members(entries: FieldExpressions | None, place: Placing, faults: Faults) -> tuple[tuple[str, str], ...]:
    """Return members of a body and the expressions that they are computed with: `ai.transformations` and its like."""
    if isinstance(entries, dict):
        found: list[tuple[str, str, Path]] = [(name, text, (name,)) for name, text in entries.items()]
    else:
        found = [(item.field, item.expression, (i, "expression")) for i, item in enumerate(entries or ())]
    for name, text, path in found:
        check_value(text, place(*path), faults)
        if [other for other, _, _ in found].count(name) > 1:
            faults.add(place(*path), f"the field `{name}` stands twice")
    return tuple((name, text) for name, text, _ in found)


def check_value(text: str, place: Place, faults: Faults, *, answers: bool = False) -> None:
    """Add a fault if a value cannot be computed. `answers`: it is about an answer, whose head is known and nothing of
    its body."""
    if answers and _BODY.search(bare(text)):
        faults.add(place, "the head of an answer leaves before its body is known", "`llm` and `response.headers` help")
        return
    try:
        _ = Value(text, sees=ANSWERED if answers else ASKED)
    except ValueError as error:
        faults.add(place, str(error), _HINT)
