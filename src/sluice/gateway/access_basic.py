"""Passwords: verified away from the event loop, two at a time, and remembered while they are right."""

import asyncio
import hashlib

from sluice.errors import Overloaded
from sluice.gateway.access_sources import Clock, Kept
from sluice.policies.basic_auth import User, is_right
from sluice.policies.remembered import Remembered

MAX_REMEMBERED = 1024
REMEMBER_S = 300.0
AT_ONCE = 2
"""A flood of wrong passwords takes no more than this many cores."""
MAX_WAITING = 64
"""Attempts that wait for their turn; one more is refused at once."""


class Turns:
    """Whose password is verified when, in the whole process."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def is_right(self, users: tuple[User, ...], name: str, password: str) -> bool:
        """See `basic_auth.is_right`.

        Raises:
            Overloaded: too many wait.
        """
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many passwords are being verified")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(is_right, users, name, password)
        finally:
            self._waiting -= 1


class Passwords:
    """The users of one policy."""

    def __init__(self, users: Kept[tuple[User, ...]], turns: Turns, clock: Clock) -> None:
        self._users = users
        self._turns = turns
        self._clock = clock
        self._right: Remembered[tuple[User, ...]] = Remembered(MAX_REMEMBERED)

    async def are_right(self, name: str, password: str) -> bool:
        """Return whether this is the password of a user.

        Raises:
            LookupError: the users cannot be had.
            Overloaded: too many passwords are being verified.
        """
        users = await self._users.current()
        digest = hashlib.sha256(f"{len(name)}:{name}:{password}".encode("utf-8", "surrogatepass")).digest()
        if self._right.get(digest, self._clock()) is users:
            return True
        right = await self._turns.is_right(users, name, password)
        if right:
            self._right.keep(digest, users, self._clock() + REMEMBER_S)
        return right
