"""From a matched route to what is asked of whom, and the way there."""

import asyncio
from collections.abc import Awaitable
from functools import cache, partial

from sluice.config.plan import AiBackend, HttpBackend, Rule, Target
from sluice.config.units import duration
from sluice.errors import BadRequest, Forbidden, Phase, Refused, RouteNotFound, TimedOut, UpstreamError
from sluice.gateway.account import COUNTING, Account
from sluice.gateway.active import ActivePlan
from sluice.gateway.attempts import may_try_another
from sluice.gateway.call import Call
from sluice.gateway.chat_call import ChatCall
from sluice.gateway.ending import REFUSED, outcome_of
from sluice.gateway.gather import Here, gather
from sluice.gateway.in_time import ends_at
from sluice.gateway.limits_keys import counts_tokens
from sluice.gateway.models_asked import asks_nothing, check_models
from sluice.gateway.money import Ask
from sluice.gateway.operation import CHAT_TYPES, Operation, typed
from sluice.gateway.outbound import Draft, OwnAnswer
from sluice.gateway.plain_call import PlainCall
from sluice.gateway.plain_http import plain_http
from sluice.gateway.ports import Request, UpstreamHead, UpstreamStream
from sluice.gateway.reply import Reply
from sluice.gateway.world import World
from sluice.policies import headers as header_policy
from sluice.policies.ai import aliased, merged
from sluice.policies.condition import response_condition
from sluice.policies.deadlines import CLOCKS, Deadlines
from sluice.policies.retry import Retry, backoff_s, may_repeat
from sluice.relay.clocks import NEVER


def prepare(
    world: World,
    active: ActivePlan,
    account: Account,
    reply: Reply,
    request: Request,
    wanted: Operation,
    backend: AiBackend | None,
) -> ChatCall | PlainCall:
    """Read what is asked, and find out whom: the route's backend, or who serves the model.

    Raises:
        ClientError: the request is wrong, or nobody serves its model.
    """
    rule = reply.rule
    if backend is not None and active.typed:  # the operator's word for the address is what the client speaks
        wanted = typed(wanted, active.policy(rule, backend, backend.groups[0][0]), request.path)
        reply.speaks(wanted.kind)
    call: ChatCall | PlainCall
    if wanted.kind in CHAT_TYPES:
        account.operation = "chat"
        account.client_dialect = reply.dialect.module_id
        call = ChatCall(world, active, request, reply.dialect, wanted, rule)
        account.chat = chat = call.read
        account.streaming = chat.stream
        account.request_model = chat.model
    else:
        call = PlainCall(world, active, request, reply.dialect, wanted, rule)
        account.operation, account.request_model = call.operation, call.model
        if backend is None and not call.operation:
            raise RouteNotFound(f"No route for {request.method} {request.path}.")
    if backend is None:
        name = aliased(merged(rule.ai, rule.gateway_ai), account.request_model)
        backend = active.model(name, request, world.die())
    call.backend = backend
    return call


def priced(account: Account, call: Call, rule: Rule, route: str) -> Ask | None:
    """Return what is asked of a model, for who counts tokens and money; None = nobody counts, or it uses none.

    Raises:
        Forbidden: whoever asks may not ask for this model, or somebody counts and cannot look into this operation: it
            would be a way round the limit.
    """
    check_models(account, call)
    backend, policing = call.backend, call.policing
    if not account.operation or backend is None:
        if policing is not None and asks_nothing(policing.request):
            return None
        if rule.budgets or any(counts_tokens(choice.limits) for group in rule.limits.groups for choice in group):
            raise Forbidden("This route counts tokens, and nobody can count those of this operation.")
        if policing is not None and policing.has_own_budget:
            raise Forbidden("This key has a budget, and nobody can count the tokens of this operation.")
        return None
    if account.operation == COUNTING:
        return None
    target, chat = backend.groups[0][0], call.largest()
    return Ask(
        request_id=account.request_id,
        route=route,
        provider=target.provider.telemetry_name,
        model=call.model_at(target),
        prices=account.prices,
        prompt_tokens=cache(call.prompt_tokens),  # limits and budgets both ask
        bound=None if chat is None or chat.max_tokens is None else chat.max_tokens * chat.choices,
        choices=1 if chat is None else chat.choices,
        may_ask=lambda: [
            (each.provider.telemetry_name, call.model_at(each)) for group in backend.groups for each in group
        ],
    )


def ask(
    world: World, account: Account, clocks: Deadlines, target: Target, draft: Draft | OwnAnswer, max_bytes: int
) -> Awaitable[UpstreamStream]:
    """Send what was drafted for a target, once for each of its bodies; await the one answer. `max_bytes`: of several
    answers together.

    Raises, when awaited:
        UpstreamError: see `ports.Upstream.open`.
    """
    if type(draft) is Draft and not draft.rest and target.cloud is None:
        return open_upstream(world, account, clocks, target, draft.render())
    return _ask(world, account, clocks, target, draft, max_bytes)


async def _ask(
    world: World, account: Account, clocks: Deadlines, target: Target, draft: Draft | OwnAnswer, max_bytes: int
) -> UpstreamStream:
    if isinstance(draft, OwnAnswer):
        account.direct = True
        account.answered_at = world.clock()
        return Here(UpstreamHead(200, (), len(draft.body)), draft.body)

    async def one(each: Draft) -> UpstreamStream:
        signature = () if target.cloud is None else await each.signed(world.signer, target.cloud)
        return await open_upstream(world, account, clocks, target, each.render(signature))

    if not draft.rest:
        return await one(draft)
    began = world.clock()
    asks = [partial(one, each) for each in draft.each()]
    left_s = account.request.received_at + clocks.total_s - began if clocks.total_s else None
    upstream = await gather(asks, idle_s=clocks.idle_s, total_s=left_s, max_bytes=max_bytes)
    account.asked_at, account.answered_at = began, world.clock()
    return upstream


async def open_upstream(
    world: World, account: Account, clocks: Deadlines, whom: Target | HttpBackend, asked: bytes
) -> UpstreamStream:
    """Send a request; whatever clock is the shortest decides, and one that spans more than the head is called by its
    own name.

    Raises:
        UpstreamError: see `ports.Upstream.open`.
    """
    request = account.request
    account.asked_at = now = world.clock()
    limit_at, phase = _limit(account, clocks, now)
    if now >= limit_at:
        raise TimedOut(phase)
    connect, headers = clocks.before_head(limit_at - now)
    opening = world.upstream.open(
        whom.endpoint,
        asked,
        expects_body=request.method != "HEAD",
        connect_s=connect,
        headers_s=headers,
        sent=account.at_sent,
    )
    try:
        if limit_at == NEVER:
            upstream = await opening
        else:
            # A clock of its own: two that follow each other could add up to more, and timers fire a little early.
            async with asyncio.timeout(limit_at - now):
                upstream = await opening
    except TimeoutError:
        raise TimedOut(phase) from None
    except TimedOut:
        if world.clock() >= limit_at:  # both ran out at once
            raise TimedOut(phase) from None
        raise
    finally:
        ended = world.clock()
        account.calls_s += (ended - now,)
    account.at_answer(upstream, ended)
    return upstream


async def ask_plain(
    world: World, account: Account, clocks: Deadlines, backend: HttpBackend, request: Request, retry: Retry
) -> UpstreamStream:
    """Send a request to a static backend, and again as often as the rule says: as a target is asked (`Attempts`). Only
    a refusal that nobody follows crosses as it is; the body of any other is never read.

    Raises:
        UpstreamError: see `ports.Upstream.open`. Of several failures the last in which the backend gave a status,
            unless a clock has run out.
    """
    left, trace, own, mine = retry.attempts or 0, account.trace, backend.clocks, clocks
    said: Refused | None = None
    asked = plain_http(request, backend.endpoint) if trace is None else b""
    while True:
        failure: UpstreamError
        over: UpstreamError | None = None
        account.at_try()
        if trace is not None:
            asked = plain_http(trace.sent_by(request), backend.endpoint)
            trace.asks(backend.name, backend.endpoint.label, (("http.request.method", request.method),))
        if own is not None:
            mine = clocks.at(own, world.clock() - account.request.received_at)
        try:
            upstream = await open_upstream(world, account, mine, backend, asked)
        except UpstreamError as error:
            failure = error
            if not (left and may_try_another(error, one_attempt=mine.one_attempt)):
                over = error if said is None or isinstance(error, TimedOut) else said
        else:
            head = upstream.head
            if trace is not None:
                trace.answered(head.status)
            if not (left and _may_follow(retry, head)):
                return upstream
            upstream.close(complete=False)
            failure = said = Refused(f"the backend answered with status {head.status}", status=head.status)
            said.headers = tuple(header_policy.to_client(head.headers))
        if over is failure:
            raise over
        failure.let_go()
        account.gave_up(failure)
        if trace is not None:
            trace.ended(outcome_of(failure), world.clock())
        if over is not None:
            raise over
        left -= 1
        await asyncio.sleep(backoff_s(retry, world.die()))


def _may_follow(retry: Retry, head: UpstreamHead) -> bool:
    """Whether a static backend is asked again after this answer."""
    if head.status < REFUSED or not may_repeat(retry, head.status):
        return False
    return not retry.condition or response_condition(retry.condition).holds(head.status, head.headers)


def left_s(account: Account, clocks: Deadlines, now: float) -> float:
    """How long the body of a refusal may take: what is left of the clocks that go on, no longer than silence may. Whose
    exchange is over by then is not refused, but late: `in_time` says so."""
    limit_at, phase = _limit(account, clocks, account.asked_at)
    if phase == "total" and not clocks.one_attempt:
        limit_at = NEVER
    return max(0.0, min(limit_at - now, clocks.idle_s or NEVER))


_PREFIX = b"x-sluice-timeout-"


def wished(request: Request, clocks: Deadlines) -> Deadlines:
    """The clocks of a route, as much shorter as a request wishes (`x-sluice-timeout-total: 20s`).

    Raises:
        BadRequest: a wish is no duration, or is for no clock.
    """
    found = [field for field in request.headers if field[0].startswith(_PREFIX)]
    if not found:
        return clocks
    wishes: dict[str, float] = {}
    for name, value in found:
        clock = name[len(_PREFIX) :].decode("latin-1")
        try:
            wishes[clock] = duration(value.decode("latin-1").strip())
        except ValueError as error:
            raise BadRequest(f"The header {name.decode('latin-1')} is wrong: {error}.") from None
        if clock not in CLOCKS:
            known = ", ".join(f"x-sluice-timeout-{each}" for each in CLOCKS)
            raise BadRequest(f"There is no header {name.decode('latin-1')}; there are {known}.")
    return clocks.narrowed(wishes)


def _limit(account: Account, clocks: Deadlines, now: float) -> tuple[float, Phase]:
    """The clocks that go on after the head: when the first of them runs out, and which."""
    limit_at = ends_at(account, clocks)
    if clocks.first_token_s and account.streams and now + clocks.first_token_s < limit_at:
        return now + clocks.first_token_s, "first_token"
    return limit_at, "total"
