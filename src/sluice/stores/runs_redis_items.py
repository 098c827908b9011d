"""Items in Redis."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sluice.runs.records import Item
from sluice.stores import runs_redis_desk as desk
from sluice.stores import runs_redis_scripts as lua
from sluice.stores.runs_keys import decode_value, encode, end_of, matches, path_of

_KEYS = [lua.ITEMS, lua.NAMES, lua.EXPIRING]


class RedisItems:
    """Implements `agents.ports.Items`, as a part of `RedisRuns`."""

    _desk: desk.RedisDesk
    _now: Callable[[], int]

    async def put_item(self, item: Item) -> None:
        created, rest = _head(item)
        words: list[desk.Word] = [_name(item), self._now(), item.expires, created, rest]
        await self._desk.ask(desk.PUT_ITEM, _KEYS, words)

    async def swap_item(self, item: Item, expected: Item | None) -> bool:
        if expected is not None and (expected.namespace, expected.key) != (item.namespace, item.key):
            return False
        was = b"" if expected is None else b"".join(_head(expected))
        words: list[desk.Word] = [_name(item), self._now(), item.expires, b"".join(_head(item)), was]
        return await self._desk.ask(desk.SWAP_ITEM, _KEYS, words, twice=False) == 1

    async def get_item(self, namespace: tuple[str, ...], key: str) -> Item | None:
        body = await self._desk.bytes_of(lua.ITEMS, "HGET", _named(namespace, key))
        return None if body is None else next(iter(self._there([_item(body)])), None)

    async def delete_item(self, namespace: tuple[str, ...], key: str) -> bool:
        return await self.delete_names([_named(namespace, key)]) == 1

    async def search_items(
        self,
        prefix: tuple[str, ...],
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the protocol's own name
        limit: int = 10,
        offset: int = 0,
    ) -> list[Item]:
        found = [item for item in await self._below(prefix) if matches(item.value, filter)]
        found.sort(key=lambda item: (-item.updated, item.namespace, item.key))
        return found[offset : offset + limit]

    async def namespaces(
        self, prefix: tuple[str, ...], *, max_depth: int = 0, limit: int = 100, offset: int = 0
    ) -> list[tuple[str, ...]]:
        whole = [item.namespace for item in await self._below(prefix)]
        return sorted({name[:max_depth] if max_depth else name for name in whole})[offset : offset + limit]

    async def clear(self, prefix: tuple[str, ...]) -> int:
        names = await self._names(prefix)
        return sum([await self.delete_names(names[at : at + desk.MANY]) for at in range(0, len(names), desk.MANY)])

    async def delete_names(self, names: Sequence[bytes]) -> int:
        """Delete items by their names and return how many had not expired."""
        reply = await self._desk.ask(desk.DELETE_ITEMS, _KEYS, names)
        expiries = [int(each) for each in reply if isinstance(each, bytes)] if isinstance(reply, list) else []
        now = self._now()
        return sum(not 0 < expires <= now for expires in expiries)

    async def _names(self, prefix: tuple[str, ...]) -> list[bytes]:
        path = path_of(prefix)
        start, end = (f"[{path}", f"({end_of(path)}") if path else ("-", "+")
        return await self._desk.names_of(lua.NAMES, "ZRANGEBYLEX", start, end)

    async def _below(self, prefix: tuple[str, ...]) -> list[Item]:
        return self._there(map(_item, await self._desk.many(lua.ITEMS, await self._names(prefix))))

    def _there(self, items: Iterable[Item]) -> list[Item]:
        now = self._now()
        return [item for item in items if not 0 < item.expires <= now]


def _name(item: Item) -> bytes:
    return _named(item.namespace, item.key)


def _named(namespace: tuple[str, ...], key: str) -> bytes:
    return f"{path_of(namespace)}\0{key}".encode()


def _head(item: Item) -> tuple[bytes, bytes]:
    """When an item was made, and the rest of it as it stands in Redis."""
    return b"%d" % item.created, b" %d %d %b" % (
        item.updated,
        item.expires,
        encode((item.namespace, item.key, item.value)),
    )


def _item(body: bytes) -> Item:
    created, updated, expires, rest = body.split(b" ", 3)
    namespace, key, value = decode_value(rest)
    return Item(
        namespace=tuple(namespace),
        key=key,
        value=value,
        created=int(created),
        updated=int(updated),
        expires=int(expires),
    )
