"""net.turns: what comes when a turn of the event loop has lasted long enough is read in a later one, in its order, and
nothing of it is lost."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable

import pytest

from sluice.config.plan import Limits, Tls
from sluice.errors import Truncated
from sluice.gateway.ports import UpstreamStream
from sluice.net import turns
from sluice.net.parting import CLOSE_S
from sluice.net.pool import Pool
from sluice.net.turns import GAP_S, LEAST_S, LONG_S, MORE_S, PUT_OFF_BYTES, TURN_S, Turns
from sluice.net.upstream import UpstreamConnection
from tests.net.asking import Closing, Receiver, ask, receive
from tests.net.clients_side import Asked, Desk, contexts, fill
from tests.support.plans import here
from tests.support.raw_client import RESET, RawClient, get, request
from tests.support.raw_upstream import LAST, Call, Play, chunk, chunked_head, sized
from tests.support.waiting import PATIENCE_S, until
from tests.support.world import World


def work(seconds: float) -> None:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        pass


# -- the line ----------------------------------------------------------------------------------------------------------


async def test_a_turn_is_over_when_it_has_lasted_long_enough_and_not_before() -> None:
    line = Turns()
    began = time.monotonic()
    assert not line.over()
    while not line.over():
        work(GAP_S / 4)
        line.have_read()
    assert TURN_S < time.monotonic() - began < 20 * TURN_S


async def test_another_turn_has_begun_where_nothing_was_read_for_a_while() -> None:
    line = Turns()
    while not line.over():
        work(GAP_S / 4)
        line.have_read()
    work(2 * GAP_S)
    assert not line.over()


async def test_what_takes_its_time_is_no_gap() -> None:
    line = Turns()
    assert not line.over()
    work(2 * TURN_S)
    line.have_read()
    assert line.over()


async def test_each_turn_reads_for_so_long_in_order_and_timers_have_theirs_between() -> None:
    line, read, timers = Turns(), list[int](), list[int]()
    loop = asyncio.get_running_loop()

    def reader(number: int) -> Callable[[], None]:
        def read_it() -> None:
            read.append(number)
            work(TURN_S / 4)
            loop.call_later(0, lambda: timers.append(len(read)))

        return read_it

    for number in range(40):
        line.put_off(reader(number))
    await until(lambda: len(timers) == 40)
    assert read == list(range(40))
    assert len(set(timers)) >= 8, "five at most in a turn"


@pytest.mark.parametrize("elsewhere_s", [0.0, 2 * TURN_S, 1.0])
async def test_no_turn_reads_for_longer_because_of_what_else_is_done(elsewhere_s: float) -> None:
    """What is read makes work for the turns that follow: reading longer where they are long makes them longer."""
    line, read = Turns(), list[int]()

    def read_it() -> None:
        work(TURN_S / 4)
        read.append(1)

    for _ in range(40):
        line.put_off(read_it)
    line.have_read()
    work(elsewhere_s)
    line._next()
    assert 1 <= len(read) <= 5
    await until(lambda: len(read) == 40)


async def test_the_line_is_read_for_less_where_turns_are_long_and_for_more_again_where_they_are_not() -> None:
    line = Turns()

    def turn(elsewhere_s: float) -> float:
        """How long the line is read, after so much else."""
        line.have_read()
        work(elsewhere_s)
        began = time.monotonic()
        line._next()
        return time.monotonic() - began

    for _ in range(100_000):
        line.put_off(lambda: work(LEAST_S / 10))
    assert min(turn(2 * LONG_S) for _ in range(10)) < 2 * LEAST_S
    assert turn(2 * LONG_S) >= LEAST_S
    for _ in range(2 * round(TURN_S / MORE_S)):
        turn(0.0)
    assert turn(0.0) >= TURN_S


async def test_nobody_is_read_before_who_is_in_line() -> None:
    line, read = Turns(), list[str]()
    line.put_off(lambda: read.append("in line"))
    work(2 * GAP_S)
    assert line.over(), "although nothing was read for a while"
    await until(lambda: read == ["in line"])
    assert not line.over()


async def test_who_fails_does_not_keep_the_others_from_their_turn() -> None:
    line, read, failures = Turns(), list[str](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    error = ValueError("it cannot be read")

    def fail() -> None:
        raise error

    line.put_off(fail)
    line.put_off(lambda: read.append("next"))
    await until(lambda: read == ["next"])
    assert failures == [error]


async def test_a_loop_has_its_own() -> None:
    assert turns.turns() is turns.turns()
    mine = turns.turns()

    async def other() -> Turns:
        return turns.turns()

    assert await asyncio.to_thread(asyncio.run, other()) is not mine


# -- put off -----------------------------------------------------------------------------------------------------------


class Crowd:
    """Every turn is over, and those who wait in line are read when it says so."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._line: list[Callable[[], None]] = []
        patch.setattr(turns, "TURN_S", -1.0)
        patch.setattr(Turns, "put_off", lambda _, read: self._line.append(read))

    def __len__(self) -> int:
        return len(self._line)

    def over(self) -> None:
        self._patch.undo()
        self.read()

    def read(self) -> None:
        line, self._line = self._line, []
        for read in line:
            read()


# -- a client's --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def desk(world: World) -> Desk:
    return await world.enter(Desk())


@pytest.fixture
async def client(world: World, desk: Desk) -> RawClient:
    client = await world.enter(await desk.client())
    await until(lambda: desk.connections != set())
    return client


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    return Crowd(monkeypatch)


async def put_off(desk: Desk, size: int) -> None:
    await until(lambda: len(desk.connection._put_off) >= size)
    assert desk.asked == []


def ok(asked: Asked) -> None:
    asked.stream.start(200, [], 0)
    asked.stream.finish()


async def test_it_is_read_once_the_crowd_is_over_in_its_order(desk: Desk, client: RawClient, crowd: Crowd) -> None:
    desk.answer = ok
    first, second = get("/a"), request(b"body", path="/b")
    client.send(first)
    await put_off(desk, len(first))
    client.send(second)
    await put_off(desk, len(first + second))
    assert desk.connection.unheard
    crowd.over()
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]
    assert [(asked.request.path, asked.request.body) for asked in desk.asked] == [("/a", b""), ("/b", b"body")]
    assert not desk.connection.unheard


async def test_it_is_read_when_its_sender_says_nothing_more(desk: Desk, client: RawClient, crowd: Crowd) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    client.close()
    assert (await desk.request()).request.path == "/a"


async def test_it_is_read_before_the_connection_is_drained(desk: Desk, client: RawClient, crowd: Crowd) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    desk.connection.drain()
    ok(await desk.request())
    answer = await client.answer()
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert await client.rest() == b""


async def test_of_one_connection_only_so_much_waits(desk: Desk, client: RawClient, crowd: Crowd) -> None:
    client.send(request(b"x" * (PUT_OFF_BYTES + 1000)))
    await until(lambda: bool(desk.asked) or len(crowd) > 1)  # the second place is that of what came after the bound
    crowd.read()
    assert len((await desk.request()).request.body) == PUT_OFF_BYTES + 1000
    assert desk.connection._put_off == b""


async def test_who_has_gone_is_forgotten(desk: Desk, client: RawClient, crowd: Crowd) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    connection = desk.connection
    connection.transport.abort()
    await until(lambda: not desk.connections)
    crowd.over()
    assert (desk.asked, desk.abandoned, connection._put_off) == ([], [], b"")


async def test_who_was_cut_asks_nobody(desk: Desk, client: RawClient, crowd: Crowd) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    desk.connection.cut()
    crowd.over()
    await until(lambda: not desk.connections)
    assert desk.asked == []


async def test_bytes_behind_the_last_answer_do_not_keep_its_client_from_being_cut(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await world.enter(Desk(limits=Limits(idle_timeout_s=600)))
    reader = await world.enter(await desk.reader())
    reader.send(get("/a", "Connection: close"))
    asked = await desk.request()
    fill(asked, desk.connection)
    crowd = Crowd(monkeypatch)
    reader.send(b"x")
    await until(lambda: desk.connection._put_off != b"")
    asked.stream.finish()
    crowd.over()
    desk.sweep(CLOSE_S + 1)
    desk.sweep(CLOSE_S + 1)
    assert not desk.connection.unheard
    await until(lambda: not desk.connections)


async def test_who_has_spoken_is_not_swept(desk: Desk, client: RawClient, crowd: Crowd) -> None:
    client.send(get("/a"))
    await put_off(desk, 1)
    desk.sweep(10_000.0)
    crowd.over()
    ok(await desk.request())
    assert (await client.answer()).status == 200


# -- a provider's ------------------------------------------------------------------------------------------------------


def busy(pool: Pool) -> UpstreamConnection:
    (connection,) = pool._all
    return connection


async def waits(pool: Pool, size: int) -> UpstreamConnection:
    """The pool's only connection, once so much of what its provider said waits for its turn."""
    await until(lambda: bool(pool._all) and len(busy(pool)._put_off) >= size)
    return busy(pool)


async def answered(world: World, crowd: Crowd, play: Play) -> tuple[Pool, UpstreamStream]:
    """A pool and the answer that a provider began: what came with its head was read."""
    upstream, pool = await world.upstream(play), await world.enter(Closing(Pool()))
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    await waits(pool, 1)
    crowd.read()
    return pool, await asking


async def test_the_head_and_the_body_wait_and_come_in_their_order(world: World, crowd: Crowd) -> None:
    told = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(b"one"))
        await told.wait()
        call.send(chunk(b"two"))
        await call.reader.read()

    upstream, pool = await world.upstream(play), await world.enter(Closing(Pool()))
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    connection = await waits(pool, 1)
    assert not asking.done()
    crowd.read()
    stream, receiver = await asking, Receiver()
    stream.attach(receiver)
    assert bytes(receiver.data) == b"one"
    told.set()
    await waits(pool, len(chunk(b"two")))
    connection._read_on()
    assert bytes(receiver.data) == b"onetwo"
    stream.close(complete=False)
    crowd.over()


@pytest.mark.parametrize("reset", [False, True])
async def test_what_waits_is_read_before_the_end_that_follows_it(world: World, crowd: Crowd, reset: bool) -> None:
    """An answer that is whole is whole, also if its provider is gone by the time that it is read."""
    told = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head())
        await told.wait()
        call.send(chunk(b"all of it"), LAST)
        await call.writer.drain()
        await asyncio.sleep(0.05)
        if reset:
            call.reset()

    pool, stream = await answered(world, crowd, play)
    receiver = Receiver()
    stream.attach(receiver)
    told.set()
    async with asyncio.timeout(PATIENCE_S):
        assert await receiver.ended is None
    assert bytes(receiver.data) == b"all of it"
    assert pool.resting_connections == 0


async def test_a_cut_behind_what_waits_is_a_cut(world: World, crowd: Crowd) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(b"half"))

    upstream, pool = await world.upstream(play), await world.enter(Closing(Pool()))
    body, error = await receive(await ask(pool, here(upstream.port)))
    assert body == b"half"
    assert isinstance(error, Truncated)


async def test_a_client_that_does_not_read_is_given_nothing_of_what_waits(world: World, crowd: Crowd) -> None:
    told = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head())
        await told.wait()
        call.send(chunk(b"later"), LAST)
        await call.reader.read()

    pool, stream = await answered(world, crowd, play)
    receiver = Receiver()
    stream.attach(receiver)
    told.set()
    connection = await waits(pool, 1)
    stream.pause()
    crowd.read()
    assert bytes(receiver.data) == b""
    stream.resume()
    assert bytes(receiver.data) == b"", "in its turn"
    assert not connection.transport.is_reading(), "and nothing else comes before it"
    crowd.read()
    assert (bytes(receiver.data), receiver.ended.result()) == (b"later", None)
    assert pool.resting_connections == 1


async def test_what_nobody_asked_for_does_not_wait_for_the_next_request(world: World, crowd: Crowd) -> None:
    """It would begin the answer to that one."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"asked for"))
        await told.wait()
        call.send(sized(b"of somebody else"))
        await call.reader.read()

    told = asyncio.Event()
    pool, stream = await answered(world, crowd, play)
    assert await receive(stream) == (b"asked for", None)
    assert pool.resting_connections == 1
    told.set()
    await until(lambda: pool.open_connections == 0)
    assert len(crowd) == 0


async def test_what_comes_behind_an_answer_before_its_receiver_does_is_no_part_of_the_next(
    world: World, crowd: Crowd
) -> None:
    told = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"asked for"))
        await told.wait()
        call.send(sized(b"of somebody else"))
        await call.reader.read()

    pool, stream = await answered(world, crowd, play)
    told.set()
    await waits(pool, 1)
    assert await receive(stream) == (b"asked for", None)
    assert pool.resting_connections == 0


async def test_the_clock_of_the_head_does_not_run_out_over_one_that_waits(world: World, crowd: Crowd) -> None:
    upstream, pool = await world.upstream(sized(b"in time")), await world.enter(Closing(Pool()))
    asking = asyncio.ensure_future(ask(pool, here(upstream.port), headers_s=0.2))
    await waits(pool, 1)
    await asyncio.sleep(0.4)
    assert not asking.done()
    crowd.over()
    assert await receive(await asking) == (b"in time", None)


async def test_a_connection_whose_bytes_cannot_be_read_is_closed(
    world: World, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the event loop does if they are read at once."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    upstream, pool = await world.upstream(sized(b"x")), await world.enter(Closing(Pool()))
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    connection = await waits(pool, 1)
    error = ValueError("a fault of ours")

    def fail(data: bytes) -> None:
        raise error

    monkeypatch.setattr(connection, "_read", fail)
    with pytest.raises(ValueError, match="a fault of ours"):
        crowd.read()
    with pytest.raises(Truncated):
        await asking
    assert pool.open_connections == 0


@pytest.mark.parametrize("reset", [False, True])
async def test_a_head_that_waits_was_heard(world: World, crowd: Crowd, reset: bool) -> None:
    """A request whose answer has begun is not sent once more when its kept connection breaks."""
    told = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"first"))
        await call.request()
        call.send(b"HTTP/1.1 200")
        await told.wait()
        if reset:
            call.reset()

    upstream, pool = await world.upstream(play), await world.enter(Closing(Pool()))
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    await waits(pool, 1)
    crowd.read()
    assert await receive(await asking) == (b"first", None)
    asking = asyncio.ensure_future(ask(pool, here(upstream.port)))
    assert (await waits(pool, 1)).heard
    told.set()
    with pytest.raises(Truncated) as caught:
        await asking
    assert (caught.value.stale, len(upstream.asked)) == (False, 2)


async def test_who_does_not_read_is_given_nothing_when_the_connection_breaks(world: World, crowd: Crowd) -> None:
    """Over TLS a reset is heard of also while nothing is read."""
    told, pool, receiver = threading.Event(), await world.enter(Closing(Pool())), Receiver()

    def serve() -> None:
        client = contexts()[0].wrap_socket(listening.accept()[0], server_side=True)
        client.recv(1 << 16)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        told.wait(PATIENCE_S)
        client.sendall(b"half of it")
        told.clear()
        told.wait(PATIENCE_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        asking = asyncio.ensure_future(ask(pool, here(listening.getsockname()[1], tls=Tls(verify=False))))
        await waits(pool, 1)
        crowd.read()
        stream = await asking
        stream.attach(receiver)
        told.set()
        await waits(pool, len(b"half of it"))
        stream.pause()
        await until(lambda: not told.is_set())
        told.set()
        async with asyncio.timeout(PATIENCE_S):
            assert isinstance(await receiver.ended, Truncated)
        assert bytes(receiver.data) == b""
        await asyncio.to_thread(thread.join)


async def test_a_connection_that_rests_in_the_midst_of_a_sip_serves_nobody(world: World) -> None:
    """Its answer was whole when the sip was full, and what follows, which nobody asked for, has not been read."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(sized(b"asked for"))
        await call.reader.read()

    upstream, pool = await world.upstream(play), await world.enter(Closing(Pool()))
    assert await receive(await ask(pool, here(upstream.port))) == (b"asked for", None)
    first = busy(pool)
    first.sipped()
    assert await receive(await ask(pool, here(upstream.port))) == (b"asked for", None)
    assert busy(pool) is not first
