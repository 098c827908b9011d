"""Items in an SQL database."""

from collections.abc import Callable
from typing import Any

from sluice.runs.records import Item
from sluice.stores import runs_tables as sql
from sluice.stores.runs_engine import Engine, Row, Value
from sluice.stores.runs_keys import decode_value, encode, end_of, matches, namespace_of, path_of, search


class SqlItems:
    """Implements `agents.ports.Items`, as a part of `SqlRuns`."""

    _db: Engine
    _now: Callable[[], int]

    async def put_item(self, item: Item) -> None:
        await self._db.write((sql.PUT_ITEM, (*_row(item), self._now())))

    async def swap_item(self, item: Item, expected: Item | None) -> bool:
        path, key, *fresh = _row(item)
        values: tuple[Value, ...]
        if expected is None:
            statement, values = sql.SWAP_FRESH, (path, key, *fresh, self._now())
        elif (expected.namespace, expected.key) != (item.namespace, item.key):
            return False
        else:
            statement, values = sql.SWAP_ITEM, (*fresh, *_row(expected), self._now())
        (rows,) = await self._db.write((statement, values), twice=False)
        return bool(rows)

    async def get_item(self, namespace: tuple[str, ...], key: str) -> Item | None:
        rows = await self._db.read(sql.GET_ITEM, path_of(namespace), key, self._now())
        return _item(rows[0]) if rows else None

    async def delete_item(self, namespace: tuple[str, ...], key: str) -> bool:
        (rows,) = await self._db.write((sql.DELETE_ITEM, (path_of(namespace), key)))
        return self._there(rows) == 1

    async def search_items(
        self,
        prefix: tuple[str, ...],
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the protocol's own name
        limit: int = 10,
        offset: int = 0,
    ) -> list[Item]:
        now, below = self._now(), _below(prefix)

        async def page(size: int, start: int) -> list[Item]:
            return [_item(row) for row in await self._db.read(sql.SEARCH_ITEMS, *below, now, size, start)]

        if not filter:
            return await page(limit, offset)
        return await search(page, lambda item: matches(item.value, filter), limit, offset)

    async def namespaces(
        self, prefix: tuple[str, ...], *, max_depth: int = 0, limit: int = 100, offset: int = 0
    ) -> list[tuple[str, ...]]:
        whole = [namespace_of(row[0]) for row in await self._db.read(sql.PATHS, *_below(prefix), self._now())]
        return sorted({name[:max_depth] if max_depth else name for name in whole})[offset : offset + limit]

    async def clear(self, prefix: tuple[str, ...]) -> int:
        (rows,) = await self._db.write((sql.CLEAR_ITEMS, _below(prefix)))
        return self._there(rows)

    def _there(self, deleted: list[Row]) -> int:
        """How many of these had not expired."""
        now = self._now()
        return sum(not 0 < row[0] <= now for row in deleted)


def _row(item: Item) -> tuple[Value, ...]:
    return (path_of(item.namespace), item.key, item.created, item.updated, item.expires, encode(item.value))


def _item(row: Row) -> Item:
    path, key, created, updated, expires, value = row
    return Item(
        namespace=namespace_of(path),
        key=key,
        value=decode_value(value),
        created=created,
        updated=updated,
        expires=expires,
    )


def _below(prefix: tuple[str, ...]) -> tuple[str, str, str]:
    path = path_of(prefix)
    return (path, end_of(path), end_of(path))
