"""One verification from beginning to end: the fake provider, the gateway, the cells, the report."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from sluice import __version__
from sluice.verify import own, run
from sluice.verify.asking import Gateway
from sluice.verify.facts import CLIENTS, PROVIDERS, Area, Client, Finding, Provider
from sluice.verify.report import Report
from sluice.verify.rig import Rig, fake_provider
from sluice.verify.score import score

REACH_S = 5.0
"""How long a connection to the gateway may take at first."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification is told."""

    gateway: Gateway | None
    """None = a Sluice of its own is started."""
    url: str = "sluice"
    """The gateway's address, as the report shows it."""
    provider_port: int
    """Of the fake provider, on 127.0.0.1; 0 = any free one."""
    clients: tuple[Client, ...] = CLIENTS
    """That are asked for."""
    providers: tuple[Provider, ...] = PROVIDERS
    seed: int = 1
    only: tuple[Area, ...] = ()
    """Empty = all."""
    quick: bool = False


class Unreached(Exception):
    """Nobody listens at the gateway's address; `str` says why."""


class Progress(Protocol):
    """Who wants to know how far it is."""

    def begin(self, cells: int) -> None: ...

    def done(self, finding: Finding) -> None: ...


async def verify(settings: Settings, progress: Progress) -> Report:
    """Ask everything and return what was found.

    Raises:
        OSError: the provider's port cannot be listened on.
        own.NotStarted: the Sluice of its own did not start.
        Unreached: nobody listens at the gateway's address.
    """
    fake = fake_provider()
    began_s = time.monotonic()
    await fake.start(port=settings.provider_port)
    try:
        async with _gateway(settings, fake.port) as gateway:
            served = msgspec.structs.replace(gateway, clients=settings.clients, providers=settings.providers)
            rig = Rig(fake, served, settings.seed, quick=settings.quick)
            cells = run.plan(rig, settings.only)
            progress.begin(len(cells))
            findings: Sequence[Finding] = await run.run(cells, progress.done)
    finally:
        await fake.close()
    return Report(
        version=__version__,
        gateway=settings.url,
        seed=settings.seed,
        quick=settings.quick,
        seconds=round(time.monotonic() - began_s, 1),
        requests=rig.requests,
        score=score(findings),
        cells=tuple(findings),
    )


async def _reach(gateway: Gateway) -> None:
    """Connect once: without it each of a thousand cells would say that nobody is there."""
    try:
        async with asyncio.timeout(REACH_S):
            _, writer = await asyncio.open_connection(gateway.host, gateway.port)
    except OSError as error:  # a timeout is one
        raise Unreached(error.strerror or f"no connection within {REACH_S:.0f} s") from None
    writer.close()


@asynccontextmanager
async def _gateway(settings: Settings, provider_port: int) -> AsyncIterator[Gateway]:
    if (given := settings.gateway) is not None:
        await _reach(given)
        yield given
        return
    async with own.serving(provider_port) as gateway:
        yield gateway
