"""The provider's side over real sockets: heads, framing, and what of it is refused."""

import asyncio

import pytest

from sluice.errors import ProtocolError, TimedOut, Truncated
from sluice.net.pool import Pool
from tests.net.asking import Closing, Receiver, ask, closed, receive, start
from tests.support.raw_upstream import LAST, Call, chunk, sized, then_close
from tests.support.waiting import PATIENCE_S
from tests.support.world import World


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool()))


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (sized(b"hello"), b"hello"),
        (sized(b""), b""),
        (OK + CHUNKED + chunk(b"hel") + chunk(b"lo") + LAST, b"hello"),
        (OK + CHUNKED + LAST, b""),
        (OK + b"transfer-encoding:CHUNKED\r\n\r\n" + b"5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", b"hello"),
        (OK + b"\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
        (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"hello"),  # equal: RFC 9112, 6.3 allows it
    ],
    ids=[
        "sized",
        "empty",
        "chunked",
        "no chunks",
        "trailers",
        "until close",
        "1.0",
        "no reason",
        "204",
        "304",
        "twice",
    ],
)
@pytest.mark.parametrize("cut", [0, 1], ids=["at once", "byte by byte"])
async def test_framings(world: World, pool: Pool, raw: bytes, body: bytes, cut: int) -> None:
    async def play(call: Call) -> None:
        await call.request()
        await call.send_apart([raw[at : at + 1] for at in range(len(raw))] if cut else [raw])
        call.fin()

    _, to = await start(world, play)
    assert await receive(await ask(pool, to)) == (body, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + LAST,
        OK + b"Transfer-Encoding: identity\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
        OK + b"Content-Length: +5\r\n\r\nhello",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"Content-Length: 0x5\r\n\r\nhello",
        OK + b"Content-Length: 5 5\r\n\r\nhello",
        OK + b"Content-Length: 5, 5\r\n\r\nhello",
        OK + b"Content-Length: \r\n\r\nhello",
        OK + b"Content-Length: 99999999999999999999999999\r\n\r\nhello",
        OK + b"Content-Length : 5\r\n\r\nhello",
        OK + b"X: a\0b\r\n\r\n",
        OK + b"X: a\rb\r\n\r\n",
        OK + b"X: a\nContent-Length: 5\r\n\r\n",
        OK + b"X: a\r\n folded\r\n\r\n",
        OK + b": x\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"X Y: z\r\n\r\n",
    ],
)
async def test_heads_that_could_be_read_in_two_ways_are_refused(world: World, pool: Pool, raw: bytes) -> None:
    upstream, to = await start(world, then_close(raw))
    with pytest.raises(ProtocolError):
        await ask(pool, to)
    await closed(pool)
    assert len(upstream.asked) == 1, "an answered request is never sent again"


@pytest.mark.parametrize(
    "framing",
    [
        b"zz\r\n",
        b"-5\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\r\nhelloXX",
        b"0x5\r\n",
        b" 5\r\n",
        b"5;a\nb\r\n",
        b"f" * 16 + b"\r\n",
    ],
)
async def test_bad_chunks_break_the_body(world: World, pool: Pool, framing: bytes) -> None:
    async def play(call: Call) -> None:
        await call.request()
        await call.send_apart([OK + CHUNKED + chunk(b"good"), framing])
        await call.gone()

    _, to = await start(world, play)
    data, error = await receive(await ask(pool, to))
    assert data == b"good"
    assert isinstance(error, ProtocolError)
    await closed(pool)


@pytest.mark.parametrize("raw", [sized(b"hello")[:-1], OK + CHUNKED + chunk(b"hell"), OK + CHUNKED + b"5\r\nhell"])
@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
async def test_a_body_that_ends_early_is_truncated(world: World, pool: Pool, raw: bytes, reset: bool) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(raw)
        await asyncio.sleep(0.01)  # a reset would overtake what was not read yet
        call.reset() if reset else call.fin()

    _, to = await start(world, play)
    data, error = await receive(await ask(pool, to))
    assert data == b"hell"
    assert isinstance(error, Truncated)


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200", OK + b"X: y\r\n"])
async def test_a_head_that_ends_early_is_truncated(world: World, pool: Pool, raw: bytes) -> None:
    _, to = await start(world, then_close(raw))
    with pytest.raises(Truncated):
        await ask(pool, to)
    await closed(pool)


async def test_interim_answers_are_skipped(world: World, pool: Pool) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    _, to = await start(world, interim * 3 + sized(b"hello"))
    stream = await ask(pool, to)
    assert stream.head.status == 200
    assert stream.head.header(b"link") == b""
    assert await receive(stream) == (b"hello", None)


async def test_a_flood_of_interim_answers_does_no_harm(world: World, pool: Pool) -> None:
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 2000
    _, to = await start(world, flood + sized(b"hello"))
    try:
        assert await receive(await ask(pool, to)) == (b"hello", None)
    except ProtocolError:
        await closed(pool)


@pytest.mark.parametrize("raw", [OK + b"X: " + b"y" * 70_000, OK + b"X: y\r\n" * 20_000 + b"\r\n"])
async def test_a_head_beyond_64_kib_is_refused(world: World, pool: Pool, raw: bytes) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(raw)
        await call.gone()

    _, to = await start(world, play)
    with pytest.raises(ProtocolError):
        await ask(pool, to)
    await closed(pool)


async def test_a_head_that_does_not_come_times_out(world: World, pool: Pool) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(OK)
        await call.gone()

    _, to = await start(world, play)
    with pytest.raises(TimedOut) as caught:
        await ask(pool, to, headers_s=0.05)
    assert caught.value.phase == "headers"
    await closed(pool)


async def test_no_body_is_expected_of_an_answer_to_head(world: World, pool: Pool) -> None:
    upstream, to = await start(world, OK + b"Content-Length: 1000\r\n\r\n")
    for _ in range(2):
        stream = await ask(pool, to, expects_body=False)
        assert stream.head.length == 1000
        assert await receive(stream) == (b"", None)
    assert len(upstream.calls) == 1


async def test_pause_and_resume(world: World, pool: Pool) -> None:
    block = b"x" * 100_000
    sent = 0

    async def play(call: Call) -> None:
        nonlocal sent
        call.writer.transport.set_write_buffer_limits(high=0)
        await call.request()
        call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n")
        for _ in range(400):
            call.send(block)
            await call.writer.drain()
            sent += len(block)

    _, to = await start(world, play)
    stream = await ask(pool, to)
    stream.pause()
    receiver = Receiver()
    stream.attach(receiver)
    stream.pause()
    before = -1
    while sent != before:
        before = sent
        await asyncio.sleep(0.05)
    held = len(receiver.data)
    assert sent < 16 << 20
    stream.resume()
    async with asyncio.timeout(PATIENCE_S):
        assert await receiver.ended is None
    assert held < len(receiver.data) == 40_000_000
