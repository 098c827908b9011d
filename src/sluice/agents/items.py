"""`ctx.store`: values that outlive threads, under the user who owns them."""

from typing import Any

from sluice.agents.ports import Items, Now
from sluice.runs.records import Item


class ItemStore:
    """Six verbs over one user's items. A namespace is a text or a tuple of texts; `ttl` is in seconds."""

    def __init__(self, items: Items, owner: str, now: Now) -> None:
        self._items, self._owner, self._now = items, owner, now

    def _place(self, namespace: str | tuple[str, ...]) -> tuple[str, ...]:
        return ("user", self._owner, *((namespace,) if isinstance(namespace, str) else namespace))

    async def store(self, namespace: str | tuple[str, ...], key: str, value: Any, ttl: float | None = None) -> None:
        """Keep a value; one that is there is replaced."""
        now = self._now()
        expires = 0 if ttl is None else now + int(ttl * 1000)
        place = self._place(namespace)
        await self._items.put_item(
            Item(namespace=place, key=key, value=value, created=now, updated=now, expires=expires)
        )

    async def get(self, namespace: str | tuple[str, ...], key: str, default: Any = None) -> Any:
        """Return the value, or the default if there is none."""
        item = await self._items.get_item(self._place(namespace), key)
        return default if item is None else item.value

    async def list(self, namespace: str | tuple[str, ...], limit: int = 100) -> dict[str, Any]:
        """Return the values below a namespace by key, those changed last first."""
        found = await self._items.search_items(self._place(namespace), limit=limit)
        return {item.key: item.value for item in found}

    async def delete(self, namespace: str | tuple[str, ...], key: str) -> bool:
        """Forget a value; return whether it was there."""
        return await self._items.delete_item(self._place(namespace), key)

    async def clear(self, namespace: str | tuple[str, ...]) -> int:
        """Forget all below a namespace; return how many there were."""
        return await self._items.clear(self._place(namespace))

    async def exists(self, namespace: str | tuple[str, ...], key: str) -> bool:
        """Return whether there is a value."""
        return await self._items.get_item(self._place(namespace), key) is not None
