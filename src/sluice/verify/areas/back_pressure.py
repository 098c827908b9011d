"""A client that does not read, while its provider offers 50 MB: the provider is stopped, and others are served."""

import asyncio
import time

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify import judge
from sluice.verify.asking import Wish
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.http_client import Asking
from sluice.verify.rig import Rig

FLOOD_BYTES = 50 << 20
MOST_BYTES = 24 << 20
"""That may leave the provider. Of it the kernels hold most: two sockets' send buffers of up to 4 MiB, and a receive
buffer that grows with its reader."""
STILL_S = 0.7
"""A provider that has written nothing for so long is stopped."""
FLOOD_S = 15.0
"""Until then it has to be, or the flood is over."""
RECEIVE_BUFFER = 64 << 10
"""Of the client that does not read."""
PROMPT_S = 1.0
READ_ON_BYTES = 4 << 20


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area: each client with its own provider, and with another one."""
    gateway, dice = rig.gateway, rig.dice["back-pressure"]
    found = []
    for client in gateway.clients:
        own = [provider for provider in gateway.providers if provider == client]
        others = [provider for provider in gateway.providers if provider != client]
        found += [_cell(rig, client, provider) for provider in own + ([dice.choice(others)] if others else [])]
    return found


def _cell(rig: Rig, client: Client, provider: Provider) -> Cell:
    return Cell(
        area="back-pressure",
        name=f"{client} from {provider}",
        client=client,
        provider=provider,
        sent=f"{FLOOD_BYTES >> 20} MiB of text to a client that does not read",
        expected=f"the provider stopped before {MOST_BYTES >> 20} MiB, other answers meanwhile within {PROMPT_S:g} s, "
        "and the rest once the client reads",
        play=Asker(rig, client, provider).ask,
    )


class Asker(msgspec.Struct, frozen=True):
    """The question of one cell."""

    rig: Rig
    client: Client
    provider: Provider

    async def ask(self) -> Verdict:
        rig = self.rig
        await rig.layout(self.client, self.provider)
        wish = rig.wish(self.client, self.provider, Fault(flood_bytes=FLOOD_BYTES))
        try:
            asking = await rig.begin(wish, reads=False, receive_buffer=RECEIVE_BUFFER)
        except OSError:
            return failed("no connection")
        try:
            written, moving = await self._stopped(wish)
            if moving:
                return failed(f"the provider was not stopped: it had written {written >> 20} MiB")
            if written == 0:
                return failed("the provider was never asked, or wrote nothing")
            slowest_s = await self._others()
            if slowest_s is None:
                return failed(f"the provider was stopped at {written >> 10} KiB, but other answers were not right")
            if slowest_s > PROMPT_S:
                return failed(f"another answer took {slowest_s:.2f} s meanwhile")
            read = await self._read_on(asking)
        finally:
            asking.close()
        words = f"stopped at {written >> 10} KiB, other answers within {slowest_s * 1000:.0f} ms, then {read >> 10} KiB"
        return passed(words) if read >= READ_ON_BYTES else failed(f"the stream did not go on: {words}")

    async def _stopped(self, wish: Wish) -> tuple[int, bool]:
        """Wait until the provider is stopped; return how many bytes of its body it wrote, and whether it goes on."""
        written, still_since = 0, time.monotonic()
        deadline = still_since + FLOOD_S
        while (now := time.monotonic()) < deadline and now - still_since < STILL_S:
            await asyncio.sleep(0.05)
            sight = self.rig.sight(wish)
            if sight is None:
                continue
            if sight.body_bytes >= MOST_BYTES or sight.ended != "open":
                return sight.body_bytes, True
            if sight.body_bytes != written:
                written, still_since = sight.body_bytes, now
        return written, now >= deadline

    async def _others(self) -> float | None:
        """Ask three times in a row as other clients do; return the slowest one's seconds, None = one was not right."""
        slowest_s = 0.0
        for _ in range(3):
            wish = self.rig.wish(self.client, self.provider)
            heard = await self.rig.ask(wish)
            if judge.complete(judge.read(self.client, heard), wish.content).result != "pass":
                return None
            slowest_s = max(slowest_s, heard.ended_s - heard.asked_s)
        return slowest_s

    async def _read_on(self, asking: Asking) -> int:
        """Read again, for a while; return how many bytes of the body came."""
        asking.read_on()
        deadline = time.monotonic() + FLOOD_S
        while asking.answer.body_bytes < READ_ON_BYTES and time.monotonic() < deadline and not asking.over:  # noqa: ASYNC110 - bytes are no event
            await asyncio.sleep(0.02)
        return asking.answer.body_bytes
