"""`sluice agent` as a process of its own on a known port: it can be killed, stopped, and started again."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from tests.support.sockets import free_ports
from tests.support.sse import Frame, read_frames
from tests.support.waiting import LOOK_S, until

AGENTS = Path(__file__).with_name("fault_agents.py")
START_S = 20.0
EXIT_S = 10.0


class AgentProcess:
    """Serves tests/support/fault_agents.py with a store; enter it to start it. It keeps its port when started again."""

    def __init__(self, folder: Path, store: str, *args: str, env: Mapping[str, str] | None = None) -> None:
        self.folder, self._store, self._args = folder, store, args
        self.trace = folder / "trace"
        self._env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        self._env |= {"FAULTS_TRACE": str(self.trace), "LOG_FORMAT": "json", **(env or {})}
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.out = self.err = ""
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start it, and return when it answers."""
        self.out = ""
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sluice", "agent", f"{AGENTS}:agents"),
            *("--port", str(self.port), "--store", self._store, *self._args),
            env=self._env,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._readers = [
            asyncio.create_task(self._read(process.stdout, "out")),
            asyncio.create_task(self._read(process.stderr, "err")),
        ]
        await until(lambda: "Listening" in self.out or self._readers[0].done(), within_s=START_S)
        assert "Listening" in self.out, self.err

    async def _read(self, stream: asyncio.StreamReader | None, name: str) -> None:
        assert stream is not None
        while data := await stream.read(1 << 16):
            setattr(self, name, getattr(self, name) + data.decode())

    # -- orders -------------------------------------------------------------------------------------------------------

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        """End it as a crash or the kernel does: nothing of it has a last word."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self.exit_status()

    async def kill_when_written(self, store: Path, told: Callable[[], Mapping[str, int]]) -> None:
        """Kill it at a moment at which the SQLite file `store` has all events that readers were told: `told` says the
        last number that any reader of a run has.

        The log may be behind its readers by what 5 ms brought (agents.md D.5). A process that stands still says no
        more, so it is stopped, and goes on where that little is not written yet."""
        while True:
            self.signal(signal.SIGSTOP)
            await until(lambda: Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
            for _ in range(20):
                await asyncio.sleep(LOOK_S)  # what it has said is read
            with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
                written = dict(db.execute("SELECT run_id, MAX(seq) FROM events GROUP BY run_id"))
            if all(number <= written.get(run, 0) for run, number in told().items()):
                return await self.kill()
            self.signal(signal.SIGCONT)
            await asyncio.sleep(LOOK_S)

    async def exit_status(self) -> int:
        """Wait until it has ended, and all that it printed was read."""
        if self._process is None:
            return 0
        async with asyncio.timeout(EXIT_S):
            status = await self._process.wait()
            await asyncio.gather(*self._readers)
        return status

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    # -- questions ----------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def rss_bytes(self) -> int:
        """Its memory that is resident now."""
        return _status(self.pid, "VmRSS")

    def sockets(self) -> int:
        """How many sockets it has open."""
        links = (os.readlink(each) for each in Path(f"/proc/{self.pid}/fd").iterdir() if each.is_symlink())
        return sum(link.startswith("socket:") for link in links)

    def cpu_s(self) -> float:
        """CPU seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def traced(self) -> list[str]:
        """What its agents noted, in all its lives."""
        return self.trace.read_text().split("\n")[:-1] if self.trace.exists() else []

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=30, **options)


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().split("\n"):
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"the kernel does not say {name}")


def body(agent: str, text: str, **more: Any) -> dict[str, Any]:
    """Return the body that begins a run."""
    return {"assistant_id": agent, "input": {"messages": [{"role": "user", "content": text}]}, **more}


async def begin(
    client: httpx.AsyncClient, agent: str, text: str, *, thread: str = "", key: str = "", **more: Any
) -> str:
    """Begin a run and return its id."""
    path = f"/threads/{thread}/runs" if thread else "/runs"
    headers = {"idempotency-key": key} if key else {}
    answer = await client.post(path, json=body(agent, text, if_not_exists="create", **more), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run_id"])


async def read_on(client: httpx.AsyncClient, run: str, after: int = 0, *, upto: int = 0) -> list[Frame]:
    """Return the native events of a run behind a cursor: to the end of the stream, or up to number `upto`."""
    found: list[Frame] = []
    headers = {"last-event-id": str(after)} if after else {}
    async with client.stream("GET", f"/runs/{run}/stream", headers=headers) as answer:
        assert answer.status_code == 200, answer.status_code
        async for frame in read_frames(answer):
            found.append(frame)
            if upto and int(frame.id or 0) >= upto:
                break
    return found


async def read_through(url: str, run: str, told: list[Frame]) -> None:
    """Read a run to its terminal event as an EventSource does: whenever the connection breaks, come back with the id of
    the last event. What is read is put behind `told` as it comes."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        while not (told and told[-1].event in ("run.finished", "run.failed")):
            after = next((frame.id for frame in reversed(told) if frame.id), "")
            try:
                headers = {"last-event-id": after} if after else {}
                async with client.stream("GET", f"/runs/{run}/stream", headers=headers) as answer:
                    if answer.status_code == 200:
                        async for frame in read_frames(answer):
                            told.append(frame)  # noqa: PERF401  # others look at it meanwhile
            except httpx.TransportError:
                await asyncio.sleep(0.02)  # nobody is there yet


def gapless(frames: list[Frame]) -> None:
    """Fail unless these are all events of a run, each once, with one end."""
    assert [int(frame.id) for frame in frames] == list(range(1, len(frames) + 1))
    ends = [frame.event for frame in frames if frame.event in ("run.finished", "run.failed")]
    assert len(ends) == 1
    assert frames[-1].event == ends[0]


def text_of(frames: list[Frame]) -> str:
    """Return the text that the events say."""
    deltas = [frame.data for frame in frames if frame.event == "text.delta"]
    return "".join(msgspec.json.decode(data)["text"] for data in deltas)
