"""Who may pass is decided on the request's own path, whatever its Host, its target or its spelling make of it."""

import msgspec
import pytest

from sluice.config.plan import Plan
from sluice.policies.access import Access
from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.hidden import Hidden
from tests.support.events import completion
from tests.support.plans import ai, plan, route
from tests.support.raw_client import RawClient, request
from tests.support.raw_upstream import RawUpstream, sized
from tests.support.serving import Serving
from tests.support.world import World

KEYS = Access(api_keys=ApiKeys(keys=(ApiKey(id="alice", digest=Hidden(digest_of("sk-alice"))),)))
HOSTS = (
    "gateway.test/open?",
    "gateway.test/open#",
    "gateway.test/?",
    "a@gateway.test",
    "gateway.test@open",
    "#@open",
    "gateway.test\\open",
    "[::1]/open",
    "localhost",
    "127.0.0.1",
    "open",
    "",
)
PATHS = (
    "/closed",
    "/closed/",
    "/closed?/open",
    "/closed;/open",
    "//closed",
    "/./closed",
    "/open/../closed",
    "/open/..%2fclosed",
    "/open%2f..%2fclosed",
    "/%63losed",
    "/CLOSED",
    "/closed%00",
    "/closed%20",
    "@open/closed",
    "closed",
    "*",
    "http://gateway.test/closed",
    "http://gateway.test@open/closed",
    "http:///closed",
    "/\\closed",
)


async def two_doors(world: World) -> tuple[RawUpstream, RawUpstream, Serving]:
    """`/closed` wants a key and `/open` does not; each leads to a provider of its own."""
    closed, opened = await world.upstream(sized(completion())), await world.upstream(sized(completion()))
    both: Plan = plan(route("/closed", ai(closed.port), access=KEYS), route("/open", ai(opened.port)))
    return closed, opened, await world.gateway(both)


async def ask(serving: Serving, data: bytes) -> int:
    async with await RawClient.connect(serving.port) as client:
        return (await client.ask(data)).status


@pytest.mark.parametrize("host", HOSTS)
async def test_no_host_makes_another_route_of_a_path(world: World, host: str) -> None:
    closed, opened, serving = await two_doors(world)
    assert await ask(serving, request(path="/closed", host=host)) in (400, 401)
    assert not closed.asked
    assert not opened.asked


@pytest.mark.parametrize("path", PATHS)
async def test_no_spelling_of_a_path_is_a_way_round(world: World, path: str) -> None:
    closed, _, serving = await two_doors(world)
    assert await ask(serving, request(path=path)) in (200, 400, 401, 404)
    assert not closed.asked, "where it is served at all, it is as the open route's"


async def test_what_no_route_serves_is_nobodys(world: World) -> None:
    closed, opened, serving = await two_doors(world)
    for path in ("/", "/admin", "/config", "/config/update", "/key/generate", "/health", "/metrics", "/batch-requests"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert await ask(serving, request(msgspec.json.encode({}), method=method, path=path)) == 404
    assert not closed.asked
    assert not opened.asked
