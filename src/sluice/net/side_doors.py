"""The addresses beside the data plane: metrics, readiness, admin. An ordinary web application on listeners of its own.

What the admin's shows and may do: `sluice.admin`. Shows no secret: the plan is dumped with every credential hidden.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sluice.admin.app import admin_app
from sluice.admin.live import Live
from sluice.admin.plan_map import PlanMap
from sluice.config.dump import dump
from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.gateway.gateway import Gateway
from sluice.gateway.ports import Upstream
from sluice.net.listener import bind
from sluice.net.pool import Pool
from sluice.net.watching import Lookout
from sluice.telemetry import server_names as names
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import Threshold


class Doors(Protocol):
    """What the side doors show."""

    metrics: Metrics
    threshold: Threshold

    gateway: Gateway
    pool: Pool
    lookout: Lookout | None

    @property
    def plan(self) -> Plan: ...

    @property
    def ready(self) -> bool: ...


def stats_app(doors: Doors) -> Starlette:
    """`/metrics`, and `/stats/prometheus` under which Envoy's users look for it."""
    doors.metrics.gateway = lambda: gateway_gauges(doors.gateway, doors.pool)

    async def metrics(request: Request) -> Response:
        content_type, body = await doors.metrics.rendered(request.headers.get("accept", ""))
        return Response(body, media_type=None, headers={"content-type": content_type})

    return Starlette(routes=[Route("/metrics", metrics), Route("/stats/prometheus", metrics)])


def gateway_gauges(gateway: Gateway, pool: Pool) -> Mapping[str, float]:
    """Return what is under way at this moment, by the names of the gauges. O(connections)."""
    waiting = gateway.waiting
    return {
        names.EXCHANGES.name: len(gateway.exchanges) - waiting,
        names.ADMISSION_WAITING.name: waiting,
        names.READING_ON.name: gateway.reading_on,
        names.UPSTREAM_CONNECTIONS.name: pool.open_connections,
    }


def readiness_app(doors: Doors) -> Starlette:
    """`/healthz/ready`: 200 while new work is welcome, 503 from the first moment of a drain."""

    async def ready(request: Request) -> Response:
        return PlainTextResponse("ready\n") if doors.ready else PlainTextResponse("draining\n", status_code=503)

    return Starlette(routes=[Route("/healthz/ready", ready)])


class _One:
    """Implements `admin.house.House` for one process."""

    def __init__(self, doors: Doors) -> None:
        self.workers = 0
        self.threshold = doors.threshold
        self.knock: Upstream = Pool()
        self._doors = doors

    async def dump(self) -> bytes:
        return msgspec.json.encode(dump(self._doors.plan))

    async def plan_map(self) -> PlanMap | None:
        lookout = self._doors.lookout
        return None if lookout is None else lookout.plan_map()

    async def live(self) -> list[Live]:
        lookout = self._doors.lookout
        return [] if lookout is None else [lookout.live(ready=self._doors.ready)]

    async def set_level(self, level: str) -> None:
        self.threshold.set(level)


def one_process_app(doors: Doors) -> Starlette:
    """The admin's address of one process."""
    return admin_app(_One(doors))


class _Server(uvicorn.Server):
    """A uvicorn that leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class SideDoor:
    """One application on one address. Own it by `serve` in a TaskGroup; `close` ends that."""

    def __init__(self, app: Starlette, address: str, name: str) -> None:
        """
        Raises:
            ConfigError: the address is not `host:port`, or cannot be bound.
        """
        host, port = split(address, name)
        try:
            self._sockets = [bind(h, port) for h in (["127.0.0.1"] if host == "localhost" else [host])]
        except OSError as error:
            raise ConfigError(f"{name} address {address} cannot be listened on: {error.strerror}") from None
        self.port: int = self._sockets[0].getsockname()[1]
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", http="h11", ws="none")
        self._server = _Server(config)
        self._end: Callable[[], None] = getattr(app.state, "end", _nothing)

    async def serve(self) -> None:
        await self._server.serve(sockets=self._sockets)

    def close(self) -> None:
        self._end()
        self._server.should_exit = True
        self._server.force_exit = True

    async def started(self) -> None:
        await self._server.up.wait()


def _nothing() -> None: ...


def split(address: str, name: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port`.

    Raises:
        ConfigError: it is neither.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{name} address {address!r} is not host:port", hint="or `off`")
    return host.strip("[]") or "localhost", int(port)
