"""A wrong request is told what is wrong, and costs the provider nothing."""

import msgspec
import pytest

from sluice.config.plan import AiBackend
from tests.support.events import completion
from tests.support.http_answer import error_of
from tests.support.plans import ai, plan, route, to_provider
from tests.support.raw_client import CHAT, get, request
from tests.support.raw_upstream import sized
from tests.support.world import World


@pytest.mark.parametrize(
    ("data", "status", "code", "param"),
    [
        (get("/nowhere"), 404, "route_not_found", None),
        (request(b"{"), 400, "invalid_request_body", None),
        (request(b""), 400, "invalid_request_body", None),
        (request(b'{"model":"m"}'), 400, "invalid_request_body", "messages"),
        (request(b'{"model":"m","messages":[{}]}'), 400, "invalid_request_body", "messages[0]"),
        (request(CHAT[:-1] + b',"stream":"true"}'), 400, "invalid_request_body", "stream"),
        (get("/openai"), 405, "method_not_allowed", None),
        (request(CHAT, headers=["Content-Encoding: gzip"]), 415, "unsupported_media_type", None),
    ],
    ids=["no route", "no JSON", "no body", "no messages", "no role", "stream as text", "GET", "compressed"],
)
async def test_a_wrong_request_is_rejected_and_asks_nobody(
    world: World, data: bytes, status: int, code: str, param: str | None
) -> None:
    upstream, serving, client = await world.between(sized(completion()))
    answer = await client.ask(data)
    error = error_of(answer)
    assert (answer.status, error.code, error.param) == (status, code, param)
    assert answer.header("allow") == ("POST" if status == 405 else "")
    record = await serving.record()
    assert (record.outcome, record.status) == ("rejected", status)
    assert upstream.asked == []
    assert (await client.ask(request())).status == 200, "the connection is still good"


async def test_a_model_that_nobody_serves(world: World) -> None:
    upstream = await world.upstream(sized(completion()))
    whole = to_provider(upstream.port)
    (model,) = whole.models
    backend: AiBackend = model.backend
    chosen = msgspec.structs.replace(whole, models=(msgspec.structs.replace(model, pattern="gpt-*"),))
    assert backend
    serving = await world.gateway(chosen)
    client = await world.client(serving)
    answer = await client.ask(request(path="/v1/chat/completions"))
    assert (answer.status, error_of(answer).code, error_of(answer).param) == (404, "model_not_found", "model")
    found = await client.ask(request(CHAT.replace(b'"m"', b'"gpt-4"'), path="/v1/chat/completions"))
    assert found.status == 200


async def test_a_route_without_a_backend_and_one_that_did_not_resolve(world: World) -> None:
    serving = await world.gateway(plan(route("/none"), route("/lost", None), route("/zero", ai(1), weights=[0])))
    client = await world.client(serving)
    statuses = [(await client.ask(request(path=path))).status for path in ("/none", "/lost", "/zero")]
    assert statuses == [503, 500, 503]
