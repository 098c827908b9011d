"""Connections to providers: kept, looked at before they are used again, given up, and how connecting fails."""

import asyncio
from unittest.mock import AsyncMock, Mock

import pytest

from sluice.errors import TimedOut, Truncated, Unreachable
from sluice.net.pool import Pool
from tests.net.asking import ASK, Closing, Receiver, ask, closed, receive, start
from tests.support.plans import here
from tests.support.raw_upstream import LAST, Call, chunk, chunked_head, sized
from tests.support.sockets import full_backlog
from tests.support.waiting import until
from tests.support.world import World


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pool(world: World, clock: Clock) -> Pool:
    return await world.enter(Closing(Pool(idle_timeout_s=30.0, clock=clock)))


async def test_a_connection_is_used_again(world: World, pool: Pool) -> None:
    upstream, to = await start(world, sized(b"ok"))
    first = await ask(pool, to)
    assert first.connect_s is not None
    await receive(first)
    for _ in range(5):
        stream = await ask(pool, to)
        assert stream.connect_s is None
        assert await receive(stream) == (b"ok", None)
    assert (len(upstream.calls), pool.open_connections, pool.resting_connections) == (1, 1, 1)


async def test_two_at_once_need_two(world: World, pool: Pool) -> None:
    upstream, to = await start(world, sized(b"ok"))
    streams = [await ask(pool, to) for _ in range(3)]
    for stream in streams:
        assert await receive(stream) == (b"ok", None)
    assert len(upstream.calls) == pool.resting_connections == 3


@pytest.mark.parametrize(
    "raw",
    [
        sized(b"ok", "Connection: close"),
        sized(b"ok", version="1.0"),
        sized(b"ok") + b"more",
    ],
    ids=["Connection: close", "HTTP/1.0", "bytes after the body"],
)
async def test_a_connection_that_cannot_be_trusted_is_not_kept(world: World, pool: Pool, raw: bytes) -> None:
    upstream, to = await start(world, raw)
    for number in (1, 2):
        assert await receive(await ask(pool, to)) == (b"ok", None)
        assert len(upstream.calls) == number
    assert pool.resting_connections == 0


@pytest.mark.parametrize("parting", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
async def test_a_stale_connection_is_replaced_before_anything_is_sent(world: World, pool: Pool, parting: bytes) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"ok"))
        await told.wait()
        call.send(parting)
        call.fin()

    told = asyncio.Event()
    upstream, to = await start(world, play)
    await receive(await ask(pool, to))
    told.set()
    await until(lambda: upstream.open_connections == 0)
    assert await receive(await ask(pool, to)) == (b"ok", None)
    assert len(upstream.asked) == len(upstream.calls) == 2


async def test_a_request_that_was_sent_is_never_sent_again(world: World, pool: Pool) -> None:
    """The provider takes the second request of a kept connection and closes: it may have acted on it."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"ok"))
        await call.request()

    upstream, to = await start(world, play)
    await receive(await ask(pool, to))
    with pytest.raises(Truncated):
        await ask(pool, to)
    assert (len(upstream.asked), len(upstream.calls)) == (2, 1)


class Dead:
    """A connection that had ended before the request left, which nobody has seen yet."""

    heard, unheard, transport = False, True, Mock()

    def send(self, request: bytes, *, expects_body: bool) -> asyncio.Future[None]:
        answer = asyncio.get_running_loop().create_future()
        answer.set_exception(Truncated("closed"))
        return answer


async def test_that_a_request_has_left_is_taken_back_where_nobody_can_have_heard_it(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(pool, "_take", lambda to: Dead())
    with full_backlog() as port, pytest.raises(TimedOut):
        await pool.open(here(port), b"x", expects_body=True, connect_s=0.05, headers_s=0.0, sent=told.append)
    assert told == [True, False]


@pytest.mark.parametrize(("unheard", "expected"), [(True, [True, False]), (False, [True])])
async def test_and_so_it_is_of_a_new_connection(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, unheard: bool, expected: list[bool]
) -> None:
    """A balancer that has nobody behind it lets everybody in, and hangs up."""
    told: list[bool] = []
    dead = Dead()
    dead.unheard = unheard
    monkeypatch.setattr(pool, "_connect", AsyncMock(return_value=dead))
    with pytest.raises(Truncated):
        await pool.open(here(1), b"x", expects_body=True, connect_s=1.0, headers_s=0.0, sent=told.append)
    assert told == expected


async def test_who_asks_again_meets_no_other_connection_that_died(world: World, pool: Pool) -> None:
    """A balancer that was restarted answers whatever it does not know with a reset."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"ok"))
        if len(upstream.calls) <= 3:
            await call.request()
            call.reset()
        await call.gone()

    upstream, to = await start(world, play)
    for stream in [await ask(pool, to) for _ in range(3)]:
        await receive(stream)
    assert pool.resting_connections == 3
    with pytest.raises(Truncated) as caught:
        await ask(pool, to)
    assert (caught.value.stale, pool.resting_connections) == (True, 0)
    again = await ask(pool, to)
    assert again.connect_s is not None
    assert await receive(again) == (b"ok", None)


async def test_what_rests_too_long_is_closed(world: World, pool: Pool, clock: Clock) -> None:
    upstream, to = await start(world, sized(b"ok"))
    await receive(await ask(pool, to))
    clock.now += 29.0
    pool.sweep(clock.now)
    assert pool.resting_connections == 1
    clock.now += 2.0
    pool.sweep(clock.now)
    assert pool.resting_connections == 0
    await until(lambda: upstream.open_connections == 0)
    assert await receive(await ask(pool, to)) == (b"ok", None)


async def test_a_busy_connection_is_never_swept(world: World, pool: Pool, clock: Clock) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(b"a"))
        await told.wait()
        call.send(chunk(b"b"), LAST)
        await call.gone()

    told = asyncio.Event()
    _, to = await start(world, play)
    stream = await ask(pool, to)
    clock.now += 10_000.0
    pool.sweep(clock.now)
    told.set()
    assert await receive(stream) == (b"ab", None)


async def test_closing_in_the_middle_cuts(world: World, pool: Pool) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(b"a"))
        await call.gone(1.0)

    upstream, to = await start(world, play)
    stream = await ask(pool, to)
    receiver = Receiver()
    stream.attach(receiver)
    stream.close(complete=False)
    await until(lambda: upstream.open_connections == 0)
    assert not receiver.ended.done()
    await closed(pool)


async def test_the_tail_of_a_complete_answer_is_waited_for_and_the_connection_kept(world: World, pool: Pool) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(b"data: [DONE]\n\n"))
        await told.wait()
        call.send(LAST)
        await call.request()
        call.send(sized(b"second"))
        await call.gone()

    told = asyncio.Event()
    upstream, to = await start(world, play)
    stream = await ask(pool, to)
    stream.attach(Receiver())
    stream.close(complete=True)
    assert pool.resting_connections == 0
    told.set()
    await until(lambda: pool.resting_connections == 1)
    assert await receive(await ask(pool, to)) == (b"second", None)
    assert len(upstream.calls) == 1


async def test_cancelling_closes_at_once(world: World, pool: Pool) -> None:
    async def play(call: Call) -> None:
        await call.request()
        await call.gone()

    upstream, to = await start(world, play)
    asking = asyncio.ensure_future(ask(pool, to))
    await until(lambda: len(upstream.asked) == 1)
    asking.cancel()
    assert await until(lambda: upstream.open_connections == 0) < 0.25
    with pytest.raises(asyncio.CancelledError):
        await asking
    await closed(pool)


async def test_whoever_closes_late_does_not_reach_the_next_answer(world: World, pool: Pool) -> None:
    """A whole answer's connection serves somebody else before its first user has closed."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"first"))
        await call.request()
        call.send(chunked_head(), chunk(b"sec"))
        await told.wait()
        call.send(chunk(b"ond"), LAST)
        await call.gone()

    told = asyncio.Event()
    upstream, to = await start(world, play)
    first, receiver = await ask(pool, to), Receiver()
    first.attach(receiver)
    assert await receiver.ended is None
    second, following = await ask(pool, to), Receiver()
    second.attach(following)
    await until(lambda: bool(following.data))
    first.pause()
    second.pause()
    first.resume()
    told.set()
    await asyncio.sleep(0.02)
    assert following.data == b"sec", "it is not the first's to resume"
    second.resume()
    first.close(complete=False)
    first.close(complete=True)
    assert await following.ended is None
    assert (bytes(receiver.data), bytes(following.data), len(upstream.calls)) == (b"first", b"second", 1)


async def test_whoever_pauses_late_does_not_pause_a_connection_that_rests(world: World, pool: Pool) -> None:
    _, to = await start(world, sized(b"ok"))
    stream, receiver = await ask(pool, to), Receiver()
    stream.attach(receiver)
    assert await receiver.ended is None
    stream.pause()
    assert await receive(await ask(pool, to)) == (b"ok", None)


@pytest.mark.parametrize("head", [b"HTTP/1.1 413 Content Too Large\r\n", b"HTTP/1.1 401 Unauthorized\r\n"])
async def test_a_provider_that_answers_before_it_has_read_the_request_is_not_waited_for(
    world: World, pool: Pool, head: bytes
) -> None:
    """What is left of the request would stand before the next one, and closing in order would wait until it is read."""

    async def play(call: Call) -> None:
        await call.reader.readuntil(b"\r\n\r\n")
        call.send(head + b"content-length: 2\r\n\r\nno")
        await over.wait()

    over = asyncio.Event()
    _, to = await start(world, play)
    request = b"POST /v1 HTTP/1.1\r\nhost: h\r\ncontent-length: 20000000\r\n\r\n" + b"x" * 20_000_000
    stream = await pool.open(to, request, expects_body=True, connect_s=1.0, headers_s=2.0)
    assert await receive(stream) == (b"no", None)
    await closed(pool)
    over.set()


# -- connecting --------------------------------------------------------------------------------------------------------


async def test_connecting_takes_no_longer_than_its_clock(pool: Pool) -> None:
    with full_backlog() as port:
        started = asyncio.get_running_loop().time()
        with pytest.raises(TimedOut) as caught:
            await pool.open(here(port), ASK, expects_body=True, connect_s=0.1, headers_s=5.0)
        assert 0.09 < asyncio.get_running_loop().time() - started < 1.0
    assert caught.value.phase == "connect"
    await closed(pool)


async def test_nobody_listens(world: World, pool: Pool) -> None:
    upstream, to = await start(world, b"")
    await upstream.close()
    with pytest.raises(Unreachable, match=f"127.0.0.1:{upstream.port} cannot be reached: .*refused"):
        await ask(pool, to)


@pytest.mark.parametrize("host", ["does-not-exist.invalid", "a..b", "x" * 300, "bad host"])
async def test_a_name_that_does_not_resolve(pool: Pool, host: str) -> None:
    with pytest.raises(Unreachable):
        await pool.open(here(80, host=host), ASK, expects_body=True, connect_s=5.0, headers_s=5.0)
    await closed(pool)
