"""One request and its answer: everything before the commit point, and the one finaliser.

    admitted ── route ── read the request ── ask a target ──► pump: plain calls from here on ──► done(outcome)
     │                                         ▲                                                   │     │
     │                                         └────── another target, if no token was sent ───────┘     │
     └── any SluiceError: an answer with its status, in the client's dialect ────────────────────────────┤
                                                                          _finish: exactly once, one record

The client is watched from the first line: when it goes, the task is cancelled, or the pump is told.
"""

import asyncio
from collections.abc import Awaitable, Callable

from sluice.config.plan import HttpBackend
from sluice.errors import Internal, Overloaded, RouteNotFound, SluiceError
from sluice.gateway import answers
from sluice.gateway.account import Account, outcome_of
from sluice.gateway.active import ActivePlan, Place
from sluice.gateway.asking import ask, ask_plain, left_s, pause, prepare, wished
from sluice.gateway.attempts import Attempts
from sluice.gateway.call import Call
from sluice.gateway.identity import identify
from sluice.gateway.operation import operation
from sluice.gateway.outbound import Outbound, OwnAnswer
from sluice.gateway.ports import ClientStream, Request, UpstreamStream
from sluice.gateway.pump import Pump
from sluice.gateway.refusal import read_refusal
from sluice.gateway.reply import Reply
from sluice.gateway.world import World
from sluice.policies.deadlines import Deadlines
from sluice.relay.opaque import OpaqueRelay
from sluice.relay.outcome import CLIENT_GONE, COMPLETED, Outcome
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.standard import CLIENT_DIALECTS, DEFAULT_DIALECT
from sluice.wire import coding
from sluice.wire.http1 import Header


class Exchange:
    """Own one request from its last byte to the last byte of its answer. `run` is its task; see this file's head."""

    def __init__(self, world: World, active: ActivePlan, request: Request, client: ClientStream) -> None:
        self._world = world
        self._active = active
        self._request = request
        self._wanted = operation(request.path, request.query)
        self._attempts: Attempts | None = None
        self._pump: Pump | None = None
        self._task: asyncio.Task[None] | None = None
        self._cut: Outcome = CLIENT_GONE  # what a cancellation means
        self._begun = False
        self._upstream: UpstreamStream | None = None
        """A provider's answer that nobody has taken over yet."""
        self._deadlines = Deadlines()
        self._place: Place = (None, None)
        self._head: list[Header] = []
        self._length: int | None = None
        self._finished = False
        self.admitted = False
        self.account = account = Account(request, identify(request), world.clock())
        dialect = world.dialect(CLIENT_DIALECTS.get(self._wanted.kind, DEFAULT_DIALECT))
        self._reply = Reply(world, client, account, dialect, self._wanted.kind, self._finish)
        client.observer = self

    def start(self) -> None:
        """Begin. The exchange owns its task; the world owns the exchange until `finished`."""
        self._go(self._answer)

    def shed(self) -> None:
        """Refuse: there is no room."""
        self.fail(Overloaded("This server is busy. Try again in a moment."))

    def _go(self, road: Callable[[], Awaitable[None]]) -> None:
        self._begun = False
        self._task = asyncio.get_running_loop().create_task(self._run(road))

    async def _run(self, road: Callable[[], Awaitable[None]]) -> None:
        """Answer the request, or hand the answer to a pump."""
        self._begun = True
        try:
            await road()
        except SluiceError as error:
            self.fail(error)
        except asyncio.CancelledError:
            self._cancelled()
            raise
        except Exception as error:
            self._world.fault(error)
            self.fail(Internal("internal error"))
        finally:
            self._drop()

    # -- the client, until a pump observes it -------------------------------------------------------------------------

    def client_gone(self) -> None:
        asking = self._attempts is not None and self._attempts.under_way
        if not (asking and self._reply.reads_on(self._stop)):
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
            self._reply.fail(self._cut.error, self._cut)
        else:
            self._reply.gone(self._cut)

    # -- the road -----------------------------------------------------------------------------------------------------

    async def _answer(self) -> None:
        active, account, request = self._active, self.account, self._request
        try:
            self._place = listener, entry = active.route(request)
        except RouteNotFound:
            account.at_route(active.labels(active.listener(request)))
            raise
        account.at_route(active.labels(listener, entry))
        self._reply.rule = entry.rule
        self._deadlines = wished(request, entry.rule.deadlines)
        backend = active.backend(entry, self._world.die()) if entry.answer == "backends" else None
        if answers.asks_for_models(entry, request, self._wanted):
            self._list_models()
        elif isinstance(backend, HttpBackend):
            await self._plain_http(backend)
        else:
            self._attempts = attempts = prepare(
                self._world, active, account, self._reply, self._wanted, self._place, backend, self._deadlines.wished
            )
            await self._ask(attempts, attempts.first(account.taken_at))

    async def _ask(self, attempts: Attempts, outbound: Outbound) -> None:
        """Ask one target after the other until one answers; the last one's failure is the client's."""
        account, call, world, reply, clocks = self.account, attempts.call, self._world, self._reply, self._deadlines
        while True:
            if attempts.wait_s:
                await pause(attempts.wait_s, account, clocks, world)
            outbound, draft = attempts.draft(outbound)
            reply.asks(outbound, call.chat)
            account.at_target(outbound, call.provider.module_id if account.chat is not None else "")
            if type(draft) is not OwnAnswer:
                attempts.began(outbound)
            try:
                limits = self._active.max_whole_bytes
                self._upstream = upstream = await ask(world, account, clocks, outbound.target, draft, limits)
                attempts.answered(upstream.head)
                status = upstream.head.status
                if not 200 <= status < (300 if call.rewrites else 400):
                    reply.refusal, self._upstream = upstream.head, None
                    within_s = left_s(account, clocks, world.clock())
                    raise call.provider.read_error(status, await read_refusal(upstream, reply.secret, within_s))
                self._take(call, upstream)
                return
            except SluiceError as error:
                self._drop()
                reply.redact(error)
                following = None if reply.left else attempts.following(error)
                if following is None:
                    raise
                outbound = following

    def _drop(self) -> None:
        """Close a provider's answer that nobody took over."""
        if self._upstream is not None:
            self._upstream.close(complete=False)
            self._upstream = None

    def _take(self, call: Call, upstream: UpstreamStream) -> None:
        """A target answers: hand its answer to a relay."""
        account, head = self.account, upstream.head
        self._reply.quiet()
        relay = call.relay(head, account, self._terms())
        account.chat = call.chat
        account.streaming = account.streams
        self._head = call.headers(head, account)
        self._length = None if call.rewrites else head.length
        self._relay(relay, upstream, unpack=call.rewrites)

    def _terms(self) -> Terms:
        return self._reply.terms(self._deadlines, self._active.max_whole_bytes)

    async def _plain_http(self, backend: HttpBackend) -> None:
        self.account.at_backend(self._active.labels(*self._place, backend), backend)
        asked = ask_plain(self._world, self._active, self.account, self._deadlines, backend, self._reply.rule)
        self._upstream = upstream = await asked
        self._head = answers.opaque_headers(upstream.head, self.account)
        self._length = upstream.head.length
        self._relay(OpaqueRelay(terms=self._terms()), upstream, unpack=False)

    def _list_models(self) -> None:
        self.account.direct = True
        dialect = self._world.dialect(answers.list_dialect(self._request))
        body = answers.models(dialect, self._active.public_models(), self._wanted.suffix)
        self._reply.whole(200, answers.json_headers(self.account), body, COMPLETED)

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _relay(self, relay: Relay, upstream: UpstreamStream, *, unpack: bool = True) -> None:
        account, world, reply = self.account, self._world, self._reply
        inflate = coding.decoder(upstream.head.header(b"content-encoding")) if unpack else None
        account.relay = relay
        account.status = upstream.head.status
        if account.streaming:
            world.stream_began()
        self._pump = pump = Pump(
            relay,
            upstream,
            reply.client,
            clock=world.clock,
            start_answer=self._start_answer,
            reads_on=reply.may_read_on,
            done=self._done,
            fault=world.fault,
            slow_reader_s=reply.rule.streaming.slow_reader_s,
            started=reply.opened,
            inflate=inflate,
        )
        self._upstream = None
        account.passed_on_s = world.clock() - account.answered_at
        if reply.left:
            pump.client_gone()
        if not self._finished:
            pump.start()

    def _start_answer(self) -> None:
        self._reply.start(self.account.status, self._head, self._length)

    def _done(self, outcome: Outcome, last: bytes) -> None:
        """The pump's end: finish the answer as the outcome deserves."""
        relay, reply = self.account.relay, self._reply
        assert relay is not None
        if outcome.kind == "client_gone":
            reply.gone(outcome)
        elif outcome.kind == "completed" or last:
            if not reply.opened:
                self._length = len(last) if self._length is None and not self.account.streaming else self._length
                self._start_answer()
            reply.finish(last, outcome)
        elif outcome.error is None or relay.committed:
            reply.abort(outcome)
        else:
            self._failed_unseen(outcome.error, outcome)

    def _failed_unseen(self, error: SluiceError, outcome: Outcome) -> None:
        """No token was sent of an answer that failed: ask the next target, if there is one."""
        reply, attempts, relay = self._reply, self._attempts, self.account.relay
        reply.redact(error)
        if relay is not None and reply.opened:
            reply.said_at = relay.clocks.sent
        following = attempts.following(error, outcome) if attempts is not None else None
        if attempts is None or following is None:
            reply.fail(error, outcome)
            return
        if self.account.streaming:
            self._world.stream_ended()
        self._pump = None
        reply.client.observer = self
        self._go(lambda: self._ask(attempts, following))

    def fail(self, error: SluiceError) -> None:
        """Answer with an error; and finish."""
        if not self._finished:
            self._reply.fail(error, outcome_of(error))

    def _finish(self, outcome: Outcome) -> None:
        """The one finaliser."""
        if self._finished:
            return
        self._finished = True
        now = self._world.clock()
        if self._attempts is not None:
            self._attempts.ended(outcome, now)
        self._pump = self._task = None  # no cycle is left for the collector to find
        self._world.finished(self, outcome, now)
