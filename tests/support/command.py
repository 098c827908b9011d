"""The real command in a process of its own, on free ports; what it prints is kept."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.support.http_answer import Answer
from tests.support.raw_client import RawClient, get
from tests.support.waiting import until

START_S = 30.0
"""A process starts in half a second; a machine that does other things may take longer."""
NOTICED_S = 1.0
"""A change of a file works within this time; stream-life 10.11 gives it half a second more."""
_ADDRESS = re.compile(r"^ +(?:(\w+) +)?https?://localhost:(\d+)", re.MULTILINE)


class Sluice:
    """`sluice serve`. Give it ports by configuration, or leave them free: `port` is the first listener's."""

    def __init__(self, *args: str, env: Mapping[str, str] | None = None, anywhere: bool = True) -> None:
        free = {"ADMIN_ADDR": "127.0.0.1:0", "STATS_ADDR": "127.0.0.1:0", "READINESS_ADDR": "127.0.0.1:0"}
        self._env = (
            {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")} | free | dict(env or {})
        )
        self._args = [*args, *(["--port", "0"] if anywhere else [])]
        self.stderr = ""
        self.lines: list[dict[str, object]] = []
        """Everything on stdout; each line is JSON."""
        self.port = 0
        self.side: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sluice", "serve", *self._args),
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._readers = [asyncio.create_task(self._read_stdout()), asyncio.create_task(self._read_stderr())]
        try:
            await until(lambda: "is ready" in self.stderr or self._readers[1].done(), within_s=START_S)
            await until(lambda: "readiness" in self.stderr or self._readers[1].done(), within_s=START_S)
        except BaseException:
            await self._end()
            raise
        for name, port in _ADDRESS.findall(self.stderr):
            self.side[name] = int(port)
            self.port = self.port or int(port)
        return self

    async def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(msgspec.json.decode(line, type=dict[str, object]))

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(1 << 16):
            self.stderr += data.decode()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._readers)

    # -- orders -------------------------------------------------------------------------------------------------------

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def exit_status(self, *, within_s: float = 5.0) -> int:
        """Wait until the process has ended and everything that it printed was read."""
        async with asyncio.timeout(within_s):
            await asyncio.gather(self._process.wait(), *self._readers)
        assert self._process.returncode is not None
        return self._process.returncode

    # -- questions ----------------------------------------------------------------------------------------------------

    async def client(self, port: int | None = None) -> RawClient:
        return await RawClient.connect(port or self.port)

    async def ask(self, door: str, path: str) -> Answer:
        """Ask a side door: `admin`, `stats` or `readiness`."""
        async with await RawClient.connect(self.side[door]) as client:
            client.send(get(path, "Connection: close").replace(b"gateway.test", b"localhost"))
            return await client.answer("GET")

    async def metric(self, name: str, *labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        text = (await self.ask("stats", "/metrics")).body.decode()
        found = re.findall(rf"^agentgateway_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for given, value in found if all(label in given for label in labels))

    def requests(self) -> list[dict[str, object]]:
        """The access log: `jq 'select(.scope == "request")'`."""
        return [line for line in self.lines if line.get("scope") == "request"]

    async def request_line(self, number: int = 1) -> dict[str, object]:
        await until(lambda: len(self.requests()) >= number)
        assert len(self.requests()) == number
        return self.requests()[-1]

    def messages(self) -> list[object]:
        return [line["message"] for line in self.lines if "message" in line]


def rewrite(path: Path, text: str) -> None:
    """Replace a file's content at once, as editors and kubelets do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)
