"""Values for JSON schemas, judged by pydantic: what its models describe has to satisfy the models."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel

from sluice.testing.fake_schema import MAX_DEPTH, Schema, example


class Unit(Enum):
    celsius = "C"
    fahrenheit = "F"


class Place(BaseModel):
    city: str
    unit: Unit
    note: str | None


class Everything(BaseModel):
    place: Place
    places: list[Place]
    maybe: Place | None
    kind: Literal["b", "a"]
    flag: bool
    at: datetime
    id: UUID
    small: Annotated[int, Ge(3), Lt(5)]
    negative: Annotated[int, Le(-7)]
    even: Annotated[int, MultipleOf(4), Ge(5)]
    ratio: Annotated[float, Gt(0), Lt(1)]
    short: Annotated[str, MaxLen(3)]
    long: Annotated[str, MinLen(40)]
    pair: tuple[int, str]
    many: Annotated[list[int], MinLen(3)]
    either: int | str
    table: dict[str, int]
    with_default: int = 7


class Node(BaseModel):
    value: int
    next: "Node | None" = None
    children: list["Node"] = []


@pytest.mark.parametrize("model", [Place, Everything, Node])
def test_the_value_satisfies_the_model_that_the_schema_describes(model: type[BaseModel]) -> None:
    value = example(model.model_json_schema(), "How warm is it?")
    assert model.model_validate_json(msgspec.json.encode(value))


def test_a_member_that_is_named_like_a_question_gets_the_question() -> None:
    schema: Schema = {"type": "object", "properties": {"query": {"type": "string"}, "city": {"type": "string"}}}
    assert example(schema, "Where?") == {"query": "Where?", "city": "Paris"}


def test_a_schema_that_needs_itself_ends() -> None:
    endless = {"$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "required": ["n"]}}}
    text = msgspec.json.encode(example(endless | {"$ref": "#/$defs/n"}, ""))
    assert MAX_DEPTH // 2 < text.count(b"{") <= MAX_DEPTH + 2


def test_a_reference_that_goes_in_circles_ends() -> None:
    assert example({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "") is None


def test_required_members_without_a_description_are_there() -> None:
    assert example({"type": "object", "required": ["x"]}, "") == {"x": None}


def test_all_of_holds_together() -> None:
    left = {"properties": {"a": {"type": "integer"}}, "required": ["a"]}
    right = {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}
    assert example({"type": "object", "allOf": [left, right]}, "") == {"a": 1, "b": True}
