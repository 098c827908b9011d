"""Many viewers and many runs on one real server: nobody holds anybody up, memory has an end, and nothing is left."""

import asyncio
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import msgspec

from tests.support.agent_process import AgentProcess, begin, gapless, read_on
from tests.support.sse import Frame
from tests.support.waiting import until

VIEWERS, STALLED = 200, 20
WORDS, PACE_S, WORD = 100, 0.08, 6_000
RUNS = 1000
RUN_BYTES = 64 << 10


def run_ms(frames: list[Frame]) -> float:
    """Return how long a run took, as its own stopwatch says."""
    return float(msgspec.json.decode(frames[-1].data)["stats"]["duration_ms"])


async def heard(port: int, run: str) -> bytes:
    """Watch a run to the end of the connection, at next to no cost of ours."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    writer.write(f"GET /runs/{run}/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    body = await reader.read()
    writer.close()
    return body


def left_of(sock: socket.socket) -> bytes:
    """Return what a viewer who read nothing finds when it looks at last."""
    out = b""
    sock.settimeout(5)
    try:
        while data := sock.recv(1 << 20):
            out += data
    except ConnectionResetError:
        return out
    return out


async def test_two_hundred_viewers_do_not_slow_a_run_down(tmp_path: Path) -> None:
    """Twenty of them read nothing. A run of 80 ms a word has time enough; what it loses, it loses to its viewers."""
    small = {"FAULTS_SEND_BUFFER": "16384"}  # otherwise the kernel would hold megabytes for those who read nothing
    async with AgentProcess(tmp_path, "sqlite:///runs.db", env=small) as server, server.client() as ask:
        alone = run_ms(await read_on(ask, await begin(ask, "says", f"{WORDS // 10} {PACE_S} {WORD}"))) * 10
        before = server.rss_bytes()
        run = await begin(ask, "says", f"{WORDS} {PACE_S} {WORD}")
        with ExitStack() as stack:
            stalled = [stack.enter_context(socket.socket()) for _ in range(STALLED)]
            for sock in stalled:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                sock.connect(("127.0.0.1", server.port))
                sock.sendall(f"GET /runs/{run}/stream HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            bodies = await asyncio.gather(*(heard(server.port, run) for _ in range(VIEWERS - STALLED)))
            grown = server.rss_bytes() - before
            kept = [left_of(sock) for sock in stalled]
        whole = await read_on(ask, run)
        gapless(whole)
        for body in bodies:
            assert body.count(b"\nevent: ") == len(whole), "a viewer who kept up missed something"
        for seen in kept:
            assert 0 < seen.count(b"\nevent: text.delta") < WORDS
            assert b"event: run.finished" not in seen, "it was not dropped"
        watched = run_ms(whole)
        print(f"alone {alone:.0f} ms, watched {watched:.0f} ms, grown {grown >> 10} KiB")
        assert watched <= 1.1 * alone, f"{watched:.0f} ms instead of {alone:.0f} ms"
        assert grown <= VIEWERS * 256 * 1024, f"{grown >> 10} KiB"
        last = kept[0].count(b"\nid: ")
        assert await read_on(ask, run, last) == whole[last:], "who was dropped cannot come back"


async def test_a_thousand_runs_at_once_cost_at_most_64_kib_each_and_leave_nothing(tmp_path: Path) -> None:
    async with AgentProcess(tmp_path, "sqlite:///runs.db") as server:
        async with server.client(limits=httpx.Limits(max_connections=20)) as ask:
            for _ in range(50):  # what is imported, opened and cached once is nobody's
                await begin(ask, "says", "2 0")
            await begin(ask, "says", "70 0")
            await _until_none_runs(ask)
            before, sockets = server.rss_bytes(), server.sockets()
            runs: list[str] = []
            for start in range(0, RUNS, 20):
                more = (begin(ask, "says", "on 10", thread=f"t{start + each}") for each in range(20))
                runs += await asyncio.gather(*more)
            most = server.rss_bytes()
            assert await _active(ask) == RUNS
            each = (most - before) / RUNS
            print(f"{each / 1024:.1f} KiB a run")
            assert each <= RUN_BYTES, f"{each / 1024:.1f} KiB a run"
            began = time.monotonic()
            for start in range(0, RUNS, 20):
                await asyncio.gather(*(ask.post(f"/runs/{run}/cancel") for run in runs[start : start + 20]))
            await _until_none_runs(ask)
            assert time.monotonic() - began < 20
            for run in (runs[0], runs[RUNS // 2], runs[-1]):
                frames = await read_on(ask, run)
                gapless(frames)
                assert msgspec.json.decode(frames[-1].data)["outcome"] == "cancelled"
        await until(lambda: server.sockets() <= sockets, within_s=5)
        assert "fault" not in server.err
    assert _rows(tmp_path / "runs.db", "leases") == 0
    assert _rows(tmp_path / "runs.db", "runs WHERE status IN ('pending', 'running')") == 0


def _rows(path: Path, what: str) -> int:
    import sqlite3

    with sqlite3.connect(path) as db:
        count = int(db.execute(f"SELECT count(*) FROM {what}").fetchone()[0])  # ours
    db.close()
    return count


async def _active(ask: httpx.AsyncClient) -> int:
    """Return how many runs live, as the server's metrics say."""
    for line in (await ask.get("/metrics")).text.split("\n"):
        if line.startswith("sluice_agent_active_runs"):
            return int(float(line.rpartition(" ")[2]))
    raise AssertionError("no such metric")


async def _until_none_runs(ask: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while await _active(ask):
            await asyncio.sleep(0.05)
