"""Limits before an answer: everything that a request needs is taken at once, or it is refused and nothing was taken.

    counters of this machine ── shared store ── rate-limit services ──► Hold
          plain calls            one round trip    one call each
    refused, cancelled or failed at any of them: what was taken before is put back

Called after identity (who is not known uses no limit) and before guards (what they reject has used a request).
Obeys: stream-life 7 and 10.7, labs 2.3 (order: local, then remote).
"""

import asyncio
from collections.abc import Callable, Sequence

from sluice.chat.request import ChatRequest
from sluice.config.plan import Endpoint
from sluice.errors import PolicyUnavailable, RateLimited
from sluice.gateway.limits_cut import Grant, RemoteGrant
from sluice.gateway.limits_hold import NO_HOLD, Hold, Part
from sluice.gateway.limits_keys import Wanted, chosen, counts_tokens
from sluice.gateway.limits_ports import (
    HEARTBEAT_S,
    Counters,
    Draw,
    Give,
    Hits,
    LimitWatch,
    Place,
    RateLimitServices,
    RemoteVerdict,
    ServiceGone,
    SharedCounters,
    StoreGone,
    Verdict,
)
from sluice.gateway.limits_remote import asked
from sluice.gateway.ports import Clock
from sluice.gateway.tracing import Trace
from sluice.policies.limiting import Bounds, Limiting, LimitSet, Remote
from sluice.policies.rate_limit import Estimate, Standing, headers, seconds, tightest
from sluice.policies.scene import Scene

REASON = "RateLimit"
UNAVAILABLE = 500
"""The status where a limit cannot be asked and fails closed (compat 1.8)."""
MESSAGE = "rate limit exceeded"
BUSY_US = 1_000_000
"""When to come back for a place: when one will be free nobody knows."""
NOTHING = Bounds()


class Limiter:
    """Takes what requests need. One per process; `keep` runs as long as that."""

    def __init__(
        self,
        *,
        here: Counters,
        shared: SharedCounters | None,
        services: RateLimitServices,
        clock: Clock,
        watch: LimitWatch,
    ) -> None:
        """`shared` None = there is no shared store: what it would count is counted here."""
        self._here, self._shared, self._services = here, shared, services
        self._clock, self._watch = clock, watch

    async def keep(self) -> None:
        """Say that this process lives, again and again."""
        while True:
            self._here.beat(self._clock())
            await asyncio.sleep(HEARTBEAT_S)

    async def reserve(
        self,
        limiting: Limiting,
        scene: Scene,
        chat: ChatRequest | None = None,
        prompt_tokens: Callable[[], int] | None = None,
        trace: Trace | None = None,
    ) -> Hold:
        """Take what a request needs of all limits that hold for it. The caller owes `Hold.settle`.

        `chat`: says how long its answer may become. `prompt_tokens`: the estimate of its prompt, called once if a limit
        asks for it; None = the request asks no model, and limits of tokens do not hold for it.
        `trace`: where it is noted which services were asked.

        Raises:
            RateLimited: a limit is reached; with headers.
            PolicyUnavailable: a limit that fails closed cannot be asked.
        """
        sets = chosen(limiting, scene)
        if not sets:
            return NO_HOLD
        hold = Hold(scene, self._services)
        estimate = _estimate(sets, chat, prompt_tokens)
        hold.prompt = estimate.prompt if estimate is not None else 0
        standings: list[Standing] = []
        try:
            await self._take(hold, sets, scene, estimate, standings)
            for limits in sets:
                for remote in limits.remotes:
                    await self._ask(hold, remote, scene, estimate is not None, standings, trace)
        except BaseException:
            hold.undo()
            raise
        nearest = tightest(standings)
        given = {name for name, _ in hold.headers}
        if nearest is not None:
            hold.headers += tuple(header for header in headers(nearest) if header[0] not in given)
        return hold

    # -- counters -----------------------------------------------------------------------------------------------------

    async def _take(
        self,
        hold: Hold,
        sets: Sequence[LimitSet],
        scene: Scene,
        estimate: Estimate | None,
        standings: list[Standing],
    ) -> None:
        shared = self._shared
        here, everywhere = Wanted(), Wanted()
        for limits in sets:
            here.add(limits.machine, scene, estimate)
            (everywhere if shared is not None else here).add(limits.everywhere, scene, estimate)
        if here.names:
            verdict = self._here.take(here.draws, here.places, self._clock())
            standings += self._judged(verdict, here)
            taken = [(draw, drawn.taken) for draw, drawn in zip(here.draws, verdict.drawn, strict=True)]
            grants = [Grant(draw, n, hold.prompt, self._more) for draw, n in taken if draw.rate.cut_stream]
            hold.took(Part(taken, here.places, self._put_back), grants)
        if everywhere.names and shared is not None:
            fails_open = all(limits.fails_open for limits in sets if limits.everywhere != NOTHING)
            try:
                verdict = await shared.take(everywhere.draws, everywhere.places)
            except StoreGone as error:
                self._gone(hold, everywhere.names, str(error), fails_open=fails_open)
                return
            standings += self._judged(verdict, everywhere)
            taken = [(draw, drawn.taken) for draw, drawn in zip(everywhere.draws, verdict.drawn, strict=True)]
            hold.took(
                Part(taken, everywhere.places, shared.put_back),
                [
                    RemoteGrant(draw, n, hold.prompt, shared.more, shared.put_back, fails_open=fails_open)
                    for draw, n in taken
                    if draw.rate.cut_stream
                ],
            )

    def _judged(self, verdict: Verdict, wanted: Wanted) -> list[Standing]:
        """Return how the limits stand.

        Raises:
            RateLimited: some refused.
        """
        found = [
            (draw.rate.name, drawn.refused, Standing(draw.rate.capacity, drawn.level, drawn.wait_us))
            for draw, drawn in zip(wanted.draws, verdict.drawn, strict=True)
        ]
        if not verdict.admitted:
            found += [(each.name, True, Standing(each.most, 0, BUSY_US)) for each in verdict.full]
            for name, refused, _ in found:
                if refused:
                    self._watch.limited(name)
            raise _refusal([standing for _, refused, standing in found if refused])
        return [standing for _, _, standing in found]

    def _put_back(self, gives: Sequence[Give], places: Sequence[Place]) -> None:
        self._here.put_back(gives, places, self._clock())

    def _more(self, draw: Draw) -> int:
        verdict = self._here.take((draw,), (), self._clock())
        if not verdict.admitted:
            self._watch.limited(draw.rate.name)
            return 0
        return verdict.drawn[0].taken

    # -- services -----------------------------------------------------------------------------------------------------

    async def _ask(
        self,
        hold: Hold,
        remote: Remote,
        scene: Scene,
        uses_tokens: bool,
        standings: list[Standing],
        trace: Trace | None,
    ) -> None:
        hits, report = asked(remote, scene, uses_tokens=uses_tokens)
        if not hits:
            return
        try:
            verdict = await self._asked(remote, hits, trace)
        except ServiceGone as error:
            self._gone(hold, [remote.name], str(error), fails_open=remote.fails_open)
        else:
            found = [Standing(limit, left, wait_s * 1_000_000) for limit, left, wait_s in verdict.limits]
            if not verdict.admitted:
                self._watch.limited(remote.name)
                raise _refusal([each for each in found if not each.remaining], verdict)
            standings += found
            hold.headers += verdict.headers
            hold.request_headers += verdict.request_headers
        hold.owes(report)

    async def _asked(self, remote: Remote, hits: Sequence[Hits], trace: Trace | None) -> RemoteVerdict:
        """
        Raises:
            ServiceGone: it cannot be asked.
        """
        server = remote.server
        if trace is None or server is None:
            return await self._services.ask(remote, hits)
        with trace.step("limit", remote.name, Endpoint(host=server.host, port=server.port).label) as step:
            verdict = await self._services.ask(remote, hits)
            step.result = "Allow" if verdict.admitted else "Reject"
            return verdict

    def _gone(self, hold: Hold, names: Sequence[str], why: str, *, fails_open: bool) -> None:
        """
        Raises:
            PolicyUnavailable: it fails closed.
        """
        if not fails_open:
            raise PolicyUnavailable("rate limits cannot be checked", reason=REASON, status=UNAVAILABLE, detail=why)
        hold.failed_open += tuple(names)
        for name in names:
            self._watch.failed_open(name)


def _estimate(
    sets: Sequence[LimitSet], chat: ChatRequest | None, prompt_tokens: Callable[[], int] | None
) -> Estimate | None:
    """None = no limit asks for it, or the request asks no model."""
    if prompt_tokens is None or not any(counts_tokens(limits) for limits in sets):
        return None
    bound = None if chat is None or chat.max_tokens is None else chat.max_tokens * chat.choices
    return Estimate(prompt_tokens(), bound)


def _refusal(standings: Sequence[Standing], verdict: RemoteVerdict | None = None) -> RateLimited:
    """The limit that takes longest decides: before that, the client would be refused again."""
    own = verdict.headers if verdict is not None else ()
    message = (verdict.message if verdict is not None else "") or MESSAGE
    longest = max(standings, key=lambda each: each.wait_us, default=None)
    if longest is None:
        return RateLimited(message, headers=own)
    given = {name.lower() for name, _ in own}
    shown = tuple(header for header in headers(longest) if header[0] not in given)
    return RateLimited(message, retry_after_s=max(1, seconds(longest.wait_us)), headers=(*own, *shown))
