"""How often buttons may be pressed: sliding windows in the store, so that all workers count together. agents.md B12."""

import asyncio
from hashlib import sha256

import msgspec

from sluice.agents.ports import Items, Now
from sluice.runs.records import Item

TRIES = 16
"""How often a count is begun again because another worker counted meanwhile; then the press is one too many."""


class Window(msgspec.Struct, frozen=True):
    """At most `limit` presses in any `window_ms` milliseconds."""

    kind: str
    limit: int
    window_ms: int


USER = Window("user", 20, 60_000)
ADDRESS = Window("ip", 30, 60_000)
TOKEN = Window("token", 5, 300_000)
REFUSALS = Window("refusal", 1, 60_000)
"""Of those that were one too many, what the audit trail keeps: a flood must not fill it."""


class Standing(msgspec.Struct, frozen=True):
    """What is left of a window after a press."""

    window: Window
    allowed: bool
    remaining: int
    reset_s: int
    """Seconds until there is more room than now."""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The three `X-RateLimit-*`."""
        said = {"limit": self.window.limit, "remaining": self.remaining, "reset": self.reset_s}
        return tuple((b"x-ratelimit-" + name.encode(), str(value).encode()) for name, value in said.items())


class Limits:
    """Counts presses. Those of one worker one after another, so that only other workers can come between."""

    def __init__(self, items: Items, now: Now) -> None:
        self._items, self._now = items, now
        self._turn = asyncio.Lock()

    async def take(self, window: Window, whose: str) -> Standing:
        """Count a press, if there is room for it; one that is refused is not counted."""
        async with self._turn:
            return await self._counted(window, whose)

    async def _counted(self, window: Window, whose: str) -> Standing:
        namespace, key = ("callback", "rate", window.kind), sha256(whose.encode()).hexdigest()
        for _ in range(TRIES):
            now = self._now()
            known = await self._items.get_item(namespace, key)
            presses = [at for at in (known.value if known is not None else []) if at > now - window.window_ms]
            if len(presses) >= window.limit:
                return _standing(window, presses, now, allowed=False)
            presses.append(now)
            item = Item(
                namespace=namespace,
                key=key,
                value=presses,
                created=now if known is None else known.created,
                updated=now,
                expires=now + window.window_ms,
            )
            if await self._items.swap_item(item, known):
                return _standing(window, presses, now, allowed=True)
        return Standing(window, allowed=False, remaining=0, reset_s=1)


def _standing(window: Window, presses: list[int], now: int, *, allowed: bool) -> Standing:
    left_ms = presses[0] + window.window_ms - now
    return Standing(window, allowed, window.limit - len(presses), max(1, -(-left_ms // 1000)))
