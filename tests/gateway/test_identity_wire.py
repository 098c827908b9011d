"""Identity through the whole gateway: what the client hears, what the provider gets, what is logged."""

from typing import Literal

import msgspec
import pytest
from msgspec.structs import replace

from sluice.config.plan import Plan
from sluice.policies.access import Access
from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.authorization import Authorization
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.hidden import Hidden
from sluice.providers.credential import Placement
from tests.gateway.identity import here, tokens
from tests.support.http_answer import Answer
from tests.support.plans import ai, plan, route, static
from tests.support.raw_client import RawClient, request
from tests.support.raw_upstream import RawUpstream, answering, silent, sized
from tests.support.serving import Serving
from tests.support.tokens import token
from tests.support.waiting import until
from tests.support.world import World

ANSWER = sized(
    b'{"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [{"index": 0, "message": '
    b'{"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}], '
    b'"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}'
)
KEYS = ApiKeys(
    keys=(
        ApiKey(
            id="alice",
            digest=Hidden(digest_of("sk-alice")),
            allowed_models=("gpt-4o",),
            headers=(("x-org", "developers"),),
        ),
    )
)


def guarded(whole: Plan, access: Access, error_format: Literal["json", "text"]) -> Plan:
    """The same plan with this access on every rule."""
    (listener,) = whole.listeners
    entries = tuple(
        replace(entry, rule=replace(entry.rule, access=access, error_format=error_format)) for entry in listener.entries
    )
    return replace(whole, listeners=(replace(listener, entries=entries),))


class Rig:
    """A provider, a gateway in front of it, and a client."""

    def __init__(self, upstream: RawUpstream, serving: Serving, client: RawClient) -> None:
        self.upstream, self.serving, self._client = upstream, serving, client

    async def ask(self, *headers: str, path: str = "/openai", model: str = "gpt-4o", stream: bool = False) -> Answer:
        body = msgspec.json.encode({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]})
        self._client.send(request(body, path=path, headers=headers))
        return await self._client.answer()


async def rig(
    world: World,
    access: Access,
    error_format: Literal["json", "text"] = "json",
    *,
    passthrough: bool = False,
    placement: Placement | None = None,
) -> Rig:
    upstream = await world.upstream(ANSWER)
    target = ai(upstream.port, passthrough=passthrough, placement=placement, key=None if passthrough else "sk-own")
    entries = (route("/openai", target), route("/v1/messages", target), route("/static", static(upstream.port)))
    serving = await world.gateway(guarded(plan(*entries), access, error_format))
    return Rig(upstream, serving, await world.client(serving))


def bearer(text: str) -> str:
    return f"Authorization: Bearer {text}"


RULES = Authorization(allow=('jwt.team == "team-id"',))


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ((), 401, "authentication failure: no bearer token found"),
        ((bearer(token(kid="x")),), 401, 'authentication failure: token uses the unknown key "x"'),
        ((bearer(token(team="other")),), 403, "authorization failed"),
        ((bearer(token()), bearer(token())), 400, "there are two headers `authorization`; a credential is sent once"),
    ],
)
async def test_a_refusal_is_the_bare_sentence_or_the_clients_own_error(
    world: World, headers: tuple[str, ...], status: int, text: str
) -> None:
    plain = await rig(world, tokens(authorization=RULES), "text")
    answer = await plain.ask(*headers)
    assert (answer.status, answer.body) == (status, text.encode())
    assert answer.head.header("content-type").partition(";")[0] == "text/plain"
    assert answer.head.header("www-authenticate") == ("Bearer" if status == 401 else "")
    own = await rig(world, tokens(authorization=RULES))
    for path in ("/openai", "/v1/messages"):
        answer = await own.ask(*headers, path=path)
        assert (answer.status, msgspec.json.decode(answer.body)["error"]["message"]) == (status, text)
        assert answer.head.header("content-type").startswith("application/json")
    assert not own.upstream.asked
    record = await own.serving.record(2)
    assert record.reason == {401: "JwtAuth", 403: "Authorization", 400: "InvalidRequest"}[status]
    assert (record.status, record.outcome) == (status, "rejected")


async def test_a_token_is_seen_by_nobody_behind_the_gateway(world: World) -> None:
    found = await rig(world, tokens())
    for path in ("/openai", "/static"):
        assert (await found.ask(bearer(token()), "x-other: y", path=path)).status == 200
    chat, opaque = found.upstream.asked
    assert chat.header("authorization") == "Bearer sk-own"
    assert opaque.header("authorization") is None
    assert opaque.header("x-other") == "y"
    found.serving.heard.flush()
    assert not [line for line in found.serving.heard.lines if token().encode() in line]


@pytest.mark.parametrize(
    ("placement", "place"),
    [(None, "authorization: Bearer "), (Placement("x-token", ""), "x-token: "), (Placement("t", "", "query"), "?t=")],
)
async def test_a_target_that_wants_the_clients_token_gets_the_one_that_was_verified(
    world: World, placement: Placement | None, place: str
) -> None:
    found = await rig(world, tokens(), passthrough=True, placement=placement)
    assert (await found.ask(bearer(token()))).status == 200
    (asked,) = found.upstream.asked
    assert f"{place}{token()}" in asked.raw.decode()
    assert asked.raw.count(token().encode()) == 1


async def test_a_key_says_whose_request_it_is_and_for_which_models(world: World) -> None:
    found = await rig(world, Access(api_keys=KEYS))
    assert (await found.ask("x-api-key: sk-alice", "x-org: admins")).status == 200
    assert (await found.ask("x-api-key: sk-alice", "x-org: admins", path="/static")).status == 200
    for asked in found.upstream.asked:
        assert [value for name, value in asked.headers if name == "x-org"] == ["developers"]
        assert "sk-alice" not in asked.raw.decode()
    refused = await found.ask("x-api-key: sk-alice", model="gpt-5")
    assert (refused.status, msgspec.json.decode(refused.body)["error"]["code"]) == (403, "model_not_allowed")


@pytest.mark.parametrize(
    "dropped", ["Connection: x-org", "Connection: close, X-Org", "Connection: x-org\r\nTe: trailers"]
)
async def test_a_client_cannot_have_what_a_policy_says_dropped_on_the_way(world: World, dropped: str) -> None:
    found = await rig(world, Access(api_keys=KEYS))
    assert (await found.ask("x-api-key: sk-alice", dropped, path="/static")).status == 200
    (asked,) = found.upstream.asked
    assert [value for name, value in asked.headers if name == "x-org"] == ["developers"]
    assert asked.header("te") is None


@pytest.mark.parametrize("name", ["key", "api-key", "api_key", "access_token", "%6bey"])
async def test_no_credential_in_a_query_reaches_a_provider(world: World, name: str) -> None:
    found = await rig(world, Access())
    client = await world.client(found.serving)
    path = f"/openai/v1/files?after=x&{name}=canary&limit=5"
    assert (await client.ask(request(b"", method="GET", path=path), "GET")).status == 200
    (asked,) = found.upstream.asked
    assert asked.line == "GET /v1/files?after=x&limit=5 HTTP/1.1"


@pytest.mark.parametrize("stream", [False, True])
async def test_what_an_external_authorization_answers_is_what_the_client_hears(world: World, stream: bool) -> None:
    no = sized(
        b"Access denied: <missing> key", "x-opa-decision: denied", status="403 Forbidden", content_type="text/html"
    )
    service = await world.upstream(no)
    access = Access(
        external=(ExternalAuth(server=here(service.port), to_provider=("x-user",), to_client=("x-limit",)),)
    )
    found = await rig(world, access)
    answer = await found.ask("x-user: mallory", stream=stream)
    assert (answer.status, answer.body) == (403, b"Access denied: <missing> key")
    assert answer.head.header("x-opa-decision") == "denied"
    assert answer.head.header("content-type") == "text/html"
    assert not found.upstream.asked
    record = await found.serving.record(1)
    assert (record.reason, record.status) == ("ExtAuth", 403)
    service.play = answering(sized(b"", "x-user: alice", "x-limit: 7"))
    for call in service.calls:
        call.reset()
    await until(lambda: service.open_connections == 0)
    answer = await found.ask("x-user: mallory")
    assert (answer.status, answer.head.header("x-limit")) == (200, "7")
    assert [value for name, value in found.upstream.asked[0].headers if name == "x-user"] == ["alice"]


async def test_a_service_that_is_gone_refuses_in_time(world: World) -> None:
    service = await world.upstream(silent)
    access = Access(external=(ExternalAuth(server=here(service.port), timeout_s=0.2),))
    answer = await (await rig(world, access, "text")).ask()
    assert (answer.status, answer.body) == (503, b"the external authorization cannot be asked")
