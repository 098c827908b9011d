"""Viewers: heartbeats, slow ones, stalled ones, and what comes without a body."""

import asyncio
import socket
from typing import Any

import httpx
import pytest

from sluice.agent_server import event_stream
from sluice.agent_server.event_stream import SLOW_S, Pace, as_sse
from sluice.agents.agent import Agent
from sluice.agents.asked import Asked
from sluice.runs.events import Codec, TextDelta
from sluice.runs.messages import said
from sluice.runs.projection import Frame
from sluice.runs.projections.native import Native
from tests.support.agent_site import AgentSites
from tests.support.agents import echo, waits
from tests.support.sse import frames
from tests.support.waiting import until

WORDS = 4000
WORD = "x" * 2000
LAST_CHUNK = b"\r\n0\r\n\r\n"


def floods(gate: asyncio.Event) -> Agent:
    """Say megabytes, but only when the gate is open."""
    agent = Agent("floods")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        await gate.wait()
        for _ in range(WORDS):
            yield WORD

    return agent


def small_socket(port: int, path: str) -> socket.socket:
    """Ask for a stream with next to no room for it."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asking.connect(("127.0.0.1", port))
    asking.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    return asking


def drained(asking: socket.socket) -> bytes:
    """Return what is left to read, up to the end of the answer or of the connection."""
    out = bytearray()
    with asking:
        asking.settimeout(5)
        while not out.endswith(LAST_CHUNK) and (data := asking.recv(1 << 20)):
            out += data
    return bytes(out)


def dechunked(body: bytes) -> bytes:
    """Return a body without its chunks' lengths (RFC 9112, section 7.1)."""
    out = b""
    while body:
        length, _, body = body.partition(b"\r\n")
        out, body = out + body[: int(length, 16)], body[int(length, 16) + 2 :]
    return out


def test_frames_end_in_line_feeds_only() -> None:
    written = as_sse([Frame(b"{}", "a", "1"), Frame(b"[1]")])
    assert written == b"id: 1\nevent: a\ndata: {}\n\ndata: [1]\n\n"


async def test_a_silence_is_broken_by_comments(agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Native, "heartbeat_s", 0.02)
    gate = asyncio.Event()
    site = await agent_site(waits(gate))
    run = await site.service.start(Asked(owner="local", input=(said("x"),)))
    async with (
        httpx.AsyncClient(base_url=site.url, timeout=5) as ask,
        ask.stream("GET", f"/runs/{run.id}/stream") as answer,
    ):
        beats = 0
        async for line in answer.aiter_lines():
            beats += line == ": keep-alive"
            if beats == 3:
                gate.set()
    assert beats >= 3


async def test_a_stalled_viewer_is_dropped_and_holds_up_nobody(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SEND_S", 0.2)
    gate = asyncio.Event()
    site = await agent_site(floods(gate))
    run = await site.service.start(Asked(owner="local", input=(said("x"),)))
    stalled = small_socket(site.port, f"/runs/{run.id}/stream")
    running = site.service.running[run.id]
    await until(lambda: running.viewers == 1)
    async with httpx.AsyncClient(base_url=site.url, timeout=20) as ask:
        reading = asyncio.create_task(ask.get(f"/runs/{run.id}/stream"))
        await until(lambda: running.viewers == 2)
        gate.set()
        read = frames((await reading).content)
        assert read[-1].event == "run.finished"
        text = "".join(
            one.text for one in map(Codec.decode, [frame.data for frame in read]) if isinstance(one, TextDelta)
        )
        assert text == WORD * WORDS
        await until(lambda: not any(task.get_name() == f"viewer of {run.id}" for task in asyncio.all_tasks()))
        resumed = frames((await ask.get(f"/runs/{run.id}/stream?after={WORDS}")).content)
        assert int(resumed[0].id) > WORDS
    rest = await asyncio.to_thread(drained, stalled)
    assert len(rest) < len(WORD) * WORDS / 2
    assert not rest.endswith(LAST_CHUNK)  # dropped, not served late
    assert site.faults == []


async def test_a_slow_viewer_gets_fewer_frames_and_all_of_the_text(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = Pace()
    monkeypatch.setattr(event_stream, "Pace", lambda: pace)
    clock = asyncio.get_running_loop().time
    gate = asyncio.Event()
    site = await agent_site(floods(gate))
    run = await site.service.start(Asked(owner="local", input=(said("x"),)))
    slow = small_socket(site.port, f"/runs/{run.id}/stream")
    await until(lambda: site.service.running[run.id].viewers == 1)
    gate.set()
    await until(lambda: pace.since is not None and clock() - pace.since > SLOW_S)  # nothing is read here so far
    await until(lambda: run.id not in site.service.running)
    head, _, body = (await asyncio.to_thread(drained, slow)).partition(b"\r\n\r\n")
    read = frames(dechunked(body))
    told = [Codec.decode(frame.data) for frame in read]
    assert head.startswith(b"HTTP/1.1 200")
    assert "".join(one.text for one in told if isinstance(one, TextDelta)) == WORD * WORDS
    assert len(read) < WORDS / 2
    assert [int(frame.id) for frame in read] == sorted({int(frame.id) for frame in read})


async def test_head_tells_the_headers_and_nothing_else(agent_site: AgentSites) -> None:
    site = await agent_site(waits(asyncio.Event()))
    run = await site.service.start(Asked(owner="local", input=(said("x"),)))
    async with httpx.AsyncClient(base_url=site.url, timeout=2) as ask:
        answer = await ask.head(f"/runs/{run.id}/stream")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.content == b""


async def test_a_thread_with_any_name_has_its_place_in_the_headers(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    name = "tür 1\r\nset-cookie: a=b"
    run = await site.service.start(Asked(owner="local", thread_id=name, input=(said("x"),)))
    async with httpx.AsyncClient(base_url=site.url, timeout=2) as ask:
        answer = await ask.get(f"/runs/{run.id}/stream")
        again = await ask.get(answer.headers["content-location"] + "/stream", params={"protocol": "native"})
    assert "set-cookie" not in answer.headers
    assert again.content == answer.content
