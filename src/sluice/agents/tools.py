"""A Python function as a tool: its type hints are the schema, its docstring the description.

A tool may be a plain function (it runs in a thread), a coroutine function, or a generator of either kind: then each
value is progress, and the last one the result. A parameter annotated `Context`, or called `ctx`, is the run's own.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, get_type_hints

import msgspec

from sluice.agents.docstring import described
from sluice.agents.model import ToolSpec
from sluice.agents.resilience import Bulkhead, Timeout, over, through
from sluice.errors import ConfigError, SluiceError

CALL_TIMEOUT_S = 30.0
"""Of a tool that does not say otherwise; of one that yields, to its first value."""
CALLS_AT_ONCE = 32
"""Of one tool, in one process."""
QUEUED = 1000
WAIT_S = 30.0
"""Calls that wait for a place, and how long."""
_TELLING = (ValueError, LookupError, ArithmeticError, TypeError, AssertionError)
"""Errors whose words are about what was asked, and not about what is behind the tool."""


_CONTEXT = type("Context", (), {})
"""Stands for the class of that name where a function's module does not know it."""


class ToolError(Exception):
    """Raise it in a tool to tell the model, and whoever watches, what went wrong."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that a model may call."""

    name: str
    function: Callable[..., Any]
    spec: ToolSpec
    approve: bool = False
    """Each call waits for a person."""
    arguments: type[msgspec.Struct]
    """What the model's arguments are read as."""
    context: str = ""
    """The parameter that takes the run's context; empty = none does."""
    timeout_s: float | None = CALL_TIMEOUT_S
    places: Bulkhead

    @staticmethod
    def of(
        function: Callable[..., Any],
        *,
        name: str = "",
        approve: bool = False,
        timeout: float | None = CALL_TIMEOUT_S,
        at_once: int = CALLS_AT_ONCE,
    ) -> "Tool":
        """Return a tool of a function.

        Raises:
            ConfigError: a parameter without a type, or of one that JSON has no word for.
        """
        named = name or getattr(function, "__name__", "")
        context, fields = _parameters(function, named)
        text, words = described(inspect.getdoc(function) or "")
        arguments = _struct(named, fields, words)
        spec = ToolSpec(name=named, description=text, parameters=_schema(arguments, named))
        return Tool(
            name=named,
            function=function,
            spec=spec,
            approve=approve,
            arguments=arguments,
            context=context,
            timeout_s=timeout,
            places=Bulkhead(at_once, QUEUED, WAIT_S),
        )

    @property
    def yields(self) -> bool:
        """Whether it reports progress."""
        return inspect.isasyncgenfunction(self.function) or inspect.isgeneratorfunction(self.function)

    def read(self, arguments: Any) -> dict[str, Any]:
        """Return the arguments of a call as the function takes them.

        Raises:
            ToolError: they are not what the schema says; names the place.
        """
        if isinstance(arguments, str):
            raise ToolError("the arguments are no JSON object")
        try:
            read = msgspec.convert(arguments, self.arguments, strict=False)
        except msgspec.ValidationError as error:
            raise ToolError(f"wrong arguments: {error}") from None
        return {field: getattr(read, field) for field in read.__struct_fields__}

    async def call(self, arguments: Any, ctx: Any) -> AsyncIterator[Any]:
        """Give what the function says: its progress, and last its result. A stream of at least one value.

        Raises:
            ToolError: the arguments are wrong.
            Exception: what the function raises.
        """
        given = self.read(arguments)
        if self.context:
            given[self.context] = ctx
        values = _values(self.function, given)
        guards = (self.places,) if self.timeout_s is None else (self.places, Timeout(self.timeout_s))
        first = await through(guards, lambda: anext(values))
        try:
            yield first
            async for value in values:
                yield value
        finally:
            await values.aclose()  # type: ignore[attr-defined]  # it is a generator
            over(guards)


def why(error: BaseException) -> str:
    """Return what a model, and whoever watches, learns of a tool's error."""
    if isinstance(error, ToolError | SluiceError):
        return str(error)
    if isinstance(error, _TELLING):
        return f"{type(error).__name__}: {error}"
    return f"the tool failed: {type(error).__name__}"


# -- the schema -------------------------------------------------------------------------------------------------------


def _parameters(function: Callable[..., Any], name: str) -> tuple[str, list[tuple[str, Any, Any]]]:
    """Return which parameter takes the context, and the others: name, type, default (or `inspect.Parameter.empty`)."""
    signature = inspect.signature(function)
    hints = _hints(function, name)
    context, fields = "", []
    for parameter in signature.parameters.values():
        hint = hints.get(parameter.name, parameter.annotation)
        if getattr(hint, "__name__", "") == "Context" or parameter.name == "ctx":
            context = parameter.name
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ConfigError(f"parameter {parameter.name!r} has no name to be called by", path=f"tool {name!r}")
        if hint is inspect.Parameter.empty:
            raise ConfigError(f"parameter {parameter.name!r} has no type", path=f"tool {name!r}", hint="annotate it")
        fields.append((parameter.name, hint, parameter.default))
    return context, fields


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """Type hints, looked up. `Context` may have been imported for type checkers alone."""
    known = {} if "Context" in getattr(function, "__globals__", {}) else {"Context": _CONTEXT}
    try:
        return get_type_hints(function, localns=known, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigError(f"a type hint cannot be looked up: {error}", path=f"tool {name!r}") from None


def _struct(name: str, fields: list[tuple[str, Any, Any]], words: dict[str, str]) -> type[msgspec.Struct]:
    rows: list[Any] = []
    for field, kind, default in fields:
        row = Annotated[kind, msgspec.Meta(description=words[field])] if field in words else kind
        if default is inspect.Parameter.empty:
            rows.append((field, row))
        elif isinstance(default, list | dict | set):
            rows.append((field, row, msgspec.field(default_factory=_copy(default))))
        else:
            rows.append((field, row, default))
    return msgspec.defstruct(f"{name}_arguments", rows, kw_only=True, forbid_unknown_fields=True)


def _copy(default: Any) -> Callable[[], Any]:
    return lambda: type(default)(default)


def _schema(arguments: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """Return the schema of an object that needs nothing beside it."""
    try:
        (_,), parts = msgspec.json.schema_components((arguments,), ref_template="#/$defs/{name}")
    except TypeError as error:
        raise ConfigError(f"JSON has no word for a parameter's type: {error}", path=f"tool {name!r}") from None
    schema: dict[str, Any] = dict(parts.pop(arguments.__name__))
    schema.pop("title", None)
    schema.setdefault("properties", {})
    if parts:
        schema["$defs"] = parts
    return schema


# -- the call ---------------------------------------------------------------------------------------------------------


async def _values(function: Callable[..., Any], given: dict[str, Any]) -> AsyncIterator[Any]:
    """Give the values of a function of any kind, at least one."""
    if inspect.isasyncgenfunction(function):
        source = function(**given)
    elif inspect.iscoroutinefunction(function):
        yield await function(**given)
        return
    elif inspect.isgeneratorfunction(function):
        source = _stepped(function(**given))
    else:
        made = await asyncio.to_thread(function, **given)
        yield await made if inspect.isawaitable(made) else made
        return
    said = False
    try:
        async for value in source:
            said = True
            yield value
    finally:
        await source.aclose()
    if not said:
        yield None


async def _stepped(values: Iterator[Any]) -> AsyncIterator[Any]:
    """Give a plain generator's values, each made in a thread."""
    over = object()
    try:
        while (value := await asyncio.to_thread(next, values, over)) is not over:
            yield value
    finally:
        close = getattr(values, "close", None)
        if close is not None:
            await asyncio.to_thread(close)
