"""What a store of runs asks of Redis, and what it hears: two connections, both made again when they are lost."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Literal

from sluice.config.store_url import RedisUrl
from sluice.errors import ConfigError, StoreFailed
from sluice.stores import runs_redis_scripts as lua
from sluice.stores.background import Background
from sluice.stores.redis_link import RedisLink, Script
from sluice.stores.resp import Lost, RedisError, Reply
from sluice.stores.runs_keys import failed

OPEN_S = 5.0
DO_S = 5.0
BACK_S = 3.0
"""How long a question waits for a Redis that is gone."""
PAUSE_S = 0.02
MAX_REPLY_BYTES = 256 << 20
"""One event or record at the most, and what stands before it: see PAGE_BYTES."""
PAGE_BYTES = 256 << 10
"""After so many bytes a reply ends; the rest is asked for anew."""
MANY = 500
"""Names in one question."""
_AWAY = ("LOADING", "READONLY", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "UNKILLABLE")
"""First words of refusals that pass."""

Word = bytes | str | int
APPEND, READ, FORGET_LOGS, MANY_OF = Script(lua.APPEND), Script(lua.READ), Script(lua.FORGET_LOGS), Script(lua.MANY)
SAVE_RUN, DELETE_RUN, CREATE, ADD = Script(lua.SAVE_RUN), Script(lua.DELETE_RUN), Script(lua.CREATE), Script(lua.ADD)
FORGET_THREAD, CALL = Script(lua.FORGET_THREAD), Script(lua.CALL)
PUT_ITEM, SWAP_ITEM, DELETE_ITEMS = Script(lua.PUT_ITEM), Script(lua.SWAP_ITEM), Script(lua.DELETE_ITEMS)
ACQUIRE, RELEASE, TELL = Script(lua.ACQUIRE), Script(lua.RELEASE), Script(lua.TELL)
_SCRIPTS = (
    *(APPEND, READ, FORGET_LOGS, MANY_OF, SAVE_RUN, DELETE_RUN, CREATE, ADD, FORGET_THREAD, CALL),
    *(PUT_ITEM, SWAP_ITEM, DELETE_ITEMS, ACQUIRE, RELEASE, TELL),
)


class RedisDesk:
    """`grown(run_id, last)` and `told(topic, message)` hear other workers; `back` is called when growth of theirs may
    have been missed."""

    def __init__(
        self,
        url: RedisUrl,
        *,
        grown: Callable[[str, int], None],
        told: Callable[[str, bytes], None],
        back: Callable[[], None],
    ) -> None:
        self.teller = os.urandom(8).hex()
        # Channels know no databases.
        self.channel = lua.ROOT + b"db%d" % url.database
        self._label = url.label
        self._grown, self._tells, self._back = grown, told, back
        self._last = "0-0"
        self._fresh = asyncio.Event()
        self._link = RedisLink(url, _SCRIPTS, lambda _what, _why: None, max_reply_bytes=MAX_REPLY_BYTES)
        self._ears = RedisLink(url, (), self._ears_are, channel=self.channel, pushed=self._pushed)
        self._tasks = (Background(), Background(), Background())

    async def open(self) -> None:
        """
        Raises:
            ConfigError: it is not there.
        """
        await self._tasks[0].start(self._link.keep(), "runs in Redis")
        await self._tasks[1].start(self._ears.keep(), "ears of runs")
        if not (await self._link.ready(OPEN_S) and await self._ears.ready(OPEN_S)):
            why = self._link.why
            await self.close()
            raise ConfigError(f"the store of runs in Redis {self._label} cannot be used: {why}")
        newest = await self.call(lua.TOLD, "XREVRANGE", "+", "-", "COUNT", 1)
        if isinstance(newest, list) and newest:
            self._last = _text(_list(newest[0])[0])
        await self._tasks[2].start(self._listen(), "listener of runs")

    async def close(self) -> None:
        for task in reversed(self._tasks):
            await task.stop()

    # -- asking -------------------------------------------------------------------------------------------------------

    async def ask(
        self, script: Script, keys: Sequence[bytes], words: Sequence[Word] = (), *, twice: bool = True
    ) -> Reply:
        """Run a script. While there is no Redis it is waited for; what was begun is begun again if it may be: `twice`.

        Raises:
            StoreFailed: there is no answer.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + BACK_S
        while True:
            begun = self._link.up
            reply = await self._once(script, keys, words) if begun else Lost(self._link.why)
            if isinstance(reply, RedisError):
                word = str(reply).partition(" ")[0]  # the rest may quote what was sent
                if word not in _AWAY or loop.time() > until:
                    raise failed(f"Redis: {self._label}: {word}")
            elif not isinstance(reply, Lost):
                return reply
            elif loop.time() > until or (begun and not twice):
                raise failed(f"Redis: {self._label}: {reply}")
            await asyncio.sleep(PAUSE_S)

    async def _once(self, script: Script, keys: Sequence[bytes], words: Sequence[Word]) -> Reply | Lost:
        future: asyncio.Future[Reply | Lost] = asyncio.get_running_loop().create_future()

        def answered(reply: Reply | Lost) -> None:
            if not future.done():
                future.set_result(reply)

        self._link.run(script, keys, words, answered)
        try:
            async with asyncio.timeout(DO_S):
                return await future
        except TimeoutError:
            self._link.keeps_waiting()
            return Lost("it does not answer in time")

    async def call(self, key: bytes, *words: Word) -> Reply:
        """Carry out one command on one key: `call(key, "HGET", field)`."""
        return await self.ask(CALL, [key], words)

    async def bytes_of(self, key: bytes, *words: Word) -> bytes | None:
        """Return a command's answer that is a value, or None."""
        reply = await self.call(key, *words)
        return reply if isinstance(reply, bytes) else None

    async def names_of(self, key: bytes, *words: Word) -> list[bytes]:
        """Return a command's answer that is a list of names."""
        return [name for name in _list(await self.call(key, *words)) if isinstance(name, bytes)]

    async def many(self, hash_key: bytes, fields: Sequence[bytes]) -> list[bytes]:
        """Return the values of these fields; what is not there is left out."""
        found: list[bytes] = []
        at = 0
        while at < len(fields):
            values = _list(await self.ask(MANY_OF, [hash_key], [PAGE_BYTES, *fields[at : at + MANY]]))
            at += max(1, len(values))
            found += [value for value in values if isinstance(value, bytes)]
        return found

    # -- hearing ------------------------------------------------------------------------------------------------------

    def _ears_are(self, what: Literal["there", "gone"], _why: str) -> None:
        if what == "there":
            self._fresh.set()
            self._back()

    def _pushed(self, message: bytes) -> None:
        what, _, rest = message.partition(b"\n")
        if what == b"told":
            self._fresh.set()
        elif what == b"grown":
            teller, *lasts = rest.decode().split("\n")
            if teller != self.teller:
                for last in lasts:
                    seq, _, run_id = last.partition(" ")
                    self._grown(run_id, int(seq))

    async def _listen(self) -> None:
        """Read what is told, from where it was read last: nothing is missed while a connection was lost."""
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            try:
                entries = _list(await self.call(lua.TOLD, "XRANGE", f"({self._last}", "+"))
            except StoreFailed:
                self._fresh.set()
                continue
            for entry in entries:
                name, fields = _list(entry)
                _, teller, _, topic, _, message = _list(fields)
                self._last = _text(name)
                if _text(teller) != self.teller and isinstance(message, bytes):
                    self._tells(_text(topic), message)


def _list(reply: Reply) -> list[Reply]:
    return reply if isinstance(reply, list) else []


def _text(reply: Reply) -> str:
    return reply.decode() if isinstance(reply, bytes) else ""
