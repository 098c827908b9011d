"""The ledger in Redis, for several machines. Implements `gateway.money_ports.Books`.

One admission is one script and one round trip; a settlement is sent at once, and kept and sent again while Redis is
gone: settling twice changes nothing. What Redis keeps over a crash of its own is for its operator to say
(`appendonly yes`). Reports read all rows: for many millions of them PostgreSQL is the better place.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, cast

import msgspec

from sluice.config.store_url import RedisUrl
from sluice.gateway.money_ports import (
    DEAD_S,
    GROUPS,
    Admission,
    Claim,
    LedgerGone,
    Opened,
    Settled,
    Spend,
    VirtualKey,
)
from sluice.stores import ledger_script as lua
from sluice.stores.background import Background
from sluice.stores.ledger_desk import DEADLINE_S, MAX_OWED, beats, undone
from sluice.stores.redis_link import RedisLink, Script
from sluice.stores.resp import Lost, RedisError, Reply

OPEN_S = 5.0
PAGE = 500
"""Rows that are read at once."""

_ADMIT, _SETTLE, _BEAT = Script(lua.ADMIT), Script(lua.SETTLE), Script(lua.BEAT)
_FORGET, _PAGE = Script(lua.FORGET), Script(lua.PAGE)
_READ_KEYS, _READ_VERSION = Script(lua.READ_KEYS), Script(lua.READ_VERSION)
_ADD_KEY, _REVOKE_KEY = Script(lua.ADD_KEY), Script(lua.REVOKE_KEY)
_SCRIPTS = (_ADMIT, _SETTLE, _BEAT, _FORGET, _PAGE, _READ_KEYS, _READ_VERSION, _ADD_KEY, _REVOKE_KEY)

Word = bytes | str | int


class RedisLedger:
    """One per process. `open` first, `close` last; `keep` runs in between."""

    def __init__(self, url: RedisUrl, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._owner = os.urandom(8).hex()
        self._link = RedisLink(url, _SCRIPTS, self._hear)
        self._owed: dict[str, Settled] = {}
        """Settlements that Redis has not confirmed."""
        self._keeper = Background()

    async def open(self) -> None:
        await self._keeper.start(self._link.keep(), "ledger in Redis")
        if not await self._link.ready(OPEN_S):
            why = self._link.why
            await self._keeper.stop()
            raise LedgerGone(f"Redis: {why}")
        await self._beat()

    async def keep(self) -> None:
        await beats(self._beat)

    async def close(self) -> None:
        if self._keeper.runs:
            with contextlib.suppress(LedgerGone):  # answered after all that was sent before
                await self._ask(_FORGET, [lua.OWNERS], [self._owner])
            await self._keeper.stop()

    # -- gateway.money_ports.Ledger -----------------------------------------------------------------------------------

    async def admit(self, opened: Opened, claims: Sequence[Claim]) -> Admission:
        self._must_be_up()
        words: list[Word] = [opened.id, self._owner, msgspec.json.encode(opened)]
        for claim in claims:
            words += (claim.amount, claim.reserve, int(claim.blocks), claim.ends + 2 * 86_400)
        keys = [lua.ROWS, lua.PENDING, *(lua.SPENT + claim.counter.encode() for claim in claims)]
        try:
            reply = await self._ask(_ADMIT, keys, words)
        except BaseException:
            self.settle(undone(opened, claims, self._wall()))
            raise
        numbers = [number for number in reply if isinstance(number, int)] if isinstance(reply, list) else []
        if len(numbers) != 1 + len(claims):
            raise LedgerGone("Redis: an answer without sense")
        return Admission(numbers[0] == 1, tuple(numbers[1:]))

    def settle(self, settled: Settled) -> None:
        self._owed[settled.id] = settled
        if len(self._owed) > MAX_OWED:
            del self._owed[next(iter(self._owed))]
        self._send(settled)

    # -- gateway.money_ports.KeyStore ---------------------------------------------------------------------------------

    async def keys(self) -> tuple[VirtualKey, ...]:
        reply = await self._ask(_READ_KEYS, [lua.KEYS], [])
        found = [msgspec.json.decode(each, type=VirtualKey) for each in _list(reply) if isinstance(each, bytes)]
        return tuple(sorted(found, key=lambda key: (key.created_at, key.id)))

    async def keys_version(self) -> int:
        reply = await self._ask(_READ_VERSION, [lua.VERSION], [])
        return reply if isinstance(reply, int) else 0

    async def add_key(self, key: VirtualKey) -> None:
        if await self._ask(_ADD_KEY, [lua.KEYS, lua.VERSION], [key.id, msgspec.json.encode(key)]) != 1:
            raise LedgerGone("Redis: there is a key of this id")

    async def revoke_key(self, id: str, at: float) -> bool:  # noqa: A002 - the field's name
        found = next((key for key in await self.keys() if key.id == id), None)
        if found is None or found.revoked_at is not None:
            return False
        before, after = (msgspec.json.encode(key) for key in (found, msgspec.structs.replace(found, revoked_at=at)))
        return await self._ask(_REVOKE_KEY, [lua.KEYS, lua.VERSION], [id, before, after]) == 1

    async def spend(self, by: str, since: float, until: float) -> tuple[Spend, ...]:
        assert by in GROUPS
        opened: dict[str, Opened] = {}
        settled: dict[str, Settled] = {}
        lost: set[str] = set()
        after = "-"
        while page := _list(await self._ask(_PAGE, [lua.ROWS], [after, PAGE])):
            for entry in page:
                name, kind, row = _entry(entry)
                after = f"({name}"
                if kind == b"o":
                    begun = msgspec.json.decode(row, type=Opened)
                    if since <= begun.at < until:
                        opened[begun.id] = begun
                elif kind == b"s":
                    over = msgspec.json.decode(row, type=Settled)
                    if over.id in opened:
                        settled[over.id] = over
                else:
                    lost.add(row.decode())
        return _grouped(by, opened, settled, lost)

    # -- asking -------------------------------------------------------------------------------------------------------

    async def _ask(self, script: Script, keys: Sequence[bytes], words: Sequence[Word]) -> Reply:
        """
        Raises:
            LedgerGone: there is no answer.
        """
        self._must_be_up()
        future: asyncio.Future[Reply | Lost] = asyncio.get_running_loop().create_future()

        def answered(reply: Reply | Lost) -> None:
            if not future.done():
                future.set_result(reply)

        self._link.run(script, keys, words, answered)
        try:
            async with asyncio.timeout(DEADLINE_S):
                reply = await future
        except TimeoutError:
            self._link.keeps_waiting()
            raise LedgerGone("Redis does not answer in time") from None
        if isinstance(reply, Lost | RedisError):
            raise LedgerGone(f"Redis: {reply}")
        return reply

    def _must_be_up(self) -> None:
        """Nobody waits for a Redis that has let somebody else wait too long.

        Raises:
            LedgerGone: it may not be asked.
        """
        if not self._link.up:
            raise LedgerGone(f"Redis: {self._link.why}")

    def _send(self, settled: Settled) -> None:
        def answered(reply: Reply | Lost) -> None:
            if not isinstance(reply, Lost | RedisError):
                self._owed.pop(settled.id, None)

        keys = [lua.ROWS, lua.PENDING, *(lua.SPENT + counter.encode() for counter, _ in settled.changes)]
        words: list[Word] = [settled.id, msgspec.json.encode(settled), *(change for _, change in settled.changes)]
        self._link.run(_SETTLE, keys, words, answered)

    def _send_owed(self) -> None:
        if self._link.up:
            for settled in list(self._owed.values()):
                self._send(settled)

    def _hear(self, what: Literal["there", "gone"], why: str) -> None:
        if what == "there":
            self._send_owed()

    async def _beat(self) -> None:
        self._send_owed()
        now = self._wall()
        await self._ask(_BEAT, [lua.ROWS, lua.PENDING, lua.OWNERS], [self._owner, str(now), str(now - DEAD_S)])


def _list(reply: Reply) -> list[Reply]:
    return reply if isinstance(reply, list) else []


def _entry(entry: Reply) -> tuple[str, bytes, bytes]:
    """Return one of XRANGE's: its id, and its one field."""
    name, (kind, row) = cast("tuple[bytes, tuple[bytes, bytes]]", entry)
    return name.decode(), kind, row


def _grouped(by: str, opened: dict[str, Opened], settled: dict[str, Settled], lost: set[str]) -> tuple[Spend, ...]:
    sums: dict[str, list[int]] = {}
    for row in opened.values():
        over = settled.get(row.id)
        came_to = over if over is not None else row
        if by == "day":
            group = datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m-%d")
        elif by in ("provider", "model"):
            group = getattr(came_to, by) or getattr(row, by)
        else:
            group = getattr(row, by)
        found = sums.setdefault(group, [0] * 5)
        is_open = over is None and row.id not in lost
        for at, number in enumerate((1, is_open, came_to.input_tokens, came_to.output_tokens, came_to.cost)):
            found[at] += number
    spends = [Spend(group, *numbers) for group, numbers in sums.items()]
    return tuple(sorted(spends, key=lambda spend: (-spend.cost, spend.group)))
