"""`sluice fake` in a process of its own, which can be killed as providers are."""

import asyncio
import contextlib
import re
import sys
from types import TracebackType
from typing import Self

import msgspec

from sluice.testing.fake_sight import Sight
from tests.support.command import START_S
from tests.support.raw_client import RawClient, get

_PORT = re.compile(rb"http://127\.0\.0\.1:(\d+)")


class FakeProcess:
    """`async with FakeProcess("--ttft-ms", "500") as fake`: on free ports; killed at the end at the latest."""

    def __init__(self, *args: str) -> None:
        self._args = args
        self.port = 0
        self._inspection = 0

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sluice", "fake", "--port", "0", "--inspect", "0", *self._args),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self.port, self._inspection = await self._told(), await self._told()
        return self

    async def _told(self) -> int:
        assert self._process.stderr is not None
        async with asyncio.timeout(START_S):
            line = await self._process.stderr.readline()
        found = _PORT.search(line)
        assert found is not None, line
        return int(found[1])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL: no goodbye, the kernel closes its sockets. Once it is dead this does nothing."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def seen(self) -> list[Sight]:
        """What it saw of its requests, newest last."""
        async with await RawClient.connect(self._inspection) as client:
            answer = await client.ask(get("/seen", "Connection: close"), "GET")
        return msgspec.json.decode(answer.body, type=list[Sight])
