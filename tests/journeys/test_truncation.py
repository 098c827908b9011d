"""A stream that its provider cuts never looks finished; one that it does not cut arrives byte for byte.

The recorded stream, cut at every byte, through real sockets; the official client reads the cuts around every event.
"""

import asyncio
import hashlib
from collections.abc import Sequence

import openai
import pytest

from sluice.net import upstream as upstream_side
from sluice.testing import cuts
from tests.support.events import DONE, RECORDED, delta
from tests.support.http_answer import Answer, error_of
from tests.support.raw_client import STREAM, STREAM_WITH_USAGE, RawClient, request
from tests.support.raw_upstream import LAST, Call, chunk, chunked_head
from tests.support.serving import Serving
from tests.support.waiting import PATIENCE_S
from tests.support.world import World

HEAD = chunked_head()
CLOSING_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
SHA256 = hashlib.sha256(RECORDED).hexdigest()
TERMINATED = RECORDED.index(DONE) + len(b"data: [DONE]\n")
"""From here on the terminator is a whole line. (A line that is not followed by a blank one is no event yet.)"""


class Cutter:
    """A provider that sends the stream up to `at` and then closes in the way it is told to."""

    def __init__(self) -> None:
        self.at = 0
        self.reset = False
        self.framed = True
        """Chunked, so that the cut shows in HTTP's framing; else the body simply ends with the connection."""

    async def play(self, call: Call) -> None:
        await call.request()
        data = RECORDED[: self.at]
        if self.framed:
            call.send(HEAD, chunk(data) if data else b"")
        else:
            call.send(CLOSING_HEAD, data)
        if self.reset:
            await asyncio.sleep(0.001)  # a reset overtakes bytes that were not read yet: that would be another cut
            call.reset()
        else:
            call.fin()


def committed_at(at: int) -> bool:
    """Whether a token was complete before the cut: then the answer has begun."""
    first_token = RECORDED.index(b"\n\n", RECORDED.index(b"You")) + 2
    return at >= first_token


def check_cut(answer: Answer, at: int) -> None:
    """Whole events and then one error event; or, before the first token, a real HTTP status."""
    if not committed_at(at):
        assert answer.status == 502, at
        assert error_of(answer).code == "upstream_truncated"
        return
    assert answer.status == 200
    whole = RECORDED[: RECORDED.rfind(b"\n\n", 0, at) + 2]
    assert answer.body.startswith(whole), at
    last = answer.body[len(whole) :]
    assert last.startswith(b'data: {"error":{'), at
    assert last.endswith(b"\n\n"), at
    assert last.count(b"\n") == 2, at
    assert b'"code":"upstream_truncated"' in last
    assert b"[DONE]" not in answer.body


async def ask(client: RawClient, *, usage: bool = False) -> Answer:
    return await client.ask(request(STREAM_WITH_USAGE if usage else STREAM))


def check_records(serving: Serving, number: int) -> None:
    assert len(serving.records) == number
    assert {record.outcome for record in serving.records} == {"upstream_truncated"}


async def test_a_stream_cut_at_any_byte_ends_in_one_error_and_no_done(world: World) -> None:
    cutter = Cutter()
    _, serving, client = await world.between(cutter.play)
    offsets = range(TERMINATED)
    for at in offsets:
        cutter.at = at
        check_cut(await ask(client), at)
    check_records(serving, len(offsets))


@pytest.mark.parametrize(("reset", "framed"), [(True, True), (True, False), (False, False)])
async def test_however_the_connection_ends(world: World, reset: bool, framed: bool) -> None:
    cutter = Cutter()
    cutter.reset, cutter.framed = reset, framed
    _, serving, client = await world.between(cutter.play)
    offsets = range(0, TERMINATED, 61)
    for at in offsets:
        cutter.at = at
        check_cut(await ask(client), at)
    check_records(serving, len(offsets))


async def test_a_cut_after_the_terminator_cuts_nothing(world: World) -> None:
    cutter = Cutter()
    _, serving, client = await world.between(cutter.play)
    cutter.at = len(RECORDED)
    answer = await ask(client)
    assert answer.body == RECORDED
    assert (await serving.record()).outcome == "completed"


async def test_a_finish_reason_without_a_terminator_is_truncated(world: World) -> None:
    body = chunk(delta(content="a") + delta("stop"))
    _, serving, client = await world.between(HEAD + body + LAST)
    answer = await ask(client)
    assert b"upstream_truncated" in answer.body
    assert b"[DONE]" not in answer.body
    assert (await serving.record()).finish_reason == "stop"


# -- the official client -----------------------------------------------------------------------------------------------


def near_borders() -> list[int]:
    """Offsets around the end of every event, and some in the middle of each."""
    ends = [at + 2 for at in range(len(RECORDED) - 1) if RECORDED[at : at + 2] == b"\n\n"]
    offsets = {end + d for end in ends for d in (-3, -2, -1, 0, 1, 7, 120)}
    return sorted(at for at in offsets if 0 <= at < TERMINATED)


async def read_stream(sdk: openai.AsyncOpenAI, pieces: list[str]) -> None:
    """Append the pieces of the answer's text as they come."""
    stream = await sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
    async for event in stream:
        pieces += [choice.delta.content or "" for choice in event.choices]


@pytest.mark.parametrize("half", [0, 1])
async def test_the_official_client_raises_at_every_cut(world: World, half: int) -> None:
    cutter = Cutter()
    _, serving, _ = await world.between(cutter.play)
    offsets = near_borders()[half::2]
    assert len(offsets) >= 60
    async with openai.AsyncOpenAI(api_key="k", base_url=f"{serving.url}/openai", max_retries=0) as sdk:
        for cutter.at in offsets:
            pieces: list[str] = []
            with pytest.raises(openai.APIError) as caught:
                await read_stream(sdk, pieces)
            assert caught.value.code == "upstream_truncated", cutter.at
            assert bool("".join(pieces)) == committed_at(cutter.at)
    check_records(serving, len(offsets))


# -- uncut -------------------------------------------------------------------------------------------------------------


class Slicer:
    """A provider that sends the whole stream in given pieces, each read by itself."""

    def __init__(self) -> None:
        self.pieces: Sequence[bytes] = ()

    async def play(self, call: Call) -> None:
        while True:
            await call.request()
            await call.send_apart([HEAD, *map(chunk, filter(None, self.pieces)), LAST])


async def test_cut_into_two_at_any_byte_it_arrives_byte_for_byte(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_side, "TAIL_S", 60.0)  # a process that stands still for a second keeps its connection
    slicer = Slicer()
    upstream, serving, client = await world.between(slicer.play)
    offsets = range(len(RECORDED) + 1)
    for at in offsets:
        slicer.pieces = (RECORDED[:at], RECORDED[at:])
        answer = await ask(client)
        assert hashlib.sha256(answer.body).hexdigest() == SHA256, at
        async with asyncio.timeout(PATIENCE_S):
            while serving.pool.resting_connections != 1:  # the answer's framing ends after the answer
                await asyncio.sleep(0)
    assert {record.outcome for record in serving.records} == {"completed"}
    assert len(upstream.calls) == 1, "the connection to the provider was not kept"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
async def test_in_small_pieces_it_arrives_byte_for_byte(world: World, size: int) -> None:
    slicer = Slicer()
    slicer.pieces = [RECORDED[at : at + size] for at in range(0, len(RECORDED), size)]
    _, serving, client = await world.between(slicer.play)
    answer = await ask(client)
    assert hashlib.sha256(answer.body).hexdigest() == SHA256
    record = await serving.record()
    assert (record.outcome, record.stream.chunks) == ("completed", 22)
    assert record.stream.bytes_from_provider == record.stream.bytes_to_client == len(RECORDED)


async def test_cut_at_random_it_arrives_byte_for_byte(world: World) -> None:
    slicer = Slicer()
    _, _, client = await world.between(slicer.play)
    for slicer.pieces in cuts.random_cuts(RECORDED, seed=20, n=200):
        answer = await ask(client)
        assert hashlib.sha256(answer.body).hexdigest() == SHA256
