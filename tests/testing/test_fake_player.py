"""The player beside others on its event loop."""

import time
from itertools import repeat
from unittest.mock import Mock

import pytest

from sluice.testing import fake_player
from sluice.testing.fake_player import TURN_BYTES, Player
from sluice.testing.fake_provider import FakeProvider, Script
from sluice.testing.fake_script import EVENT, Item, Pause
from tests.testing.sockets import HI, Socket, post


async def test_a_client_that_reads_as_fast_as_it_is_written_to_keeps_nobody_waiting() -> None:
    """No back-pressure ever stops this answer: its client takes everything."""
    async with FakeProvider() as fake:
        fake.script(Script(chunks=repeat(b"x" * 1000)))
        async with Socket(fake.port) as s:
            await s.send(post(HI))
            await s.head()
            longest, received, now = 0.0, 0, time.monotonic()
            while received < 64 * TURN_BYTES:
                received += len(await s.receive())
                now, before = time.monotonic(), now
                longest = max(longest, now - before)
        assert longest < 0.25
        assert fake.sights[0].events > received // 1010
        await fake.until(lambda: fake.aborted == 1, within_s=0.5)


async def test_one_turn_is_bounded_even_if_nothing_is_written() -> None:
    """Compressing for a while yields nothing: the loop has its turn all the same."""
    async with FakeProvider() as fake:
        fake.script(Script(chunks=repeat(b"")))
        async with Socket(fake.port) as s:
            await s.send(post(HI))
            await fake.until(lambda: fake.open_streams == 1)
        await fake.until(lambda: fake.aborted == 1, within_s=0.5)


@pytest.mark.parametrize("chunks", [[b"all of it"], [b"all of it", EVENT]])
async def test_an_answer_that_has_left_whole_is_finished_though_its_turn_is_over(
    monkeypatch: pytest.MonkeyPatch, chunks: list[Item]
) -> None:
    """Its client may have read it, and be gone, before there is another turn."""
    monkeypatch.setattr(fake_player, "TURN_BYTES", 1)
    ended: list[str] = []
    client = Mock()
    script = Script(chunks=chunks, length=9, marked=EVENT in chunks)
    watch = Mock(head_sent_s=None, body_bytes=0, events=0)
    player = Player(script, client, Mock(), watch, lambda _, how: ended.append(how))
    player.play()
    client.write.assert_called_once_with(b"all of it")
    client.finish.assert_called_once_with()
    player.client_gone()
    assert ended == ["finished"]
    assert watch.events == 1


@pytest.mark.parametrize("limit", ["TURN_BYTES", "TURN_S"])
async def test_every_item_is_played_where_each_takes_a_turn(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(fake_player, limit, 0)
    chunks = [b"", b"one ", EVENT, Pause(0.01), b"two ", Pause(0), b"three", EVENT]
    async with FakeProvider() as fake:
        fake.script(Script(chunks=chunks, length=13, marked=True))
        async with Socket(fake.port) as s:
            await s.send(post(HI))
            await s.head()
            assert await s.exactly(13) == b"one two three"
            await fake.until(lambda: fake.finished == 1)
        assert fake.sights[0].events == 2
