"""Functions as tools: what a model is told of them, what they are called with, what comes of it."""

import asyncio
import dataclasses
import enum
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
import pytest

from sluice.agents.tools import Tool, ToolError, why
from sluice.errors import ConfigError, Conflict, Overloaded


class Unit(enum.Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclasses.dataclass
class Place:
    city: str
    country: str = "DE"


class Range(msgspec.Struct):
    low: int
    high: int = 10


async def results(tool: Tool, arguments: Any, ctx: Any = None) -> list[Any]:
    return [value async for value in tool.call(arguments, ctx)]


def test_hints_defaults_and_docstring_are_the_schema() -> None:
    def weather(city: str, unit: Literal["c", "f"] = "c", days: int | None = None) -> str:
        """Tell the weather.

        Slowly.

        Args:
            city: Name of the city,
                in any language.
            unit (str): Degrees.
        """
        return city + unit + str(days)

    spec = Tool.of(weather).spec
    assert (spec.name, spec.description) == ("weather", "Tell the weather.\n\nSlowly.")
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Name of the city, in any language."},
            "unit": {"enum": ["c", "f"], "default": "c", "description": "Degrees."},
            "days": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_structures_are_described_beside_and_need_nothing_else() -> None:
    def go(place: Place, range_: Range, unit: Unit = Unit.C, tags: list[str] = []) -> None:  # noqa: B006
        """Go."""

    schema = Tool.of(go).spec.parameters
    assert schema["properties"]["place"] == {"$ref": "#/$defs/Place"}
    assert schema["$defs"]["Range"]["properties"]["high"] == {"type": "integer", "default": 10}
    assert schema["$defs"]["Unit"]["enum"] == ["celsius", "fahrenheit"]
    assert schema["properties"]["tags"]["type"] == "array"
    assert schema["required"] == ["place", "range_"]


async def test_arguments_arrive_as_their_types() -> None:
    seen: list[Any] = []

    def go(place: Place, range_: Range, unit: Unit = Unit.C) -> str:
        seen.extend([place, range_, unit])
        return "there"

    tool = Tool.of(go)
    given = {"place": {"city": "Rome"}, "range_": {"low": 1}, "unit": "fahrenheit"}
    assert await results(tool, given) == ["there"]
    assert seen == [Place("Rome", "DE"), Range(1, 10), Unit.F]


def test_bounds_of_annotations_are_in_the_schema_and_are_kept() -> None:
    def take(count: Annotated[int, msgspec.Meta(ge=1, le=5)]) -> int:
        return count

    tool = Tool.of(take)
    assert tool.spec.parameters["properties"]["count"] == {"type": "integer", "minimum": 1, "maximum": 5}
    with pytest.raises(ToolError, match="count"):
        tool.read({"count": 9})


@pytest.mark.parametrize(
    "arguments",
    [{}, {"a": "x"}, {"a": 1, "b": 2}, "not json", [1], None],
    ids=["missing", "type", "extra", "text", "list", "none"],
)
async def test_wrong_arguments_never_reach_the_function(arguments: object) -> None:
    called: list[int] = []

    def take(a: int) -> None:
        called.append(a)

    with pytest.raises(ToolError):
        await results(Tool.of(take), arguments)
    assert not called


def test_a_default_that_is_mutable_is_nobody_elses() -> None:
    def take(tags: list[str] = []) -> None:  # noqa: B006
        pass

    tool = Tool.of(take)
    tool.read({})["tags"].append("mine")
    assert tool.read({}) == {"tags": []}


def _untyped(a):  # type: ignore[no-untyped-def]  # that is the case
    return a


def _many(*numbers: int) -> None: ...


def _odd(a: Callable[[], None]) -> None: ...


@pytest.mark.parametrize("function", [_untyped, _many, _odd])
def test_a_function_that_no_schema_describes_is_refused_when_it_is_added(function: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="tool"):
        Tool.of(function)


async def test_a_context_is_given_and_not_asked_of_the_model() -> None:
    def of_hint(ctx: "Context", a: int) -> tuple[Any, int]:  # type: ignore[name-defined]  # noqa: F821
        return ctx, a

    def of_name(ctx, a: int) -> tuple[Any, int]:  # type: ignore[no-untyped-def]
        return ctx, a

    for function in (of_hint, of_name):
        tool = Tool.of(function)
        assert list(tool.spec.parameters["properties"]) == ["a"]
        assert await results(tool, {"a": 1}, "the run") == [("the run", 1)]


async def test_a_plain_function_runs_beside_the_event_loop_and_a_coroutine_in_it() -> None:
    def plain() -> bool:
        return threading.current_thread() is threading.main_thread()

    async def awaited() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await results(Tool.of(plain), {}) == [False]
    assert await results(Tool.of(awaited), {}) == [True]


async def test_each_yielded_value_comes_as_it_is_made() -> None:
    gate = asyncio.Event()

    async def stepwise() -> AsyncIterator[str]:
        yield "half"
        await gate.wait()
        yield "whole"

    def counted() -> Iterator[int]:
        yield from range(3)

    values = Tool.of(stepwise).call({}, None)
    assert await anext(values) == "half"
    gate.set()
    assert await anext(values) == "whole"
    assert await results(Tool.of(counted), {}) == [0, 1, 2]


async def test_a_tool_that_takes_too_long_is_given_up() -> None:
    async def slow() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Exception, match="no answer within"):
        await results(Tool.of(slow, timeout=0.01), {})


async def test_no_more_calls_than_places_run_at_once() -> None:
    running, most, gate = 0, 0, asyncio.Event()

    async def busy() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    tool = Tool.of(busy, at_once=2)
    calls = [asyncio.ensure_future(results(tool, {})) for _ in range(6)]
    while running < 2:
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*calls)
    assert most == 2


async def test_a_failed_call_gives_its_place_back() -> None:
    async def fails() -> None:
        raise ValueError("no")

    tool = Tool.of(fails, at_once=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await results(tool, {})


def test_what_a_model_learns_of_an_error_holds_no_secret_of_what_is_behind_the_tool() -> None:
    assert why(ToolError("no such order")) == "no such order"
    assert why(Conflict("busy")) == "busy"
    assert why(KeyError("order")) == "KeyError: 'order'"
    assert why(RuntimeError("postgresql://user:secret@db")) == "the tool failed: RuntimeError"
    assert why(Overloaded("later")) == "later"
