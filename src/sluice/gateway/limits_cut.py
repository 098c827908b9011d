"""Streams that end when their bucket, or their budget, is empty (`cutStream: true`).

Such a stream takes its tokens in slices. The relay compares a number with its meter and asks only when that is reached;
a slice of this machine is then taken at once, one of the shared store was asked for half a slice before.
"""

from collections.abc import Callable, Sequence

from sluice.gateway.limits_ports import Draw, Give, Place
from sluice.policies.rate_limit import SLICE, Cost
from sluice.relay.terms import Allowance

EARLY = SLICE // 2
"""How many tokens before its end more is asked for, if the answer takes time."""


class Within:
    """A stream's budget, and beside it what its limits allow. `left`: tokens that it pays for. Implements
    `relay.terms.Allowance`."""

    __slots__ = ("_left", "_limits")

    def __init__(self, left: int, limits: Allowance | None) -> None:
        self._left, self._limits = max(1, left), limits

    @property
    def check_at(self) -> float:
        return self._left if self._limits is None else min(self._left, self._limits.check_at)

    def check(self, tokens: int) -> bool:
        return tokens < self._left and (self._limits is None or self._limits.check(tokens))


class Grant:
    """How far one stream may go, as one limit of this machine sees it. `take` returns what could be taken, 0 = nothing.

    `taken` is what the admission took, `prompt` how much of that the prompt uses up.
    """

    def __init__(self, draw: Draw, taken: int, prompt: int, take: Callable[[Draw], int]) -> None:
        self.draw = Draw(draw.rate, draw.key, Cost(SLICE, 1, partial=True))
        self.more = 0
        """Tokens that were taken since."""
        self._take = take
        self._end: float = max(1, taken - prompt)
        self.check_at: float = self._end

    def close(self) -> None:
        """The stream is over."""

    def check(self, tokens: int) -> bool:
        """Return whether a stream of so many tokens may go on."""
        while tokens >= self._end:
            got = self._take(self.draw)
            if not got:
                return False
            self.more += got
            self._end += got
        self.check_at = self._end
        return True


class RemoteGrant(Grant):
    """The same of a limit in the shared store. `ask` takes a slice and says later how much it was. If the store does
    not answer until the stream needs it, that goes on for a slice, or ends, as the limit fails."""

    def __init__(
        self,
        draw: Draw,
        taken: int,
        prompt: int,
        ask: Callable[[Draw, Callable[[int], None]], None],
        put_back: Callable[[Sequence[Give], Sequence[Place]], None],
        *,
        fails_open: bool,
    ) -> None:
        super().__init__(draw, taken, prompt, lambda _: 0)
        self._ask = ask
        self._put_back = put_back
        self._fails_open = fails_open
        self._asked = self._empty = self._closed = False
        self.check_at = max(1, self._end - EARLY)

    def check(self, tokens: int) -> bool:
        if not self._asked and not self._empty and tokens >= self._end - EARLY:
            self._asked = True
            self._ask(self.draw, self._answered)
        if tokens >= self._end:
            if self._empty or not self._fails_open:
                return False
            self._end = tokens + SLICE  # it is charged all the same, when the exchange is settled
            self._asked = False
        waits = self._asked or self._empty
        self.check_at = self._end if waits else max(tokens + 1, self._end - EARLY)
        return True

    def close(self) -> None:
        self._closed = True

    def _answered(self, got: int) -> None:
        if self._closed:  # the exchange is settled, without these
            self._put_back([(self.draw, got)], ())
            return
        self._asked = False
        self._empty = not got
        self.more += got
        self._end += got
