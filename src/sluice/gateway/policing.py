"""The policies of one exchange, in their order, and what they hold until it is over.

    early ── route ── arrive ───────────── read the request ── admit ── look ── ask ──►
    who, transform    who, may they,                           model,   guards
                      transform, headers,                      limits,
                      address, own answer                      delay, abort

Only exchanges of which some policy says something have one. Order: labs 2.3; limits come after the request was read,
since only then is it known how much is asked, and before its guards: what those reject has used a request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from math import inf
from typing import TypeVar

import msgspec

from sluice.chat.request import ChatRequest
from sluice.config.plan import AiBackend, Entry, HttpBackend, Listener, Rule, Target, WeightedBackend
from sluice.gateway.access import AccessControl, allow_model, visible
from sluice.gateway.content import Check
from sluice.gateway.judging import Judges
from sluice.gateway.limits import Limiter
from sluice.gateway.limits_cut import Within
from sluice.gateway.limits_hold import NO_HOLD, Hold
from sluice.gateway.mirroring import Mirrors
from sluice.gateway.money import Ask, Held, Money
from sluice.gateway.ports import Request
from sluice.gateway.scene import scene_of
from sluice.gateway.shaper import OwnReply, Shaper
from sluice.gateway.shaping import Shape
from sluice.gateway.tracing import Kind, Trace
from sluice.gateway.tracing_guards import ACTIONS, watched_request
from sluice.policies import cors
from sluice.policies.access import OPEN, Access
from sluice.policies.charge import Answered, CostFacts
from sluice.policies.guards import Guard
from sluice.policies.judges import Verdict
from sluice.policies.principal import NOBODY, Principal
from sluice.policies.shaping import Shaping
from sluice.relay.actions import Ask as Question
from sluice.relay.terms import Allowance
from sluice.wire.http1 import Header, end_to_end

T = TypeVar("T")

Shapers = Callable[[Shaping], Shaper]


class Services(msgspec.Struct, frozen=True):
    """What policies need that outlives an exchange. One per process."""

    access: AccessControl
    limiter: Limiter
    judges: Judges
    mirrors: Mirrors
    money: Money


class Policing:
    """One exchange's. Call in the order of this file's head; `settle` exactly once, whatever became of it."""

    def __init__(self, services: Services, request: Request, listener: Listener | None) -> None:
        # Before anything is added: else the client's Connection could name what policies say (RFC 9110 7.6.1).
        crossing = end_to_end(request.headers)
        if len(crossing) < len(request.headers):
            request = msgspec.structs.replace(request, headers=tuple(crossing))
        scheme = "https" if listener is not None and listener.tls is not None else "http"
        self._services, self._scheme = services, scheme
        self.scene = scene_of(request, scheme=scheme)
        self.shape = Shape(request, self.scene, scheme=scheme)
        self.principal: Principal = request.vouched or NOBODY
        self.hold: Hold = NO_HOLD
        self.held: Held | None = None
        """What the exchange may cost, reserved."""
        self.checks: list[Check] = []
        """What the guards did about the request."""
        self._to_client: tuple[Header, ...] = ()
        self._looked: tuple[tuple[Guard, ...], ChatRequest, ChatRequest] | None = None
        self.trace: Trace | None = None
        """Where what is waited for is noted; None = nobody wants to see it."""

    @property
    def request(self) -> Request:
        """As it is now."""
        return self.shape.request

    @property
    def scheme(self) -> str:
        """`https` if the listener has a certificate, else `http`."""
        return self._scheme

    async def early(self, listener: Listener, shapers: Shapers) -> OwnReply | None:
        """Before a route is chosen (`phase: PreRouting`).

        Raises:
            SluiceError: who asks is not known, or may not.
        """
        request = self.request
        if not (listener.shaping.cors is not None and cors.is_preflight(request.method, request.headers)):
            await self._who(listener.access)
        return self.shape.early(shapers(listener.shaping))

    async def arrive(self, entry: Entry, shapers: Shapers, die: Callable[[], float]) -> OwnReply | None:
        """The request has matched a rule. Return what the gateway answers by itself.

        Raises:
            SluiceError: a policy refuses.
        """
        rule, path = entry.rule, entry.match.path
        prefix = path.value if path.kind == "PathPrefix" else ""
        own = self.shape.at_rule(shapers(rule.shaping), prefix)
        if own is not None:
            return own
        await self._who(rule.access)
        own = self.shape.before(die)
        if own is not None or self.shape.fault is not None:
            await self.admit(rule)
        return own

    async def at_access(self, access: Access) -> None:
        """It is known which backend answers, and who may ask it.

        Raises:
            SluiceError: who asks may not.
        """
        if access != OPEN:
            await self._who(access)

    async def _who(self, access: Access) -> None:
        if self.request.vouched is not None:
            return
        checked = self._services.access.check(
            access, self.request, self.scene, scheme=self._scheme, known=self.principal, trace=self.trace
        )
        admitted = await (checked if access == OPEN else self._noted("auth", "auth", checked))
        self.shape.request, self.principal = admitted.request, admitted.principal
        self._to_client += admitted.to_client

    async def admit(
        self,
        rule: Rule,
        chat: ChatRequest | None = None,
        model: str = "",
        prompt_tokens: Callable[[], int] | None = None,
        ask: Ask | None = None,
    ) -> None:
        """It is known what is asked. `ask`: of a model, which costs money.

        Raises:
            Forbidden: not of this model.
            RateLimited: too much; BudgetExceeded: too dear.
            PolicyUnavailable: a limit that fails closed cannot be asked.
            TimedOut, Refused: it was held up for too long, or ends with an error, on purpose.
        """
        if model:
            allow_model(self.principal, model)
        reserved = self._services.limiter.reserve(rule.limits, self.scene, chat, prompt_tokens, self.trace)
        self.hold = hold = await self._noted("limit", "rate_limit", reserved, wanted=bool(rule.limits.groups))
        if hold.request_headers:
            self.shape.adds(hold.request_headers)
        if ask is not None:
            try:
                admitted = self._services.money.admit(rule.budgets, self.scene, self.principal, ask)
                self.held = await self._noted("limit", "budget", admitted, wanted=bool(rule.budgets))
            except BaseException:
                self.hold = NO_HOLD
                hold.undo()
                raise
        await self._hold_up()

    def _noted(self, kind: Kind, name: str, waits: Awaitable[T], *, wanted: bool = True) -> Awaitable[T]:
        return waits if self.trace is None or not wanted else self.trace.around(kind, name, waits)

    async def _hold_up(self) -> None:
        """Delay or end an exchange that has its place, if that is wanted."""
        wait_s = self.shape.wait_s
        if wait_s:
            await asyncio.sleep(wait_s)
        if self.shape.fault is not None:
            raise self.shape.fault

    def at_backend(
        self,
        shapers: Shapers,
        reference: WeightedBackend | None,
        backend: AiBackend | HttpBackend,
        target: Target | None,
    ) -> None:
        """These are asked now."""
        self.scene.learn("backend", _said(backend, target))
        if target is not None:
            self.scene.add("llm", {"provider": target.provider.telemetry_name})
        places = [backend.shaping, target.shaping] if target is not None else [backend.shaping]
        if reference is not None:
            places.insert(0, reference.shaping)
        self.shape.at_backend(*map(shapers, places))

    def aside(self) -> "Policing":
        """Return the policies of a copy of this request. It holds nothing, what it learns and counts shows nowhere
        here, and it is not to be settled."""
        other = copy(self)
        other.scene = self.scene.aside()
        other.shape = self.shape.aside(other.scene)
        other.hold, other.held, other.checks, other._looked = NO_HOLD, None, [], None
        other.trace = None  # it goes on when the exchange is over
        return other

    async def look(self, guards: tuple[Guard, ...], chat: ChatRequest, dialect: str, body: bytes) -> ChatRequest:
        """Return the request as its guards let it pass; asked again about the same, they need not look again. `body` is
        what it was read from.

        Raises:
            GuardRejected: they do not let it pass.
            PolicyUnavailable: a guard that fails closed has no verdict.
            BadRequest: it can be read in two ways.
        """
        known = self._looked
        if known is not None and known[0] == guards and known[1] is chat:
            return known[2]
        passed = await watched_request(
            self.trace, guards, chat, dialect, self._services.judges, self.checks, body, self.request, self.scene
        )
        self._looked = guards, chat, passed
        return passed

    async def judge(self, ask: Question) -> Verdict:
        """Put a relay's question to a judge.

        Raises:
            JudgeFailed: there is no verdict.
        """
        judges = self._services.judges
        return await (judges if self.trace is None else judges.watched(self.trace)).judge(
            ask.judge,
            ask.texts,
            ask.context,
            phase="response",
            roles=("assistant",) * len(ask.texts),
            headers=self.request.headers,
            scene=self.scene,
        )

    def models(self, public: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the rows of a list of models that whoever asks may use."""
        return visible(self.principal, public)

    def dressed(self, status: int, headers: Sequence[Header], theirs: Sequence[Header] = ()) -> list[Header]:
        """Return the headers of the answer as the client gets them. `theirs`: all that the backend said."""
        limits = {name for name, _ in self.hold.headers}  # a provider's are about its own
        said = [field for field in headers if field[0] not in limits]
        return self.shape.to_client(status, [*said, *self.hold.headers, *self._to_client], theirs)

    @property
    def allowance(self) -> Allowance | None:
        """How long an answer may become; None = as long as it likes."""
        limits = self.hold if self.hold.check_at < inf else None
        left = None if self.held is None else self.held.tokens_left
        return limits if left is None else Within(left, limits)

    @property
    def has_own_budget(self) -> bool:
        """Whoever asks has a budget that holds wherever they ask."""
        return self._services.money.has_own_budget(self.principal)

    @property
    def checked(self) -> tuple[tuple[str, str, int], ...]:
        """What the guards did about the request, for the record."""
        return tuple((check.guard, ACTIONS[check.outcome], check.hits) for check in self.checks)

    def settle(self, answered: Answered) -> CostFacts | None:
        """The exchange is over. Return what it came to, if something was reserved for it."""
        costs = None
        try:
            costs = None if self.held is None else self.held.settle(answered)
        finally:  # a fault of the money is no reason to keep a place
            if self.hold is not NO_HOLD:
                self.hold.settle(answered, costs)
        return costs


def _said(backend: AiBackend | HttpBackend, target: Target | None) -> dict[str, object]:
    """What the variable `backend` says."""
    if target is None:
        return {"name": backend.name, "type": "http", "protocol": "http"}
    return {"name": backend.name, "type": "ai", "protocol": "llm"}
