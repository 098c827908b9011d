"""Bodies are bounded while they come: who may send one, how much of them is held, and that nothing stays of one that
was given up."""

import asyncio
import ctypes
import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from sluice.config.plan import Limits
from sluice.gateway.exchange import Exchange
from sluice.net.answer import ServerStream
from sluice.net.requests import RequestReader
from sluice.net.server import ServerConnection
from sluice.policies.admission import Admission
from tests.net.clients_side import Asked, Desk
from tests.support.http_answer import error_of
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, RawClient, get, request
from tests.support.raw_upstream import chunk, silent
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

MIB = 1 << 20
CHUNKED = b"POST /openai HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


def head(size: int, *headers: str) -> bytes:
    """The head of a request whose body is so long."""
    return request(b"x" * size, headers=headers)[:-size]


async def sent(client: RawClient, desk: Desk, size: int, held: int) -> None:
    """Send so much of a body, and wait until all that is held is `held`."""
    client.send(b"x" * size)
    await until(lambda: desk.bodies.held == held)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No cycle is found while a test runs: whatever it leaves in one stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# -- what was given up -------------------------------------------------------------------------------------------------


async def aborted(serving: Serving, data: bytes, size: int) -> None:
    """Begin an upload, send so much of it, and leave."""
    client = await serving.client()
    client.send(data)
    client.send(b"x" * size)
    await until(lambda: serving.gateway.bodies.held == size)
    client.reset()
    await until(lambda: not serving.open_clients)


class MallInfo(ctypes.Structure):
    """mallinfo2(3), of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keep",
        )
    )


def malloc_bytes() -> int:
    """What malloc has given out, all libraries of the process together. Unlike the resident set it does not depend on
    how the tests before this one left the heap."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = MallInfo
    info = ask()
    return int(info.uordblks + info.hblkhd)


def test_what_malloc_has_given_out_is_seen() -> None:
    before = malloc_bytes()
    held = bytearray(40 * MIB)
    assert malloc_bytes() - before >= len(held)


async def test_uploads_that_were_given_up_leave_nothing_even_before_a_collection(
    world: World, uncollected: None
) -> None:
    serving = await world.gateway(1)
    await aborted(serving, head(4 * MIB), 3 * MIB)
    tracemalloc.start()
    try:
        held, (traced, _) = malloc_bytes(), tracemalloc.get_traced_memory()
        for number in range(20):
            await aborted(serving, head(4 * MIB), 3 * MIB)
            assert len(serving.records) == number + 2
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now - traced < MIB
    kinds = (ServerConnection, RequestReader, ServerStream, Exchange)
    assert not [thing for thing in gc.get_objects() if isinstance(thing, kinds)]
    assert malloc_bytes() - held < 15 * MIB, "of 60 MiB that came"
    assert serving.gateway.bodies.held == 0


async def test_requests_that_were_refused_in_the_middle_leave_nothing_either(world: World, uncollected: None) -> None:
    serving = await world.gateway(1, limits=Limits(max_body_bytes=2 * MIB))
    tracemalloc.start()
    try:
        for number in range(20):
            client = await serving.client()
            client.send(CHUNKED + chunk(b"x" * MIB) + chunk(b"x" * MIB) + chunk(b"x" * (512 << 10)))
            assert (await client.answer()).status == 413
            client.reset()
            await until(lambda: not serving.open_clients)
            if number == 0:
                before, _ = tracemalloc.get_traced_memory()
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now - before < MIB
    assert serving.gateway.bodies.held == 0


async def test_what_is_known_of_a_request_that_was_given_up_is_its_head(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await world.enter(Desk())
    left: list[Asked] = []
    monkeypatch.setattr(desk, "abandon", lambda request, client: left.append(Asked(request, client)))
    client = await world.enter(await desk.client())
    client.send(get("/a") + get("/b") + head(1000) + b"x" * 900)
    await until(lambda: desk.bodies.held == 900)
    client.reset()
    await until(lambda: not desk.connections)
    assert [(asked.request.path, asked.request.body) for asked in left] == [("/b", b""), ("/openai", b"")]
    assert [asked.stream.observer for asked in left] == [None, None], "a circle would keep what they know"


async def test_the_record_of_an_upload_that_was_given_up_says_who_left(world: World) -> None:
    serving = await world.gateway(1)
    await aborted(serving, head(MIB), 1000)
    record = await serving.record()
    assert (record.path, record.outcome, record.status) == ("/openai", "client_gone", 499)


# -- who may send one --------------------------------------------------------------------------------------------------


async def full_house(world: World) -> Serving:
    upstream = await world.upstream(silent)
    serving = await world.gateway(to_provider(upstream.port, admission=Admission(max_concurrent=1, max_queue=0)))
    (await world.client(serving)).send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 1)
    return serving


async def turned_away(serving: Serving, client: RawClient) -> None:
    """503 at once, and the connection is closed, since its body is not waited for."""
    answer = await client.answer()
    assert (answer.status, answer.informational, error_of(answer).code) == (503, (), "overloaded")
    assert (answer.header("retry-after"), answer.header("connection")) == ("1", "close")
    assert await client.rest() == b""
    record = await serving.record()
    assert (record.outcome, record.status, record.reason) == ("shed", 503, "Overloaded")
    assert serving.gateway.bodies.held == 0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(head(8 * MIB), id="a length"),
        pytest.param(head(8 * MIB, "Expect: 100-continue"), id="a question first"),
        pytest.param(head(8 * MIB) + b"x" * 100_000, id="a beginning"),
        pytest.param(CHUNKED, id="chunks"),
        pytest.param(CHUNKED + chunk(b"x" * 100_000), id="a first chunk"),
    ],
)
async def test_no_body_is_let_in_while_house_and_queue_are_full(world: World, data: bytes) -> None:
    serving = await full_house(world)
    client = await world.client(serving)
    client.send(data)
    await turned_away(serving, client)


async def test_no_body_is_let_in_above_the_memory_mark(world: World) -> None:
    serving = await world.gateway(to_provider(1, admission=Admission(max_memory_bytes=MIB)))
    serving.gateway.uses_memory(MIB + 1)
    client = await world.client(serving)
    client.send(head(8 * MIB, "Expect: 100-continue"))
    await turned_away(serving, client)
    serving.gateway.uses_memory(MIB - 1)
    client = await world.client(serving)
    client.send(head(8 * MIB, "Expect: 100-continue"))
    assert (await client.head()).status == 100


async def test_a_body_is_let_in_while_somebody_may_still_wait(world: World) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(to_provider(upstream.port, admission=Admission(max_concurrent=1, max_queue=1)))
    (await world.client(serving)).send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 1)
    second, third = await world.client(serving), await world.client(serving)
    second.send(head(MIB, "Expect: 100-continue"))
    assert (await second.head()).status == 100
    second.send(b"x" * MIB)
    await until(lambda: serving.gateway.waiting == 1)
    third.send(head(MIB))
    await turned_away(serving, third)


async def test_who_has_sent_its_body_already_is_refused_and_keeps_its_connection(world: World) -> None:
    """It has cost what it costs, and closing would cost the next attempt a handshake."""
    serving = await full_house(world)
    client = await world.client(serving)
    for _ in range(2):
        answer = await client.ask(request(CHAT))
        assert (answer.status, answer.header("connection"), error_of(answer).code) == (503, "", "overloaded")
    assert [record.outcome for record in serving.records] == ["shed", "shed"]


async def test_a_refused_client_that_is_still_sending_can_read_why(world: World) -> None:
    serving = await full_house(world)
    client = await world.client(serving)
    client.send(head(8 * MIB))
    for _ in range(80):
        client.send(b"x" * 100_000)
        await asyncio.sleep(0)
    await client.flush()
    await turned_away(serving, client)


# -- how much is held --------------------------------------------------------------------------------------------------


async def test_bodies_under_way_are_counted_on_all_connections_until_they_are_handed_over(world: World) -> None:
    desk = await world.enter(Desk())
    first, second = await world.enter(await desk.client()), await world.enter(await desk.client())
    first.send(head(1000))
    second.send(head(2000))
    await sent(first, desk, 500, 500)
    await sent(second, desk, 1500, 2000)
    await sent(first, desk, 500, 1500)
    assert len((await desk.request()).request.body) == 1000
    first.send(request(b"y" * 100))
    await until(lambda: desk.bodies.held == 1600)
    desk.asked[0].stream.start(200, [], 0)
    desk.asked[0].stream.finish()
    assert (await desk.request(2)).request.body == b"y" * 100
    assert desk.bodies.held == 1500
    second.reset()
    await until(lambda: len(desk.connections) == 1)
    assert (desk.bodies.held, desk.abandoned) == (0, ["/openai"])


async def test_a_request_that_waits_for_its_turn_and_is_left_is_counted_out(world: World) -> None:
    desk = await world.enter(Desk())
    client = await world.enter(await desk.client())
    client.send(get("/a") + request(b"x" * 100) + request(b"y" * 50))
    await until(lambda: desk.bodies.held == 150)
    client.reset()
    await until(lambda: not desk.connections)
    assert (desk.bodies.held, desk.abandoned) == (0, ["/openai", "/openai"])


async def test_beyond_the_bound_of_all_bodies_no_further_one_begins(world: World) -> None:
    desk = await world.enter(Desk(limits=Limits(max_buffered_bytes=10_000)))
    first, second = await world.enter(await desk.client()), await world.enter(await desk.client())
    first.send(head(9000))
    await sent(first, desk, 8000, 8000)
    second.send(head(3000, "Expect: 100-continue"))
    assert (await second.answer()).status == 503
    assert desk.refused == ["overloaded"]
    first.send(b"x" * 1000)
    assert len((await desk.request()).request.body) == 9000


async def test_the_bound_holds_also_for_bodies_that_do_not_say_how_long_they_are(world: World) -> None:
    desk = await world.enter(Desk(limits=Limits(max_buffered_bytes=10_000)))
    first, second = await world.enter(await desk.client()), await world.enter(await desk.client())
    for client in (first, second):
        client.send(CHUNKED + chunk(b"x" * 4000))
    await until(lambda: desk.bodies.held == 8000)
    second.send(chunk(b"x" * 4000))
    assert (await second.answer()).status == 503
    assert desk.bodies.held == 4000
    first.send(chunk(b"x" * 4000) + b"0\r\n\r\n")
    assert len((await desk.request()).request.body) == 8000
    assert desk.bodies.held == 0


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_only_http_1_1_is_told_to_go_on(world: World, version: str) -> None:
    """An expectation in HTTP/1.0 must be ignored (RFC 9110, 10.1.1)."""
    desk = await world.enter(Desk())
    client = await world.enter(await desk.client())
    client.send(request(b"body", version=version, headers=["Expect: 100-continue"])[:-4])
    await until(lambda: desk.connection._reader.reading)
    client.send(b"body")
    asked = await desk.request()
    asked.stream.start(200, [], 2)
    asked.stream.finish(b"ok")
    answer = await client.answer()
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.informational == ((100,) if version == "1.1" else ())
