"""What a provider says in its errors passes the guards of its answers on the way to the client and to the log."""

import gzip
import json

import msgspec
import pytest

from sluice.policies.ai import AiPolicy
from sluice.policies.guards import Guard, Guards, Judge, TextRules
from tests.gateway.judged import at, saying
from tests.support.events import HELLO, ROLE, completion, delta, event
from tests.support.plans import ai, plan, route
from tests.support.raw_client import CHAT, STREAM, RawClient, request
from tests.support.raw_upstream import Play, RawUpstream, sized, streamed
from tests.support.serving import Serving
from tests.support.world import World

SAID = {"message": "Invalid TOPSECRET 4111 1111 1111 1111", "type": "TOPSECRET", "code": "TOPSECRET", "param": "a"}
WORDS = json.dumps({"error": SAID}).encode()
MASK = TextRules(builtins=("credit_card",), patterns=("TOPSECRET",))
REJECT = TextRules(action="reject", patterns=("TOPSECRET",))
PATHS = {
    "chat": ("/openai", STREAM),
    "messages": ("/openai/v1/messages", STREAM[:-1] + b',"max_tokens":9}'),
    "responses": ("/openai/v1/responses", b'{"model":"m","input":"hi","stream":true}'),
    "gemini": ("/openai/v1beta/models/m:streamGenerateContent?alt=sse", b'{"contents":[{"parts":[{"text":"hi"}]}]}'),
    "embeddings": ("/openai/v1/embeddings", b'{"model":"m","input":"hi"}'),
}


async def guarded(world: World, play: Play | bytes, *guards: Guard) -> tuple[Serving, RawClient]:
    upstream = await world.upstream(play)
    entry = route("/openai", ai(upstream.port), ai=AiPolicy(guards=Guards(response=guards)))
    serving = await world.gateway(plan(entry))
    return serving, await world.client(serving)


async def judge(world: World) -> tuple[RawUpstream, Judge]:
    service = await world.upstream(saying({"action": {"reason": "ok"}}))
    return service, at(service.port)


async def logged(serving: Serving) -> str:
    await serving.record()
    serving.heard.flush()
    return b"".join(serving.heard.lines).decode()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("path", PATHS)
async def test_a_refusal_is_masked_in_every_dialect_and_in_the_log(world: World, path: str, packed: bool) -> None:
    raw = sized(WORDS, status="400 No")
    if packed:
        raw = sized(gzip.compress(WORDS), "Content-Encoding: gzip", status="400 No")
    serving, client = await guarded(world, raw, MASK)
    address, body = PATHS[path]
    answer = await client.ask(request(body, path=address))
    assert answer.status == 400
    assert b"Invalid <masked> <CREDIT_CARD>" in answer.body
    log = await logged(serving)
    assert '"error":"Invalid <masked> <CREDIT_CARD>"' in log
    assert "TOPSECRET" not in answer.body.decode() + log
    record = await serving.record()
    assert (record.outcome, record.error_code) == ("upstream_error", "<masked>")
    assert record.guard.checks >= 2
    assert sum(count for _, action, count in record.guard.hits if action == "mask") >= 2


@pytest.mark.parametrize("path", PATHS)
async def test_a_rule_that_rejects_leaves_our_own_sentence(world: World, path: str) -> None:
    serving, client = await guarded(world, sized(WORDS, status="400 No"), REJECT)
    address, body = PATHS[path]
    answer = await client.ask(request(body, path=address))
    assert answer.status == 400
    assert b"a guard withholds what it said" in answer.body
    assert "TOPSECRET" not in answer.body.decode() + await logged(serving)
    assert (await serving.record()).outcome == "upstream_error"


@pytest.mark.parametrize("path", PATHS)
async def test_where_a_service_judges_answers_it_is_not_asked_about_an_error(world: World, path: str) -> None:
    service, guard = await judge(world)
    serving, client = await guarded(world, sized(WORDS, "Retry-After: 7", status="429 No"), guard)
    address, body = PATHS[path]
    answer = await client.ask(request(body, path=address))
    assert (answer.status, answer.header("retry-after")) == (429, "7")
    assert b"a guard withholds what it said" in answer.body
    assert "4111" not in answer.body.decode() + await logged(serving)
    assert service.asked == []


def failing(path: str, *, begun: bool) -> list[bytes]:
    """A stream that fails, perhaps after some text. The provider speaks chat, and Responses to who does."""
    said = {**SAID, "message": "Oh TOPSECRET"}
    if path != "responses":
        return [*((ROLE, HELLO) if begun else ()), event({"error": said})]
    created = {"id": "r1", "object": "response", "model": "m", "output": []}
    text = {"item_id": "i1", "output_index": 0, "content_index": 0, "delta": "Hello"}
    failed = {**created, "status": "failed", "error": said}
    return [
        event({"type": "response.created", "response": {**created, "status": "in_progress"}}),
        *([event({"type": "response.output_text.delta", **text})] if begun else ()),
        event({"type": "response.failed", "response": failed}),
    ]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("guard", ["mask", "reject", "judge"])
@pytest.mark.parametrize("path", [path for path in PATHS if path != "embeddings"])
async def test_an_error_inside_a_stream_is_looked_at(world: World, path: str, guard: str, begun: bool) -> None:
    _, judged = await judge(world)
    guards: dict[str, Guard] = {"mask": MASK, "reject": REJECT, "judge": judged}
    serving, client = await guarded(world, streamed(*failing(path, begun=begun)), guards[guard])
    address, body = PATHS[path]
    answer = await client.ask(request(body, path=address))
    assert (b"Oh <masked>" if guard == "mask" else b"withholds what it said") in answer.body
    assert (b"Hello" in answer.body) is (begun and guard != "judge")
    assert "TOPSECRET" not in answer.body.decode() + await logged(serving)
    assert (await serving.record()).outcome == "upstream_error"


async def test_an_error_with_status_200_is_looked_at(world: World) -> None:
    serving, client = await guarded(world, sized(WORDS), MASK)
    answer = await client.ask(request(CHAT))
    assert b"Invalid <masked> <CREDIT_CARD>" in answer.body
    assert "TOPSECRET" not in answer.body.decode() + await logged(serving)


async def test_each_targets_error_is_looked_at_by_its_own_guards(world: World) -> None:
    first, second = (
        await world.upstream(sized(WORDS, status="500 X")),
        await world.upstream(sized(WORDS, status="503 Y")),
    )
    one, other = ai(first.port, "one").groups[0][0], ai(second.port, "other").groups[0][0]
    other = msgspec.structs.replace(other, ai=AiPolicy(guards=Guards(response=(MASK,))))
    backend = msgspec.structs.replace(ai(first.port), groups=((one,), (other,)))
    serving = await world.gateway(plan(route("/openai", backend)))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert answer.status == 503
    assert b"Invalid <masked> <CREDIT_CARD>" in answer.body
    assert "TOPSECRET" not in await logged(serving)


async def test_without_guards_of_answers_an_error_crosses_as_it_came(world: World) -> None:
    upstream = await world.upstream(sized(WORDS, status="400 No"))
    service, guard = await judge(world)
    entry = route("/openai", ai(upstream.port), ai=AiPolicy(guards=Guards(request=(guard, MASK))))
    serving = await world.gateway(plan(entry))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert json.loads(answer.body)["error"]["message"] == SAID["message"]
    assert [asked.line for asked in service.asked] == ["POST /request HTTP/1.1"]
    assert (await serving.record()).guard.checks == 0


async def test_an_answer_after_a_refusal_is_still_guarded(world: World) -> None:
    refuses, answers = (
        await world.upstream(sized(WORDS, status="500 X")),
        await world.upstream(sized(completion("a TOPSECRET b"))),
    )
    one, other = ai(refuses.port, "one").groups[0][0], ai(answers.port, "other").groups[0][0]
    backend = msgspec.structs.replace(ai(1), groups=((one,), (other,)))
    entry = route("/openai", backend, ai=AiPolicy(guards=Guards(response=(MASK,))))
    serving = await world.gateway(plan(entry))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "a <masked> b"
    record = await serving.record()
    assert record.outcome == "completed"
    assert record.guard.checks > 2, "those of the refusal and those of the answer"


async def test_what_came_before_a_failure_keeps_its_place(world: World) -> None:
    pieces = [ROLE, delta(content="all is TOPSECRET fine"), event({"error": {"message": "then TOPSECRET"}})]
    _, client = await guarded(world, streamed(*pieces), MASK)
    answer = await client.ask(request(STREAM))
    first, last = answer.body.find(b"all is <masked> fine"), answer.body.find(b"then <masked>")
    assert 0 < first < last
    assert b"[DONE]" not in answer.body
