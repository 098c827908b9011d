"""The demonstration as processes: a `sluice fake`, and a gateway in front of it with `deploy/demo/gateway.yaml`.

Used by `make observe` and by the tests of the dashboards, so that both show the same.
"""

import sys
from pathlib import Path
from typing import Self

from tools.process import Process, free_port

DEMO = Path(__file__).resolve().parents[1] / "deploy/demo/gateway.yaml"
FIRST_TOKEN_MS, BETWEEN_TOKENS_MS = 60, 8
"""How the fake is timed."""
START_S = 20.0


class Stage:
    """`async with Stage(folder) as stage`: both on free ports; the gateway's log is `folder/access.log`, its traces
    go to `otlp`, over HTTP."""

    def __init__(self, folder: Path, *, otlp: str) -> None:
        self._folder, self._otlp = folder, otlp
        self.port, self.admin, self.stats = free_port(), free_port(), free_port()
        self._fake_port, self._ready = free_port(), free_port()

    @property
    def log(self) -> Path:
        return self._folder / "access.log"

    async def __aenter__(self) -> Self:
        self._fake = Process(
            *(sys.executable, "-m", "sluice", "fake", "--port", str(self._fake_port)),
            *("--ttft-ms", str(FIRST_TOKEN_MS), "--itl-ms", str(BETWEEN_TOKENS_MS)),
            says=self._folder / "fake.log",
        )
        self._gateway = Process(
            *(sys.executable, "-m", "sluice", "serve", "--port", str(self.port), "--log-format", "json"),
            *("-f", str(self._configuration())),
            says=self._folder / "gateway.log",
            out=self.log,
            env={
                "ADMIN_ADDR": f"127.0.0.1:{self.admin}",
                "STATS_ADDR": f"127.0.0.1:{self.stats}",
                "READINESS_ADDR": f"127.0.0.1:{self._ready}",
                "DRAIN_TIMEOUT": "2s",
                "SLUICE_DATABASE": f"sqlite://{self._folder.resolve()}/ledger.db",
                "OTLP_ENDPOINT": self._otlp,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_TRACES_SAMPLER": "always_on",
                "OTEL_BSP_SCHEDULE_DELAY": "500",
            },
        )
        try:
            await self._fake.start()
            await self._gateway.start()
            await self._fake.answers(f"http://127.0.0.1:{self._fake_port}/v1/models", within_s=START_S)
            await self._gateway.answers(f"http://127.0.0.1:{self._ready}/healthz/ready", within_s=START_S)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._gateway.end()
        await self._fake.end()

    def _configuration(self) -> Path:
        """Return the file of the demonstration, with the fake where it is."""
        placed = self._folder / DEMO.name
        text = DEMO.read_text(encoding="utf-8").replace("port: 9000", f"port: {self._fake_port}")
        placed.write_text(text, encoding="utf-8")
        return placed
