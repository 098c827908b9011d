"""Behind an nginx that was told nothing but where the server is: streams are not held up (docs of X-Accel-Buffering,
nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering, read 2026-11-21)."""

import asyncio
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from tests.support.agent_process import begin, gapless
from tests.support.agent_site import AgentSites
from tests.support.fault_agents import says
from tests.support.sockets import free_ports
from tests.support.sse import Frame, read_frames
from tests.support.waiting import until

CONF = """daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{server}; }}
    location /ws {{ proxy_pass http://127.0.0.1:{server}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; }} }} }}
"""
PACE_S, WORDS = 0.05, 12


@contextmanager
def nginx(folder: Path, server: int) -> Iterator[int]:
    """Start one, and give its port. Where there is none the test is skipped, and fails in CI."""
    if shutil.which("nginx") is None:
        why = "NOT PROVEN: there is no nginx on this machine (Debian: apt-get install nginx-light)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    port = free_ports(1)[0]
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, port=port, server=server))
    process = subprocess.Popen(
        ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-p", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(5)


async def ready(ask: httpx.AsyncClient) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                if (await ask.get("/health/live")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.01)


def spread(times: list[float]) -> float:
    """Return the longest silence between two pieces."""
    return max(later - earlier for earlier, later in itertools.pairwise(times))


async def test_events_and_messages_come_one_by_one_through_nginx(agent_site: AgentSites, tmp_path: Path) -> None:
    site = await agent_site(says)
    with nginx(tmp_path, site.port) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as ask:
            await ready(ask)
            run = await begin(ask, "says", f"{WORDS} {PACE_S}")
            frames: list[Frame] = []
            times: list[float] = []
            async with ask.stream("GET", f"/runs/{run}/stream") as answer:
                assert "x-accel-buffering" not in answer.headers, "nginx takes it for itself"
                async for frame in read_frames(answer):
                    frames.append(frame)
                    times.append(time.monotonic())
            gapless(frames)
            assert times[-1] - times[0] > (WORDS - 3) * PACE_S, "it came all at once"
            assert spread(times) < 4 * PACE_S, "it came in lumps"
            heard: list[str] = []
            times = []
            order = {"type": "run", "text": f"{WORDS} {PACE_S}", "agent": "says"}
            async with connect(f"ws://127.0.0.1:{port}/ws", subprotocols=["sluice.v1"]) as socket:  # type: ignore[list-item]
                await socket.send(msgspec.json.encode(order).decode())
                while not heard or heard[-1] not in ("run.finished", "run.failed", "error"):
                    heard.append(msgspec.json.decode(await socket.recv())["type"])
                    times.append(time.monotonic())
            assert heard.count("text.delta") == WORDS
            assert times[-1] - times[0] > (WORDS - 3) * PACE_S
            assert spread(times) < 4 * PACE_S
            gone = await begin(ask, "says", "on", on_disconnect="cancel", multitask_strategy="enqueue")
            async with ask.stream("GET", f"/runs/{gone}/stream") as answer:
                async for _ in read_frames(answer):
                    break
        await until(lambda: not any(one.viewers for one in site.service.running.values()))
