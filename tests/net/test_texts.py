"""net.texts: key sets and password files from files and servers; no redirect is followed, nothing is read for ever."""

import asyncio
import os
from pathlib import Path

import pytest

from sluice.errors import ProtocolError, TimedOut, Unreachable, UpstreamError
from sluice.net import texts
from sluice.net.pool import Pool
from sluice.net.texts import MAX_BYTES, TextReader
from sluice.policies.server import Server, Source
from tests.net.asking import Closing
from tests.support.raw_upstream import LAST, Play, chunk, chunked_head, silent, sized, then_close
from tests.support.waiting import until
from tests.support.world import World


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool()))


async def fetch(world: World, pool: Pool, play: Play | bytes, target: str = "/keys") -> bytes:
    upstream = await world.upstream(play)
    server = Server(host="127.0.0.1", port=upstream.port)
    return await TextReader(pool).fetch(Source(server=server, target=target))


@pytest.mark.parametrize("answer", [sized(b"text"), chunked_head() + chunk(b"te") + chunk(b"xt") + LAST])
async def test_a_text_of_a_server_is_read_whole(world: World, pool: Pool, answer: bytes) -> None:
    assert await fetch(world, pool, answer) == b"text"
    assert pool.resting_connections == 1


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (sized(b"x", status="404 Not Found"), Unreachable),
        (sized(b"", "Location: http://127.0.0.1/other", status="302 Found"), Unreachable),
        (sized(b"x" * (MAX_BYTES + 1)), ProtocolError),
        (then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ntext"), UpstreamError),
        (then_close(b""), UpstreamError),
        (silent, TimedOut),
    ],
)
async def test_what_is_no_answer_is_an_error_and_leaves_no_connection(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch, play: Play | bytes, error: type[UpstreamError]
) -> None:
    monkeypatch.setattr(texts, "WITHIN_S", 0.5)
    with pytest.raises(error):
        await fetch(world, pool, play)
    await until(lambda: pool.open_connections == pool.resting_connections)


async def test_a_target_that_is_none_is_never_sent(world: World, pool: Pool) -> None:
    with pytest.raises(ValueError, match="a target is a path"):
        await fetch(world, pool, sized(b"text"), target="/a b\r\nx: y")


async def test_a_file_is_read_away_from_the_loop(pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(b"\xfftext")
    assert await TextReader(pool).fetch(Source(path=str(file))) == b"\xfftext"


async def test_files_that_hang_hold_up_no_other(pool: Pool, tmp_path: Path) -> None:
    file, reader = tmp_path / "users", TextReader(pool)
    file.write_bytes(b"text")
    pipes = [tmp_path / f"pipe{number}" for number in range(64)]
    for pipe in pipes:
        os.mkfifo(pipe)
    hanging = [asyncio.create_task(reader.fetch(Source(path=str(pipe)))) for pipe in pipes]
    try:
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert await reader.fetch(Source(path=str(file))) == b"text"
        assert not any(task.done() for task in hanging)
    finally:
        for pipe in pipes:
            os.close(os.open(pipe, os.O_RDWR))
        assert await asyncio.gather(*hanging) == [b""] * len(pipes)


@pytest.mark.parametrize("trouble", ["missing", "folder", "too long", "no path"])
async def test_a_file_that_cannot_be_read_is_an_error_that_names_it_and_no_content(
    pool: Pool, tmp_path: Path, trouble: str
) -> None:
    file = tmp_path / "users"
    path = str(file)
    if trouble == "folder":
        file.mkdir()
    elif trouble == "too long":
        file.write_bytes(b"secret" * MAX_BYTES)
    elif trouble == "no path":
        path += "\0"
    with pytest.raises(Unreachable, match="users") as caught:
        await TextReader(pool).fetch(Source(path=path))
    assert "secret" not in str(caught.value)
