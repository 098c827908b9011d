"""Out of descriptors: our own trouble, said in the log, told as such to the client, and to no target's harm."""

import asyncio
import contextlib
import errno
import os
import resource
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec
import pytest
import trustme

from sluice.config.plan import Plan, Tls
from sluice.errors import Overloaded, Unreachable
from sluice.net.descriptors import SILENCE_S, Descriptors, has_descriptors
from sluice.net.pool import Pool
from sluice.policies.admission import Admission
from sluice.telemetry.process_log import ProcessLog
from tests.net.asking import Closing, ask, receive
from tests.net.test_dial import resolves_to
from tests.support.plans import here
from tests.support.raw_upstream import RawUpstream, answering, sized
from tests.support.world import World


@contextlib.contextmanager
def exhausted() -> Iterator[None]:
    """This process has no descriptor left."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, limits[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


# -- the way to a provider ---------------------------------------------------------------------------------------------


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool(allowed=lambda address: True)))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["an address", "a name"])
async def test_without_a_descriptor_nobody_else_is_to_blame(world: World, pool: Pool, host: str) -> None:
    upstream = await world.upstream(sized(b"ok"))
    to = here(upstream.port, host=host)
    await asyncio.get_running_loop().getaddrinfo(host, 1)  # what the resolver loads once in a process is there
    with exhausted(), pytest.raises(Overloaded, match=r"^This server cannot open .*: Too many open files") as refused:
        await ask(pool, to)
    assert (refused.value.status, refused.value.retryable, refused.value.retry_after_s) == (503, False, 1)
    assert pool.open_connections == 0
    assert await receive(await ask(pool, to)) == (b"ok", None)


async def test_a_resolver_that_could_open_nothing_is_not_believed(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def find(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
    with pytest.raises(Unreachable, match="Name or service not known"):
        await ask(pool, here(1, host="provider.test"))
    with exhausted(), pytest.raises(Overloaded, match="Too many open files"):
        await ask(pool, here(1, host="provider.test"))


async def test_without_a_descriptor_no_further_address_is_tried(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(sized(b"ok"))
    resolves_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    tried = fail_with(monkeypatch, {"127.0.0.1": errno.EMFILE})
    with pytest.raises(Overloaded):
        await ask(pool, here(upstream.port, host="provider.test"))
    assert tried == ["127.0.0.1"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL])
async def test_what_this_machine_is_out_of_is_ours(pool: Pool, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    fail_with(monkeypatch, {"127.0.0.1": number})
    with pytest.raises(Overloaded):
        await ask(pool, here(1))


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH])
async def test_what_the_way_says_is_not(pool: Pool, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    fail_with(monkeypatch, {"127.0.0.1": number})
    with pytest.raises(Unreachable):
        await ask(pool, here(1))


@pytest.mark.parametrize("addresses", [["127.0.0.2", "127.0.0.3"], ["127.0.0.3", "127.0.0.2"]])
async def test_a_kind_of_address_that_this_machine_lacks_does_not_hide_a_refusal(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    """Of a name with an IPv6 address, on a machine without IPv6."""
    resolves_to(monkeypatch, *addresses)
    fail_with(monkeypatch, {"127.0.0.2": errno.EADDRNOTAVAIL, "127.0.0.3": errno.ECONNREFUSED})
    with pytest.raises(Unreachable, match="refused"):
        await ask(pool, here(1, host="provider.test"))


async def test_authorities_that_could_not_be_opened_are_not_missing_for_ever(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """OpenSSL says nothing of it, and a context without authorities trusts nobody."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    upstream = await world.enter(Secured(authority))
    to = here(upstream.port, tls=Tls())
    with exhausted(), pytest.raises(Overloaded):
        await ask(pool, to)
    assert await receive(await ask(pool, to)) == (b"ok", None)


class Secured(RawUpstream):
    """A provider with a certificate of this authority."""

    def __init__(self, authority: trustme.CA) -> None:
        super().__init__(answering(sized(b"ok")))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)

    async def __aenter__(self) -> Self:
        await self.start(tls=self._context)
        return self


def fail_with(monkeypatch: pytest.MonkeyPatch, numbers: dict[str, int]) -> list[str]:
    """Connecting to these addresses fails so; return whoever was tried."""
    tried: list[str] = []

    async def connect(_: object, host: str, __: int, **___: object) -> None:
        tried.append(host)
        raise OSError(numbers[host], os.strerror(numbers[host]))

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    return tried


# -- the limit ---------------------------------------------------------------------------------------------------------


class Limits:
    """Stands for the system."""

    def __init__(self, soft: int, hard: int, *, settable: bool = True) -> None:
        self.now = (soft, hard)
        self._settable = settable

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.now

    def setrlimit(self, _: int, limits: tuple[int, int]) -> None:
        if not self._settable:
            raise ValueError("not allowed to raise maximum limit")
        self.now = limits


class Written:
    """A process log, and its lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []
        self.log = ProcessLog(lambda line: self.lines.append(msgspec.json.decode(line)), "json")

    def said(self) -> list[tuple[object, object]]:
        return [(line["level"], line["message"]) for line in self.lines]


@pytest.fixture
def written() -> Written:
    return Written()


def system(monkeypatch: pytest.MonkeyPatch, limits: Limits) -> Limits:
    for verb in ("getrlimit", "setrlimit"):
        monkeypatch.setattr(f"sluice.net.descriptors.resource.{verb}", getattr(limits, verb))
    return limits


def plan(exchanges: int) -> Plan:
    return Plan(listeners=(), admission=Admission(max_concurrent=exchanges))


@pytest.mark.parametrize("hard", [65_536, resource.RLIM_INFINITY])
def test_all_that_the_system_allows_is_taken(monkeypatch: pytest.MonkeyPatch, written: Written, hard: int) -> None:
    limits = system(monkeypatch, Limits(1024, hard))
    Descriptors(written.log).raise_limit(plan(10_000))
    assert limits.now == (hard, hard)
    assert written.said() == []


def test_a_limit_that_is_too_small_is_said(monkeypatch: pytest.MonkeyPatch, written: Written) -> None:
    system(monkeypatch, Limits(1024, 4096))
    Descriptors(written.log).raise_limit(plan(10_000))
    (line,) = written.lines
    assert (line["level"], line["limit"], line["exchanges"], line["admitted"]) == ("warn", 4096, 2048, 10_000)


@pytest.mark.parametrize("exchanges", [2048, 0])
def test_a_limit_that_suffices_is_not(monkeypatch: pytest.MonkeyPatch, written: Written, exchanges: int) -> None:
    system(monkeypatch, Limits(1024, 4096))
    Descriptors(written.log).raise_limit(plan(exchanges))
    assert written.lines == []


def test_a_limit_that_cannot_be_raised_is_kept(monkeypatch: pytest.MonkeyPatch, written: Written) -> None:
    system(monkeypatch, Limits(1024, resource.RLIM_INFINITY, settable=False))
    Descriptors(written.log).raise_limit(plan(10_000))
    assert written.lines[0]["limit"] == 1024


def test_being_out_of_them_is_said_once_a_minute(written: Written) -> None:
    descriptors = Descriptors(written.log)
    descriptors.look(100.0)
    assert written.lines == []
    with exhausted():
        assert not has_descriptors()
        for now in (101.0, 102.0, 100.0 + SILENCE_S, 101.0 + SILENCE_S):
            descriptors.look(now)
    assert has_descriptors()
    descriptors.look(102.0 + 2 * SILENCE_S)
    assert written.said() == [("error", "out of file descriptors, clients are refused")] * 2


def test_a_look_leaves_none_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        assert has_descriptors()
    assert len(os.listdir("/proc/self/fd")) == before
