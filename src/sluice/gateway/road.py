"""The way of a request to whoever answers it: everything that is awaited before an answer begins.

route ── policies ── read the request ── limits ── guards ── ask a target ──► Found: what a pump needs
  │          │                                                  ▲      │
  │          └── the gateway answers by itself                  └──────┘ another, if no token was sent
  └── any SluiceError: the exchange answers it
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec

from sluice.chat.request import ChatRequest
from sluice.config.plan import HttpBackend, WeightedBackend
from sluice.errors import SluiceError
from sluice.gateway import answers
from sluice.gateway.account import Account
from sluice.gateway.active import ActivePlan
from sluice.gateway.arrival import Arrival
from sluice.gateway.asking import ask, ask_plain, left_s, prepare, priced
from sluice.gateway.attempts import Attempts
from sluice.gateway.call import Call
from sluice.gateway.copying import Copying
from sluice.gateway.in_time import check_time, in_time
from sluice.gateway.operation import Operation
from sluice.gateway.outbound import Draft, Outbound, OwnAnswer
from sluice.gateway.plain_http import host_header
from sluice.gateway.policing import Policing
from sluice.gateway.ports import Request, UpstreamStream
from sluice.gateway.refusal import read_refusal
from sluice.gateway.reply import Reply
from sluice.gateway.scene import answer_facts
from sluice.gateway.world import World
from sluice.policies import headers as header_policy
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.relay.guarding import Guarding, guarding
from sluice.relay.opaque import OpaqueRelay
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.wire import coding
from sluice.wire.coding import Inflate
from sluice.wire.http1 import Header


class Found(msgspec.Struct, frozen=True):
    """An answer that begins."""

    relay: Relay
    upstream: UpstreamStream
    headers: list[Header]
    """Of the head that the client gets."""
    length: int | None
    """Of its body, if that is known."""
    inflate: Inflate | None = None
    """What unpacks the body; None = it is not packed, or crosses as it is."""


class Road(Arrival):
    """One request's. `drop` whatever way it ends."""

    def __init__(
        self, world: World, active: ActivePlan, request: Request, account: Account, reply: Reply, wanted: Operation
    ) -> None:
        super().__init__(world, active, request, account, reply, wanted)
        self._weighted: WeightedBackend | None = None
        """The rule's reference to who answers; None on the unified addresses."""
        self._copied = False
        """Whoever is to get a copy has got it."""
        self._upstream: UpstreamStream | None = None
        """A provider's answer that nobody has taken over yet."""
        self.theirs: Sequence[Header] = ()
        """All that the backend said in the head of the answer that was found."""
        self.attempts: Attempts | None = None

    @property
    def asking(self) -> bool:
        """Some target is being asked."""
        return self.attempts is not None and self.attempts.under_way

    async def first(self) -> Found | None:
        """Find who answers, and ask them. None = the gateway has answered by itself.

        Raises:
            SluiceError: there is no answer; the client is to hear why.
        """
        if await self._arrive():
            return None
        return await in_time(self._find, self._account, self._deadlines, self._world)

    async def again(self, outbound: Outbound) -> Found | None:
        """Ask another target; see `first`.

        Raises:
            SluiceError: as `first`.
        """
        return await in_time(partial(self._ask, outbound), self._account, self._deadlines, self._world)

    async def _find(self) -> Found | None:
        """From the rule's policies to an answer."""
        active, account, reply = self._active, self._account, self._reply
        listener, entry = self._place
        assert entry is not None
        if await self._is_answered(entry):
            return None
        backend = None
        if entry.answer == "backends":
            self._weighted, backend = active.backend(entry, self._world.die())
        if answers.asks_for_models(entry, self._request, self._wanted):
            await self._list_models()
            return None
        if isinstance(backend, HttpBackend):
            return await self._plain_http(backend)
        call = prepare(self._world, active, account, reply, self._request, self._wanted, backend)
        assert call.backend is not None
        account.at_backend(active.labels(listener, entry, call.backend), call.backend)
        if self.policing is not None:
            call.policing = self.policing
            self._keep_company(call)
            await self.policing.at_access(call.backend.access)
            money = priced(account, call, entry.rule, entry.route)
            tokens = None if money is None else money.prompt_tokens
            await self.policing.admit(entry.rule, call.largest(), account.request_model, tokens, money)
        groups, retry = active.groups(call.backend, call.kind), active.retry(entry.rule, self._request)
        self.attempts = Attempts(self._world, account, call, groups, retry)
        return await self._ask(self.attempts.first(account.taken_at))

    async def _ask(self, outbound: Outbound) -> Found:
        """Ask one target after the other until one answers; the last one's failure is the client's."""
        account, world, reply, whole = self._account, self._world, self._reply, self._deadlines
        attempts = self.attempts
        assert attempts is not None
        call = attempts.call
        while True:
            if attempts.wait_s:
                await asyncio.sleep(attempts.wait_s)
            outbound, draft = await self._draft(attempts, outbound)
            reply.asks(outbound, self._request, call.chat)
            reply.guards = self._guards(call, outbound)
            dialect = call.provider.module_id if account.chat is not None else ""
            account.at_target(outbound, dialect, call.target_model)
            own = outbound.target.clocks
            clocks = whole if own is None else whole.at(own, world.clock() - account.request.received_at)
            if type(draft) is not OwnAnswer:
                check_time(account, whole, world)
                attempts.began(outbound, clocks)
            try:
                limits = self._active.max_whole_bytes
                self._upstream = upstream = await ask(world, account, clocks, outbound.target, draft, limits)
                attempts.answered(upstream.head)
                status = upstream.head.status
                if not 200 <= status < (300 if call.rewrites else 400):
                    self._upstream = None
                    within_s = left_s(account, clocks, world.clock())
                    body = await read_refusal(upstream, reply.secrets, within_s)
                    refused = call.provider.read_error(status, body)
                    refused.headers = (*header_policy.to_client(upstream.head.headers), *refused.headers)
                    raise refused
                return self._take(call, upstream, outbound, clocks)
            except SluiceError as error:
                self.drop()
                reply.redact(error)
                following = None if reply.left else attempts.following(error)
                if following is None:
                    raise attempts.told(error) from None
                outbound = following

    def taken(self) -> None:
        """The provider's answer is somebody else's from now on."""
        self._upstream = None

    def drop(self) -> None:
        """Close a provider's answer that nobody took over."""
        if self._upstream is not None:
            self._upstream.close(complete=False)
            self._upstream = None

    # -- the parts ----------------------------------------------------------------------------------------------------

    async def _plain_http(self, backend: HttpBackend) -> Found:
        account, policing, request = self._account, self.policing, self._request
        account.at_backend(self._active.labels(*self._place, backend), backend)
        if policing is not None:
            await policing.at_access(backend.access)
            await policing.admit(self._reply.rule)
            policing.at_backend(self._active.shaper, self._weighted, backend, None)
            request = policing.shape.to_plain(host_header(backend.endpoint))
            self._copy(policing)
        retry = self._active.retry(self._reply.rule, request)
        upstream = await ask_plain(self._world, account, self._deadlines, backend, request, retry)
        self._upstream, self.theirs = upstream, upstream.head.headers
        headers = answers.opaque_headers(upstream.head, account)
        clocks, own = self._deadlines, backend.clocks
        if own is not None:
            clocks = clocks.at(own, account.asked_at - account.request.received_at)
        relay = OpaqueRelay(terms=self._terms(clocks))
        return Found(relay=relay, upstream=upstream, headers=headers, length=upstream.head.length)

    def _keep_company(self, call: Call) -> None:
        """The client may have to wait from here on. Where it hangs on who is asked whether it gets a stream, or is
        computed for them, it hears nothing until somebody is."""
        chat, backend, rule = call.chat, call.backend, self._reply.rule
        if chat is None or backend is None:
            return
        by_address = self._wanted.stream is not None
        targets = (target for group in backend.groups for target in group)
        if all(_streams(chat, self._active.policy(rule, backend, each), by_address=by_address) for each in targets):
            self._reply.keep_company(chat if chat.stream else msgspec.structs.replace(chat, stream=True))

    # -- targets ------------------------------------------------------------------------------------------------------

    async def _draft(self, attempts: Attempts, outbound: Outbound) -> tuple[Outbound, Draft | OwnAnswer]:
        """Write the request for a target, after its guards have looked at it."""
        if self.policing is None:
            return attempts.draft(outbound, opened=self._reply.opened)
        while True:
            await self._look(self.policing, attempts.call, outbound)
            self._copy(self.policing, attempts.call, outbound)
            chosen, draft = attempts.draft(outbound, opened=self._reply.opened)
            if chosen is outbound:
                return chosen, draft
            outbound = chosen  # it does not fit the first; this one's guards may be others

    async def _look(self, policing: Policing, call: Call, outbound: Outbound) -> None:
        policy = self._active.policy(self._reply.rule, call.backend, outbound.target)
        assert call.backend is not None
        policing.at_backend(self._active.shaper, self._weighted, call.backend, outbound.target)
        await call.look(policing, policy.guards)

    def _copy(self, policing: Policing, call: Call | None = None, asked: Outbound | None = None) -> None:
        """Send the copies that the rule wants, once for each request, after its guards have looked at it."""
        rule = self._reply.rule
        if rule.mirrors and not self._copied:
            self._copied = True
            copying = Copying(self._world, self._active, rule, policing)
            copying.send(self._account.identity.traceparent, call, asked)

    def _take(self, call: Call, upstream: UpstreamStream, outbound: Outbound, clocks: Deadlines) -> Found:
        """A target answers."""
        account, head = self._account, upstream.head
        inflate = coding.decoder(head.header(b"content-encoding")) if call.rewrites else None
        self._reply.quiet()
        self.theirs = head.headers
        relay = call.relay(head, account, self._terms(clocks, call))
        if self.policing is not None:
            provider = outbound.target.provider.telemetry_name
            self.policing.shape.answering = partial(answer_facts, provider, relay.said)
        account.chat = call.chat
        account.streaming = account.streams
        return Found(
            relay=relay,
            upstream=upstream,
            headers=call.headers(head, account),
            length=None if call.rewrites else head.length,
            inflate=inflate,
        )

    def _guards(self, call: Call, outbound: Outbound) -> Guarding | None:
        """Who looks at what this target says, in its answer or instead of one."""
        if self.policing is None:
            return None
        guards = self._active.policy(self._reply.rule, call.backend, outbound.target).guards.response
        return guarding(guards, streams=call.chat is not None and call.chat.stream)

    def _terms(self, clocks: Deadlines, call: Call | None = None) -> Terms:
        policing, reply = self.policing, self._reply
        guards = reply.guards if call is not None and call.chat is not None else None
        allowance = None if policing is None else policing.allowance
        return reply.terms(clocks, self._active.max_whole_bytes, guards=guards, allowance=allowance)


def _streams(chat: ChatRequest, policy: AiPolicy, *, by_address: bool) -> bool:
    """Whether it is certain that targets of this policy are asked for a stream. `by_address`: that is what the client's
    address asks for, whatever the body says."""
    if by_address:
        return chat.stream
    if any(member == "stream" for member, _ in policy.transformations):
        return False
    members = policy.overrides if "stream" in chat.fields else (*policy.overrides, *policy.defaults)
    return next((bytes(value) == b"true" for member, value in members if member == "stream"), chat.stream)
