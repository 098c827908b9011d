"""One run under way: its handler in a task of its own, its clocks, and the one place where it ends.

    turn ── run.started ── handler yields ──┬── returns ───────────────► success
                                            ├── raises ────────────────► run.failed
                                            ├── asks a person ─────────► interrupt
                                            ├── a clock runs out ──────► timeout
                                            └── somebody cancels ──────► cancelled
                                                        │
                     close what is open ── keep messages and record ── the terminal event ── let the turn go

What is kept is kept before the terminal event is said: who has heard the end finds everything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Protocol

import msgspec

from sluice.agents.agent import Agent
from sluice.agents.context import Context, Interrupted
from sluice.agents.live import LiveLog
from sluice.agents.ports import Clock, Now
from sluice.agents.writer import Writer
from sluice.errors import SluiceError
from sluice.runs.events import Outcome
from sluice.runs.fold import Fold
from sluice.runs.records import Run, RunError, RunStatus

GRACE_S = 0.1
"""How long a cancelled handler may take before its run is ended without it."""
BREATH = 64
"""Pieces after which a handler that never waits lets others run."""
STATUS: dict[Outcome, RunStatus] = {
    "success": "success",
    "interrupt": "interrupted",
    "cancelled": "cancelled",
    "timeout": "timeout",
}


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ends: an outcome, or an error."""

    outcome: Outcome = "success"
    reason: str = ""
    message: str = ""
    error: RunError | None = None


class Home(Protocol):
    """What a run needs of the service it lives in."""

    clock: Clock
    now: Now

    async def prepare(self, running: "Running") -> Context:
        """Wait for the thread's turn, write that the run runs, and return what the handler sees."""
        ...

    async def keep(self, running: "Running", ending: Ending) -> None:
        """Keep messages, state and record of a run that is about to say its end. Must not raise."""
        ...

    async def left(self, running: "Running") -> None:
        """It has said its end: let the turn go and forget it."""
        ...

    def fault(self, error: BaseException) -> None:
        """An error of a handler or of ours, with its traceback."""
        ...


class Running:
    """Owns two tasks: one lives the run, the other is its handler."""

    def __init__(self, agent: Agent, run: Run, log: LiveLog, writer: Writer, home: Home) -> None:
        self.agent, self.run, self.log, self.writer = agent, run, log, writer
        self.viewers = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the run has ended and been forgotten."""
        self._home = home
        self._ending: Ending | None = None
        """Set from outside: by a cancel or a clock."""
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handler: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._progressed = asyncio.Event()
        self._behind: dict[object, int] = {}
        """How far each viewer has read."""
        self._life = asyncio.create_task(self._live(), name=f"run {run.id}")

    def fold(self, ending: Ending) -> Fold:
        """Return the log so far, folded, as it will be after this end."""
        if ending.error is not None or ending.outcome == "timeout":
            self.writer.folded.interrupted()
        return self.writer.folded

    # -- orders -------------------------------------------------------------------------------------------------------

    def stop(self, ending: Ending) -> None:
        """End the run like this, unless it is ending already."""
        if self._ending is None and not self.writer.ended:
            self._ending = ending
            self._stopped.set_result(None)

    def cancel(self, reason: str = "cancelled") -> None:
        """End it as cancelled."""
        self.stop(Ending(outcome="cancelled", reason=reason))

    # -- viewers ------------------------------------------------------------------------------------------------------

    @contextmanager
    def viewer(self, after: int = 0) -> Iterator[Callable[[int], None]]:
        """Count a viewer; call what this gives with the number up to which it has read."""
        self.viewers += 1
        key = object()
        self._behind[key] = after

        def has_read(seq: int) -> None:
            self._behind[key] = seq
            self._progressed.set()

        try:
            yield has_read
        finally:
            self.viewers -= 1
            del self._behind[key]
            self._progressed.set()
            self.unwatched()

    def unwatched(self) -> None:
        """If nobody watches and the run minds, end it after a while."""
        if self.viewers or self.run.on_disconnect == "continue" or self._linger is not None:
            return
        self._linger = asyncio.get_running_loop().call_later(self.run.linger_s, self._lingered)

    def _lingered(self) -> None:
        self._linger = None
        if not self.viewers:
            self.cancel("nobody watches")

    # -- life ---------------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        try:
            ending = await self._run()
            if self.log.last == 0:  # it was stopped while it waited for its turn
                self.writer.start(self.run)
            self.writer.close_all(ending.message or ending.reason or ending.outcome)
            await self._home.keep(self, ending)
            self._say_end(ending)
        finally:
            for timer in (self._timer, self._linger):
                if timer is not None:
                    timer.cancel()
            await self._home.left(self)
            if not self.over.done():
                self.over.set_result(None)

    def _say_end(self, ending: Ending) -> None:
        error = ending.error
        if error is not None:
            self.writer.fail(error.code, error.message, retryable=error.retryable, status=error.status)
        else:
            self.writer.finish(ending.outcome, reason=ending.reason, message=ending.message)

    async def _run(self) -> Ending:
        self._handler = asyncio.create_task(self._handle(), name=f"handler of {self.run.id}")
        try:
            await asyncio.wait({self._handler, self._stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not self._handler.done():
                self._handler.cancel()
                await asyncio.wait({self._handler}, timeout=GRACE_S)
        finally:
            if not self._handler.done():  # it is ours until it lets go; it can write nothing any more
                self._handler.cancel()
        return self._how(self._handler)

    def _how(self, handler: "asyncio.Task[None]") -> Ending:
        if self._ending is not None:
            if handler.done() and not handler.cancelled():
                handler.exception()  # looked at: what a cancelled handler raises is nobody's news
            return self._ending
        if handler.cancelled():
            return Ending(outcome="cancelled", reason="cancelled")
        error = handler.exception()
        if error is None:
            return Ending()
        if isinstance(error, Interrupted):
            return Ending(outcome="interrupt")
        self._home.fault(error)
        return Ending(error=told(error))

    async def _handle(self) -> None:
        ctx = await self._home.prepare(self)
        self._start_clocks()
        ctx.deadline = self._deadline
        pieces = 0
        async with aclosing(self.agent.call(ctx)) as said:  # type: ignore[type-var]  # every call of ours is a generator
            async for piece in said:
                await ctx.say(piece)
                pieces += 1
                if self.agent.backpressure == "block":
                    await self._room()
                elif not pieces % BREATH:
                    await asyncio.sleep(0)

    # -- clocks -------------------------------------------------------------------------------------------------------

    def _start_clocks(self) -> None:
        now = self._home.clock()
        limits = [limit for limit in (self.agent.timeout, self.run.timeout_s) if limit is not None]
        self._total = min(limits, default=None)
        self._deadline = None if self._total is None else now + self._total
        self._started = now
        self._arm()

    def _arm(self) -> None:
        dues = [due for due, _ in self._dues()]
        if dues:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, min(dues) - self._home.clock()), self._look)

    def _dues(self) -> list[tuple[float, Ending]]:
        """When each clock runs out, and what is said then."""
        dues: list[tuple[float, Ending]] = []
        if self._deadline is not None:
            message = f"streaming timeout after {self._total:g}s"
            dues.append((self._deadline, Ending(outcome="timeout", reason="total", message=message)))
        if self.agent.ttft is not None and not self.writer.spoke:
            message = f"no first chunk within {self.agent.ttft:g}s"
            dues.append((self._started + self.agent.ttft, Ending(outcome="timeout", reason="ttft", message=message)))
        if self.agent.idle is not None and self.writer.spoke:
            message = f"no chunk for {self.agent.idle:g}s"
            due = self.writer.wrote_at + self.agent.idle
            dues.append((due, Ending(outcome="timeout", reason="idle", message=message)))
        return dues

    def _look(self) -> None:
        now = self._home.clock()
        for due, ending in self._dues():
            if now >= due:
                self.stop(ending)
                return
        self._arm()

    # -- coupling -----------------------------------------------------------------------------------------------------

    async def _room(self) -> None:
        """Wait until the slowest viewer is no further behind than the agent's buffer."""
        waited_from = self._home.clock()
        while self._behind and self.log.last - min(self._behind.values()) > self.agent.buffer:
            self._progressed.clear()
            timeout = self.agent.buffer_timeout
            left = None if timeout is None else max(0.0, waited_from + timeout - self._home.clock())
            try:
                async with asyncio.timeout(left):
                    await self._progressed.wait()
            except TimeoutError:
                self.stop(Ending(outcome="timeout", reason="buffer", message="backpressure timeout"))
                await asyncio.sleep(GRACE_S)
                return


def told(error: BaseException) -> RunError:
    """What viewers learn of an error: ours say what they are; of a handler's own, only that there was one."""
    if isinstance(error, SluiceError):
        return RunError(code=error.code, message=str(error), retryable=error.retryable, status=error.status)
    return RunError(code="error", message=f"the agent failed: {type(error).__name__}")
