"""What one exchange holds of its limits, from its admission to its last byte."""

from collections.abc import Callable, Sequence
from math import inf

import msgspec

from sluice.gateway.limits_cut import Grant
from sluice.gateway.limits_ports import Give, Place, RateLimitServices
from sluice.gateway.limits_remote import Report, told
from sluice.policies.charge import Answered, CostFacts, charged
from sluice.policies.cost import NO_COST
from sluice.policies.scene import Scene
from sluice.wire.http1 import Header

PutBack = Callable[[Sequence[Give], Sequence[Place]], None]


class Part(msgspec.Struct, frozen=True):
    """What was taken from counters that are asked together: of each bucket how much, and places."""

    taken: Sequence[Give]
    places: Sequence[Place]
    put_back: PutBack


class Hold:
    """Everything that one exchange took. Call `settle` when it is over, whatever became of it: exactly once, a second
    call changes nothing. Until then its places are taken."""

    __slots__ = (
        "_grants",
        "_over",
        "_parts",
        "_reports",
        "_scene",
        "_services",
        "check_at",
        "failed_open",
        "headers",
        "prompt",
        "request_headers",
    )

    def __init__(self, scene: Scene | None = None, services: RateLimitServices | None = None) -> None:
        self.headers: tuple[Header, ...] = ()
        """For the answer: the limit that is nearest to its end."""
        self.request_headers: tuple[Header, ...] = ()
        """For the request to the backend, as a rate-limit service wishes."""
        self.failed_open: tuple[str, ...] = ()
        """Limits that could not be asked, and let the request pass."""
        self.check_at: float = inf
        """Tokens of the answer at which `check` is to be called; it only ever moves to later."""
        self.prompt = 0
        """Tokens of the prompt, estimated; 0 if no limit asked for them."""
        self._scene = scene
        self._services = services
        self._parts: list[Part] = []
        self._reports: list[Report] = []
        self._grants: list[Grant] = []
        self._over = False

    # -- while it is taken --------------------------------------------------------------------------------------------

    def took(self, part: Part, grants: Sequence[Grant] = ()) -> None:
        self._parts.append(part)
        self._grants += grants
        self.check_at = min((grant.check_at for grant in self._grants), default=inf)

    def owes(self, report: Report) -> None:
        self._reports.append(report)

    def undo(self) -> None:
        """Put everything back: the request was refused after all."""
        if not self._over:
            self._over = True
            for part in self._parts:
                part.put_back(part.taken, part.places)
            self._close()

    # -- while the answer is under way --------------------------------------------------------------------------------

    def check(self, tokens: int) -> bool:
        """Return whether the answer, with so many tokens, may go on. If not, end it as `limited`."""
        may = all(grant.check(tokens) for grant in self._grants)
        self.check_at = min(grant.check_at for grant in self._grants) if may else 0.0
        return may

    # -- the end ------------------------------------------------------------------------------------------------------

    def settle(self, answered: Answered, costs: CostFacts | None = None) -> None:
        """The exchange is over: put back what it did not use, take what it used beyond, free its places. `costs`: what
        it came to, if somebody knows."""
        if self._over:
            return
        self._over = True
        usage = charged(answered, self.prompt).usage
        tokens = usage.total_tokens
        more = {grant.draw.key: grant.more for grant in self._grants}
        for part in self._parts:
            gives = [
                (draw, rest)
                for draw, amount in part.taken
                if draw.rate.measure == "tokens" and (rest := amount + more.get(draw.key, 0) - tokens)
            ]
            if gives or part.places:
                part.put_back(gives, part.places)
        self._close()
        if self._reports and self._services is not None and self._scene is not None:
            self._scene.add("llm", told(answered, usage, NO_COST if costs is None else costs.cost))
            for report in self._reports:
                if hits := report.hits(self._scene, tokens):
                    self._services.report(report.remote, hits)

    def _close(self) -> None:
        for grant in self._grants:
            grant.close()


NO_HOLD = Hold()
"""Of an exchange without limits."""
