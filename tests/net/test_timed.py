"""net/timed.py, and that whoever is called by something else than an exchange is told apart in the metrics."""

import asyncio
import ssl
from collections.abc import Callable

import msgspec
import pytest
import trustme

from sluice.config.plan import Backend, Endpoint
from sluice.errors import Unreachable
from sluice.gateway.limits_ports import Hits, ServiceGone
from sluice.gateway.ports import UpstreamStream
from sluice.net.rate_limit_service import RateLimitServices
from sluice.net.timed import Timed
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.guards import Guards
from sluice.policies.limiting import Remote
from sluice.policies.mirroring import Mirror
from sluice.policies.server import Server
from tests.gateway.judged import at
from tests.net.certificates import issued
from tests.support.events import completion
from tests.support.plans import ai, here, plan, route, static
from tests.support.raw_client import CHAT, RawClient, get, request
from tests.support.raw_upstream import sized
from tests.support.serving import Serving
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

CALLS = "upstream_call_duration_seconds_count"


class Nobody:
    """A way that leads nowhere, or has everybody wait forever."""

    def __init__(self, *, waits: bool = False) -> None:
        self._waits = waits

    async def open(
        self,
        endpoint: Endpoint,
        request: bytes,
        *,
        expects_body: bool,
        connect_s: float,
        headers_s: float,
        sent: Callable[[bool], object] | None = None,
    ) -> UpstreamStream:
        if self._waits:
            await asyncio.Event().wait()
        raise Unreachable("nobody is there")


async def call(way: Timed) -> UpstreamStream:
    return await way.open(here(1), b"", expects_body=True, connect_s=1.0, headers_s=1.0)


async def test_a_call_that_fails_is_told_once_with_its_time() -> None:
    clock, told = iter([10.0, 12.5]), list[float]()
    way = Timed(Nobody(), told.append, clock=lambda: next(clock))
    with pytest.raises(Unreachable):
        await call(way)
    assert told == [2.5]


async def test_so_is_a_call_that_nobody_waits_for_any_more() -> None:
    clock, told = iter([10.0, 11.0]), list[float]()
    waiting = asyncio.create_task(call(Timed(Nobody(waits=True), told.append, clock=lambda: next(clock))))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert told == [1.0]


def counts(serving: Serving) -> dict[str, float]:
    kinds = [("Primary", "Llm"), ("Primary", "Http"), ("Policy", "Guardrail"), ("Policy", "ExtAuthz")]
    kinds += [("Mirror", "Llm"), ("Mirror", "Http")]
    return {f"{kind} {of}": serving.metric(CALLS, f'kind="{kind}"', f'subtype="{of}"') for kind, of in kinds}


async def test_who_is_called_for_what_is_told_apart(world: World) -> None:
    provider, copy = await world.upstream(sized(completion())), await world.upstream(sized(completion()))
    judge = await world.upstream(sized(msgspec.json.encode({"action": {"reason": "fine"}})))
    door = await world.upstream(sized(b""))
    server = Server(host="127.0.0.1", port=door.port)
    mirrors: tuple[Mirror[Backend], ...] = (
        Mirror(backend=ai(copy.port, name="copy")),
        Mirror(backend=static(copy.port)),
    )
    guarded = AiPolicy(guards=Guards(request=(at(judge.port),)))
    access = Access(external=(ExternalAuth(server=server),))
    entry = route("/openai", ai(provider.port), ai=guarded, access=access, mirrors=mirrors)
    serving = await world.gateway(plan(entry, route("/plain", static(provider.port))))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 200
    assert (await client.ask(request(CHAT, path="/plain"))).status == 200
    await until(lambda: len(copy.asked) == 2)
    await until(lambda: counts(serving)["Mirror Http"] == 1)
    assert counts(serving) == {
        "Primary Llm": 1,
        "Primary Http": 1,
        "Policy Guardrail": 1,
        "Policy ExtAuthz": 1,
        "Mirror Llm": 1,
        "Mirror Http": 1,
    }


async def test_a_call_of_a_rate_limit_service_is_told_though_nobody_answers() -> None:
    told = list[float]()
    services = RateLimitServices(told=told.append)
    (port,) = free_ports(1)
    with pytest.raises(ServiceGone):
        await services.ask(
            Remote(name="r", server=Server(host="127.0.0.1", port=port), domain="d", descriptors=()),
            [Hits((("user", "u"),), 1)],
        )
    services.close()
    assert len(told) == 1
    assert 0 <= told[0] < 5


async def test_the_handshake_of_a_client_is_timed_and_one_that_fails_is_not(world: World) -> None:
    authority = trustme.CA()
    upstream = await world.upstream(sized(b"ok"))
    whole = plan(route("/", static(upstream.port)), tls=issued(authority, "one.test"))
    serving = await world.gateway(whole)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with await RawClient.connect(serving.port, tls=context, name="one.test") as client:
        assert (await client.ask(get("/"), "GET")).body == b"ok"
    async with await RawClient.connect(serving.port) as plain:
        plain.send(get("/"))
        await plain.rest()
    name = "tls_handshake_duration_seconds"
    assert serving.metric(f"{name}_count", 'protocol="https"', 'gateway="test/gateway"') == 1
    assert 0.0001 < serving.metric(f"{name}_sum") < 5
    assert serving.metric("downstream_connections_total", 'protocol="https"') == 2
