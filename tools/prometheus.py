"""A Prometheus of this machine: started with a scrape interval of a second, asked through its HTTP API, ended.

Obeys: prometheus.io/docs, "HTTP API" and "Configuration" (2.42; read 2026-11-21). Its folder is the caller's.
"""

import asyncio
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Self

import msgspec

from tools.process import Process, free_port, is_there

SCRAPE_S = 1
START_S = 20.0
FIRST_SCRAPE_S = 20.0
"""Prometheus hands its first targets to its scrapers five seconds after its start."""


class Sample(msgspec.Struct, frozen=True):
    """One series of an answer and its value, in seconds since the epoch and as text."""

    metric: dict[str, str]
    value: tuple[float, str]

    @property
    def number(self) -> float:
        return float(self.value[1])


class _Data(msgspec.Struct):
    result: list[Sample]


class _Answer(msgspec.Struct):
    data: _Data


class BadQuery(Exception):
    """Prometheus cannot read or evaluate it, and says why."""


def config(targets: str, namespace: str, rules: Path) -> str:
    """Return what Prometheus is told: whom to scrape, under which `job` and `namespace`, and the rules."""
    return f"""\
global: {{scrape_interval: {SCRAPE_S}s, evaluation_interval: {SCRAPE_S}s}}
rule_files: ["{rules.resolve()}"]
scrape_configs:
- job_name: sluice
  static_configs:
  - targets: ["{targets}"]
    labels: {{namespace: {namespace}}}
"""


class Prometheus:
    """`async with Prometheus(folder, "127.0.0.1:15020") as prometheus`: scrapes that address once a second."""

    def __init__(self, folder: Path, target: str, *, binary: str, rules: Path) -> None:
        self._folder, self._binary, self._rules = folder, binary, rules
        self._target = target
        self.url = f"http://127.0.0.1:{free_port()}"
        self.pages = self.url
        """Where its pages for people are: Debian's package has the older ones only."""

    async def __aenter__(self) -> Self:
        told = self._folder / "prometheus.yml"
        told.write_text(config(self._target, "demo", self._rules), encoding="utf-8")
        self._process = Process(
            *(self._binary, f"--config.file={told}", f"--storage.tsdb.path={self._folder / 'prometheus'}"),
            *(f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn"),
            says=self._folder / "prometheus.log",
        )
        try:
            await self._process.start()
            await self._process.answers(f"{self.url}/-/ready", within_s=START_S)
        except BaseException:
            await self._process.end()
            raise
        if await asyncio.to_thread(is_there, f"{self.url}/classic/graph"):
            self.pages = f"{self.url}/classic"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._process.end()

    async def scraped(self, *, after: float = 0.0) -> None:
        """Wait until there is a scrape that succeeded after a moment, in seconds since the epoch.

        Raises:
            TimeoutError: there is none in time.
        """
        async with asyncio.timeout(FIRST_SCRAPE_S):
            while True:
                if await self.query(f'up{{job="sluice"}} == 1 and timestamp(up{{job="sluice"}}) > {after}'):
                    return
                await asyncio.sleep(SCRAPE_S / 10)

    async def query(self, expression: str) -> list[Sample]:
        """Evaluate now.

        Raises:
            BadQuery: it cannot be read.
        """
        asked = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            body = await asyncio.to_thread(_get, asked)
        except urllib.error.HTTPError as error:
            raise BadQuery(f"{expression}: {error.read().decode()}") from error
        return msgspec.json.decode(body, type=_Answer).data.result

    async def number(self, expression: str) -> float:
        """Evaluate what comes to one number; 0 if there is no such series."""
        found = await self.query(expression)
        assert len(found) <= 1, f"{expression}: {len(found)} series"
        return found[0].number if found else 0.0


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # one of this machine's own, never from outside
        return bytes(answer.read())


def binary() -> str | None:
    """Return where Prometheus is, or None."""
    return shutil.which("prometheus")
