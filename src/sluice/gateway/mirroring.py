"""Copies of requests on their way to mirrors: tasks of the process, owned here.

Guarantee: see `policies.mirroring`. Whatever sends returns at once and raises nothing; every copy is counted exactly
once, as `sent`, `failed` or `dropped`; after `close` none is under way. A copy's connection comes from the pool and
goes back to it when the answer was short enough to be read to its end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sluice.config.plan import Endpoint
from sluice.errors import ClientError, PolicyUnavailable, SluiceError, TimedOut, UpstreamError
from sluice.gateway.outbound import Draft, Outbound
from sluice.gateway.ports import Signer, Upstream
from sluice.gateway.tracing_beside import Beside
from sluice.policies.mirroring import MAX_ANSWER_BYTES, MAX_TIME_S, Result, Room
from sluice.relay.record import BesideFacts

CONNECT_S: Final = 5.0

Counted = Callable[[str, Result], None]
"""Told of every copy, once: the mirror's `namespace/name`, and what became of it."""


class Mirrors:
    """One per process. `fault` is told of faults of ours; `time_s`: how long one copy may take."""

    def __init__(
        self,
        upstream: Upstream,
        signer: Signer,
        counted: Counted,
        fault: Callable[[BaseException], None],
        *,
        models: Upstream | None = None,
        seen: Callable[[BesideFacts], None] = lambda facts: None,
        time_s: float = MAX_TIME_S,
    ) -> None:
        """`models`: the way to targets of drafts, if it is another. `seen` is told the span of each that was sent or
        failed, if its exchange is traced."""
        self._upstream, self._models, self._signer, self._time_s = upstream, models or upstream, signer, time_s
        self._counted, self._fault, self._seen = counted, fault, seen
        self._room = Room()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """Copies under way."""
        return len(self._tasks)

    def send(
        self,
        name: str,
        endpoint: Endpoint,
        size: int,
        rendered: Callable[[], Awaitable[bytes]],
        *,
        expects_body: bool = True,
        beside: Beside | None = None,
    ) -> None:
        """Send what `rendered` says, which may await policies. `size`: of the body that is copied; `expects_body`:
        False for HEAD. `beside`: its span; None = nobody wants to see it.

        If it says that there is to be no copy (`ClientError`, `PolicyUnavailable`), this one is `dropped`.
        """

        async def way() -> None:
            await self._copy(self._upstream, endpoint, await rendered(), expects_body, beside)

        self._begin(name, size, way, beside)

    def send_draft(
        self,
        name: str,
        outbound: Outbound,
        size: int,
        drafted: Callable[[], Awaitable[Draft]],
        beside: Beside | None = None,
    ) -> None:
        """Send what is drafted for a target, signed if its cloud asks for that; of several bodies the first. The rest
        as for `send`."""
        target = outbound.target

        async def signed() -> None:
            draft = await drafted()
            signature = () if target.cloud is None else await draft.signed(self._signer, target.cloud)
            await self._copy(self._models, target.endpoint, draft.render(signature), True, beside)

        self._begin(name, size, signed, beside)

    def drop(self, name: str) -> None:
        """Count a copy that cannot be made."""
        self._counted(name, "dropped")

    def close(self) -> None:
        """Give up all copies under way."""
        for task in self._tasks:
            task.cancel()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _begin(self, name: str, size: int, way: Callable[[], Awaitable[None]], beside: Beside | None) -> None:
        if not self._room.enter(size):
            self._counted(name, "dropped")
            return
        task = asyncio.get_running_loop().create_task(self._run(way))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._end(done, name, size, beside))

    def _end(self, task: asyncio.Task[None], name: str, size: int, beside: Beside | None) -> None:
        """Also of a task that was cancelled before it began. A mirror's failure is nobody's: it is counted."""
        self._tasks.discard(task)
        self._room.leave(size)
        error = None if task.cancelled() else task.exception()
        refused = isinstance(error, ClientError | PolicyUnavailable)
        self._counted(name, "dropped" if refused else "failed" if task.cancelled() or error is not None else "sent")
        if beside is not None and not refused:
            self._seen(beside.ended(*_became(error, cancelled=task.cancelled())))
        if error is not None and not isinstance(error, SluiceError | TimeoutError):
            self._fault(error)

    async def _run(self, way: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(self._time_s):
            await way()

    async def _copy(
        self, way: Upstream, endpoint: Endpoint, asked: bytes, expects_body: bool, beside: Beside | None
    ) -> None:
        upstream = await way.open(endpoint, asked, expects_body=expects_body, connect_s=CONNECT_S, headers_s=0.0)
        if beside is not None:
            beside.status = upstream.head.status
        drain = _Drain()
        try:
            upstream.attach(drain)
            await drain.over.wait()
            if drain.error is not None:
                raise drain.error
        finally:
            upstream.close(complete=drain.complete)


def _became(error: BaseException | None, *, cancelled: bool) -> tuple[str, str]:
    """What a copy's span says of its end: the result, and a word for what went wrong."""
    if cancelled:
        return "failed", "cancelled"
    if isinstance(error, SluiceError):
        return "failed", error.code
    if isinstance(error, TimeoutError):
        return "failed", TimedOut("total").code
    return ("sent", "") if error is None else ("failed", "internal")


class _Drain:
    """Takes a body and keeps nothing. `over` is set at its end, whatever end it is, or when it is long enough."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.complete = False
        self.error: UpstreamError | None = None
        self._left = MAX_ANSWER_BYTES

    def body(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.over.set()

    def eof(self) -> None:
        self.complete = True
        self.over.set()

    def broke(self, error: UpstreamError) -> None:
        self.error = error
        self.over.set()
