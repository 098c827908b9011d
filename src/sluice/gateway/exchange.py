"""One request and its answer: everything before the commit point, and the one finaliser.

    run ── route ── read the request ── ask a target ──► pump: plain calls from here on ──► done(outcome)
     │                                    ▲                                                   │     │
     │                                    └────── another target, if nothing was sent ────────┘     │
     └── any SluiceError: an answer with its status, in the client's dialect ───────────────────────┤
                                                                     _finish: exactly once, one record

The client is watched from the first line: when it goes, the task is cancelled, or the pump is told.
"""

import asyncio
from collections.abc import Awaitable, Callable

from sluice.config.plan import AiBackend, Entry, HttpBackend, Listener, Rule
from sluice.errors import Internal, RouteNotFound, SluiceError
from sluice.gateway import answers
from sluice.gateway.account import Account, outcome_of
from sluice.gateway.active import ActivePlan
from sluice.gateway.asking import ask, open_upstream, read_call
from sluice.gateway.call import Call
from sluice.gateway.identity import identify
from sluice.gateway.operation import operation, typed
from sluice.gateway.outbound import Outbound, plain_http
from sluice.gateway.ports import ClientStream, Request, UpstreamHead, UpstreamStream
from sluice.gateway.pump import Pump
from sluice.gateway.refusal import read_refusal, redact
from sluice.gateway.retry import may_try_another
from sluice.gateway.world import World
from sluice.policies.deadlines import Deadlines
from sluice.relay.opaque import OpaqueRelay
from sluice.relay.outcome import CLIENT_GONE, COMPLETED, Outcome
from sluice.relay.relay import Relay
from sluice.standard import CLIENT_DIALECTS, DEFAULT_DIALECT
from sluice.wire import coding
from sluice.wire.http1 import Header

_NO_DEADLINES = Deadlines()


class Exchange:
    """Own one request from its last byte to the last byte of its answer. `run` is its task; see this file's head."""

    def __init__(self, world: World, active: ActivePlan, request: Request, client: ClientStream) -> None:
        self._world = world
        self._active = active
        self._request = request
        self._client = client
        self._wanted = operation(request.path, request.query)
        self._dialect = world.dialect(CLIENT_DIALECTS.get(self._wanted.kind, DEFAULT_DIALECT))
        self._call: Call | None = None
        self._left: list[Outbound] = []
        """Targets that have not been asked yet."""
        self._pump: Pump | None = None
        self._task: asyncio.Task[None] | None = None
        self._cut: Outcome = CLIENT_GONE
        """What a cancellation means."""
        self._begun = False
        self._secret = ""
        """Our credential, which providers quote in their errors."""
        self._upstream: UpstreamStream | None = None
        """A provider's answer that nobody has taken over yet."""
        self._deadlines = _NO_DEADLINES
        self._place: tuple[Listener | None, Entry | None] = (None, None)
        self._head: list[Header] = []
        self._length: int | None = None
        self._refusal: UpstreamHead | None = None
        self._finished = False
        self.account = Account(request, identify(request), world.clock())
        client.observer = self

    def start(self) -> None:
        """Begin. The exchange owns its task; the world owns the exchange until `finished`."""
        self._go(self._answer)

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
            if self._upstream is not None:
                self._upstream.close(complete=False)

    # -- the client, while the task runs; then the pump observes it ---------------------------------------------------

    def client_gone(self) -> None:
        self._stop(CLIENT_GONE)

    def client_paused(self) -> None: ...

    def client_resumed(self) -> None: ...

    def cut(self, outcome: Outcome) -> None:
        """End the exchange from our side: a drain's deadline."""
        if self._pump is not None:
            self._pump.cut(outcome)
        else:
            self._stop(outcome)

    def abandon(self) -> None:
        """The client left before its turn had come: there is a record, and that is all."""
        self._finish(CLIENT_GONE)

    def _stop(self, outcome: Outcome) -> None:
        if self._task is None or self._finished:
            return
        self._cut = outcome
        self._task.cancel()
        if not self._begun:
            self._cancelled()  # a task that never had a turn is cancelled without running: nobody else would finish

    def _cancelled(self) -> None:
        if self._cut.error is not None:
            self.fail(self._cut.error, self._cut)
        else:
            self._finish(self._cut)

    # -- the road -----------------------------------------------------------------------------------------------------

    async def _answer(self) -> None:
        active, account, request = self._active, self.account, self._request
        try:
            self._place = listener, entry = active.route(request)
        except RouteNotFound:
            account.at_route(active.labels(active.listener(request)))
            raise
        account.at_route(active.labels(listener, entry))
        self._deadlines = entry.rule.deadlines
        if answers.asks_for_models(entry, request, self._wanted):
            self._list_models()
            return
        backend = active.backend(entry, self._world.die()) if entry.answer == "backends" else None
        if isinstance(backend, HttpBackend):
            await self._plain_http(backend)
        else:
            self._read(backend, entry.rule)
            await self._ask()

    def _read(self, backend: AiBackend | None, rule: Rule) -> None:
        """Find out what is asked, and whom."""
        active, account, world = self._active, self.account, self._world
        if backend is not None and active.typed:  # the operator's word for the address is what the client speaks
            policy = active.policy(rule, backend, backend.groups[0][0])
            self._wanted = wanted = typed(self._wanted, policy, self._request.path)
            self._dialect = world.dialect(CLIENT_DIALECTS.get(wanted.kind, self._dialect.module_id))
        self._call, backend = read_call(world, active, account, self._dialect, self._wanted, rule, backend)
        account.at_backend(active.labels(*self._place, backend), backend)
        self._left = active.targets(backend, self._wanted.kind, world.die)

    async def _ask(self) -> None:
        """Ask one target after the other until one answers; the last one's failure is the client's."""
        account, call, world = self.account, self._call, self._world
        assert call is not None
        while True:
            outbound = self._left.pop(0)
            self._secret, self._refusal = outbound.secret, None
            try:
                draft = call.draft(outbound, account.identity.traceparent)
                account.at_target(outbound, call.provider.module_id if account.chat is not None else "")
                self._upstream = upstream = await ask(
                    world, account, self._deadlines, outbound.target, draft, self._active.limits
                )
                status = upstream.head.status
                if not 200 <= status < (300 if call.rewrites else 400):
                    self._refusal, self._upstream = upstream.head, None
                    raise call.provider.read_error(status, await read_refusal(upstream, self._secret))
                self._take(call, upstream)
                return
            except SluiceError as error:
                if not self._left or not may_try_another(error):
                    raise
                self._redact(error)
                account.gave_up(error)

    def _take(self, call: Call, upstream: UpstreamStream) -> None:
        """A target answers: hand its answer to a relay."""
        account, head = self.account, upstream.head
        relay = call.relay(
            head,
            account,
            redact=self._redact,
            started_at=self._request.received_at,
            now=self._world.clock(),
            deadlines=self._deadlines,
            limits=self._active.limits,
        )
        account.chat = call.chat
        account.streaming = call.chat is not None and call.chat.stream
        self._head = call.headers(head, account)
        self._length = None if call.rewrites else head.length
        self._relay(relay, upstream, unpack=call.rewrites)

    async def _plain_http(self, backend: HttpBackend) -> None:
        self.account.at_backend(self._active.labels(*self._place, backend), backend)
        asked = plain_http(self._request, backend.endpoint)
        self._upstream = upstream = await open_upstream(self._world, self.account, self._deadlines, backend, asked)
        relay = OpaqueRelay(started_at=self._request.received_at, now=self._world.clock(), deadlines=self._deadlines)
        self._head = answers.opaque_headers(upstream.head, self.account)
        self._length = upstream.head.length
        self._relay(relay, upstream, unpack=False)

    def _list_models(self) -> None:
        self.account.direct = True
        dialect = self._world.dialect(answers.list_dialect(self._request))
        self._reply(200, answers.models(dialect, self._active.public_models(), self._wanted.suffix), COMPLETED)

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _relay(self, relay: Relay, upstream: UpstreamStream, *, unpack: bool = True) -> None:
        self.account.relay = relay
        self.account.status = upstream.head.status
        if self.account.streaming:
            self._world.stream_began()
        self._pump = Pump(
            relay,
            upstream,
            self._client,
            clock=self._world.clock,
            start_answer=self._start_answer,
            done=self._done,
            fault=self._world.fault,
            inflate=coding.decoder(upstream.head.header(b"content-encoding")) if unpack else None,
        )
        self._upstream = None
        self.account.passed_on_s = self._world.clock() - self.account.answered_at
        self._pump.start()

    def _start_answer(self) -> None:
        self._client.start(self.account.status, self._head, self._length)

    def _done(self, outcome: Outcome, last: bytes) -> None:
        """The pump's end: finish the answer as the outcome deserves."""
        assert self._pump is not None
        started = self._pump.started
        if outcome.kind == "client_gone":
            pass
        elif outcome.kind == "completed" or last:
            if not started:
                self._length = len(last) if self._length is None and not self.account.streaming else self._length
                self._start_answer()
            self._client.finish(last)
        elif started:
            self._client.abort()
        elif outcome.error is not None and self._left and may_try_another(outcome.error):
            self._begin_again(outcome.error)
            return
        else:
            self.fail(outcome.error or Internal("internal error"), outcome)
            return
        self._finish(outcome)

    def _begin_again(self, error: SluiceError) -> None:
        """Nothing was sent of an answer that failed: ask the next target."""
        self._redact(error)
        self.account.gave_up(error)
        if self.account.streaming:
            self._world.stream_ended()
        self._pump = None
        self._client.observer = self
        self._go(self._ask)

    def fail(self, error: SluiceError, outcome: Outcome | None = None) -> None:
        """Answer with an error, in the client's dialect, if nothing was sent; and finish."""
        if self._finished:
            return
        self._redact(error)
        body = answers.error_body(error, self._dialect, self._wanted.kind)
        self._reply(self._dialect.error_status(error), body, outcome or outcome_of(error))

    def _redact(self, error: SluiceError) -> None:
        redact(error, self._secret)

    def _reply(self, status: int, body: bytes, outcome: Outcome) -> None:
        self.account.status = status
        self._client.observer = None
        self.account.replied_bytes = len(body)
        self._client.start(status, answers.error_headers(self.account, self._refusal), len(body))
        self._client.finish(body)
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        """The one finaliser."""
        if self._finished:
            return
        self._finished = True
        self._pump = self._task = None  # no cycle is left for the collector to find
        self._world.finished(self, outcome)
