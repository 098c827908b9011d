"""Four guards around a call: retry, breaker, bulkhead, timeout. Each is a decorator of a coroutine function or of an
async generator function, and they may be stacked:

    @retry(attempts=3)
    @timeout(30)
    async def look_up(city: str) -> str: ...

Of a stream only the beginning is guarded: once a piece was given nothing is tried again, and `timeout` is the time to
the first piece. Model calls have retry and breaker by default, tool calls bulkhead and timeout. agents.md A11.
"""

import asyncio
import inspect
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, Literal, TypeVar

from sluice.errors import GaveUp, Overloaded, SluiceError, Unavailable

F = TypeVar("F", bound=Callable[..., Any])
Call = Callable[[], Awaitable[Any]]
"""One attempt: what is awaited, or of a stream, its first piece and the rest."""


class _Guard:
    """What stands around a call. `run` makes an attempt or several; whatever holds a place gives it back in `done`."""

    async def run(self, call: Call) -> Any:
        raise NotImplementedError

    def done(self) -> None:
        """The call that `run` let through is over: of a stream, its last piece was given."""


# -- retry ------------------------------------------------------------------------------------------------------------


def worth_it(error: BaseException) -> bool:
    """Whether another attempt may succeed: of our errors those that say so, and what a network does."""
    return error.retryable if isinstance(error, SluiceError) else isinstance(error, OSError | TimeoutError)


class Retry(_Guard):
    """Up to `attempts` in all. Waits `first_s`, then as long again (`const`), one more each time (`linear`) or twice as
    long (`exp`), at most `most_s`, less up to a quarter by chance. A server that says when to come back is believed;
    one that says later than `most_s` is not asked again."""

    def __init__(
        self,
        attempts: int = 3,
        backoff: Literal["const", "linear", "exp"] = "exp",
        first_s: float = 0.1,
        most_s: float = 5.0,
        on: Callable[[BaseException], bool] = worth_it,
    ) -> None:
        if attempts < 1 or first_s < 0 or most_s < 0:
            raise ValueError("at least one attempt, and no wait below 0")
        self.attempts, self.backoff, self.first_s, self.most_s, self.on = attempts, backoff, first_s, most_s, on

    def wait_s(self, failed: int) -> float:
        """Return how long to wait after so many failures, chance left out."""
        factor = {"const": 1.0, "linear": float(failed), "exp": 2.0 ** (failed - 1)}[self.backoff]
        return min(self.most_s, self.first_s * factor)

    async def run(self, call: Call) -> Any:
        for failed in range(1, self.attempts + 1):
            try:
                return await call()
            except Exception as error:
                asked_s = getattr(error, "retry_after_s", None) or 0
                if failed == self.attempts or not self.on(error) or asked_s > self.most_s:
                    raise
                wait_s = max(asked_s, self.wait_s(failed) * (1 - random.random() / 4))  # noqa: S311  # spreads the load
            await asyncio.sleep(wait_s)
        raise AssertionError("unreachable")


# -- breaker ----------------------------------------------------------------------------------------------------------


class Breaker(_Guard):
    """After `failures` in a row nobody is asked for `rest_s` seconds; then one call is let through, and its end says
    whether the others are. A failure is what `on` says: by default not what the caller did wrong."""

    def __init__(
        self,
        failures: int = 5,
        rest_s: float = 60.0,
        on: Callable[[BaseException], bool] = worth_it,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures, self.rest_s, self._on, self._clock = failures, rest_s, on, clock
        self._failed = 0
        self._open_until = 0.0
        self._trying = False
        """The one call after the rest is under way."""

    @property
    def open(self) -> bool:
        """Whether nobody is asked now."""
        return self._failed >= self.failures and (self._trying or self._clock() < self._open_until)

    async def run(self, call: Call) -> Any:
        if self.open:
            error = Unavailable("it has failed too often and is not asked for a while")
            error.code = "breaker_open"
            error.retry_after_s = max(1, round(self._open_until - self._clock()))
            raise error
        trial = self._trying = self._failed >= self.failures
        try:
            result = await call()
        except Exception as error:
            if self._on(error):
                self._failed += 1
                self._open_until = self._clock() + self.rest_s
            raise
        else:
            self._failed = 0
            return result
        finally:
            if trial:
                self._trying = False


# -- bulkhead ---------------------------------------------------------------------------------------------------------


class Bulkhead(_Guard):
    """At most `places` calls at once; others wait their turn, at most `queue` of them and `wait_s` seconds."""

    def __init__(self, places: int = 10, queue: int = 100, wait_s: float = 5.0) -> None:
        self.places, self.queue, self.wait_s = places, queue, wait_s
        self._free = asyncio.Semaphore(places)
        self._waiting = 0

    async def run(self, call: Call) -> Any:
        await self._enter()
        try:
            return await call()
        except BaseException:
            self._free.release()
            raise

    async def _enter(self) -> None:
        if self._free.locked() and self._waiting >= self.queue:
            raise Overloaded("too many of these calls are waiting")
        self._waiting += 1
        try:
            async with asyncio.timeout(self.wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(f"no place became free within {self.wait_s:g}s") from None
        finally:
            self._waiting -= 1

    def done(self) -> None:
        self._free.release()


# -- timeout ----------------------------------------------------------------------------------------------------------


class Timeout(_Guard):
    """At most so many seconds; of a stream, to its first piece."""

    def __init__(self, seconds: float = 30.0) -> None:
        if seconds <= 0:
            raise ValueError("a timeout is above 0")
        self.seconds = seconds

    async def run(self, call: Call) -> Any:
        limit = asyncio.timeout(self.seconds)
        try:
            async with limit:
                return await call()
        except TimeoutError:
            if not limit.expired():
                raise  # the call's own
            raise GaveUp(f"no answer within {self.seconds:g}s") from None


# -- around functions -------------------------------------------------------------------------------------------------


def retry(attempts: int = 3, backoff: Literal["const", "linear", "exp"] = "exp", **options: Any) -> Callable[[F], F]:
    """Try again. See `Retry` for the options."""
    return guarded(Retry(attempts, backoff, **options))


def breaker(failures: int = 5, rest_s: float = 60.0, **options: Any) -> Callable[[F], F]:
    """Leave alone what fails. See `Breaker`."""
    return guarded(Breaker(failures, rest_s, **options))


def bulkhead(places: int = 10, queue: int = 100, wait_s: float = 5.0) -> Callable[[F], F]:
    """Let in so many at once. See `Bulkhead`."""
    return guarded(Bulkhead(places, queue, wait_s))


def timeout(seconds: float = 30.0) -> Callable[[F], F]:
    """Wait so long. See `Timeout`."""
    return guarded(Timeout(seconds))


def guarded(*guards: _Guard) -> Callable[[F], F]:
    """Put guards around a coroutine function or an async generator function, the first outermost."""

    def around(function: F) -> F:
        if inspect.isasyncgenfunction(function):
            wrapped: Any = _stream(function, guards)
        else:
            wrapped = _call(function, guards)
        return wraps(function)(wrapped)  # type: ignore[return-value]  # the same signature

    return around


def _call(function: Callable[..., Any], guards: tuple[_Guard, ...]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        result = await through(guards, lambda: function(*args, **kwargs))
        over(guards)
        return result

    return call


def _stream(function: Callable[..., Any], guards: tuple[_Guard, ...]) -> Callable[..., Any]:
    async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        first = await through(guards, lambda: begun(function(*args, **kwargs)))
        try:
            async for piece in first:
                yield piece
        finally:
            await first.aclose()
            over(guards)

    return stream


async def through(guards: tuple[_Guard, ...], call: Call) -> Any:
    """Make a call through all guards. The caller says `over` when it is over, unless this raises."""
    if not guards:
        return await call()
    return await guards[0].run(lambda: through(guards[1:], call))


def over(guards: tuple[_Guard, ...]) -> None:
    """A call that was let through is over."""
    for guard in guards:
        guard.done()


class Begun:
    """A stream whose first piece is here."""

    def __init__(self, first: list[Any], rest: AsyncIterator[Any]) -> None:
        self._first, self._rest = first, rest

    def __aiter__(self) -> "Begun":
        return self

    async def __anext__(self) -> Any:
        return self._first.pop() if self._first else await self._rest.__anext__()

    async def aclose(self) -> None:
        close = getattr(self._rest, "aclose", None)
        if close is not None:
            await close()


async def begun(stream: AsyncIterator[Any]) -> Begun:
    """Return a stream once its first piece is here, or it has ended without one."""
    try:
        return Begun([await stream.__anext__()], stream)
    except StopAsyncIteration:
        return Begun([], stream)
