"""A rule about a path holds for every spelling of it, over sockets."""

import pytest

from sluice.config.plan import Entry
from sluice.policies.access import Access
from sluice.policies.authorization import Authorization
from tests.gateway.test_policing import KEYS
from tests.support.plans import plan, route, static
from tests.support.raw_client import RawClient
from tests.support.raw_upstream import RawUpstream, sized
from tests.support.serving import Serving
from tests.support.world import World

SPELLINGS = (
    *("/internal/x", "//internal/x", "/%69nternal/x", "/%49nternal/../internal/x", "/a%2f..%2finternal/x"),
    *("/%2finternal/x", "/internal%2fx", "/internal%5Cx", "/internal;a=b/x", "/;/internal/x", "/.;/internal/x"),
    *("/internal//x", "/intern%61l%2Fx", "/x/../internal/x", "/\\internal/x", "/internal\\x", "///%69nternal///x"),
)
DENIED = Access(authorization=Authorization(deny=('request.path.startsWith("/internal")',)))


async def asked(world: World, path: str, *entries: Entry) -> tuple[int, Serving]:
    serving = await world.gateway(plan(*entries))
    async with await RawClient.connect(serving.port) as client:
        answer = await client.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return answer.status, serving


async def backend(world: World) -> RawUpstream:
    return await world.upstream(sized(b"{}"))


@pytest.mark.parametrize("path", SPELLINGS)
async def test_a_looser_rule_is_no_way_round_a_stricter_one(world: World, path: str) -> None:
    strict, loose = await backend(world), await backend(world)
    status, _ = await asked(
        world, path, route("/internal", static(strict.port), access=KEYS), route("/", static(loose.port))
    )
    assert status in (400, 401)
    assert loose.asked == strict.asked == []


@pytest.mark.parametrize("path", SPELLINGS)
async def test_no_spelling_is_a_way_round_an_expression(world: World, path: str) -> None:
    upstream = await backend(world)
    status, _ = await asked(world, path, route("/", static(upstream.port), access=DENIED))
    assert status in (400, 403)
    assert upstream.asked == []


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1//chat///completions", "/v1/chat/completions"),
        ("/files/%61%20b", "/files/a%20b"),
        ("/files/group%2Fname;v=1?a=//%41", "/files/group%2Fname;v=1?a=//%41"),
    ],
)
async def test_a_path_goes_on_in_one_spelling_and_keeps_its_data(world: World, path: str, sent: str) -> None:
    upstream = await backend(world)
    status, serving = await asked(world, path, route("/", static(upstream.port)))
    assert status == 200
    assert upstream.asked[0].line == f"GET {sent} HTTP/1.1"
    assert (await serving.record()).path == sent.partition("?")[0]


async def test_a_path_with_two_meanings_is_served_where_both_have_one_rule(world: World) -> None:
    one, other = await backend(world), await backend(world)
    entries = (route("/files", static(one.port)), route("/files/a", static(other.port)))
    assert (await asked(world, "/files/b%2Fc", *entries))[0] == 200
    status, serving = await asked(world, "/files/a%2Fc", *entries)
    assert status == 400
    assert (await serving.record()).outcome == "rejected"
