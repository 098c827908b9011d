"""The way to one Redis: a connection that is made, watched and made anew in the background.

Nobody ever waits for a connection: who asks while there is none hears so at once. A Redis that has let somebody wait
too long is not asked again until it has said something; if it stays silent, the connection is closed.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import Literal

from sluice.config.store_url import RedisUrl
from sluice.stores.resp import MAX_REPLY_BYTES, Lost, RedisError, Reply, RespConnection, Then, command

CONNECT_S = 2.0
SILENCE_S = 1.0
"""How long a Redis that was asked may say nothing before its connection is given up."""
LOOK_S = 0.25
BEAT_S = 5.0
"""How often one that only listens asks whether anybody is there."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

_NO_SCRIPT = "NOSCRIPT"


class Script:
    """One script, by its text. Redis knows it by its hash."""

    __slots__ = ("sha", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisLink:
    """`keep` runs as long as the process. `say(what, why)` hears when Redis is there and when it is gone.

    With a `channel` it subscribes and `pushed` hears each message; such a link can be asked nothing."""

    def __init__(
        self,
        url: RedisUrl,
        scripts: Sequence[Script],
        say: Callable[[Literal["there", "gone"], str], None],
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        channel: bytes = b"",
        pushed: Callable[[bytes], None] | None = None,
    ) -> None:
        self._url, self._scripts, self._say = url, scripts, say
        self._max_reply_bytes, self._channel, self._pushed = max_reply_bytes, channel, pushed
        self._connection: RespConnection | None = None
        self._silent_since: float | None = None
        self._changed = asyncio.Event()
        self._told = ""
        self.why = "not connected yet"
        """Why it may not be asked."""

    @property
    def up(self) -> bool:
        """It may be asked."""
        return self._connection is not None and self._silent_since is None

    async def ready(self, within_s: float) -> bool:
        """Wait for the first connection; return whether it came in time."""
        try:
            async with asyncio.timeout(within_s):
                while self._connection is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[bytes | str | int], then: Then) -> None:
        """Run a script; `then` hears its answer, or why there is none, exactly once and not before this returns."""
        connection = self._connection
        if connection is None:
            asyncio.get_running_loop().call_soon(then, Lost(self.why))
            return

        def answered(reply: Reply | Lost) -> None:
            if isinstance(reply, RedisError) and str(reply).startswith(_NO_SCRIPT):
                connection.ask(command("EVAL", script.text, len(keys), *keys, *words), then)  # it has forgotten it
            else:
                then(reply)

        connection.ask(command("EVALSHA", script.sha, len(keys), *keys, *words), answered)

    def keeps_waiting(self) -> None:
        """It did not answer in time."""
        if self._silent_since is None:
            self._silent_since = asyncio.get_running_loop().time()
            self.why = "it does not answer in time"
            self._tell("gone", self.why)

    async def keep(self) -> None:
        """Connect, again and again."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with asyncio.timeout(CONNECT_S):
                    connection = await self._connected()
            except (OSError, TimeoutError, RedisError, Lost) as error:
                self.why = str(error) or "it does not answer in time"
                self._tell("gone", self.why)
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
                continue
            pause_s = FIRST_PAUSE_S
            self._use(connection)
            try:
                await self._watch(connection)
            finally:
                self._connection = None
                connection.close()
            self._tell("gone", self.why)

    # -- one connection -----------------------------------------------------------------------------------------------

    async def _connected(self) -> RespConnection:
        url = self._url
        connection = await self._dial()
        try:
            if url.password is not None:
                await connection.call("AUTH", *filter(None, (url.user,)), url.password.reveal())
            if url.database:
                await connection.call("SELECT", url.database)
            for script in self._scripts:
                await connection.call("SCRIPT", "LOAD", script.text)
            if self._channel:
                await connection.call("SUBSCRIBE", self._channel)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _dial(self) -> RespConnection:
        """The first address of its name that answers.

        Raises:
            OSError: none does.
        """
        url, loop = self._url, asyncio.get_running_loop()
        encryption = ssl.create_default_context() if url.encrypted else None
        name = url.host if encryption is not None else None
        refused: OSError = OSError("its name has no address")
        # Looked up here: uvloop's own look-up cannot be cancelled without a word in the log.
        for *_, place in await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM):
            made = RespConnection(self._heard, self._lost, max_reply_bytes=self._max_reply_bytes, pushed=self._pushed)
            try:
                await loop.create_connection(
                    lambda made=made: made, str(place[0]), url.port, ssl=encryption, server_hostname=name
                )
            except OSError as error:
                refused = error
            else:
                return made
        raise refused

    def _use(self, connection: RespConnection) -> None:
        self._connection = connection
        self._silent_since = None
        self._changed.set()
        self._tell("there", self._url.label)

    async def _watch(self, connection: RespConnection) -> None:
        """Return when the connection is lost, or of no more use."""
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + BEAT_S
        while self._connection is connection:
            if self._channel and loop.time() >= beat_at:
                beat_at = loop.time() + BEAT_S
                self._silent_since = self._silent_since or loop.time()
                connection.ask(command("PING"), lambda _: None)
            self._changed.clear()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                if self._silent_since is not None and loop.time() - self._silent_since > SILENCE_S:
                    self.why = "it does not answer"
                    return

    def _heard(self) -> None:
        if self._silent_since is not None:
            self._silent_since = None
            self._tell("there", self._url.label)

    def _lost(self, connection: RespConnection) -> None:
        if self._connection is connection:
            self._connection = None
            self.why = "the connection ended"
            self._changed.set()

    def _tell(self, what: Literal["there", "gone"], why: str) -> None:
        if self._told != what:
            self._told = what
            self._say(what, why)
