"""gateway.models_asked: whoever may use some models only, or has a budget of their own, finds no way round it."""

import gzip
import json

import msgspec
import pytest

from sluice.gateway.money import Money
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.budget import Budget
from sluice.policies.hidden import Hidden
from sluice.policies.principal import Principal
from tests.support.events import completion
from tests.support.http_answer import error_of
from tests.support.plans import ai, plan, route
from tests.support.raw_client import request
from tests.support.raw_upstream import RawUpstream, answering, sized
from tests.support.serving import Serving
from tests.support.world import World

MINI = ApiKey(id="mini", digest=Hidden(digest_of("sk-mini")), allowed_models=("gpt-4o-mini", "small-*"))
ANYTHING = ApiKey(id="any", digest=Hidden(digest_of("sk-any")))
KEYS = Access(api_keys=ApiKeys(keys=(MINI, ANYTHING)))
HELLO = [{"role": "user", "content": "x"}]


async def rig(world: World, *, model: str = "", policy: AiPolicy | None = None) -> tuple[RawUpstream, Serving]:
    upstream = await world.upstream(answering(*[sized(completion())] * 9))
    members = {} if policy is None else {"ai": policy}
    entry = route("/", ai(upstream.port, model=model), **members)  # type: ignore[arg-type]
    entry = msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, access=KEYS))
    return upstream, await world.gateway(plan(entry))


async def status(
    world: World, serving: Serving, path: str, body: object, *headers: str, key: str = "sk-mini", method: str = "POST"
) -> tuple[int, str | None]:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    client = await world.client(serving)
    data = request(raw, method=method, path=path, headers=[f"Authorization: Bearer {key}", *headers])
    if any(header.startswith("Content-Type") for header in headers):
        data = data.replace(b"Content-Type: application/json\r\n", b"", 1)
    answer = await client.ask(data, method)
    return answer.status, error_of(answer).code if answer.status >= 400 else None


NO = (403, "model_not_allowed")
YES = (200, None)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/images/generations", "/v1/audio/speech", "/v1/moderations"])
async def test_an_operation_that_crosses_unread_asks_for_the_models_of_the_key_alone(world: World, path: str) -> None:
    upstream, serving = await rig(world)
    assert await status(world, serving, path, {"model": "gpt-5-pro", "input": "x"}) == NO
    assert await status(world, serving, path, {"input": "x"}) == NO
    assert upstream.asked == []
    assert await status(world, serving, path, {"model": "small-1", "input": "x"}) == YES
    assert await status(world, serving, path, {"model": "gpt-5-pro", "input": "x"}, key="sk-any") == YES


@pytest.mark.parametrize(
    "path", ["/v1/batches", "/v1/fine_tuning/jobs", "/v1/engines/gpt-5-pro/completions", "/v1/files"]
)
async def test_one_whose_model_nobody_knows_is_refused(world: World, path: str) -> None:
    upstream, serving = await rig(world)
    assert await status(world, serving, path, {"model": "gpt-4o-mini"}) == NO
    assert upstream.asked == []
    assert await status(world, serving, path, b"", method="GET") == YES  # it only looks something up
    assert await status(world, serving, path, {"model": "gpt-4o-mini"}, key="sk-any") == YES


MINE = b'{"model": "gpt-4o-mini", '


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (MINE + b'"model": "gpt-5-pro"}', []),
        (MINE + b'"Model": "gpt-5-pro"}', []),
        (b'{"MODEL": "gpt-4o-mini"}', []),
        (b'{"model": ["gpt-4o-mini"]}', []),
        (b'[["model", "gpt-4o-mini"]]', []),
        (b'"gpt-4o-mini"', []),
        (b"", []),
        (b"[" * 100_000, []),
        (MINE + b'"a": "&model=gpt-5-pro&"}', ["Content-Type: application/x-www-form-urlencoded"]),
        (MINE + b'"a": 1}', ["Content-Type: multipart/form-data; boundary=x"]),
        (MINE + b'"a": 1}', ["Content-Type: application/json", "Content-Type: multipart/form-data; boundary=x"]),
        (gzip.compress(MINE + b'"a": 1}', mtime=0), ["Content-Encoding: gzip"]),
        (json.dumps({"model": "gpt-4o-mini"}).encode("utf-16"), []),
        (b"\xef\xbb\xbf" + MINE + b'"a": 1}', []),
    ],
)
async def test_a_body_in_which_another_reader_could_find_another_model_is_refused(
    world: World, body: bytes, headers: list[str]
) -> None:
    upstream, serving = await rig(world)
    assert await status(world, serving, "/v1/completions", body, *headers) == NO
    assert upstream.asked == []


@pytest.mark.parametrize("named", [{}, {"model": ""}, {"model": None}])
async def test_a_request_that_names_no_model_comes_to_one_of_the_keys_or_to_nothing(
    world: World, named: dict[str, object]
) -> None:
    upstream, serving = await rig(world, model="gpt-5-pro")
    assert await status(world, serving, "/v1/chat/completions", {"messages": HELLO, **named}) == NO
    assert upstream.asked == []
    upstream, serving = await rig(world, model="small-2")
    assert await status(world, serving, "/v1/chat/completions", {"messages": HELLO, **named}) == YES
    assert upstream.asked[0].json()["model"] == "small-2"
    _, serving = await rig(world)
    assert await status(world, serving, "/v1/chat/completions", {"messages": HELLO, **named}) == NO


async def test_where_the_operator_says_that_models_are_told_from_bodies_they_are(world: World) -> None:
    upstream, serving = await rig(world, policy=AiPolicy(routes=(("*", "detect"),)))
    assert await status(world, serving, "/anything", {"model": "gpt-5-pro"}) == NO
    assert await status(world, serving, "/anything", {"model": "small-1"}) == YES
    assert [asked.json()["model"] for asked in upstream.asked] == ["small-1"]


class Own:
    """A directory in which one key has a budget."""

    def budgets(self, principal: Principal) -> tuple[Budget, ...]:
        return (Budget(id="b", name="b", amount=1, unit="tokens", period="Day"),) if principal.id == "any" else ()


async def test_a_key_with_a_budget_of_its_own_cannot_ask_what_nobody_can_count(world: World) -> None:
    upstream, serving = await rig(world)
    money: Money = serving.gateway.services.money
    money._keys = Own()
    assert (await status(world, serving, "/v1/batches", {}, key="sk-any"))[0] == 403
    assert upstream.asked == []
    assert await status(world, serving, "/v1/files", b"", key="sk-any", method="GET") == YES
