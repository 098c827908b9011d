"""Which of a port's certificates a client is shown (SNI), and how they change: all of them, or none."""

import asyncio
import socket
import ssl
from typing import Self

import msgspec
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from sluice.config.exposure import Exposure
from sluice.config.plan import Limits, Listener, ListenerTls, Plan
from sluice.errors import ConfigError
from sluice.gateway.ports import Handler
from sluice.net.listener import Port
from sluice.net.place import Alone
from sluice.net.ports import Ports
from sluice.net.tls import Certificates, server_context
from sluice.providers.credential import Secret
from sluice.telemetry.metrics import Metrics
from tests.net.certificates import issued, listener, mismatched, shown
from tests.net.clients_side import Clock, Desk
from tests.support.raw_client import RawClient, get
from tests.support.sockets import free_ports
from tests.support.world import World


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def desk() -> Desk:
    """Its port is not used: it is who answers."""
    return Desk()


class Listening:
    """A port, or several, that end with the test."""

    def __init__(self, ports: Port | Ports) -> None:
        self._ports = ports

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None:
        self._ports.close()


async def open_port(world: World, handler: Handler, *listeners: Listener) -> Port:
    port = Port(0, handler, Metrics("agentgateway_", "test"), Clock())
    port.use(listeners, Limits())
    await port.open(["127.0.0.1"])
    await world.enter(Listening(port))
    return port


# -- by name -----------------------------------------------------------------------------------------------------------

NAMES = ["first.test", "*.test", "*.deep.test", "exact.deep.test"]


@pytest.mark.parametrize(
    ("asked", "shows"),
    [
        ("first.test", "first.test"),
        ("FIRST.test", "first.test"),
        ("exact.deep.test", "exact.deep.test"),
        ("any.deep.test", "*.deep.test"),
        ("a.b.deep.test", "*.deep.test"),
        ("other.test", "*.test"),
        ("test", "first.test"),
        ("elsewhere.example", "first.test"),
        (None, "first.test"),
    ],
)
async def test_the_listener_whose_hostname_fits_best_shows_its_certificate(
    world: World, desk: Desk, authority: trustme.CA, asked: str | None, shows: str
) -> None:
    port = await open_port(world, desk, *(listener(authority, name) for name in NAMES))
    assert await shown(port.number, asked) == shows


@pytest.mark.parametrize("asked", ["elsewhere.example", None])
async def test_who_asks_for_nobodys_name_is_shown_that_of_the_listener_without_a_hostname(
    world: World, desk: Desk, authority: trustme.CA, asked: str | None
) -> None:
    port = await open_port(world, desk, listener(authority, "one.test"), listener(authority, "", name="any.test"))
    assert await shown(port.number, asked) == "any.test"
    assert await shown(port.number, "one.test") == "one.test"


async def test_a_reload_changes_each_names_certificate(world: World, desk: Desk, authority: trustme.CA) -> None:
    port = await open_port(world, desk, listener(authority, "one.test"), listener(authority, "two.test"))
    assert [await shown(port.number, name) for name in ("one.test", "two.test")] == ["one.test", "two.test"]
    renewed = listener(authority, "two.test", name="new.test")
    port.use([listener(authority, "three.test"), renewed], Limits())
    names = ["one.test", "two.test", "three.test"]
    assert [await shown(port.number, name) for name in names] == ["three.test", "new.test", "three.test"]


async def test_a_client_that_comes_again_with_its_session_is_served_after_a_reload(
    world: World, desk: Desk, authority: trustme.CA
) -> None:
    one = [listener(authority, "one.test")]
    port = await open_port(world, desk, *one)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # of TLS 1.3 a session can only be had after an answer
    first = await world.enter(await connect(port, context))
    session = first.session
    for listeners in ([listener(authority, "one.test")], one):
        port.use(listeners, Limits())
        again = await world.enter(await connect(port, context, session))
        assert again.reused


class Shaken:
    """A client's handshake, as a blocking one does it: asyncio takes no session along."""

    def __init__(self, port: Port, context: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        plain = socket.create_connection(("127.0.0.1", port.number), timeout=5.0)
        self._sock = context.wrap_socket(plain, server_hostname="one.test", session=session)
        self.session = self._sock.session
        self.reused = self._sock.session_reused

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sock.close()


async def connect(port: Port, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Shaken:
    return await asyncio.to_thread(Shaken, port, context, session)


def test_what_has_not_changed_is_taken_over(authority: trustme.CA) -> None:
    stays, goes = listener(authority, "one.test"), listener(authority, "two.test")
    known = Certificates([stays, goes])
    after = Certificates([listener(authority, "two.test"), stays], known)
    assert after.choose("one.test") is known.choose("one.test")
    assert after.choose("two.test") is not known.choose("two.test")


# -- all or none -------------------------------------------------------------------------------------------------------


async def test_a_certificate_that_is_refused_leaves_the_old_one_in_use(
    world: World, desk: Desk, authority: trustme.CA
) -> None:
    old = listener(authority, "one.test")
    port = await open_port(world, desk, old)
    for bad in (mismatched(authority, "one.test"), ListenerTls(certificate_pem="x", key_pem=Secret("y"))):
        with pytest.raises(ConfigError, match="certificate cannot be used"):
            port.use([msgspec.structs.replace(old, tls=bad)], Limits(max_head_bytes=1))
        assert await shown(port.number, "one.test") == "one.test"
    assert port.limits == Limits(), "refused whole"


async def test_of_several_names_one_bad_certificate_refuses_all(
    world: World, desk: Desk, authority: trustme.CA
) -> None:
    port = await open_port(world, desk, listener(authority, "one.test"), listener(authority, "two.test"))
    bad = msgspec.structs.replace(listener(authority, "two.test"), tls=mismatched(authority, "two.test"))
    with pytest.raises(ConfigError):
        port.use([listener(authority, "one.test", name="new.test"), bad], Limits())
    assert await shown(port.number, "one.test") == "one.test"


@pytest.mark.parametrize("broken", [0, 1, 2])
async def test_of_several_ports_one_bad_certificate_refuses_all(
    world: World, desk: Desk, authority: trustme.CA, broken: int
) -> None:
    numbers = free_ports(3)
    ports = Ports(Exposure(hosts=("127.0.0.1",)), None, Alone(), Metrics("agentgateway_", "test"))
    await world.enter(Listening(ports))
    old = [listener(authority, "one.test", port=number, name=f"old{number}.test") for number in numbers[:2]]
    await ports.use(Plan(listeners=tuple(old)), desk)
    new = [listener(authority, "one.test", port=number, name=f"new{number}.test") for number in numbers]
    bad = new.copy()
    bad[broken] = msgspec.structs.replace(new[broken], tls=mismatched(authority, "one.test"))
    for listeners in (bad, bad[::-1]):
        with pytest.raises(ConfigError, match="certificate cannot be used"):
            await ports.use(Plan(listeners=tuple(listeners)), desk)
        for number in numbers[:2]:
            assert await shown(number, "one.test") == f"old{number}.test"
        with pytest.raises(ConnectionError):
            await shown(numbers[2], "one.test")
    await ports.use(Plan(listeners=tuple(new)), desk)
    for number in numbers:
        assert await shown(number, "one.test") == f"new{number}.test"


async def test_a_port_that_is_taken_changes_no_certificate(world: World, desk: Desk, authority: trustme.CA) -> None:
    (first,) = free_ports(1)
    ports = Ports(Exposure(hosts=("127.0.0.1",)), None, Alone(), Metrics("agentgateway_", "test"))
    await world.enter(Listening(ports))
    await ports.use(Plan(listeners=(listener(authority, "one.test", port=first),)), desk)
    other = await world.enter(Desk())
    new = [listener(authority, "one.test", port=number, name="new.test") for number in (first, other.port)]
    with pytest.raises(ConfigError, match="cannot be listened on"):
        await ports.use(Plan(listeners=tuple(new)), desk)
    assert await shown(first, "one.test") == "one.test"


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(authority: trustme.CA) -> None:
    good = issued(authority, "one.test")
    key = serialization.load_pem_private_key(good.key_pem.reveal().encode(), password=None)
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(ConfigError, match=r"certificate cannot be used: .*not encrypted"):
        server_context(msgspec.structs.replace(good, key_pem=Secret(sealed.decode())))


async def test_requests_are_answered_behind_every_name(world: World, desk: Desk, authority: trustme.CA) -> None:
    port = await open_port(world, desk, listener(authority, "one.test"), listener(authority, "two.test"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    for number, name in enumerate(["one.test", "two.test"], 1):
        client = await world.enter(await RawClient.connect(port.number, tls=context, name=name))
        client.send(get("/a"))
        asked = await desk.request(number)
        asked.stream.start(200, [], 2)
        asked.stream.finish(b"ok")
        assert (await client.answer("GET")).body == b"ok"
