"""Who asks, and whether they may: the one door to the policies of identity.

Guarantee: a request that is let in no longer carries the credentials that were verified, nor a header of the client's
under a name that a policy says on its own authority; `Request.credential` and `Request.added` keep both for whoever
answers.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sluice.errors import Forbidden
from sluice.gateway.access_basic import Turns
from sluice.gateway.access_check import Admitted, Check
from sluice.gateway.access_sources import Clock, Kept, Texts
from sluice.gateway.ports import Request, Upstream
from sluice.gateway.tracing import Trace
from sluice.policies.access import OPEN, Access
from sluice.policies.api_key import ApiKey, may_use
from sluice.policies.authorization import EVERYBODY, Authorization, Rules
from sluice.policies.principal import NOBODY, Principal
from sluice.policies.scene import Scene
from sluice.policies.server import Source

__all__ = ["AccessControl", "Admitted", "allow_model", "visible"]

T = TypeVar("T")

MAX_POLICIES = 4096
"""Of which the state is kept; those of plans that are gone go when so many others have come."""


class AccessControl:
    """One per process. It keeps what was verified while a plan lasts, and what was fetched for as long as it holds.

    `failed` hears, in a sentence for the process log, that something could not be read.
    """

    def __init__(
        self,
        *,
        upstream: Upstream,
        texts: Texts,
        clock: Clock,
        wall: Callable[[], float],
        issued: Callable[[bytes], ApiKey | None] = lambda digest: None,
        failed: Callable[[str], None] = lambda message: None,
    ) -> None:
        """`issued`: finds a key that was issued at run time by its SHA-256."""
        self.upstream = upstream
        self.issued = issued
        self.clock, self.wall = clock, wall
        self.turns = Turns()
        self._texts, self._failed = texts, failed
        self._kept: dict[tuple[object, Source], Kept[object]] = {}
        self._checks: dict[int, tuple[Access, Check]] = {}
        self._rules: dict[int, tuple[Authorization, Rules]] = {}

    async def check(
        self,
        access: Access,
        request: Request,
        scene: Scene,
        *,
        scheme: str = "http",
        known: Principal = NOBODY,
        trace: Trace | None = None,
    ) -> Admitted:
        """Let a request in. The scene learns who asks, and from then on sees the request as it goes on. `known`: who
        asks, as far as an earlier phase has found out. `trace`: where it is noted whom that asked.

        Raises:
            Unauthenticated: who asks is not known, or not proven.
            Forbidden: they may not.
            Denied: the external authorization says so.
            PolicyUnavailable: nobody can tell.
            BadRequest: a credential is sent twice.
            BodyTooLarge: the external authorization wants to see the body, and that is too long.
        """
        if access == OPEN:
            return Admitted(known, request)
        made = self._checks.get(id(access))
        if made is None:
            if len(self._checks) >= MAX_POLICIES:
                self._checks.clear()
            made = self._checks[id(access)] = (access, Check(self, access))
        return await made[1].run(request, scene, scheme, known, trace)

    def allow(self, authorization: Authorization, scene: Scene) -> None:
        """Pass if the rules of a model let a request ask for it.

        Raises:
            Forbidden: they do not.
        """
        if authorization == EVERYBODY:
            return
        made = self._rules.get(id(authorization))
        if made is None:
            if len(self._rules) >= MAX_POLICIES:
                self._rules.clear()
            made = self._rules[id(authorization)] = (authorization, Rules(authorization))
        if not made[1].permit(scene):
            raise Forbidden("authorization failed")

    def kept(self, source: Source, read: Callable[[bytes], T]) -> Kept[T]:
        """Return the keeper of a text: one for all policies that read it in the same way."""
        keeper = self._kept.get((read, source))
        if keeper is None:
            keeper = Kept(source, read, self._texts, self.clock, failed=self._failed)
            if source.inline is None and not source.missing:
                self._kept[read, source] = keeper
        return keeper  # type: ignore[return-value]  # by its key it reads this type

    def close(self) -> None:
        """Give up what is being fetched."""
        for keeper in self._kept.values():
            keeper.close()


def allow_model(principal: Principal, model: str) -> None:
    """Pass if somebody may ask for a model.

    Raises:
        Forbidden: they may not.
    """
    if may_use(principal.allowed_models, model):
        return
    error = Forbidden(f"The key may not use the model '{model}'.", param="model")
    error.code = "model_not_allowed"
    raise error


def visible(principal: Principal, models: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the rows of a list of models, their names first, that somebody may ask for."""
    return [row for row in models if may_use(principal.allowed_models, row[0])]
