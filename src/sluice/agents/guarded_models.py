"""Models with the default guards: a refusal that may pass is asked again, one that does not is left alone for a while.

Before its first chunk only. The gateway has its own fail-over and clocks beneath this; here a run outlives a provider
that is busy for a second. `mock:` in a model's name is a scripted model, asked of nobody.
"""

from collections.abc import AsyncIterator

from sluice.agents.mock import PREFIX, MockModels
from sluice.agents.model import Chunk, ModelRequest
from sluice.agents.ports import Models
from sluice.agents.resilience import Breaker, Retry, begun, over, through
from sluice.errors import SluiceError

KNOWN = 1000
"""Models whose breakers are remembered."""


class GuardedModels:
    """Implements `ports.Models` over another one."""

    def __init__(self, models: Models, retry: Retry | None = None) -> None:
        self._models = models
        self._retry = retry or Retry()
        self._breakers: dict[str, Breaker] = {}

    async def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        """Ask. See `ports.Models`."""
        models = MockModels(request.model) if request.model.startswith(PREFIX) else self._models
        guards = (self._retry, self._breaker(request.model))
        stream = await through(guards, lambda: begun(models.stream(request)))
        try:
            async for chunk in stream:
                yield chunk
        finally:
            await stream.aclose()
            over(guards)

    def _breaker(self, model: str) -> Breaker:
        known = self._breakers.get(model)
        if known is None:
            if len(self._breakers) >= KNOWN:
                self._breakers.clear()
            known = self._breakers[model] = Breaker(on=_theirs)
        return known


def _theirs(error: BaseException) -> bool:
    """Whether the provider is to blame: a limit of our own says nothing of it."""
    return isinstance(error, SluiceError) and error.retryable and error.fault == "provider"
