"""The targets of one request: which is asked first, which next, and what each attempt says of its target's health.

Guarantee: of several targets each is asked once before any is asked again, groups in order of priority, inside a group
by weight, or by the power of two choices where weights are equal; one that rests is asked only when nobody else is
left. A target whose resting connection was dead keeps its turn, once. Each attempt is reported to its target's breaker
exactly once, by its outcome. Obeys: stream-life sections 1, 5 and 10.2.
"""

from sluice.errors import (
    BadRequest,
    ClientError,
    InBandFailure,
    Refused,
    SluiceError,
    TimedOut,
    Truncated,
    UpstreamError,
)
from sluice.gateway.account import Account
from sluice.gateway.call import Call
from sluice.gateway.ending import outcome_of
from sluice.gateway.outbound import Draft, Groups, Outbound, OwnAnswer
from sluice.gateway.ports import UpstreamHead
from sluice.gateway.world import World
from sluice.policies.balance import choose, pick
from sluice.policies.condition import response_condition
from sluice.policies.deadlines import Deadlines
from sluice.policies.health import Result
from sluice.policies.rest import rest_s
from sluice.policies.retry import Retry, backoff_s, may_repeat
from sluice.relay.outcome import Outcome

_THE_CLIENTS = frozenset([400, 401, 403, 404, 413, 422])
"""Statuses that say that the request is wrong: no other target would say otherwise (stream-life 10.2)."""
_NO_QUOTA = 429
_FAILED = frozenset(["upstream_truncated", "timeout"])
_NOT_BEGUN = Deadlines()


class Attempts:
    """One request's. Call `first`, and `began` for whom is asked; after a failure `following`; `ended` at the end."""

    __slots__ = (
        "_account",
        "_asked",
        "_clocks",
        "_current",
        "_excused",
        "_failure",
        "_groups",
        "_head",
        "_number",
        "_retry",
        "_said",
        "_tried",
        "_world",
        "call",
        "wait_s",
    )

    def __init__(
        self,
        world: World,
        account: Account,
        call: Call,
        groups: Groups,
        retry: Retry,
    ) -> None:
        self._world = world
        self._account = account
        self.call = call
        """What each of them is asked."""
        self._groups = groups
        self._retry = retry
        self._clocks = _NOT_BEGUN
        """Of the last attempt."""
        self._tried: list[Outbound] = []
        self._excused: list[Outbound] = []
        self._asked = 0
        self._current: Outbound | None = None
        self._number = 0
        self._head: UpstreamHead | None = None
        self._failure: SluiceError | None = None
        """Of the last attempt that was given up."""
        self._said: SluiceError | None = None
        """The last of them that had a status of the provider's own."""
        self.wait_s = 0.0
        """How long to wait before the target that `following` returned is asked."""

    # -- whom to ask --------------------------------------------------------------------------------------------------

    def first(self, now: float) -> Outbound:
        """Return the first target."""
        groups = self._groups
        if len(groups) == 1 and len(groups[0]) == 1:
            return groups[0][0]
        chosen = self._choose(now)
        assert chosen is not None  # no group of a plan is empty
        return chosen

    def draft(self, outbound: Outbound, *, opened: bool) -> tuple[Outbound, Draft | OwnAnswer]:
        """Write the request for this target, or for the next one that it can be put to; return whom it is for.
        `opened`: the client has the head of a stream, and who is asked for no stream cannot answer it any more.

        Raises:
            SluiceError: it fits none of those that are left: the last failure of one that it did fit, or why it does
                not fit.
        """
        while True:
            try:
                draft = self.call.draft(outbound, self._account.traceparent)
                if opened and self.call.chat is not None and not self.call.chat.stream:
                    raise BadRequest("the client has the head of a stream, and this target would be asked for none")
                return outbound, draft
            except ClientError as error:
                self._tried.append(outbound)
                other = self._choose(self._world.clock())
                if other is None:
                    raise self._said or self._failure or error from None
                outbound = other

    def following(self, error: SluiceError, outcome: Outcome | None = None) -> Outbound | None:
        """Return who is asked after an attempt that failed so, unseen by the client, after `wait_s`; None = nobody: the
        failure is the client's to hear."""
        now = self._world.clock()
        if _is_stale(error):
            self._excuse()
        self.ended(outcome or outcome_of(error), now)
        following = self._following(error, now)
        if following is not None:
            error.let_go()
            self._failure = error
            if status_of(error) is not None:
                self._said = error
            self._account.gave_up(error)
        return following

    def told(self, error: SluiceError) -> SluiceError:
        """Return what the client hears where nobody follows: of several failures the last in which a provider gave a
        status. That this one is full for a minute helps more than that the next one's connection broke. Which clock ran
        out is a word of its own."""
        broke = isinstance(error, UpstreamError) and not isinstance(error, TimedOut) and status_of(error) is None
        if self._said is None or not broke:
            return error
        error.let_go()
        self._account.gave_up(error)
        return self._said

    def _following(self, error: SluiceError, now: float) -> Outbound | None:
        retry, bound = self._retry, self._retry.attempts
        if (bound is not None and self._asked > bound) or not self._condition(error):
            return None
        named = status_of(error) in retry.codes
        elsewhere = self._elsewhere(error)
        other = self._choose(now) if named or elsewhere else None
        self.wait_s = 0.0
        if other is not None or bound is None or not (named or (elsewhere and may_repeat(retry, status_of(error)))):
            return other
        self._tried.clear()  # each had its turn: from the first again
        self.wait_s = backoff_s(retry, self._world.die())
        return self._choose(now)

    def _excuse(self) -> None:
        """The target under way has not been asked: its connection was dead, and it was no attempt. Where nobody allows
        a second attempt, on another target or on the same, a request is not sent twice."""
        asked, bound = self._current, self._retry.attempts
        may_ask_again = bound > 0 if bound is not None else sum(map(len, self._groups)) > 1
        if asked is not None and asked not in self._excused and may_ask_again:
            self._excused.append(asked)
            self._tried.remove(asked)
            self._asked -= 1

    def _choose(self, now: float) -> Outbound | None:
        """The best of those that had no turn yet."""
        tried = self._tried
        resting: list[Outbound] = []
        for group in self._groups:
            left = [outbound for outbound in group if outbound not in tried]
            awake = [outbound for outbound in left if outbound.health.may_be_asked(now)]
            if awake:
                return self._one_of(awake, now)
            resting += left
        return min(resting, key=lambda outbound: outbound.health.rests_until, default=None)

    def _one_of(self, awake: list[Outbound], now: float) -> Outbound:
        """One of a group: by weight where weights differ, else by how well it does."""
        weights = [outbound.target.weight for outbound in awake]
        chosen = pick(weights, self._world.die()) if min(weights) != max(weights) else None
        return awake[
            choose([outbound.health for outbound in awake], now, self._world.die) if chosen is None else chosen
        ]

    def _elsewhere(self, error: SluiceError) -> bool:
        return may_try_another(error, one_attempt=self._clocks.one_attempt)

    def _condition(self, error: SluiceError) -> bool:
        if not self._retry.condition:
            return True
        status = status_of(error)
        headers = self._head.headers if self._head is not None else ()
        return status is None or response_condition(self._retry.condition).holds(status, headers)

    @property
    def may_follow(self) -> bool:
        """Another target may be asked after the one under way, or the same one again."""
        bound = self._retry.attempts
        return self._asked <= bound if bound is not None else len(self._tried) < sum(map(len, self._groups))

    @property
    def under_way(self) -> bool:
        """Some target is being asked."""
        return self._current is not None

    # -- how it went --------------------------------------------------------------------------------------------------

    def began(self, outbound: Outbound, clocks: Deadlines) -> None:
        """The request is about to be sent to this target, which has so much time."""
        self._clocks = clocks
        self._asked += 1
        self._tried.append(outbound)
        self._current, self._head = outbound, None
        if (trace := self._account.trace) is not None:
            provider, model = outbound.target.provider.telemetry_name, self.call.target_model
            asked = (("gen_ai.provider.name", provider), ("gen_ai.request.model", model))
            trace.asks(outbound.target.name, outbound.label, asked if model else asked[:1])
        self._number = outbound.health.began(self._world.clock())

    def answered(self, head: UpstreamHead) -> None:
        """The target's head is here."""
        self._head = head
        if self._account.trace is not None:
            self._account.trace.answered(head.status)
        if self._current is not None and head.status < 300:
            self._current.health.answered(self._number)

    def ended(self, outcome: Outcome, now: float) -> None:
        """The attempt under way, if there is one, ended so."""
        outbound, self._current = self._current, None
        if outbound is None:
            return
        if self._account.trace is not None:
            self._account.trace.ended(outcome, now)
        latency_s = self._account.latency_s
        if outcome.kind == "completed" and not outbound.unhealthy:
            outbound.health.ended("success", now, latency_s=latency_s, attempt=self._number)
            return
        head = self._head
        refused = head is not None and isinstance(outcome.error, Refused)
        rest = rest_s(head.status, head.headers, self._world.wall()) if head is not None and refused else None
        result = _result(outcome, head, outbound.unhealthy)
        if isinstance(outcome.error, TimedOut) and outcome.error.phase in self._clocks.wished:
            result = "neutral"
        if outbound.target.passthrough and refused and outcome.error is not None and outcome.error.status == _NO_QUOTA:
            result, rest = "neutral", None  # the quota is this client's own: it says nothing to the others
        if outbound.health.ended(result, now, latency_s=latency_s, rest_s=rest, attempt=self._number):
            self._world.rests(outbound.target.name, outbound.health.rests_until - now)


def may_try_another(error: SluiceError, *, one_attempt: bool = False) -> bool:
    """Return whether another target may succeed, provided that nothing was sent to the client yet. `one_attempt`: see
    `Deadlines`."""
    if isinstance(error, InBandFailure) and error.status in _THE_CLIENTS:
        return False
    return error.retryable and not (isinstance(error, TimedOut) and error.phase == "total" and not one_attempt)


def _is_stale(error: SluiceError) -> bool:
    return isinstance(error, Truncated) and error.stale


def status_of(error: SluiceError) -> int | None:
    """The status that the provider gave; None = it gave none."""
    return error.status if isinstance(error, Refused | InBandFailure) else None


def _result(outcome: Outcome, head: UpstreamHead | None, unhealthy: str) -> Result:
    """How an outcome counts for its target's health (stream-life section 1)."""
    error = outcome.error
    if error is not None and _is_stale(error):
        return "neutral"
    if unhealthy and head is not None and response_condition(unhealthy).holds(head.status, head.headers):
        return "failure"
    if outcome.kind == "completed":
        return "success"
    if outcome.kind == "upstream_error" and isinstance(error, UpstreamError):
        status = status_of(error)
        if isinstance(error, Refused) and unhealthy:
            return "neutral"  # the operator says which statuses count
        return "failure" if status is None or status in (408, 429) or status >= 500 else "neutral"
    return "failure" if outcome.kind in _FAILED else "neutral"
