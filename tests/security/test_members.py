"""What Sluice decides by is what the provider reads: no second spelling, no second value of a member of the body."""

import msgspec
import pytest

from sluice.policies.access import Access
from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.hidden import Hidden
from tests.support.events import completion
from tests.support.plans import ai, plan, route
from tests.support.raw_client import RawClient, request
from tests.support.raw_upstream import RawUpstream, sized
from tests.support.serving import Serving
from tests.support.world import World

CHEAP = Access(
    api_keys=ApiKeys(keys=(ApiKey(id="alice", digest=Hidden(digest_of("sk-alice")), allowed_models=("cheap",)),))
)
ASKS = {
    "/v1/chat/completions": '"messages":[{"role":"user","content":"hi"}]',
    "/v1/responses": '"input":"hi"',
    "/v1/messages": '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]',
    "/v1/embeddings": '"input":"hi"',
}


async def alices(world: World) -> tuple[RawUpstream, Serving]:
    upstream = await world.upstream(sized(completion()))
    return upstream, await world.gateway(plan(route("/", ai(upstream.port), access=CHEAP)))


async def ask(serving: Serving, path: str, body: str) -> tuple[int, str]:
    async with await RawClient.connect(serving.port) as client:
        answer = await client.ask(request(body.encode(), path=path, headers=["x-api-key: sk-alice"]))
        return answer.status, answer.body.decode()


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("name", ["MODEL", "Model", "mODEL"])
async def test_a_member_that_differs_in_case_alone_is_refused(world: World, path: str, name: str) -> None:
    upstream, serving = await alices(world)
    double = (f'"model":"cheap","{name}":"dear"', f'"{name}":"dear","model":"cheap"')
    for body in (f"{{{members},{ASKS[path]}}}" for members in double):
        status, said = await ask(serving, path, body)
        assert (status, f"The member '{name}' looks like another" in said) == (400, True)
    assert not upstream.asked


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("second", ['"model"', '"mod\\u0065l"'])
async def test_of_a_member_that_stands_twice_the_provider_gets_the_one_that_was_judged(
    world: World, path: str, second: str
) -> None:
    upstream, serving = await alices(world)
    assert (await ask(serving, path, f'{{"model":"cheap",{second}:"dear",{ASKS[path]}}}'))[0] == 403
    assert not upstream.asked
    await ask(serving, path, f'{{"model":"dear",{second}:"cheap",{ASKS[path]}}}')
    (got,) = upstream.asked
    assert got.body.count(b"model") == 1
    assert b"dear" not in got.body
    assert got.json()["model"] == "cheap"


async def test_members_that_are_nobodys_business_cross(world: World) -> None:
    upstream, serving = await alices(world)
    extra = {"Temperature_Scale": 1, "x-Own": {"Model": "m"}}
    body = msgspec.json.encode({"model": "cheap", "messages": [{"role": "user", "content": "hi"}], **extra}).decode()
    assert (await ask(serving, "/v1/chat/completions", body))[0] == 200
    assert upstream.asked[0].json().items() >= extra.items()


async def test_what_would_never_end_is_refused(world: World) -> None:
    path = "/v1/chat/completions"
    upstream, serving = await alices(world)
    for n in ("1000000000", "129", "-1", "1e30", '"5"'):
        assert (await ask(serving, path, f'{{"model":"cheap","n":{n},{ASKS[path]}}}'))[0] == 400
    deep = "[" * 100_000 + "]" * 100_000
    assert (await ask(serving, path, f'{{"model":"cheap","x":{deep},{ASKS[path]}}}'))[0] == 400
    many = "[" + "{}," * 100_000 + "{}]"
    for path in ("/v1/chat/completions", "/v1/responses", "/v1/messages"):
        assert (await ask(serving, path, f'{{"model":"cheap","x":{many},{ASKS[path]}}}'))[0] == 400
    assert not upstream.asked
