"""One request and its answer, from its last byte to the last byte of its answer; and the one finaliser.

    admitted ── road: find who answers ──► pump: plain calls from here on ──► done(outcome)
     │           ▲                                                              │     │
     │           └────────── another target, if no token was sent ──────────────┘     │
     └── any SluiceError: an answer with its status, in the client's dialect ─────────┤
                                                       _finish: exactly once, one record

The client is watched from the first line: when it goes, the task is cancelled, or the pump is told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from sluice.errors import Internal, Overloaded, SluiceError
from sluice.gateway.account import Account
from sluice.gateway.active import ActivePlan
from sluice.gateway.ending import outcome_of, passed_on
from sluice.gateway.identity import identify
from sluice.gateway.operation import operation
from sluice.gateway.ports import ClientStream, Request
from sluice.gateway.pump import Pump, nobody
from sluice.gateway.reply import Reply
from sluice.gateway.road import Found, Road
from sluice.gateway.witness import Witness
from sluice.gateway.world import World
from sluice.relay.outcome import CLIENT_GONE, Outcome
from sluice.wire.http1 import Header

Phase = Literal[
    "queued",
    "preparing",
    "asking",
    "first_token",
    "streaming",
    "held",
    "slow_client",
    "reading_on",
    "answering",
    "finishing",
]
"""Before the door; its policies look at it; its target is asked; its stream has no token yet; tokens come; a guard has
them; its client does not read; its client has left; a whole answer comes; its client takes the last bytes."""


class Exchange:
    """Own one request from its last byte to the last byte of its answer. `run` is its task; see this file's head."""

    def __init__(self, world: World, active: ActivePlan, request: Request, client: ClientStream) -> None:
        self._world = world
        self._pump: Pump | None = None
        self._task: asyncio.Task[None] | None = None
        self._cut: Outcome = CLIENT_GONE  # what a cancellation means
        self._begun = False
        self._head: list[Header] = []
        self._length: int | None = None
        self._finished = False
        self.admitted = False
        self.observers = active.observers
        identity, trace = identify(request), None
        if (tracers := active.tracers) is not None:
            listener = active.listener(request) if tracers.by_listener else None
            request, identity, trace = tracers.begin(request, identity, listener, world.clock)
        self.account = account = Account(request, identity, world.clock(), active.prices, trace)
        if wants := active.wants if trace is None else active.wants_traced:
            account.witness = Witness(wants)
            client = account.witness.watches(client)
        wanted = operation(request.path, request.query)
        self._reply = reply = Reply(world, client, account, wanted.kind, self._finish)
        self._road = Road(world, active, request, account, reply, wanted)
        client.observer = self

    def start(self) -> None:
        """Begin. The exchange owns its task; the world owns the exchange until `finished`."""
        self._go(self._road.first)

    def shed(self) -> None:
        """Refuse: there is no room."""
        self.fail(Overloaded("This server is busy. Try again in a moment."))

    def _go(self, road: Callable[[], Awaitable[Found | None]]) -> None:
        self._begun = False
        self._task = asyncio.get_running_loop().create_task(self._run(road))

    async def _run(self, road: Callable[[], Awaitable[Found | None]]) -> None:
        """Find who answers, and hand their answer to a pump."""
        self._begun = True
        try:
            found = await road()
            if found is not None:
                self._relay(found)
        except SluiceError as error:
            self.fail(error)
        except asyncio.CancelledError:
            self._cancelled()
            raise
        except Exception as error:
            self._world.fault(error)
            self.fail(Internal("internal error"))
        finally:
            self._road.drop()

    @property
    def secrets(self) -> Sequence[str]:
        """The credentials that whoever was asked last got, in every form."""
        return self._reply.secrets

    @property
    def phase(self) -> Phase:
        """Where it is on its way, for those who watch."""
        account, reply, pump = self.account, self._reply, self._pump
        if not self.admitted:
            return "queued"
        if reply.ended:
            return "finishing"
        if reply.read_on:
            return "reading_on"
        if pump is None:
            return "asking" if account.asked_at > account.answered_at else "preparing"
        if pump.asks:
            return "held"
        if pump.client_is_full:
            return "slow_client"
        relay = account.relay
        if relay is None or not account.streaming:
            return "answering"
        if relay.meter.first_token is None:
            return "first_token"
        return "streaming" if relay.committed else "held"

    # -- the client, until a pump observes it -------------------------------------------------------------------------

    def client_gone(self) -> None:
        if not (self._road.asking and self._reply.reads_on(self._stop)):
            self._stop(CLIENT_GONE)

    def client_paused(self) -> None: ...

    def client_resumed(self) -> None: ...

    def cut(self, outcome: Outcome) -> None:
        """End the exchange from our side: a drain's deadline, too little memory."""
        if self._reply.ended:
            self._reply.abort(outcome)  # all is said, and the client does not take it
        elif self._pump is not None:
            self._pump.cut(outcome)
        else:
            self._stop(outcome)

    def abandon(self) -> None:
        """The client left before its turn had come: there is a record, and that is all."""
        self._reply.gone(CLIENT_GONE)

    def _stop(self, outcome: Outcome) -> None:
        if self._finished:
            return
        self._cut = outcome
        self._reply.quiet()
        if self._task is not None:
            self._task.cancel()
        if not self._begun:
            self._cancelled()  # it has not begun, or its task never had a turn: nobody else would finish

    def _cancelled(self) -> None:
        if self._cut.error is not None:
            self.fail(self._cut.error, self._cut)
        else:
            self._reply.gone(self._cut)

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _relay(self, found: Found) -> None:
        account, world, reply, relay, upstream = self.account, self._world, self._reply, found.relay, found.upstream
        self._head, self._length = found.headers, found.length
        account.relay = relay
        account.status = upstream.head.status
        if account.streaming:
            world.stream_began()
        policing = self._road.policing
        self._pump = pump = Pump(
            relay,
            upstream,
            reply.client,
            clock=world.clock,
            start_answer=self._open,
            reads_on=reply.may_read_on,
            done=self._done,
            fault=world.fault,
            slow_reader_s=reply.rule.streaming.slow_reader_s,
            started=reply.opened,
            inflate=found.inflate,
            judge=nobody if policing is None else policing.judge,
        )
        self._road.taken()
        account.passed_on_s = world.clock() - account.answered_at
        if reply.left:
            pump.client_gone()
        if not self._finished:
            pump.start()

    def _open(self) -> None:
        """The first bytes of an answer leave. Of a stream without a token they are keep-alives: while another target
        may follow, the client hears nothing of this one."""
        account, relay, attempts = self.account, self.account.relay, self._road.attempts
        assert relay is not None
        if not account.streaming or relay.committed or attempts is None or not attempts.may_follow:
            self._start_answer()
        else:
            assert account.chat is not None
            self._reply.opens(account.chat)

    def _start_answer(self) -> None:
        account = self.account
        head = [*self._head, *account.price_tag()]
        self._reply.start(account.status, head, self._length, self._road.theirs)

    def _done(self, outcome: Outcome, last: bytes) -> None:
        """The pump's end: finish the answer as the outcome deserves. It comes a second time where this raises; by then
        the answer may have been given up, and has no relay any more."""
        relay, reply = self.account.relay, self._reply
        if self.account.trace is not None:
            self.account.trace.ended_at = self._world.clock()
        if outcome.kind == "client_gone":
            reply.gone(outcome)
        elif outcome.kind == "completed" or last:
            if not reply.opened:
                self._length = len(last) if self._length is None and not self.account.streaming else self._length
                self._start_answer()
            reply.finish(last, passed_on(outcome, self.account.status))
        elif outcome.error is None or relay is None or relay.committed:
            reply.abort(outcome)
        else:
            self._failed_unseen(outcome.error, outcome)

    def _failed_unseen(self, error: SluiceError, outcome: Outcome) -> None:
        """No token was sent of an answer that failed: ask the next target, if there is one."""
        reply, attempts, relay = self._reply, self._road.attempts, self.account.relay
        reply.redact(error)
        if relay is not None and reply.opened:
            reply.said_at = relay.clocks.sent
        following = attempts.following(error, outcome) if attempts is not None else None
        told = error if attempts is None or following is not None else attempts.told(error)
        if following is None and told is error:
            reply.fail(error, outcome)
            return
        if self.account.streaming:
            self._world.stream_ended()
        if following is None:
            reply.fail(told, outcome_of(told))
            return
        self._pump = None
        reply.client.observer = self
        if self.account.chat is not None:
            reply.keep_company(self.account.chat)
        self._go(lambda: self._road.again(following))

    def fail(self, error: SluiceError, outcome: Outcome | None = None) -> None:
        """Answer with an error; and finish, even if the answer cannot be written: then the connection is cut."""
        if self._finished:
            return
        try:
            self._reply.fail(error, outcome or outcome_of(error))
        except Exception as fault:
            self._world.fault(fault)
            self._reply.abort(Outcome("internal", Internal("internal error")))

    def _finish(self, outcome: Outcome) -> None:
        """The one finaliser."""
        if self._finished:
            return
        self._finished = True
        now = self._world.clock()
        if self._road.attempts is not None:
            self._road.attempts.ended(outcome, now)
        self._pump = self._task = None  # no cycle is left for the collector to find
        self._world.finished(self, outcome, now)
