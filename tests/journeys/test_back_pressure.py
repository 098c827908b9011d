"""A thousand clients read nothing while the provider offers 50 MB to each, through the real command: its memory stays
bounded, another stream does not notice, and in the end they are cut. A client that reads slowly is not.

`test_backpressure` has one client at a time, byte for byte. The provider here writes with a small buffer, and the
clients ask for an Ethernet's segments: else what this test waits for is the kernel's megabytes for each socket of the
loopback interface, which are none of the gateway's.
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.fake_process import FakeProcess
from tests.support.command import Sluice
from tests.support.events import DONE, ROLE, delta
from tests.support.raw_client import RawClient, request
from tests.support.raw_upstream import Call, chunk, chunked_head
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

CLIENTS = 1000
OFFERED_BYTES = 50 << 20
MAX_GROWTH_BYTES = 256 << 20
MAX_ADDED = 1.10
FLOOR_S = 0.002
"""The p99s of two idle gateways differ by as much when other processes use the machine."""
GAP_S = 0.004
EVENTS = 125
"""In a window: half a second."""
WINDOWS = 5
ETHERNET_BYTES = 1448
PIECE = delta(content="x" * 1000) * 50
SLOW_READER_S = 12
"""Longer than a slow machine takes to let a thousand in and measure with them."""
_AT = re.compile(rb"at (\d+) ")


class Measured(Sluice):
    """The real command, and what the kernel says of its process."""

    @property
    def peak_bytes(self) -> int:
        """The most memory that it ever held."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().split("\n")
        (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(peak) << 10

    @property
    def cpu_s(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def config(slow_reader: str, **providers: int) -> str:
    models = "".join(
        f"""
    - name: {name}
      provider: openAI
      params: {{baseUrl: "http://127.0.0.1:{port}/v1", apiKey: unused}}"""
        for name, port in providers.items()
    )
    return f"""
llm:
  models:{models}
  policies:
    stream: {{slowReaderTimeout: {slow_reader}}}
"""


def stream_of(model: str, question: str = "hi") -> bytes:
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": question}]}
    return request(json.dumps(body).encode(), path="/v1/chat/completions")


class Flood:
    """Offers OFFERED_BYTES to whoever asks, as fast as they are taken."""

    def __init__(self) -> None:
        self.taken_bytes = 0
        self.asked = 0
        self.left = 0

    async def play(self, call: Call) -> None:
        call.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        call.writer.transport.set_write_buffer_limits(high=0)
        await call.request()
        self.asked += 1
        call.send(chunked_head(), chunk(ROLE))
        mine = 0
        try:
            while mine < OFFERED_BYTES:
                call.send(chunk(PIECE))
                await call.writer.drain()
                mine += len(PIECE)
                self.taken_bytes += len(PIECE)
        finally:
            self.left += 1

    async def settled(self) -> None:
        """Wait until everybody has asked and nothing more is taken."""
        before = -1
        async with asyncio.timeout(20):
            while self.asked < CLIENTS or self.taken_bytes != before:
                before = self.taken_bytes
                await asyncio.sleep(0.2)


async def steady(call: Call) -> None:
    """A provider whose tokens say when they were sent."""
    await call.request()
    call.send(chunked_head(), chunk(ROLE))
    while not call.reader.at_eof():
        await asyncio.sleep(GAP_S)
        if not call.writer.transport.is_closing():
            call.send(chunk(delta(content=f"at {time.monotonic_ns()} ")))


async def window(client: RawClient) -> float:
    """The p99 of what the way through the gateway takes, in seconds, of what is sent from now on: what came earlier
    has waited for this client to read it."""
    began, lags = time.monotonic_ns(), list[int]()
    while len(lags) < EVENTS:
        data = await client.reader.read(1 << 16)
        now = time.monotonic_ns()
        lags += [now - int(sent) for sent in _AT.findall(data) if int(sent) >= began]
    return sorted(lags)[-2] / 1e9


async def windows(idle: RawClient, loaded: RawClient) -> list[tuple[float, float]]:
    """The p99 through a gateway that has nothing else to do and through the other one, at the same moments, since what
    else runs on the machine disturbs both: so many windows that the best of each keep the promise, but WINDOWS at
    most."""
    pairs: list[tuple[float, float]] = []
    while not pairs or (len(pairs) < WINDOWS and not unnoticed(pairs)):
        pairs.append(await asyncio.gather(window(idle), window(loaded)))
    return pairs


def unnoticed(pairs: list[tuple[float, float]]) -> bool:
    """What else runs adds to a window, and never takes away."""
    idle_s, loaded_s = (min(each) for each in zip(*pairs, strict=True))
    return loaded_s <= max(MAX_ADDED * idle_s, idle_s + FLOOR_S)


async def asking(port: int, asks: bytes) -> socket.socket:
    """A client that asks, and reads nothing of itself."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, ETHERNET_BYTES)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    await loop.sock_sendall(sock, asks)
    return sock


async def test_a_thousand_who_read_nothing_cost_little_and_disturb_nobody(world: World, tmp_path: Path) -> None:
    flood = Flood()
    providers = {"flood": (await world.upstream(flood.play)).port, "steady": (await world.upstream(steady)).port}
    file = tmp_path / "llm.yaml"
    file.write_text(config(f"{SLOW_READER_S}s", **providers))
    async with (
        Sluice("-f", str(file)) as idle,
        Measured("-f", str(file)) as sluice,
        await idle.client() as twin,
        await sluice.client() as other,
        contextlib.AsyncExitStack() as deaf,
    ):
        for client in (twin, other):
            client.send(stream_of("steady"))
            await client.head()
        assert unnoticed(await windows(twin, other)), "two that are alike"
        before = sluice.peak_bytes

        for _ in range(CLIENTS):
            deaf.enter_context(await asking(sluice.port, stream_of("flood")))
        await flood.settled()
        assert flood.taken_bytes < CLIENTS * OFFERED_BYTES / 10
        used, began = sluice.cpu_s, time.monotonic()
        pairs = await windows(twin, other)
        used, took = sluice.cpu_s - used, time.monotonic() - began
        grown = sluice.peak_bytes - before
        assert len(sluice.requests()) == 0, "none of them was ended while this was measured"

        assert grown < MAX_GROWTH_BYTES, f"{grown >> 20} MiB"
        assert unnoticed(pairs), pairs
        assert used / took < 0.25, "who waits for nothing but room costs no time"

        await until(lambda: len(sluice.requests()) == CLIENTS, within_s=3 * SLOW_READER_S)
        assert Counter((line["stream.outcome"], line["http.status"]) for line in sluice.requests()) == {
            ("slow_reader", 499): CLIENTS
        }
        await until(lambda: flood.left == CLIENTS)
        assert await sluice.metric("active_streams") == 1
        assert await sluice.metric("exchange_outcomes_total", 'outcome="slow_reader"') == CLIENTS
        await window(other)
    assert "Traceback" not in sluice.stderr


async def test_a_client_that_reads_a_few_kilobytes_a_second_is_not_cut(tmp_path: Path) -> None:
    """Beside it one that reads nothing is, three times over; and in the end it has all that there was."""
    loop, file = asyncio.get_running_loop(), tmp_path / "llm.yaml"
    asked = stream_of("flood", '[[fake {"fault": {"flood_bytes": 6291456}}]]')
    async with FakeProcess() as fake:
        file.write_text(config("1s", flood=fake.port))
        async with Measured("-f", str(file)) as sluice:
            slow, body = await asking(sluice.port, asked), bytearray()
            deaf: list[socket.socket] = []
            cut, began = 0, loop.time()
            while cut < 3 or loop.time() - began < 4:
                if len(deaf) == cut:
                    deaf.append(await asking(sluice.port, asked))
                await asyncio.sleep(0.3)  # that slowly it reads
                body += await loop.sock_recv(slow, 2048)
                cut = len(sluice.requests())
                assert loop.time() - began < 20
            addresses = {"{}:{}".format(*sock.getsockname()) for sock in deaf[:cut]}
            assert {line["src.addr"] for line in sluice.requests()} == addresses
            assert {line["stream.outcome"] for line in sluice.requests()} == {"slow_reader"}
            async with asyncio.timeout(20):
                while not body.endswith(b"0\r\n\r\n"):
                    body += await loop.sock_recv(slow, 1 << 20)
            assert DONE in body[-100:]
            await until(lambda: any(line["stream.outcome"] == "completed" for line in sluice.requests()))
            for sock in (slow, *deaf):
                sock.close()
