"""A client that stops reading stops its provider: memory stays bounded, nothing is lost, and it goes on afterwards."""

import asyncio

import msgspec
import pytest

from sluice.config.plan import Endpoint
from tests.support.events import DONE, completion, delta
from tests.support.plans import plan, route, static
from tests.support.raw_client import CHAT, STREAM, get, request
from tests.support.raw_upstream import LAST, Call, answering, chunk, chunked_head, sized
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

TOTAL = 48 << 20
"""Bytes that the provider would like to send."""
MAX_TAKEN = 16 << 20
"""What may leave the provider while nobody reads: the kernel's buffers grow to 4 MiB per sender and 6 MiB per
receiver on Linux; ours are small beside them."""
SMALL_BUFFER = 64 << 10
PIECE = delta(content="x" * 8000)


class Tap:
    """A provider that sends as fast as it is allowed to, and counts."""

    def __init__(self, head: bytes, piece: bytes, last: bytes) -> None:
        self._head, self._piece, self._last = head, piece, last
        self.sent = 0
        self.finished = False

    async def play(self, call: Call) -> None:
        call.writer.transport.set_write_buffer_limits(high=0)
        await call.request()
        call.send(self._head)
        while self.sent < TOTAL:
            call.send(chunk(self._piece))
            await call.writer.drain()
            self.sent += len(self._piece)
        call.send(chunk(self._last), LAST)
        await call.writer.drain()
        self.finished = True
        await call.gone()


async def settled(tap: Tap) -> int:
    """Wait until nothing has left the provider for a while, and return how much had."""
    while True:
        before = tap.sent
        await asyncio.sleep(0.1)
        if before and tap.sent == before:
            return before


def event_tap() -> Tap:
    return Tap(chunked_head(), PIECE, delta("stop") + DONE)


async def test_a_client_that_stops_reading_pauses_a_stream_and_resumes_it(world: World) -> None:
    tap = event_tap()
    upstream = await world.upstream(tap.play)
    serving = await world.gateway(upstream.port)
    client = await world.client(serving, receive_buffer=SMALL_BUFFER)
    client.stop_reading()
    client.send(request(STREAM))
    assert await settled(tap) < MAX_TAKEN
    client.read_on()
    answer = await client.answer()
    assert tap.finished
    assert answer.body == PIECE * (tap.sent // len(PIECE)) + delta("stop") + DONE
    assert (await serving.record()).outcome == "completed"


async def test_the_same_for_plain_http(world: World) -> None:
    block = bytes(range(256)) * 64
    tap = Tap(chunked_head(content_type="application/octet-stream"), block, b"end")
    upstream = await world.upstream(tap.play)
    serving = await world.gateway(plan(route("/", static(upstream.port))))
    client = await world.client(serving, receive_buffer=SMALL_BUFFER)
    client.stop_reading()
    client.send(get("/file"))
    assert await settled(tap) < MAX_TAKEN
    client.read_on()
    answer = await client.answer("GET")
    assert answer.body == block * (tap.sent // len(block)) + b"end"
    assert (await serving.record()).stream.bytes_to_client == len(answer.body)


async def test_a_paused_client_that_leaves_frees_its_provider(world: World) -> None:
    tap = event_tap()
    upstream = await world.upstream(tap.play)
    serving = await world.gateway(upstream.port)
    client = await world.client(serving, receive_buffer=SMALL_BUFFER)
    client.stop_reading()
    client.send(request(STREAM))
    await settled(tap)
    client.reset()
    assert await until(lambda: upstream.open_connections == 0) < 0.25
    assert (await serving.record()).outcome == "client_gone"
    assert serving.pool.open_connections == 0


async def test_one_reader_that_stops_does_not_stop_another(world: World) -> None:
    tap, other = event_tap(), event_tap()
    taps = iter((tap, other))

    async def play(call: Call) -> None:
        await next(taps).play(call)

    upstream = await world.upstream(play)
    serving = await world.gateway(upstream.port)
    stuck = await world.client(serving, receive_buffer=SMALL_BUFFER)
    stuck.stop_reading()
    stuck.send(request(STREAM))
    await settled(tap)
    quick = await world.client(serving)
    answer = await quick.ask(request(STREAM))
    assert answer.body.endswith(DONE)
    assert tap.sent < MAX_TAKEN < other.sent


@pytest.mark.parametrize("kind", ["stream", "whole"])
async def test_a_body_that_comes_before_its_receiver_is_bounded_too(world: World, kind: str) -> None:
    """A provider that sends megabytes before the gateway has looked at the head: nothing is lost."""
    body = PIECE * 100 + delta("stop") + DONE if kind == "stream" else msgspec.json.encode({"x": "y" * (1 << 20)})

    async def play(call: Call) -> None:
        await call.request()
        content_type = "text/event-stream" if kind == "stream" else "application/json"
        call.send(chunked_head(content_type=content_type), chunk(body), LAST)
        await call.gone()

    upstream = await world.upstream(play)
    to = Endpoint(host="127.0.0.1", port=upstream.port)
    serving = await world.gateway(to if kind == "stream" else plan(route("/", static(to))))
    client = await world.client(serving)
    answer = await client.ask(request(STREAM))
    assert answer.body == body


@pytest.mark.parametrize("size", [1 << 20, 12 << 20])
async def test_a_whole_answer_to_a_slow_client_leaves_the_providers_connection_good(world: World, size: int) -> None:
    """The last bytes of an answer fill the client's buffer: that must pause nobody, for its provider is done."""
    big, small = completion(content="x" * size), completion()
    upstream, serving, slow = await world.between(answering(*map(sized, (big, small, big, small))))
    slow.send(request(CHAT))
    await until(lambda: serving.pool.resting_connections == 1)
    quick = await world.client(serving)
    assert (await quick.ask(request(CHAT))).body == small
    assert (await slow.answer()).body == big
    assert (await slow.ask(request(CHAT))).body == big
    assert len(upstream.asked) == 3
