"""An agent: a name, a handler that yields, and what it may use. Nothing runs until a server or a test runs it."""

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sluice.agents.callbacks import Callback
from sluice.agents.tools import Tool
from sluice.errors import ConfigError

if TYPE_CHECKING:
    from sluice.agents.context import Context
    from sluice.agents.graph import Graph

Handler = Callable[["Context"], Any]
"""An async generator function, a coroutine function, or a plain function: what it yields is streamed, what it returns
is the reply."""
Call = Callable[["Context"], AsyncIterator[Any]]
Middleware = Callable[["Context", Call], AsyncIterator[Any]]
"""`async def mw(ctx, call): async for piece in call(ctx): yield piece`."""
Hook = Callable[[], Awaitable[None] | None]
_F = TypeVar("_F", bound=Callable[..., Any])
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64})?\Z")
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z")


class Agent:
    """What answers. With a model and no handler it is a chat agent with its tools.

        agent = Agent("echo")

        @agent.on_message
        async def handle(ctx):
            yield ctx.text

    `name`: letters, digits, `_`, `-`, at most 64, optionally behind a company and a dot. `version`: semantic.
    `ttft`, `idle`, `timeout`: seconds until the first chunk, between two chunks, and in all; None = no limit.
    `buffer`: events that viewers may be behind before `backpressure="block"` holds the handler up, for at most
    `buffer_timeout` seconds; with `merge`, the default, nobody holds anybody up.
    `durable`: a run that a dead server left is run again from its last checkpoint, not ended as failed.
    `allow_system`: messages of the role `system` that clients send are kept.

    Raises:
        ConfigError: names everything that is wrong with it.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "1.0.0",
        description: str = "",
        model: str = "",
        instructions: str = "",
        graph: "Graph | None" = None,
        settings: type[Any] | None = None,
        ttft: float | None = None,
        idle: float | None = None,
        timeout: float | None = 600.0,
        buffer: int = 256,
        buffer_timeout: float | None = None,
        backpressure: Literal["merge", "block"] = "merge",
        min_interval_ms: float = 0.0,
        max_steps: int = 25,
        max_concurrent: int = 1000,
        durable: bool = False,
        allow_system: bool = False,
        temperature: float | None = None,
        max_tokens: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.version, self.description = name, version, description
        self.model, self.instructions, self.graph, self.settings = model, instructions, graph, settings
        self.ttft, self.idle, self.timeout = ttft, idle, timeout
        self.buffer, self.buffer_timeout, self.backpressure = buffer, buffer_timeout, backpressure
        self.min_interval_ms, self.max_steps, self.max_concurrent = min_interval_ms, max_steps, max_concurrent
        self.durable, self.allow_system = durable, allow_system
        self.temperature, self.max_tokens = temperature, max_tokens
        self.metadata = dict(metadata or {})
        self.handler: Handler | None = None
        self.tools: dict[str, Tool] = {}
        self.callbacks: dict[str, Callback] = {}
        self.endpoints: dict[str, Callable[..., Any]] = {}
        self.middleware: list[Middleware] = []
        self.started: list[Hook] = []
        self.stopped: list[Hook] = []
        self._check()

    def _check(self) -> None:
        wrong: list[str] = []
        if not _NAME.match(self.name):
            wrong.append(f"name {self.name!r}: 1 to 64 letters, digits, _ or -")
        if not _VERSION.match(self.version):
            wrong.append(f"version {self.version!r}: as 1.0.0")
        for field in ("ttft", "idle", "timeout", "buffer_timeout"):
            value = getattr(self, field)
            if value is not None and value <= 0:
                wrong.append(f"{field} {value!r}: seconds above 0, or None for no limit")
        for field in ("buffer", "max_steps", "max_concurrent"):
            if getattr(self, field) < 1:
                wrong.append(f"{field} {getattr(self, field)!r}: at least 1")
        if self.backpressure not in ("merge", "block"):
            wrong.append(f"backpressure {self.backpressure!r}: merge or block")
        if wrong:
            raise ConfigError("; ".join(wrong), path=f"agent {self.name!r}")

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

    def tool(self, function: _F | None = None, *, name: str = "", approve: bool = False) -> Any:
        """Let the model call this function: its type hints and docstring are the schema. With `approve` each call
        waits for a person. Used bare or with arguments."""

        def add(function: _F) -> _F:
            tool = Tool.of(function, name=name, approve=approve)
            self.tools[tool.name] = tool
            return function

        return add if function is None else add(function)

    def callback(self, name: str, *, scopes: tuple[str, ...] = (), ttl: float = 600.0) -> Callable[[_F], _F]:
        """Answer a button: `ctx.button(label, name, **params)` makes one."""

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
        """Put a function around the handler; the first added is the outermost."""
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

    def call(self, ctx: "Context") -> AsyncIterator[Any]:
        """Return what the handler, with all middleware around it, yields and returns."""
        call: Call = self._innermost
        for middleware in reversed(self.middleware):
            call = _around(middleware, call)
        return call(ctx)

    def _innermost(self, ctx: "Context") -> AsyncIterator[Any]:
        if self.graph is not None:
            return self.graph.run(ctx)
        if self.handler is not None:
            return pieces(self.handler(ctx))
        return ctx.converse()

    def test(self, **options: Any) -> Any:
        """Return a test bench: `async with agent.test() as t: events = await t.run("hi")`. No sockets."""
        from sluice.agents.bench import TestBench  # noqa: PLC0415  # only tests need it

        return TestBench(self, **options)


def _around(middleware: Middleware, call: Call) -> Call:
    return lambda ctx: middleware(ctx, call)


async def pieces(made: Any) -> AsyncIterator[Any]:
    """Give what a handler's call made, one piece at a time: an async generator's, a coroutine's result, a plain
    generator's, or the value itself; None is nothing."""
    if inspect.isasyncgen(made) or hasattr(made, "__aiter__"):
        try:
            async for piece in made:
                yield piece
        finally:
            close = getattr(made, "aclose", None)
            if close is not None:
                await close()
        return
    if inspect.isgenerator(made):
        for piece in made:
            yield piece
        return
    if inspect.isawaitable(made):
        made = await made
    if made is not None:
        yield made
