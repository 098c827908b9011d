"""What the fake says it saw of requests and connections, over real sockets."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from sluice.testing.fake_provider import At, FakeProvider, Fault, Options, Rule, Script, Sight
from tests.testing.sockets import HI, Socket, exchange, post

STREAM = HI | {"stream": True}
PROMPT_S = 0.25
"""What a gateway has to hear a client's leaving in (stream-life 3): the fake has to be far better than that."""


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


def tagged(fault: Fault | dict[str, object]) -> dict[str, object]:
    return STREAM | {"fake": {"content": "one two", "fault": fault}}


async def test_a_sight_has_the_facts_of_a_request(fake: FakeProvider) -> None:
    request = post(tagged(Fault(tag="t", gap_ms=1)))
    before = time.monotonic()
    _, body, _ = await exchange(fake.port, request)
    after = time.monotonic()
    (sight,) = fake.sights
    assert (sight.tag, sight.dialect, sight.path, sight.model) == ("t", "chat", "/v1/chat/completions", "m")
    assert (sight.stream, sight.connection, sight.ended) == (True, 1, "finished")
    assert (sight.body_bytes, sight.events) == (len(body), body.count(b"\n\n"))
    assert sight.read_bytes == len(request) + len(b"connection: close\r\n")
    assert sight.head_sent_s is not None
    assert sight.ended_s is not None
    assert before <= sight.began_s <= sight.head_sent_s <= sight.ended_s <= after


@pytest.mark.parametrize(
    ("path", "body", "dialect", "model", "stream"),
    [
        ("/v1/messages", {"model": "c", "max_tokens": 1, "stream": True}, "messages", "c", True),
        ("/v1/responses", {"model": "r", "input": "hi"}, "responses", "r", False),
        ("/v1beta/models/g:streamGenerateContent", {"contents": [{"parts": [{"text": "hi"}]}]}, "gemini", "g", True),
        (
            "/model/b/converse-stream",
            {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
            "converse",
            "b",
            True,
        ),
        ("/v1/embeddings", {"model": "e", "input": "hi"}, "chat", "e", False),
        ("/v1/nothing", {"model": "n"}, "chat", "n", False),
    ],
)
async def test_a_sight_names_dialect_and_model_of_any_address(
    fake: FakeProvider, path: str, body: dict[str, object], dialect: str, model: str, stream: bool
) -> None:
    if dialect == "messages":
        body = body | {"messages": HI["messages"]}
    await exchange(
        fake.port, post(body, path, headers=b"anthropic-version: 2023-06-01\r\n" if dialect == "messages" else b"")
    )
    (sight,) = fake.sights
    assert (sight.dialect, sight.model, sight.path, sight.stream) == (dialect, model, path, stream)


@pytest.mark.parametrize("rude", [False, True])
async def test_a_client_that_goes_is_noted_at_the_moment_when_the_socket_hears_it(
    fake: FakeProvider, rude: bool
) -> None:
    fake.fault(Fault(at=At(event=1), end="stall", tag="t"))
    async with Socket(fake.port) as s:
        await s.send(post(STREAM))
        await s.head()
        assert [sight.ended for sight in fake.sights] == ["open"]
        if rude:
            s._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        left = time.monotonic()
        s._socket.close()
        await fake.until(lambda: fake.sights[0].ended == "gone")
    (sight,) = fake.seen_of(tag="t")
    assert sight.ended_s is not None
    assert 0 <= sight.ended_s - left < PROMPT_S / 2
    (connection,) = fake.connections
    assert (connection.closed, connection.closed_s) == ("rst" if rude else "fin", sight.ended_s)


async def test_a_client_that_goes_while_it_does_not_read_is_heard_before_what_waits_is_lost(fake: FakeProvider) -> None:
    """A FIN behind a full buffer: the transport closes only when the buffer has drained, the fake hears it at once."""
    fake.fault(Fault(flood_bytes=64 << 20))
    async with Socket(fake.port) as s:
        await s.send(post(STREAM))
        written = -1
        while fake.sights == [] or fake.sights[0].body_bytes != written:
            written = fake.sights[0].body_bytes if fake.sights else 0
            await asyncio.sleep(0.05)
        s._socket.shutdown(socket.SHUT_WR)  # says FIN, and leaves the buffers as they are
        await fake.until(lambda: fake.connections[0].closed is not None)
        heard = fake.connections[0]
        assert (heard.closed, fake.open_connections) == ("fin", 1), "what waits keeps it open"
    await fake.until(lambda: fake.sights[0].ended == "gone")
    assert fake.sights[0].ended_s == heard.closed_s


async def test_a_flood_stops_where_the_client_stops_and_keeps_nobody_waiting(fake: FakeProvider) -> None:
    fake.fault(Fault(flood_bytes=50 << 20))
    async with Socket(fake.port) as lazy:
        await lazy.send(post(STREAM))
        await fake.until(lambda: bool(fake.sights) and fake.sights[0].body_bytes > 1 << 17)
        status, _, _ = await exchange(fake.port, post(STREAM))
        assert status == 200
        written = -1
        while written != fake.sights[0].body_bytes:
            written = fake.sights[0].body_bytes
            await asyncio.sleep(0.05)
        assert written < 16 << 20
        assert fake.sights[0].ended == "open"
    await fake.until(lambda: fake.sights[0].ended == "gone")


async def test_a_request_that_is_never_whole_is_seen(fake: FakeProvider) -> None:
    async with Socket(fake.port) as s:
        await s.send(post(STREAM)[:-5])
        await fake.until(lambda: fake.bytes_received > 0)
    await fake.until(lambda: len(fake.sights) == 1)
    (sight,) = fake.sights
    assert (sight.ended, sight.head_sent_s, sight.dialect) == ("gone", None, "chat")
    assert (sight.read_bytes, fake.seen) == (len(post(STREAM)) - 5, 0)


async def test_connections_are_numbered_and_say_how_much_went_through_them(fake: FakeProvider) -> None:
    async with Socket(fake.port) as kept:
        for _ in range(2):
            await kept.send(post(HI))
            head = (await kept.head()).lower()
            await kept.exactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        await exchange(fake.port, post(HI))
        await fake.until(lambda: fake.open_connections == 1)
        other, own = fake.connections
        assert (own.connection, own.requests, own.closed, own.closed_s) == (1, 2, None, None)
        assert own.read_bytes == 2 * len(post(HI))
        assert (other.connection, other.requests, other.closed) == (2, 1, "fake")
        assert fake.bytes_received == own.read_bytes + other.read_bytes
        assert fake.bytes_sent == own.written_bytes + other.written_bytes
    assert [sight.connection for sight in fake.sights] == [1, 1, 2]


async def test_scripts_count_their_chunks_as_events(fake: FakeProvider) -> None:
    fake.script(Script(chunks=[b"", b"a", b"b"]))
    await exchange(fake.port, post(HI))
    assert (fake.sights[0].events, fake.sights[0].body_bytes) == (2, 2)


async def test_what_was_seen_is_forgotten_on_demand_and_rules_count_anew() -> None:
    rule = Rule(fault=Fault(status=503, tag="once"), times=1)
    async with FakeProvider(Options(faults=(rule,))) as fake:
        assert [(await exchange(fake.port, post(HI)))[0] for _ in range(2)] == [503, 200]
        await fake.until(lambda: fake.open_connections == 0)
        assert fake.reset() == 2
        assert (fake.sights, fake.connections) == ([], [])
        assert (await exchange(fake.port, post(HI)))[0] == 503
        assert (fake.seen, len(fake.sights)) == (3, 1)


def test_a_sight_is_a_value() -> None:
    sight = Sight(tag="", dialect="chat", path="/", model="", stream=False, connection=1, began_s=0.0, read_bytes=1)
    with pytest.raises(AttributeError):
        sight.tag = "x"  # type: ignore[misc]
    assert set(msgspec.json.decode(msgspec.json.encode(sight))) == {
        *("tag", "dialect", "path", "model", "stream", "connection", "began_s", "head_sent_s", "ended", "ended_s"),
        *("body_bytes", "events", "read_bytes"),
    }
