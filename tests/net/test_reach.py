"""net.reach: where a name may lead, and that what was looked at is what is connected to."""

import asyncio
import socket

import pytest
import trustme

from sluice.config.plan import Endpoint, Tls
from sluice.errors import TimedOut, Unreachable
from sluice.net import reach
from sluice.net.pool import Pool
from sluice.net.reach import LiteralReach, is_literal, is_public
from tests.net.asking import ASK, Closing, receive
from tests.support.raw_upstream import RawUpstream, answering, silent, sized
from tests.support.world import World


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool()))


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name has these addresses; return the names that are looked up, as they are."""
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def find(host: str, port: int, **how: object) -> object:
        if is_literal(host):
            return await real(host, port, type=socket.SOCK_STREAM)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(loop, "getaddrinfo", find)
    return asked


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("10.1.2.3", True),
        ("172.17.0.1", True),
        ("192.168.1.1", True),
        ("2606:2800:21f:cb07::1", True),
        ("fd12:3456::1", True),
        ("127.0.0.1", False),
        ("127.255.0.9", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("169.254.170.2", False),
        ("100.100.100.200", False),
        ("168.63.129.16", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:10.0.0.1", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a00:1", True),
        ("2002:7f00:1::", False),
    ],
)
def test_a_name_leads_neither_into_this_machine_nor_to_metadata(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("169.254.169.254", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("idp.example", False),
        ("localhost.example", False),
        ("2130706433", False),
        ("127.1", False),
        ("0x7f.0.0.1", False),
    ],
)
def test_only_an_address_or_localhost_says_by_itself_where_it_leads(host: str, literal: bool) -> None:
    assert is_literal(host) is literal


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_what_is_written_literally_is_reached(world: World, pool: Pool, host: str) -> None:
    upstream = await world.upstream(sized(b"ok"))
    assert await ask(pool, Endpoint(host=host, port=upstream.port)) == (b"ok", None)


async def test_a_name_that_leads_into_this_machine_is_not_connected_to(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(sized(b"ok"))
    asked = resolves_to(monkeypatch, "127.0.0.1", "::1", "169.254.169.254")
    with pytest.raises(Unreachable, match=r"has to be written literally"):
        await ask(pool, Endpoint(host="idp.test", port=upstream.port))
    assert asked == ["idp.test"]
    assert not upstream.calls


async def test_a_name_is_looked_up_once_and_its_certificate_is_that_of_the_name(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("idp.test").configure_cert(context)
    upstream = await RawUpstream(answering(sized(b"ok"))).start(tls=context)
    pem = authority.cert_pem.bytes().decode()
    asked = resolves_to(monkeypatch, "169.254.169.254", "127.0.0.1")
    monkeypatch.setattr(reach, "is_public", lambda address: address == "127.0.0.1")
    try:
        for name, works in (("idp.test", True), ("other.test", False)):
            endpoint = Endpoint(host=name, port=upstream.port, tls=Tls(ca_pem=pem))
            if works:
                assert await ask(pool, endpoint) == (b"ok", None)
            else:
                with pytest.raises(Unreachable, match="certificate is not trusted"):
                    await ask(pool, endpoint)
        assert asked == ["idp.test", "other.test"]
    finally:
        pool.close()
        await upstream.close()


async def test_an_address_that_refuses_is_passed_over_and_one_that_is_slow_to_answer_is_not(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "is_public", lambda address: True)
    upstream = await world.upstream(sized(b"ok"))
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    assert await ask(pool, Endpoint(host="idp.test", port=upstream.port)) == (b"ok", None)
    slow = await world.upstream(silent)
    resolves_to(monkeypatch, "127.0.0.1", "127.0.0.1", "127.0.0.2")
    with pytest.raises(TimedOut):
        await ask(pool, Endpoint(host="idp.test", port=slow.port), headers_s=0.2)
    assert len(slow.calls) == 1


async def test_a_name_that_nobody_knows_is_unreachable(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(host: str, port: int, **_: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="Name or service not known"):
        await ask(pool, Endpoint(host="idp.test", port=443))


async def ask(pool: Pool, endpoint: Endpoint, *, headers_s: float = 2.0) -> tuple[bytes, object]:
    stream = await LiteralReach(pool).open(endpoint, ASK, expects_body=True, connect_s=1.0, headers_s=headers_s)
    return await receive(stream)
