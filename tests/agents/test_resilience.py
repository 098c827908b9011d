"""Four guards around a call: each promise, once around a coroutine and once around a stream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sluice.agents.guarded_models import GuardedModels
from sluice.agents.mock import MockModels
from sluice.agents.model import ModelRequest
from sluice.agents.resilience import Breaker, Retry, breaker, bulkhead, guarded, retry, timeout
from sluice.errors import BudgetExceeded, GaveUp, Overloaded, Refused, SluiceError, Unavailable
from sluice.runs.messages import said


def failing(times: int, error: Exception) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    """A coroutine function that fails so often, and the count of its calls."""
    calls: list[int] = []

    async def call() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    return call, calls


BUSY = Refused("busy", status=503)


async def test_what_may_pass_is_tried_again_and_what_is_wrong_is_not() -> None:
    call, calls = failing(2, BUSY)
    assert await retry(3, first_s=0.0)(call)() == "done"
    assert len(calls) == 3
    call, calls = failing(1, Refused("no", status=401))
    with pytest.raises(Refused):
        await retry(3, first_s=0.0)(call)()
    assert len(calls) == 1


async def test_the_last_failure_is_the_callers() -> None:
    call, calls = failing(9, BUSY)
    with pytest.raises(Refused, match="busy"):
        await retry(3, first_s=0.0)(call)()
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("backoff", "waits"), [("const", [0.1, 0.1, 0.1]), ("linear", [0.1, 0.2, 0.3]), ("exp", [0.1, 0.2, 0.4])]
)
def test_waits_grow_as_told_and_never_beyond_their_bound(backoff: str, waits: list[float]) -> None:
    policy = Retry(backoff=backoff)  # type: ignore[arg-type]
    assert [policy.wait_s(failed) for failed in (1, 2, 3)] == pytest.approx(waits)
    assert policy.wait_s(1000 if backoff != "exp" else 60) == (0.1 if backoff == "const" else 5.0)


async def test_a_server_that_says_it_will_be_long_is_not_asked_again() -> None:
    error = Refused("later", status=429)
    error.retry_after_s = 60
    call, calls = failing(1, error)
    with pytest.raises(Refused):
        await retry(3, first_s=0.0)(call)()
    assert len(calls) == 1


async def test_a_stream_is_tried_again_before_its_first_piece_and_never_after() -> None:
    begun: list[int] = []

    async def stream(fails_at: int) -> AsyncIterator[int]:
        begun.append(1)
        for piece in range(3):
            if piece == fails_at and len(begun) == 1:
                raise BUSY
            yield piece

    around = retry(3, first_s=0.0)(stream)
    assert [piece async for piece in around(0)] == [0, 1, 2]
    assert len(begun) == 2
    begun.clear()
    pieces = around(2)
    assert [await anext(pieces), await anext(pieces)] == [0, 1]
    with pytest.raises(Refused):
        await anext(pieces)
    assert len(begun) == 1


async def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_through_after_its_rest() -> None:
    now = 0.0
    guard = Breaker(2, 60.0, clock=lambda: now)
    call, calls = failing(3, BUSY)
    guarded_call = guarded(guard)(call)
    for _ in range(2):
        with pytest.raises(Refused):
            await guarded_call()
    with pytest.raises(Unavailable) as caught:
        await guarded_call()
    assert (caught.value.code, caught.value.retry_after_s, len(calls)) == ("breaker_open", 60, 2)
    now = 61.0
    with pytest.raises(Refused):  # the one that is let through fails: it rests again
        await guarded_call()
    assert guard.open
    now = 122.0
    assert await guarded_call() == "done"
    assert not guard.open


async def test_a_breaker_lets_one_through_not_two() -> None:
    now = 0.0
    guard, gate = Breaker(1, 1.0, clock=lambda: now), asyncio.Event()
    fails = True

    async def call() -> None:
        await gate.wait()
        if fails:
            raise BUSY

    gate.set()
    with pytest.raises(Refused):
        await guarded(guard)(call)()
    now, fails = 2.0, False
    gate.clear()
    trial = asyncio.ensure_future(guarded(guard)(call)())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await guarded(guard)(call)()
    gate.set()
    await trial
    await guarded(guard)(call)()


async def test_a_callers_own_fault_opens_no_breaker() -> None:
    call, _ = failing(9, BudgetExceeded("spent"))
    around = breaker(1)(call)
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            await around()


async def test_a_bulkhead_lets_in_so_many_and_turns_away_who_waits_too_long() -> None:
    gate = asyncio.Event()

    @bulkhead(1, queue=1, wait_s=0.01)
    async def call() -> None:
        await gate.wait()

    first = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="waiting"):
        await call()
    with pytest.raises(Overloaded, match="no place"):
        await waiting
    gate.set()
    await first
    await call()


async def test_a_stream_holds_its_place_until_it_is_closed() -> None:
    @bulkhead(1, queue=0)
    async def stream() -> AsyncIterator[int]:
        yield 1
        yield 2

    pieces = stream()
    assert await anext(pieces) == 1
    with pytest.raises(Overloaded):
        await anext(stream())
    await pieces.aclose()  # type: ignore[attr-defined]
    assert [piece async for piece in stream()] == [1, 2]


async def test_a_timeout_is_to_the_first_piece_and_says_how_long_it_waited() -> None:
    @timeout(0.01)
    async def never() -> None:
        await asyncio.Event().wait()

    with pytest.raises(GaveUp, match=r"within 0\.01s"):
        await never()

    gate = asyncio.Event()

    @timeout(0.01)
    async def stream() -> AsyncIterator[int]:
        yield 1
        await gate.wait()
        yield 2

    pieces = stream()
    assert await anext(pieces) == 1
    asyncio.get_running_loop().call_later(0.03, gate.set)
    assert await anext(pieces) == 2


async def test_guards_may_be_stacked() -> None:
    calls: list[int] = []

    @retry(3, first_s=0.0)
    @timeout(0.01)
    async def call() -> str:
        calls.append(1)
        if len(calls) < 3:
            await asyncio.Event().wait()
        return "done"

    assert await call() == "done"


# -- models -----------------------------------------------------------------------------------------------------------


async def heard(models: GuardedModels, model: str = "m") -> str:
    request = ModelRequest(model=model, messages=(said("hi"),))
    return "".join([str(chunk) async for chunk in models.stream(request)])


async def test_models_are_asked_again_before_their_first_chunk_only() -> None:
    scripted = MockModels([[BUSY], ["fine"]])
    assert await heard(GuardedModels(scripted, Retry(first_s=0.0))) == "fine"
    scripted = MockModels([["half", BUSY], ["fine"]])
    with pytest.raises(Refused):
        await heard(GuardedModels(scripted, Retry(first_s=0.0)))
    assert len(scripted.asked) == 1


async def test_a_model_that_fails_five_times_is_left_alone_and_others_are_not() -> None:
    scripted = MockModels([[BUSY]] * 6 + [["fine"]])
    models = GuardedModels(scripted, Retry(attempts=1))
    for _ in range(5):
        with pytest.raises(Refused):
            await heard(models)
    with pytest.raises(SluiceError) as caught:
        await heard(models)
    assert caught.value.code == "breaker_open"
    assert len(scripted.asked) == 5
    with pytest.raises(Refused):
        await heard(models, "another")
    assert await heard(models, "another") == "fine"


async def test_a_scripted_model_is_asked_of_nobody() -> None:
    scripted = MockModels([[BUSY]])
    assert await heard(GuardedModels(scripted), "mock:Once| upon") == "Once upon"
    assert scripted.asked == []
