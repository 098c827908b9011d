"""The fake provider over real sockets: answers, scripts, ends, and what it says it saw."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from pathlib import Path

import msgspec
import pytest

from sluice.testing.fake_provider import FakeProvider, Options, Pause, Script
from tests.testing.sockets import HI, Socket, dechunk, post

RECORDED = (Path(__file__).parents[1] / "streams" / "openai-chat-gpt-3.5-turbo.sse").read_bytes()
EARLY_S = 0.01
"""How much too early a timer may be: event loops round, and some begin to count with their iteration."""
STREAM = HI | {"stream": True}


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


async def exchange(fake: FakeProvider, request: bytes) -> tuple[int, bytes, bytes]:
    """Send one request on a connection of its own; return status, head and body."""
    async with Socket(fake.port) as s:
        await s.send(request.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
        head = await s.head()
        body, _ = await s.rest()
        return int(head.split(b" ", 2)[1]), head.lower(), dechunk(body) if b"chunked" in head else body


def get(path: str, headers: bytes = b"") -> bytes:
    return b"GET %b HTTP/1.1\r\nhost: localhost\r\n%b\r\n" % (path.encode(), headers)


def error_of(body: bytes) -> dict[str, str | None]:
    return msgspec.json.decode(body, type=dict[str, dict[str, str | None]])["error"]


# -- answers ----------------------------------------------------------------------------------------------------------


async def test_the_same_request_gets_the_same_bytes(fake: FakeProvider) -> None:
    fixed = FakeProvider(wall=lambda: 1_744_306_752.9)
    async with fixed:
        first, second = await exchange(fixed, post(STREAM)), await exchange(fixed, post(STREAM))
    assert first == second
    assert b'"created":1744306752,' in first[2]
    assert first[2].endswith(b"data: [DONE]\n\n")
    assert b"content-type: text/event-stream; charset=utf-8\r\n" in first[1]
    assert (await exchange(fake, post(STREAM | {"seed": 1})))[2][:60] != first[2][:60]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
async def test_both_paths_answer(fake: FakeProvider, path: str) -> None:
    status, head, body = await exchange(fake, post(HI, path))
    assert (status, msgspec.json.decode(body)["object"]) == (200, "chat.completion")
    assert b"x-request-id: req_" in head


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
        ("my-own", "my-own"),
    ],
)
async def test_well_known_models_answer_under_their_dated_names(fake: FakeProvider, asked: str, answered: str) -> None:
    _, _, body = await exchange(fake, post(HI | {"model": asked}))
    assert msgspec.json.decode(body)["model"] == answered


async def test_a_model_that_was_told_answers_for_all() -> None:
    async with FakeProvider(Options(model="mine")) as fake:
        assert msgspec.json.decode((await exchange(fake, post(HI)))[2])["model"] == "mine"
        listed = msgspec.json.decode((await exchange(fake, get("/v1/models")))[2])
        assert [row["id"] for row in listed["data"]] == ["mine"]


async def test_models_are_listed_and_shown_one_by_one(fake: FakeProvider) -> None:
    status, _, body = await exchange(fake, get("/v1/models"))
    rows = msgspec.json.decode(body)["data"]
    assert status == 200
    assert {"gpt-4o-mini", "fake"} <= {row["id"] for row in rows}
    for row in rows:
        assert msgspec.json.decode((await exchange(fake, get(f"/models/{row['id']}")))[2]) == row
    assert (await exchange(fake, get("/v1/models/gpt-4o-mini-2024-07-18")))[0] == 200
    status, _, body = await exchange(fake, get("/v1/models/none"))
    assert (status, error_of(body)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("request_bytes", "status", "code", "message"),
    [
        (get("/v1/nothing"), 404, None, "Invalid URL (GET /v1/nothing)"),
        (post(HI, "/v1/completions"), 404, None, "Invalid URL (POST /v1/completions)"),
        (get("/v1/chat/completions"), 405, "method_not_supported", "Not allowed to GET"),
        (post(HI, "/v1/models"), 405, "method_not_supported", "Not allowed to POST"),
        (post(b"{"), 400, None, "could not parse"),
        (post(HI | {"stream": "true"}), 400, "invalid_type", "'stream'"),
    ],
)
async def test_refusals_are_error_objects(
    fake: FakeProvider, request_bytes: bytes, status: int, code: str | None, message: str
) -> None:
    got, head, body = await exchange(fake, request_bytes)
    assert (got, error_of(body)["code"]) == (status, code)
    assert message in str(error_of(body)["message"])
    assert b"content-type: application/json\r\n" in head
    assert (b"allow: " in head) == (status == 405)


async def test_bad_http_is_refused_as_an_error_object(fake: FakeProvider) -> None:
    async with Socket(fake.port) as s:
        await s.send(b"GET / HTTP/1.1\r\n\r\n")
        assert b" 400 " in await s.head()


async def test_a_required_key_is_required() -> None:
    key = "sk-0123456789abcdef"
    async with FakeProvider(Options(key=key)) as fake:
        assert (await exchange(fake, post(HI, headers=f"authorization: Bearer {key}\r\n".encode())))[0] == 200
        status, _, body = await exchange(fake, post(HI))
        assert (status, error_of(body)["code"]) == (401, None)
        assert "didn't provide an API key" in str(error_of(body)["message"])
        for wrong in (key[:-1], key + "0", key.upper()):
            status, _, body = await exchange(fake, get("/v1/models", f"authorization: bearer {wrong}\r\n".encode()))
            assert (status, error_of(body)["code"]) == (401, "invalid_api_key")
            assert wrong not in str(error_of(body)["message"])


# -- replay -----------------------------------------------------------------------------------------------------------


async def test_a_recording_is_replayed_byte_for_byte() -> None:
    async with FakeProvider(Options(replay=RECORDED)) as fake:
        _, _, body = await exchange(fake, post(STREAM))
        assert hashlib.sha256(body).digest() == hashlib.sha256(RECORDED).digest()
        _, _, whole = await exchange(fake, post(HI))
    answer = msgspec.json.decode(whole)
    said = 'You can call it something simple and descriptive like "my-first-repo" or "hello-world".'
    assert answer["choices"][0]["message"]["content"] == said
    assert (answer["model"], answer["object"]) == ("gpt-3.5-turbo-0125", "chat.completion")
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_a_recording_comes_event_by_event() -> None:
    async with FakeProvider(Options(replay=RECORDED, gap_s=0.004)) as fake, Socket(fake.port) as s:
        await s.send(post(STREAM))
        await s.head()
        started = time.monotonic()
        events = []
        for _ in range(RECORDED.count(b"\n\n")):
            size = int(await s.until(b"\r\n"), 16)
            events.append((await s.exactly(size + 2))[:-2])
        assert b"".join(events) == RECORDED
        assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in events)
        assert time.monotonic() - started >= 0.004 * (len(events) - 2) - EARLY_S


@pytest.mark.parametrize("junk", [b"hello", b"data: {}\n\n", b"data: nonsense\n\n", b"data: [DONE]\n\n"])
def test_what_is_no_recording_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="recording"):
        FakeProvider(Options(replay=junk))


async def test_a_recording_that_breaks_off_is_replayed_as_far_as_it_goes() -> None:
    async with FakeProvider(Options(replay=RECORDED[:-30])) as fake:
        assert (await exchange(fake, post(STREAM)))[2] == RECORDED[:-30]


# -- time -------------------------------------------------------------------------------------------------------------


async def test_the_first_token_and_the_gaps_take_their_time() -> None:
    async with FakeProvider(Options(first_token_s=0.08, gap_s=0.01)) as fake, Socket(fake.port) as s:
        started = time.monotonic()
        await s.send(post(STREAM | {"max_tokens": 3}))
        await s.head()
        assert time.monotonic() - started >= 0.08 - EARLY_S
        await s.until(b"[DONE]\n\n")
        assert time.monotonic() - started >= 0.08 + 4 * 0.01 - EARLY_S


async def test_a_whole_answer_takes_the_time_of_a_stream() -> None:
    async with FakeProvider(Options(first_token_s=0.02, gap_s=0.01)) as fake:
        started = time.monotonic()
        await exchange(fake, post(HI | {"max_tokens": 5}))
        assert time.monotonic() - started >= 0.06 - EARLY_S


# -- scripts ----------------------------------------------------------------------------------------------------------


async def test_scripts_answer_the_next_requests_in_their_order(fake: FakeProvider) -> None:
    fake.script(
        Script(chunks=[b"a", Pause(0.001), b"b"], status=418, headers=[(b"x-one", b"1")]), Script(chunks=[b"second"])
    )
    status, head, body = await exchange(fake, post(HI))
    assert (status, body) == (418, b"ab")
    assert b"x-one: 1\r\n" in head
    assert (await exchange(fake, get("/anything")))[2] == b"second"
    assert (await exchange(fake, post(HI)))[0] == 200


async def test_answer_with_gives_a_sized_body(fake: FakeProvider) -> None:
    fake.answer_with(
        status=429, headers=[(b"retry-after", b"7")], body=b"slow down", content_type="text/plain", times=2
    )
    for _ in range(2):
        status, head, body = await exchange(fake, post(STREAM))
        assert (status, body) == (429, b"slow down")
        assert b"content-length: 9\r\n" in head
        assert b"retry-after: 7\r\n" in head
    assert (await exchange(fake, post(STREAM)))[0] == 200


@pytest.mark.parametrize("end", ["fin", "rst"])
@pytest.mark.parametrize("at", [0, 1, 300, 1 << 20])
async def test_a_cut_answer_ends_after_that_many_bytes_in_that_way(fake: FakeProvider, end: str, at: int) -> None:
    whole = (await exchange(fake, post(STREAM)))[2]
    fake.cut_after(at, end="fin" if end == "fin" else "rst")
    async with Socket(fake.port) as s:
        await s.send(post(STREAM))
        assert b" 200 " in await s.head()
        body, ended = await s.rest()
    assert ended == end
    assert len(dechunk(body)) == min(at, len(whole))
    assert not body.endswith(b"0\r\n\r\n")
    assert (fake.finished, fake.cut, fake.aborted, fake.open_streams) == (1, 1, 0, 0)


async def test_a_cut_whole_answer_is_shorter_than_it_said(fake: FakeProvider) -> None:
    fake.cut_after(10)
    status, head, body = await exchange(fake, post(HI))
    assert (status, len(body)) == (200, 10)
    assert int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]) > 500


async def test_a_reset_waits_for_what_is_buffered(fake: FakeProvider) -> None:
    """A reset overtakes what is not sent yet: it must not be given before."""
    big = b"x" * (8 << 20)
    fake.script(Script(chunks=[big], end="rst", length=len(big) + 1))
    async with Socket(fake.port) as s:
        await s.send(post(STREAM))
        await s.head()
        body, ended = await s.rest()
    assert (len(body), ended) == (len(big), "rst")


async def test_a_stalling_answer_stays_open_until_the_client_goes(fake: FakeProvider) -> None:
    fake.script(Script(chunks=[b"data: 1\n\n"], end="stall"))
    async with Socket(fake.port) as s:
        await s.send(post(STREAM))
        await s.head()
        assert dechunk(await s.until(b"\n\n\r\n")) == b"data: 1\n\n"
        assert (fake.open_streams, fake.aborted) == (1, 0)
    await fake.until(lambda: fake.aborted == 1)
    assert (fake.open_streams, fake.open_connections) == (0, 0)


async def test_a_stall_without_chunks_never_sends_a_head_and_an_empty_chunk_sends_only_that(fake: FakeProvider) -> None:
    fake.script(Script(end="stall"), Script(chunks=[b""], end="stall"))
    async with Socket(fake.port) as silent, Socket(fake.port) as headed:
        await silent.send(post(STREAM))
        await fake.until(lambda: fake.open_streams == 1)
        await headed.send(post(STREAM))
        assert b" 200 " in await headed.head()
        for s in (silent, headed):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await s.receive()


async def test_a_script_without_a_status_writes_raw_bytes(fake: FakeProvider) -> None:
    fake.script(Script(status=None, chunks=[b"HTTP/1.1 200 OK\r\n\r\n", b"until close"], end="fin"))
    async with Socket(fake.port) as s:
        await s.send(post(HI))
        assert (await s.rest()) == (b"HTTP/1.1 200 OK\r\n\r\nuntil close", "fin")


# -- clients ----------------------------------------------------------------------------------------------------------


async def test_a_client_that_goes_stops_the_work_at_once(fake: FakeProvider) -> None:
    taken = 0

    def endless() -> Iterator[bytes | Pause]:
        nonlocal taken
        while True:
            taken += 1
            yield b"data: x\n\n"
            yield Pause(0.001)

    fake.script(Script(chunks=endless()))
    async with Socket(fake.port) as s:
        await s.send(post(STREAM))
        await s.head()
        await fake.until(lambda: taken > 3)
    await fake.until(lambda: fake.aborted == 1, within_s=0.25)
    stopped_at = taken
    await asyncio.sleep(0.02)
    assert taken == stopped_at
    assert fake.open_streams == 0


async def test_a_client_that_does_not_read_stops_the_script_and_reads_on_where_it_stopped(fake: FakeProvider) -> None:
    taken, chunk, count = 0, b"x" * (64 << 10), 512

    def many() -> Iterator[bytes]:
        nonlocal taken
        for piece in repeat(chunk, count):
            taken += 1
            yield piece

    fake.script(Script(chunks=many(), length=len(chunk) * count))
    async with Socket(fake.port) as s:
        await s.send(post(STREAM))
        await s.head()
        before = -1
        while taken != before:
            before = taken
            await asyncio.sleep(0.05)
        assert 0 < taken < count // 2
        assert len(await s.exactly(len(chunk) * count)) == len(chunk) * count
    assert (taken, fake.finished) == (count, 1)


async def test_requests_are_kept_with_their_headers_and_no_more_than_told() -> None:
    async with FakeProvider(Options(remember=3)) as fake:
        for number in range(5):
            await exchange(fake, post(HI | {"seed": number}, headers=b"X-Test: yes\r\n"))
        assert fake.seen == fake.finished == 5
        assert [msgspec.json.decode(request.body)["seed"] for request in fake.requests] == [2, 3, 4]
        assert fake.requests[-1].header(b"x-test") == "yes"
        assert fake.bytes_received > 0 < fake.bytes_sent


async def test_great_bodies_are_forgotten_first() -> None:
    async with FakeProvider() as fake:
        great = HI | {"padding": "x" * (7 << 20)}
        for _ in range(4):
            await exchange(fake, post(great))
        assert (fake.seen, len(fake.requests)) == (4, 2)


async def test_pipelined_requests_are_answered_in_order(fake: FakeProvider) -> None:
    fake.script(Script(chunks=[Pause(0.01), b"one"]), Script(chunks=[b"two"]))
    async with Socket(fake.port) as s:
        await s.send(post(HI) + post(HI))
        for expected in (b"one", b"two"):
            await s.head()
            assert dechunk(await s.until(b"0\r\n\r\n")) == expected


@pytest.mark.timed
async def test_five_hundred_streams_at_once(fake: FakeProvider) -> None:
    together = False

    def held(usual: Script) -> Script:
        def chunks() -> Iterator[bytes | Pause]:
            while not together:
                yield Pause(0.005)
            yield from usual.chunks

        return msgspec.structs.replace(usual, chunks=chunks())

    async def one(number: int) -> bytes:
        async with Socket(fake.port) as s:
            await s.send(post(STREAM | {"seed": number, "max_tokens": 5}))
            await s.head()
            return dechunk(await s.until(b"0\r\n\r\n"))

    fake.twist(*[held] * 500)
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(500)]
        await fake.until(lambda: fake.open_streams == 500)
        together = True
    assert all(task.result().endswith(b"data: [DONE]\n\n") for task in tasks)
    assert len({task.result()[:50] for task in tasks}) == 500
    assert time.monotonic() - started < 10
    assert (fake.finished, fake.aborted, fake.open_streams) == (500, 0, 0)


# -- its own end ------------------------------------------------------------------------------------------------------


async def test_closing_cuts_what_is_under_way_and_frees_the_port() -> None:
    fake = FakeProvider()
    port = await fake.start()
    fake.script(Script(chunks=[b"a"], end="stall"))
    async with Socket(port) as s:
        await s.send(post(STREAM))
        await s.head()
        await fake.close()
        _, how = await s.rest()
        assert how in ("fin", "rst")
    assert (fake.open_streams, fake.open_connections, fake.cut, fake.aborted) == (0, 0, 1, 0)
    await fake.close()
    assert await fake.start(port=port) == port
    await fake.close()


async def test_until_gives_up() -> None:
    async with FakeProvider() as fake:
        with pytest.raises(TimeoutError):
            await fake.until(lambda: False, within_s=0.01)
