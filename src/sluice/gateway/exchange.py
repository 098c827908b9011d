"""One request and its answer: everything before the commit point, and the one finaliser.

    run ── route ── read the request ── choose a target ── ask it ──► pump: plain calls from here on ──► done(outcome)
     │                                                                                                      │
     └── any SluiceError: an answer with its status, in the client's dialect ───────────────────────────────┤
                                                                             _finish: exactly once, one record

The client is watched from the first line: when it goes, the task is cancelled, or the pump is told.
"""

import asyncio

from sluice.chat.request import ChatRequest
from sluice.config.plan import AiBackend, Entry, HttpBackend, Listener, Target
from sluice.dialects.dialect import Dialect
from sluice.errors import Internal, RouteNotFound, SluiceError, TimedOut
from sluice.gateway import answers
from sluice.gateway.account import Account, outcome_of
from sluice.gateway.active import ActivePlan
from sluice.gateway.identity import identify
from sluice.gateway.operation import Operation, operation, read_chat
from sluice.gateway.outbound import Outbound, plain_http
from sluice.gateway.ports import ClientStream, Request, UpstreamHead, UpstreamStream
from sluice.gateway.pump import Pump
from sluice.gateway.refusal import read_refusal, redact
from sluice.gateway.world import World
from sluice.policies.deadlines import Deadlines
from sluice.relay.opaque import OpaqueRelay
from sluice.relay.outcome import CLIENT_GONE, COMPLETED, Outcome
from sluice.relay.relay import NEVER, Relay
from sluice.standard import CLIENT_DIALECT
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
        self._dialect = world.dialect(CLIENT_DIALECT)
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
        self._task = asyncio.get_running_loop().create_task(self.run())

    async def run(self) -> None:
        """Answer the request, or hand the answer to a pump."""
        self._begun = True
        try:
            await self._answer()
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
        if entry.answer == "model_list":
            self._list_models()
            return
        backend = active.backend(entry, self._world.die()) if entry.answer == "backends" else None
        if isinstance(backend, HttpBackend):
            await self._plain_http(backend)
            return
        wanted = operation(request.method, request.path)
        if backend is not None and wanted.kind == "passthrough":
            await self._pass_through(backend, wanted)
            return
        account.chat = chat = read_chat(request, self._dialect)
        await self._chat(backend or active.model(chat.model), chat)

    async def _chat(self, backend: AiBackend, chat: ChatRequest) -> None:
        outbound = self._target(backend)
        target = outbound.target
        dialect = self._world.dialect(target.provider.dialect)
        body = dialect.write_request(chat, model=target.model, ask_usage=target.provider.asks_usage)
        upstream = await self._open(target, outbound.chat(self._request, body, self.account.identity.traceparent))
        head = upstream.head
        if not 200 <= head.status < 300:
            await self._pass_refusal(upstream, dialect)
            return
        relay = answers.chat_relay(
            head,
            chat,
            client=self._dialect,
            provider=dialect,
            write_error=self._write_stream_error,
            started_at=self._request.received_at,
            now=self._world.clock(),
            deadlines=self._deadlines,
            limits=self._active.limits,
        )
        self.account.streaming = chat.stream
        self._head = answers.chat_headers(head, self.account, stream=chat.stream)
        self._relay(relay, upstream)

    async def _pass_through(self, backend: AiBackend, wanted: Operation) -> None:
        outbound = self._target(backend)
        asked = outbound.passthrough(self._request, wanted, self.account.identity.traceparent)
        upstream = await self._open(outbound.target, asked)
        if upstream.head.status >= 400:
            await self._pass_refusal(upstream, self._dialect)
        else:
            self._relay_opaque(upstream, answers.passthrough_headers(upstream.head, self.account))

    async def _plain_http(self, backend: HttpBackend) -> None:
        self.account.at_backend(self._active.labels(*self._place, backend), backend)
        upstream = await self._open(backend, plain_http(self._request, backend.endpoint))
        self._relay_opaque(upstream, answers.opaque_headers(upstream.head, self.account))

    def _target(self, backend: AiBackend) -> Outbound:
        self.account.at_backend(self._active.labels(*self._place, backend), backend)
        outbound = self._active.outbound(backend)
        self._secret = outbound.secret
        self.account.at_target(outbound)
        return outbound

    async def _open(self, whom: Target | HttpBackend, asked: bytes) -> UpstreamStream:
        """Send a request; whatever clock is the shortest decides, and a total that runs out is called total."""
        clocks = self._deadlines
        self.account.asked_at = now = self._world.clock()
        total_at = self._request.received_at + clocks.total_s if clocks.total_s else NEVER
        if now >= total_at:
            raise TimedOut("total")
        connect, headers = clocks.before_head(whom.connect_timeout_s, whom.headers_timeout_s, total_at - now)
        try:
            # A clock of its own: two that follow each other could add up to more, and timers fire a little early.
            async with asyncio.timeout(total_at - now if total_at != NEVER else None):
                upstream = await self._world.upstream.open(
                    whom.endpoint,
                    asked,
                    expects_body=self._request.method != "HEAD",
                    connect_s=connect,
                    headers_s=headers,
                )
        except TimeoutError:
            raise TimedOut("total") from None
        self._upstream = upstream
        self.account.at_answer(upstream, self._world.clock())
        return upstream

    def _list_models(self) -> None:
        self.account.direct = True
        self._reply(200, self._dialect.write_models(self._active.public_models()), COMPLETED)

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _relay_opaque(self, upstream: UpstreamStream, headers: list[Header]) -> None:
        now = self._world.clock()
        relay = OpaqueRelay(started_at=self._request.received_at, now=now, deadlines=self._deadlines)
        self._head = headers
        self._length = upstream.head.length
        self._relay(relay, upstream, unpack=False)

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
        else:
            self.fail(outcome.error or Internal("internal error"), outcome)
            return
        self._finish(outcome)

    async def _pass_refusal(self, upstream: UpstreamStream, dialect: Dialect) -> None:
        """Pass on a provider's refusal: its status, its words in the client's shape, never our credential."""
        self._upstream = None
        refused = dialect.read_error(upstream.head.status, await read_refusal(upstream, self._secret))
        self._refusal = upstream.head
        self.fail(refused)

    def fail(self, error: SluiceError, outcome: Outcome | None = None) -> None:
        """Answer with an error, in the client's dialect, if nothing was sent; and finish."""
        if self._finished:
            return
        redact(error, self._secret)
        self._reply(error.status, self._dialect.write_error(error), outcome or outcome_of(error))

    def _write_stream_error(self, error: SluiceError) -> bytes:
        redact(error, self._secret)
        return self._dialect.write_stream_error(error)

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
