"""net.reach: where a name may lead, and that what was looked at is what is connected to."""

import asyncio
import socket

import pytest

from sluice.errors import Unreachable
from sluice.net.grpc_protocol import GrpcFailed
from sluice.net.pool import Pool
from sluice.net.rate_limit_way import Way
from sluice.net.reach import is_literal, is_public, reachable
from sluice.policies.server import Server
from tests.net.asking import Closing, ask, receive
from tests.support.events import completion
from tests.support.http_answer import error_of
from tests.support.plans import ai, here, to_provider
from tests.support.raw_client import CHAT, request
from tests.support.raw_upstream import sized
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
        ("64:ff9b:1::a9fe:a9fe", False),
        ("::7f00:1", False),
        ("100.64.0.1", True),
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
    assert await receive(await ask(pool, here(upstream.port, host=host))) == (b"ok", None)


@pytest.mark.parametrize("leads_to", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_into_this_machine_is_not_connected_to(
    world: World, pool: Pool, monkeypatch: pytest.MonkeyPatch, leads_to: str
) -> None:
    upstream = await world.upstream(sized(b"ok"))
    asked = resolves_to(monkeypatch, leads_to, leads_to)
    with pytest.raises(Unreachable, match=r"^provider\.test leads to .* has to be written literally$"):
        await ask(pool, here(upstream.port, host="provider.test"))
    assert asked == ["provider.test"]
    assert not upstream.calls


async def test_of_several_addresses_those_that_are_allowed_are_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def allowed(address: str) -> bool:
        tried.append(address)
        return address == "127.0.0.1"

    pool = await world.enter(Closing(Pool(allowed=allowed)))
    upstream = await world.upstream(sized(b"ok"))
    resolves_to(monkeypatch, "169.254.169.254", "127.0.0.1")
    assert await receive(await ask(pool, here(upstream.port, host="provider.test"))) == (b"ok", None)
    assert tried == ["169.254.169.254", "127.0.0.1"]


async def test_a_connection_that_is_used_again_is_not_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at is what is connected to, and stays so: nothing is asked of the resolver or of us."""
    looked: list[str] = []

    def allowed(address: str) -> bool:
        looked.append(address)
        return True

    pool = await world.enter(Closing(Pool(allowed=allowed)))
    upstream = await world.upstream(sized(b"ok"))
    asked = resolves_to(monkeypatch, "127.0.0.1")
    for _ in range(3):
        assert await receive(await ask(pool, here(upstream.port, host="provider.test"))) == (b"ok", None)
    assert (asked, looked) == (["provider.test"], ["127.0.0.1"])


async def test_a_private_network_may_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reachable("llm.internal", ["10.0.0.7", "127.0.0.1", "fd12::1"]) == ["10.0.0.7", "fd12::1"]
    assert reachable("llm.internal", []) == []
    assert reachable("localhost", ["127.0.0.1", "::1"]) == ["127.0.0.1", "::1"]


async def test_a_client_hears_that_there_is_no_way_and_no_byte_was_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await world.upstream(sized(completion()))
    serving = await world.gateway(to_provider(1, backend=ai(here(upstream.port, host="provider.test"))))
    client = await world.client(serving)
    resolves_to(monkeypatch, "127.0.0.1")
    answer = await client.ask(request(CHAT))
    assert answer.status == 503
    assert "has to be written literally" in error_of(answer).message
    assert not upstream.calls


async def test_nor_does_the_name_of_a_rate_limit_service_lead_there(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, "169.254.169.254")
    with pytest.raises(GrpcFailed, match="has to be written literally"):
        await Way(Server(host="limits.test", port=1), 1.0).ask(b"")
