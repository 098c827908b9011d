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
from contextlib import aclosing
from typing import Protocol

from sluice.agents.agent import Agent
from sluice.agents.audience import Audience
from sluice.agents.clocks import Clocks, Limits
from sluice.agents.context import Context
from sluice.agents.endings import Ending, ending_of
from sluice.agents.ports import Clock, Now
from sluice.agents.writer import Writer
from sluice.errors import StoreFailed
from sluice.runs.records import Run

LEASE_MS = 15_000
"""How long a worker may be silent before others take its runs for left."""
GRACE_S = 0.1
"""How long a cancelled handler may take before its run is ended without it."""
BREATH = 64
"""Pieces after which a handler that never waits lets others run."""


class Home(Protocol):
    """What a run needs of the service it lives in."""

    clock: Clock
    now: Now

    async def prepare(self, running: "Running") -> Context:
        """Wait for the thread's turn, write that the run runs, and return what the handler sees."""
        ...

    async def owns(self, running: "Running") -> bool:
        """Return whether the run is this worker's still."""
        ...

    async def state(self, running: "Running", context: Context, ending: Ending) -> None:
        """Keep the thread's state and say what changed in it.

        Raises:
            TypeError: it cannot be kept.
        """
        ...

    async def keep(self, running: "Running", ending: Ending) -> None:
        """Keep messages and record of a run that is about to say its end. Must not raise."""
        ...

    async def left(self, running: "Running") -> None:
        """It has said its end: let the turn go and forget it."""
        ...

    def fault(self, error: BaseException) -> None:
        """An error of a handler or of ours, with its traceback."""
        ...


class Running:
    """Owns two tasks: one lives the run, the other is its handler."""

    def __init__(self, agent: Agent, run: Run, writer: Writer, home: Home) -> None:
        loop = asyncio.get_running_loop()
        self.agent, self.run, self.log, self.writer = agent, run, writer.log, writer
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when the run has ended and been forgotten."""
        self.handler: asyncio.Task[None] | None = None
        """Lives on behind the end if it does not let itself be cancelled; then it can write nothing any more."""
        self.context: Context | None = None
        self.lease_until = home.now() + LEASE_MS
        """Until when, in milliseconds since 1970, nobody else may take it up."""
        self.disowned = False
        """Whether another worker has taken it up."""
        self._home = home
        self._ending: Ending | None = None
        """Set from outside: by a cancel or a clock."""
        self._stopped: asyncio.Future[None] = loop.create_future()
        timeouts = [limit for limit in (agent.timeout, run.timeout_s) if limit is not None]
        limits = Limits(ttft=agent.ttft, idle=agent.idle, total=min(timeouts, default=None))
        self._clocks = Clocks(limits, writer.watch, home.clock, loop.call_later, self._out_of_time)
        linger_s = run.linger_s if run.on_disconnect == "cancel" else None
        self.audience = Audience(loop.call_later, linger_s, lambda: self.cancel("nobody watches"))
        self.audience.look()
        self._life = asyncio.create_task(self._live(), name=f"run {run.id}")

    @property
    def viewers(self) -> int:
        """How many watch it here."""
        return len(self.audience)

    # -- orders -------------------------------------------------------------------------------------------------------

    def stop(self, ending: Ending) -> None:
        """End the run like this, unless it is ending already."""
        if self._ending is None and not self._stopped.done():
            self._ending = ending
            self._stopped.set_result(None)

    def cancel(self, reason: str = "cancelled") -> None:
        """End it as cancelled."""
        self.stop(Ending(outcome="cancelled", reason=reason))

    def hand_over(self) -> None:
        """Stop it here without an end: another worker takes it up."""
        self.stop(Ending(outcome="cancelled", reason="handed over", handover=True))

    def disown(self) -> None:
        """Another worker took this one for dead and has the run: nothing more of it is said here."""
        self.disowned = True
        self.hand_over()

    def _out_of_time(self, which: str, message: str) -> None:
        self.stop(Ending(outcome="timeout", reason=which, message=message))

    # -- life ---------------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        try:
            ending = await self._run()
            self.disowned = self.disowned or not await self._owned()
            if ending.handover or self.disowned:
                self.writer.leave()
                self.log.leave()
            else:
                await self._end(ending)
        except Exception as fault:  # ours, not the handler's: the end is said in any case
            self._home.fault(fault)
            self._break_off()
        finally:
            self._clocks.stop()
            self.audience.close()
            await self._home.left(self)
            if not self.over.done():
                self.over.set_result(None)

    async def _owned(self) -> bool:
        try:
            return await self._home.owns(self)
        except StoreFailed as error:  # nobody else can have written its end meanwhile
            self._home.fault(error)
            return True

    def _break_off(self) -> None:
        """Say the end of a run that we failed; if even that cannot be said, whoever looks for orphans says it."""
        try:
            self.writer.fail("internal_error", "the server failed")
        except Exception as fault:
            self._home.fault(fault)
            self.log.leave()

    async def _end(self, ending: Ending) -> None:
        if not self.writer.begun:  # it was stopped while it waited for its turn
            self.writer.start(self.run)
        if self.context is not None:
            try:
                await self._home.state(self, self.context, ending)
            except Exception as fault:  # what the handler left there is no state: that is the handler's failure
                self._home.fault(fault)
                ending = ending_of(fault)
        why = ending.error.message if ending.error is not None else ending.message or ending.reason or ending.outcome
        self.writer.close_all(why, waiting=ending.outcome == "interrupt")
        await self._home.keep(self, ending)
        if ending.error is not None:
            error = ending.error
            self.writer.fail(error.code, error.message, retryable=error.retryable, status=error.status)
        else:
            self.writer.finish(ending.outcome, reason=ending.reason, message=ending.message)

    async def _run(self) -> Ending:
        handler = self.handler = asyncio.create_task(self._handle(), name=f"handler of {self.run.id}")
        try:
            await asyncio.wait({handler, self._stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not handler.done():
                if self.context is not None:
                    self.context.cancelled = True
                handler.cancel()
                await asyncio.wait({handler}, timeout=GRACE_S)
        finally:
            self._clocks.stop()
            if not handler.done():
                handler.cancel()
        error = None if not handler.done() or handler.cancelled() else handler.exception()
        if self._ending is not None:
            return self._ending  # what a cancelled handler raises is nobody's news
        if handler.cancelled():
            return Ending(outcome="cancelled", reason="cancelled")
        if error is None:
            return Ending()
        ending = ending_of(error)
        if ending.unforeseen:
            self._home.fault(error)
        return ending

    async def _handle(self) -> None:
        ctx = self.context = await self._home.prepare(self)
        self._clocks.start()
        ctx.deadline = self._clocks.deadline
        try:
            await self._speak(ctx)
        except SystemExit as error:  # a handler that exits leaves its run, not the server
            raise RuntimeError(f"the handler exited: {error}") from error

    async def _speak(self, ctx: Context) -> None:
        pieces = 0
        async with aclosing(self.agent.call(ctx)) as said:  # type: ignore[type-var]  # every call of ours is a generator
            async for piece in said:
                await ctx.say(piece)
                pieces += 1
                if not pieces % BREATH:
                    await asyncio.sleep(0)

    async def room(self) -> None:
        """Return when viewers are near enough, if the agent minds; otherwise at once."""
        if self.agent.backpressure == "block" and len(self.audience):
            try:
                await self.audience.room(lambda: self.log.last, self.agent.buffer, self.agent.buffer_timeout)
            except TimeoutError:
                self.stop(Ending(outcome="timeout", reason="buffer", message="backpressure timeout"))
                await asyncio.Event().wait()  # until the handler is cancelled, which is now
