"""What a provider gets of a request that has guards: on the wire, in every operation."""

import msgspec
import pytest

from sluice.policies.ai import AiPolicy
from sluice.policies.guards import Guard, Guards, TextRules
from tests.support.events import completion
from tests.support.plans import ai, plan, route
from tests.support.raw_client import RawClient, request
from tests.support.raw_upstream import RawUpstream, sized
from tests.support.world import World

SECRET = TextRules(patterns=("TOPSECRET",), scopes=("messages", "tool_input"))
EMBEDDED = b'{"object":"list","data":[],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}'


async def guarded(world: World, answer: bytes, *guards: Guard) -> tuple[RawUpstream, RawClient]:
    upstream = await world.upstream(sized(answer))
    entry = route("/openai", ai(upstream.port), ai=AiPolicy(guards=Guards(request=guards)))
    return upstream, await world.client(await world.gateway(plan(entry)))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/openai/v1/embeddings", b'{"model":"m","input":"TOPSECRET","input":"x"}'),
        ("/openai/v1/embeddings", b'{"model":"m","\\u0069nput":"TOPSECRET","input":"x"}'),
        ("/openai/v1/rerank", b'{"model":"m","query":"q","documents":["TOPSECRET"],"documents":["x"]}'),
        ("/openai", b'{"model":"m","messages":[{"role":"user","content":"TOPSECRET"}],"messages":[]}'),
    ],
)
async def test_a_member_that_stands_twice_reaches_no_provider(world: World, path: str, body: bytes) -> None:
    upstream, client = await guarded(world, EMBEDDED, SECRET)
    answer = await client.ask(request(body, path=path))
    assert answer.status == 400
    assert b"stands twice in the body" in answer.body
    assert not upstream.asked


async def test_a_value_beside_a_part_is_masked_on_the_wire(world: World) -> None:
    guard = TextRules(builtins=("credit_card",))
    upstream, client = await guarded(world, completion("ok"), guard)
    parts = [{"type": "text", "text": text} for text in ("expires 12", "4111 1111 1111 1111")]
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": parts}]})
    assert (await client.ask(request(body, path="/openai"))).status == 200
    (sent,) = upstream.asked
    content = msgspec.json.decode(sent.body)["messages"][0]["content"]
    assert [part["text"] for part in content] == ["expires 12", "<CREDIT_CARD>"]


@pytest.mark.parametrize("data", ["bXkgVE9QU0VDUkVU", "DATA:text/plain;base64,bXkgVE9QU0VDUkVU", "data:,TOP%53ECRET"])
async def test_no_form_of_a_file_hides_its_text(world: World, data: str) -> None:
    upstream, client = await guarded(world, completion("ok"), msgspec.structs.replace(SECRET, action="reject"))
    content = [{"type": "file", "file": {"filename": "notes.txt", "file_data": data}}]
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": content}]})
    assert (await client.ask(request(body, path="/openai"))).status == 403
    assert not upstream.asked
