"""TLS on both sides: whom the gateway trusts, and a certificate that changes under running connections."""

import ssl
import tempfile
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest
import trustme

from sluice.config.plan import Limits, ListenerTls, Tls
from sluice.errors import ConfigError, Unreachable
from sluice.net.files import ConfigFiles
from sluice.net.pool import Pool
from sluice.net.tls import server_context
from sluice.providers.credential import Secret
from sluice.standard import STANDARD
from tests.net.asking import Closing, ask, closed, receive
from tests.net.test_descriptors import exhausted
from tests.net.test_files import GOOD
from tests.support.plans import here, plan, route, static
from tests.support.raw_client import RawClient, get
from tests.support.raw_upstream import Call, RawUpstream, sized
from tests.support.world import World


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool()))


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


async def provider(world: World, authority: trustme.CA, *names: str) -> RawUpstream:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    upstream = RawUpstream((await world.upstream(sized(b"ok"))).play)
    await upstream.start(tls=context)
    await world.enter(Stopping(upstream))
    return upstream


class Stopping:
    """Ends with the test."""

    def __init__(self, upstream: RawUpstream) -> None:
        self._upstream = upstream

    async def __aenter__(self) -> RawUpstream:
        return self._upstream

    async def __aexit__(self, *_: object) -> None:
        await self._upstream.close()


async def test_the_operators_own_authority_is_trusted(world: World, pool: Pool, authority: trustme.CA) -> None:
    upstream = await provider(world, authority, "127.0.0.1")
    to = here(upstream.port, tls=Tls(ca_pem=pem(authority)))
    for _ in range(3):
        assert await receive(await ask(pool, to)) == (b"ok", None)
    assert len(upstream.calls) == 1


async def test_the_systems_authorities_do_not_know_it(world: World, pool: Pool, authority: trustme.CA) -> None:
    upstream = await provider(world, authority, "127.0.0.1")
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        await ask(pool, here(upstream.port, tls=Tls()))
    await closed(pool)
    assert upstream.asked == [], "nothing was sent, the credential above all"


async def test_another_authority_does_not_know_it_either(world: World, pool: Pool, authority: trustme.CA) -> None:
    upstream = await provider(world, authority, "127.0.0.1")
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        await ask(pool, here(upstream.port, tls=Tls(ca_pem=pem(trustme.CA()))))


async def test_a_wrong_name_is_refused(world: World, pool: Pool, authority: trustme.CA) -> None:
    upstream = await provider(world, authority, "other.test")
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        await ask(pool, here(upstream.port, tls=Tls(ca_pem=pem(authority))))
    named = here(upstream.port, tls=Tls(ca_pem=pem(authority), server_name="other.test"))
    assert await receive(await ask(pool, named)) == (b"ok", None)


async def test_verification_can_be_switched_off(world: World, pool: Pool, authority: trustme.CA) -> None:
    upstream = await provider(world, authority, "other.test")
    assert await receive(await ask(pool, here(upstream.port, tls=Tls(verify=False)))) == (b"ok", None)


async def test_a_provider_without_tls(world: World, pool: Pool) -> None:
    async def play(call: Call) -> None:
        call.send(sized(b"no TLS here", status="400 Bad Request"))
        await call.gone()

    upstream = await world.upstream(play)
    with pytest.raises(Unreachable, match="TLS failed"):
        await ask(pool, here(upstream.port, tls=Tls()))
    await closed(pool)


async def test_an_authority_that_is_no_certificate(world: World, pool: Pool) -> None:
    upstream = await world.upstream(sized(b"ok"))
    with pytest.raises(Unreachable):
        await ask(pool, here(upstream.port, tls=Tls(ca_pem="nonsense")))


# -- listeners ---------------------------------------------------------------------------------------------------------


def issued(authority: trustme.CA, name: str) -> ListenerTls:
    leaf = authority.issue_cert(name)
    chain = "".join(part.bytes().decode() for part in leaf.cert_chain_pems)
    return ListenerTls(certificate_pem=chain, key_pem=Secret(leaf.private_key_pem.bytes().decode()))


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_listener_speaks_tls_and_changes_its_certificate(world: World, authority: trustme.CA) -> None:
    upstream = await world.upstream(sized(b"ok"))
    whole = plan(route("/", static(upstream.port)), tls=issued(authority, "one.test"))
    serving = await world.gateway(whole)
    one = await RawClient.connect(serving.port, tls=trusting(authority), name="one.test")
    async with one:
        assert (await one.ask(get("/"), "GET")).body == b"ok"
        renewed = tuple(
            msgspec.structs.replace(listener, tls=issued(authority, "two.test")) for listener in whole.listeners
        )
        serving.use(msgspec.structs.replace(whole, listeners=renewed))
        assert (await one.ask(get("/"), "GET")).body == b"ok", "a connection keeps what it began with"
        async with await RawClient.connect(serving.port, tls=trusting(authority), name="two.test") as two:
            assert (await two.ask(get("/"), "GET")).body == b"ok"
        with pytest.raises(ssl.SSLCertVerificationError):
            await RawClient.connect(serving.port, tls=trusting(authority), name="one.test")
    assert serving.metric("requests_total") == 3


async def test_a_listener_does_not_lose_its_tls_by_a_reload(world: World, authority: trustme.CA) -> None:
    upstream = await world.upstream(sized(b"ok"))
    whole = plan(route("/", static(upstream.port)), tls=issued(authority, "one.test"))
    serving = await world.gateway(whole)
    bare = tuple(msgspec.structs.replace(listener, tls=None) for listener in whole.listeners)
    with pytest.raises(ConfigError, match="cannot switch TLS on or off"):
        serving.use(msgspec.structs.replace(whole, listeners=bare))
    async with await RawClient.connect(serving.port, tls=trusting(authority), name="one.test") as client:
        assert (await client.ask(get("/"), "GET")).body == b"ok"


async def test_plain_http_on_a_tls_listener_is_no_request(world: World, authority: trustme.CA) -> None:
    upstream = await world.upstream(sized(b"ok"))
    serving = await world.gateway(plan(route("/", static(upstream.port)), tls=issued(authority, "one.test")))
    client = await world.client(serving)
    client.send(get("/"))
    assert b"HTTP/1.1 200" not in await client.rest()
    assert not upstream.asked
    assert not serving.records


async def test_a_client_that_never_shakes_hands_is_closed(world: World, authority: trustme.CA) -> None:
    upstream = await world.upstream(sized(b"ok"))
    limits = Limits(head_timeout_s=0.1)
    serving = await world.gateway(
        plan(route("/", static(upstream.port)), tls=issued(authority, "one.test"), limits=limits)
    )
    client = await world.client(serving)
    assert await client.rest(within_s=1.0) == b""
    assert not serving.records


def test_a_shortage_of_descriptors_is_said_and_passes_by_itself(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also by the first certificate of a process, for whose key a folder has to be found."""
    certificate = issued(authority, "a.test")
    monkeypatch.setattr(tempfile, "tempdir", None)
    with exhausted(), pytest.raises(ConfigError, match="Too many open files") as caught:
        server_context(certificate)
    file = tmp_path / "gateway.yaml"
    file.write_text(GOOD)
    files = ConfigFiles([str(file)], {}, STANDARD)
    files.load()
    assert not files.changed()
    files.refuse(caught.value)
    assert files.changed()
    assert server_context(certificate)


def test_a_disk_without_room_is_said_and_passes_by_itself(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a folder in which it cannot write, `tempfile` says that it is not there."""
    certificate, nowhere = issued(authority, "a.test"), FileNotFoundError(2, "No usable temporary directory found")
    file = tmp_path / "gateway.yaml"
    file.write_text(GOOD)
    files = ConfigFiles([str(file)], {}, STANDARD)
    files.load()
    with monkeypatch.context() as short:
        short.setattr(tempfile, "mkstemp", Mock(side_effect=nowhere))
        with pytest.raises(ConfigError, match="no folder for temporary files has room") as caught:
            server_context(certificate)
    files.refuse(caught.value)
    assert files.changed()
    assert server_context(certificate)


def test_a_key_that_does_not_fit_is_refused_by_name(authority: trustme.CA) -> None:
    mixed = msgspec.structs.replace(issued(authority, "a.test"), key_pem=issued(authority, "b.test").key_pem)
    with pytest.raises(ConfigError, match="certificate cannot be used"):
        server_context(mixed)
    with pytest.raises(ConfigError, match="certificate cannot be used"):
        server_context(ListenerTls(certificate_pem="x", key_pem=Secret("y")))
