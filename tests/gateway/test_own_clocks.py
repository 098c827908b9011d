"""The clocks of one target in place of its route's: who fails over because of them, who is waited for and blamed."""

import asyncio

import msgspec
import pytest

from sluice.config.plan import HttpBackend, Target
from sluice.policies.deadlines import Deadlines, OwnClocks
from sluice.policies.retry import Retry
from tests.gateway.test_failover import after, target
from tests.support.events import HELLO, ROLE, WHOLE_STREAM, completion
from tests.support.http_answer import Broken, error_of
from tests.support.plans import here, plan, route, to_provider
from tests.support.raw_client import CHAT, STREAM, get, request
from tests.support.raw_upstream import LAST, Call, Play, chunk, chunked_head, silent, sized
from tests.support.world import World

SHORT_S = 0.06
ROUTE_S = 0.12
SLOW_S = 0.3
"""Longer than the route gives, so that whoever takes it is waited for because of its own clock."""
LONG_S = 20.0


def own(name: str, port: int, **clocks: float) -> Target:
    return msgspec.structs.replace(target(name, port), clocks=OwnClocks(**clocks) if clocks else None)


async def stalls(call: Call) -> None:
    """Begin a stream, and say nothing of an answer."""
    await call.request()
    call.send(chunked_head(), chunk(ROLE))
    await call.gone()


def after_a_pause(pause_s: float, *, headless: bool) -> Play:
    """A whole stream, late: before its head, or after its first event."""

    async def play(call: Call) -> None:
        await call.request()
        first, *rest = WHOLE_STREAM
        head = (chunked_head(), chunk(first))
        if not headless:
            call.send(*head)
        await asyncio.sleep(pause_s)
        call.send(*(head if headless else ()), *map(chunk, rest), LAST)

    return play


CLOCKS = {
    "headers": (silent, "headers_s", "headers_s", "timeout_headers"),
    "first token": (stalls, "first_token_s", "first_token_s", "timeout_first_token"),
    "idle": (stalls, "idle_s", "idle_s", "timeout_idle"),
    "attempt, no head": (silent, "attempt_s", "first_token_s", "timeout_total"),
    "attempt": (stalls, "attempt_s", "first_token_s", "timeout_total"),
}
"""What the first target does, its own clock, the route's that the second one would not meet, and the code."""


@pytest.mark.parametrize("case", CLOCKS)
async def test_a_fast_target_fails_over_to_a_slow_one_that_has_longer(world: World, case: str) -> None:
    play, short, clock, code = CLOCKS[case]
    first = await world.upstream(play)
    second = await world.upstream(after_a_pause(SLOW_S, headless=clock == "headers_s"))
    targets = own("fast", first.port, **{short: SHORT_S}), own("thinker", second.port, **{clock: LONG_S})
    serving = await world.gateway(to_provider(0, backend=after(*targets), deadlines=Deadlines(**{clock: ROUTE_S})))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert (answer.status, answer.body) == (200, b"".join(WHOLE_STREAM))
    assert answer.header("x-sluice-attempts") == f"fast;{code}, thinker;200"
    record = await serving.record()
    assert (record.outcome, record.attempts) == ("completed", 2)
    assert record.tried == (("fast", code), ("thinker", "200"))
    assert SHORT_S + SLOW_S - 0.01 <= record.duration_s < 5


@pytest.mark.parametrize("clock", ["headers_s", "first_token_s", "idle_s"])
async def test_a_target_that_says_nothing_has_no_longer_than_its_route(world: World, clock: str) -> None:
    first = await world.upstream(stalls)
    second = await world.upstream(after_a_pause(SLOW_S, headless=clock == "headers_s"))
    targets = own("fast", first.port, idle_s=SHORT_S), own("plain", second.port)
    serving = await world.gateway(to_provider(0, backend=after(*targets), deadlines=Deadlines(**{clock: ROUTE_S})))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert (answer.status, error_of(answer).code) == (504, f"timeout_{clock.removesuffix('_s')}")
    assert (await serving.record()).tried[0] == ("fast", "timeout_idle")


async def test_a_clock_that_a_target_turns_off_is_off(world: World) -> None:
    upstream = await world.upstream(after_a_pause(SLOW_S, headless=False))
    backend = after(own("thinker", upstream.port, first_token_s=0, idle_s=0))
    serving = await world.gateway(
        to_provider(0, backend=backend, deadlines=Deadlines(first_token_s=ROUTE_S, idle_s=ROUTE_S))
    )
    assert (await (await world.client(serving)).ask(request(STREAM))).body == b"".join(WHOLE_STREAM)


async def test_a_whole_answer_has_the_targets_clocks_too(world: World) -> None:
    async def half(call: Call) -> None:
        await call.request()
        call.send(sized(completion())[:-5])
        await call.gone()

    first, second = await world.upstream(half), await world.upstream(sized(completion()))
    backend = after(own("first", first.port, idle_s=SHORT_S), own("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert (answer.status, answer.header("x-sluice-attempts")) == (200, "first;timeout_idle, second;200")


# -- an attempt and the whole exchange --------------------------------------------------------------------------------


async def test_the_time_of_the_exchange_is_over_for_all_of_them(world: World) -> None:
    first, second, third = [await world.upstream(silent) for _ in range(3)]
    targets = [own(name, port, attempt_s=seconds) for name, port, seconds in (
        ("first", first.port, SHORT_S), ("second", second.port, LONG_S), ("third", third.port, LONG_S))]  # fmt: skip
    serving = await world.gateway(to_provider(0, backend=after(*targets), deadlines=Deadlines(total_s=SLOW_S)))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert (answer.status, error_of(answer).code) == (504, "timeout_total")
    record = await serving.record()
    assert SLOW_S - 0.01 <= record.duration_s < 2
    assert third.asked == [], "nothing is tried after the total"


async def test_the_last_attempt_that_is_too_long_is_the_clients_to_hear(world: World) -> None:
    first, second = await world.upstream(silent), await world.upstream(stalls)
    backend = after(*(own(name, up.port, attempt_s=SHORT_S) for name, up in (("first", first), ("second", second))))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert (answer.status, error_of(answer).code) == (504, "timeout_total")
    record = await serving.record()
    assert record.tried == (("first", "timeout_total"), ("second", "timeout_total"))
    assert 2 * SHORT_S - 0.01 <= record.duration_s < 2, "each has its own time"


async def test_an_attempt_that_is_too_long_after_its_first_token_ends_the_answer(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE), chunk(HELLO))
        await call.gone()

    first, second = await world.upstream(play), await world.upstream(sized(completion()))
    backend = after(own("first", first.port, attempt_s=SHORT_S), own("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.body.startswith(ROLE + HELLO)
    assert b"timeout_total" in answer.body
    assert second.asked == []


# -- wishes, and whose fault it was -----------------------------------------------------------------------------------


async def test_a_wish_that_is_longer_than_the_routes_clock_shortens_a_targets_longer_one(world: World) -> None:
    upstream = await world.upstream(stalls)
    backend = after(own("thinker", upstream.port, first_token_s=LONG_S))
    serving = await world.gateway(to_provider(0, backend=backend, deadlines=Deadlines(first_token_s=0.01)))
    client = await world.client(serving)
    for number in range(1, 7):
        answer = await client.ask(request(STREAM, headers=["x-sluice-timeout-first-token: 60ms"]))
        assert (answer.status, error_of(answer).code) == (504, "timeout_first_token")
        assert SHORT_S - 0.01 <= (await serving.record(number)).duration_s < 2
    assert serving.heard.rested == [], "the client was not patient enough"


@pytest.mark.parametrize("clock", ["first_token_s", "idle_s", "attempt_s"])
async def test_what_a_target_does_not_manage_in_its_own_time_is_its_fault_whatever_was_wished(
    world: World, clock: str
) -> None:
    upstream = await world.upstream(stalls)
    backend = after(own("fast", upstream.port, **{clock: 0.02}))
    serving = await world.gateway(to_provider(0, backend=backend))
    client = await world.client(serving)
    wishes = [f"x-sluice-timeout-{name}: 10s" for name in ("first-token", "idle", "total")]
    for _ in range(5):
        assert (await client.ask(request(STREAM, headers=wishes))).status == 504
    assert len(serving.heard.rested) == 1


# -- plain HTTP -------------------------------------------------------------------------------------------------------


def static(port: int, **clocks: float) -> HttpBackend:
    return HttpBackend(name="test/static", endpoint=here(port), clocks=OwnClocks(**clocks))


async def test_each_attempt_at_a_static_backend_has_its_own_time(world: World) -> None:
    calls: list[Call] = []

    async def play(call: Call) -> None:
        calls.append(call)
        await call.request()
        if len(calls) == 1:
            await call.gone()
        else:
            await asyncio.sleep(0.05)
            call.send(sized(b"late"))

    upstream = await world.upstream(play)
    entry = route("/", static(upstream.port, attempt_s=0.1), retry=Retry(attempts=1, backoff_s=0.08))
    serving = await world.gateway(plan(entry))
    answer = await (await world.client(serving)).ask(get("/"), "GET")
    assert (answer.status, answer.body, len(calls)) == (200, b"late", 2)


@pytest.mark.parametrize("clock", ["idle_s", "attempt_s"])
async def test_the_clocks_of_a_static_backend_bound_its_body(world: World, clock: str) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"x" * 100)[:-50])
        await call.gone()

    upstream = await world.upstream(play)
    serving = await world.gateway(plan(route("/", static(upstream.port, **{clock: SHORT_S}))))
    with pytest.raises(Broken):
        await (await world.client(serving)).ask(get("/"), "GET")
    record = await serving.record()
    assert record.outcome == "timeout"
    assert record.duration_s < 2
