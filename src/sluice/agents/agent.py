"""An agent: a name, a handler that yields, and what it may use. Nothing runs until a server or a test runs it."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from importlib import import_module
from typing import Any, TypeVar, overload

from sluice.agents.callbacks import Callback
from sluice.agents.context import Context
from sluice.agents.definition import Definition
from sluice.agents.langgraph_adapter import LangGraphAgent
from sluice.agents.tools import CALL_TIMEOUT_S, CALLS_AT_ONCE, Tool
from sluice.errors import ConfigError

Handler = Callable[[Context], Any]
"""An async generator function, a coroutine function, or a plain function, which runs in a thread: what it yields is
streamed, what it returns is the reply."""
Call = Callable[[Context], AsyncIterator[Any]]
Middleware = Callable[[Context, Call], AsyncIterator[Any]]
"""`async def mw(ctx, call): async for piece in call(ctx): yield piece`."""
Hook = Callable[[], Awaitable[None] | None]
_F = TypeVar("_F", bound=Callable[..., Any])


class Agent(Definition):
    """What answers. With a model and no handler it is a chat agent with its tools; with a graph it is that graph.

        agent = Agent("echo")

        @agent.on_message
        async def handle(ctx):
            yield ctx.text

    The arguments are those of `Definition`, and `graph`: a `Graph`, or anything with its `check()` and
    `run(ctx)`.
    """

    def __init__(self, name: str, *, graph: Any = None, **options: Any) -> None:
        super().__init__(name, **options)
        if graph is not None:
            graph.check()
        self.graph = graph
        self.handler: Handler | None = None
        self.middleware: list[Middleware] = []
        self.started: list[Hook] = []
        self.stopped: list[Hook] = []

    # -- decorators ---------------------------------------------------------------------------------------------------

    def on_message(self, handler: _F) -> _F:
        """Make this function answer messages.

        Raises:
            ConfigError: there is one already, or a graph.
        """
        if self.handler is not None or self.graph is not None:
            raise ConfigError("it has a handler already", path=f"agent {self.name!r}")
        self.handler = handler
        return handler

    __call__ = on_message

    @overload
    def tool(
        self, function: _F, *, name: str = ..., approve: bool = ..., timeout: float | None = ..., at_once: int = ...
    ) -> _F: ...

    @overload
    def tool(
        self, *, name: str = ..., approve: bool = ..., timeout: float | None = ..., at_once: int = ...
    ) -> Callable[[_F], _F]: ...

    def tool(
        self,
        function: _F | None = None,
        *,
        name: str = "",
        approve: bool = False,
        timeout: float | None = CALL_TIMEOUT_S,
        at_once: int = CALLS_AT_ONCE,
    ) -> Any:
        """Let the model call this function: its type hints and docstring are the schema. With `approve` each call
        waits for a person. `timeout`: seconds that a call may take, to its first value if it yields; None = as long as
        the run. `at_once`: calls of it in this process at a time. Used bare or with arguments.

        Raises:
            ConfigError: there is one of that name, or it cannot be told to a model.
        """

        def add(function: _F) -> _F:
            tool = Tool.of(function, name=name, approve=approve, timeout=timeout, at_once=at_once)
            if tool.name in self.tools:
                raise ConfigError(f"there are two tools {tool.name!r}", path=f"agent {self.name!r}")
            self.tools[tool.name] = tool
            return function

        return add if function is None else add(function)

    def callback(self, name: str, *, scopes: tuple[str, ...] = (), ttl: float = 600.0) -> Callable[[_F], _F]:
        """Answer a button: `ctx.button(label, name, **params)` makes one. `ttl`: seconds that it can be pressed."""

        def add(function: _F) -> _F:
            self.callbacks[name] = Callback(name=name, function=function, scopes=scopes, ttl_s=ttl)
            return function

        return add

    def endpoint(self, name: str) -> Callable[[_F], _F]:
        """Answer a page's question for data: seed 004's `/api/graph/ui/dispatch`."""

        def add(function: _F) -> _F:
            self.endpoints[name] = function
            return function

        return add

    def use(self, middleware: Middleware) -> Middleware:
        """Put a function around the handler; the first added is the outermost. `agents.middleware` has some."""
        self.middleware.append(middleware)
        return middleware

    def before_start(self, hook: _F) -> _F:
        """Run this before the server takes work."""
        self.started.append(hook)
        return hook

    def after_stop(self, hook: _F) -> _F:
        """Run this when the server has let its runs go."""
        self.stopped.append(hook)
        return hook

    # -- running ------------------------------------------------------------------------------------------------------

    def call(self, ctx: Context) -> AsyncIterator[Any]:
        """Return what the handler, with all middleware around it, yields and returns."""
        call: Call = self._innermost
        for middleware in reversed(self.middleware):
            call = _around(middleware, call)
        return call(ctx)

    def _innermost(self, ctx: Context) -> AsyncIterator[Any]:
        if self.graph is not None:
            answer: AsyncIterator[Any] = self.graph.run(ctx)
            return answer
        if self.handler is not None:
            return called(self.handler, ctx)
        return ctx.converse()

    @classmethod
    def from_langgraph(
        cls, compiled: Any, *, name: str = "", config: Mapping[str, Any] | None = None, **options: Any
    ) -> "Agent":
        """Return an agent of a compiled LangGraph graph; its name is the graph's own unless one is given. `config` goes
        to each of its runs; the others are an agent's arguments.

        Raises:
            ConfigError: it cannot be an agent; says why.
        """
        called = name or str(getattr(compiled, "name", ""))
        return cls(called, graph=LangGraphAgent(compiled, config=config), **options)

    def test(self, **options: Any) -> Any:
        """Return a test bench: `async with agent.test(llm="mock:Once| upon") as t: events = await t.run("hi")`. No
        sockets; see `sluice.testing.bench`, which stands above this room and is therefore asked for by name."""
        return import_module("sluice.testing.bench").TestBench(self, **options)


def _around(middleware: Middleware, call: Call) -> Call:
    return lambda ctx: middleware(ctx, call)


async def called(handler: Callable[..., Any], *arguments: Any) -> AsyncGenerator[Any, None]:
    """Call a handler and give its pieces; a plain function runs in a thread, so that it holds up nobody."""
    asynchronous = inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler)
    threaded = inspect.isroutine(handler) and not asynchronous
    made = await asyncio.to_thread(handler, *arguments) if threaded else handler(*arguments)
    async with aclosing(pieces(made)) as said:
        async for piece in said:
            yield piece


async def pieces(made: Any) -> AsyncGenerator[Any, None]:
    """Give what a handler's call made, one piece at a time: what an async generator yields, what a coroutine returns,
    each step of a plain generator, which runs in a thread, or the value itself; None is nothing."""
    if inspect.isawaitable(made):
        made = await made
    if hasattr(made, "__aiter__"):
        try:
            async for piece in made:
                yield piece
        finally:
            close = getattr(made, "aclose", None)
            if close is not None:
                await close()
    elif inspect.isgenerator(made):
        while (piece := await asyncio.to_thread(_next, made)) is not _END:
            yield piece
    elif made is not None:
        yield made


_END = object()


def _next(made: Iterator[Any]) -> Any:
    return next(made, _END)


async def call(hooks: Iterable[Hook]) -> None:
    """Call hooks in their order, each when the one before is done."""
    for hook in hooks:
        if (waiting := hook()) is not None:
            await waiting
