"""Expressions in files: members of bodies that are computed, in both forms, and what is refused."""

from functools import partial

import pytest

from sluice.config.core_api import Schema
from sluice.config.expressions import members, rows
from sluice.config.faults import Faults
from sluice.config.shaping_api import FieldExpressions, HeaderValue
from sluice.config.source import Document
from sluice.policies.shaping import Shaping

from .shaping_texts import compiled, refusals


class Ai(Schema):
    transformations: FieldExpressions | None = None


def computed(text: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[tuple[str, str], ...]] = []

    def compile_(ai: Ai, document: Document, faults: Faults) -> Shaping:
        found.append(members(ai.transformations, partial(document.place, "transformations"), faults))
        return Shaping()

    compiled(text, Ai, compile_)
    return found[0]


def test_members_of_a_body_in_both_forms() -> None:
    cap = "min(llmRequest.max_tokens, 10)"
    wanted = (("max_tokens", cap), ("metadata.team", "jwt.team"))
    as_list = (
        f"transformations: [{{field: max_tokens, expression: '{cap}'}}, {{field: metadata.team, expression: jwt.team}}]"
    )
    as_mapping = f"transformations: {{max_tokens: '{cap}', metadata.team: jwt.team}}"
    assert computed(as_list) == computed(as_mapping) == wanted
    assert computed("transformations: []") == ()


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("[{field: a, expression: nope}]", "transformations[0].expression", "there is no `nope`"),
        ("{a: nope}", "transformations.a", "there is no `nope`"),
        ("[{field: a, expression: '1'}, {field: a, expression: '2'}]", "transformations[0].expression", "stands twice"),
        ("[{field: a..b, expression: '1'}]", "transformations[0].field", "matching regex"),
    ],
)
def test_members_that_are_refused(text: str, place: str, what: str) -> None:
    lines = refusals(computed, f"transformations: {text}")
    assert lines[0].startswith(f"{place}: ")
    assert what in lines[0]


def test_a_row_knows_the_way_to_its_parts() -> None:
    (listed,), (mapped,) = rows((HeaderValue(name="a", value="b"),)), rows({"a": "b"})
    assert (listed.name, listed.value) == (mapped.name, mapped.value) == ("a", "b")
    assert (listed.at_name, listed.at_value) == ((0, "name"), (0, "value"))
    assert (mapped.at_name, mapped.at_value) == (("a",), ("a",))
