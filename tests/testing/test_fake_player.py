"""The player beside others on its event loop."""

import time
from itertools import repeat

from sluice.testing.fake_player import TURN_BYTES
from sluice.testing.fake_provider import FakeProvider, Script
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
