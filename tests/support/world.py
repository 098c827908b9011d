"""Everything a test with sockets starts, and the one place where all of it ends."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar, Unpack

from sluice.config.plan import Endpoint, Limits, Plan
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.plans import RuleMembers, to_provider
from tests.support.raw_client import RawClient
from tests.support.raw_upstream import Play, RawUpstream, answering
from tests.support.serving import Serving
from tests.support.waiting import until

T = TypeVar("T")


class World:
    """Start what a test needs; `close` ends it in reverse order and then looks for tasks that were left."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._tasks = asyncio.all_tasks()

    async def upstream(self, play: Play | bytes) -> RawUpstream:
        """A provider that follows a play, or gives one answer to everything."""
        chosen = answering(play) if isinstance(play, bytes) else play
        return await self._stack.enter_async_context(RawUpstream(chosen))

    async def enter(self, thing: AbstractAsyncContextManager[T]) -> T:
        """Anything else that begins and ends."""
        return await self._stack.enter_async_context(thing)

    async def fake(self, options: Options = Options()) -> FakeProvider:  # noqa: B008 - frozen
        return await self._stack.enter_async_context(FakeProvider(options))

    async def gateway(
        self,
        to: Plan | Endpoint | int,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        **members: Unpack[RuleMembers],
    ) -> Serving:
        """A gateway with this plan, or in front of the provider that listens there."""
        plan = to if isinstance(to, Plan) else to_provider(to, limits=limits, **members)
        serving = Serving(plan)
        await serving.start()
        self._stack.push_async_callback(serving.close)
        return serving

    async def client(self, serving: Serving, *, receive_buffer: int = 0) -> RawClient:
        return await self._stack.enter_async_context(await serving.client(receive_buffer=receive_buffer))

    async def between(
        self,
        play: Play | bytes,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        **members: Unpack[RuleMembers],
    ) -> tuple[RawUpstream, Serving, RawClient]:
        """The usual three: a scripted provider, a gateway in front of it, a client connected to that."""
        upstream = await self.upstream(play)
        serving = await self.gateway(upstream.port, limits=limits, **members)
        return upstream, serving, await self.client(serving)

    async def close(self) -> None:
        await self._stack.aclose()
        await until(lambda: asyncio.all_tasks() <= self._tasks | _mine())


def _mine() -> set[asyncio.Task[object]]:
    task = asyncio.current_task()
    return {task} if task is not None else set()
