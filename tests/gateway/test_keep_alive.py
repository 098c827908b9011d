"""A stream that is waited for: what the client hears meanwhile, and what a failure looks like after that."""

import asyncio
import json

import msgspec
import pytest

from sluice.config.plan import Plan
from sluice.config.unified import unified_entries
from sluice.dialects.dialect import Dialect
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from sluice.standard import CLIENT_DIALECTS, STANDARD
from tests.gateway.test_failover import after, target
from tests.support.events import DONE, ERROR, HELLO, ROLE, STOP, WHOLE_STREAM
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, Play, chunk, chunked_head, silent, sized, streamed
from tests.support.world import World

SOON = Streaming(keep_alive_s=0.03, commit_after_s=0.05)
BEAT = b": keep-alive\n\n"


def later(*data: bytes, wait_s: float = 0.2, head_first: bool = True) -> Play:
    """A provider that thinks for a while, before its head or after it."""

    async def play(call: Call) -> None:
        await call.request()
        if head_first:
            call.send(chunked_head())
        await asyncio.sleep(wait_s)
        if not head_first:
            call.send(chunked_head())
        call.send(*map(chunk, data), chunk(b""))

    return play


@pytest.mark.parametrize("head_first", [True, False])
async def test_a_client_who_waits_hears_keep_alives_and_then_the_providers_own_bytes(
    world: World, head_first: bool
) -> None:
    _, serving, client = await world.between(later(*WHOLE_STREAM, head_first=head_first), streaming=SOON)
    answer = await client.ask(request(STREAM))
    beats = answer.body.count(BEAT)
    assert answer.status == 200
    assert beats >= 3
    assert answer.body == BEAT * beats + b"".join(WHOLE_STREAM)
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    record = await serving.record()
    assert (record.outcome, record.status, record.streaming) == ("completed", 200, True)
    assert record.stream.first_token_s is not None
    assert record.stream.first_token_s > 0.15


async def test_a_fast_failure_keeps_its_status(world: World) -> None:
    _, _, client = await world.between(sized(b'{"error":{"message":"a"}}', status="503 X"), streaming=SOON)
    assert (await client.ask(request(STREAM))).status == 503


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/openai"])
async def test_a_slow_failure_is_an_event_without_any_marker_of_success(world: World, path: str) -> None:
    _, serving, client = await world.between(silent, streaming=SOON, deadlines=Deadlines(headers_s=0.15, idle_s=0))
    answer = await client.ask(request(STREAM, path=path))
    assert answer.status == 200
    events = [line for line in answer.body.split(b"\n\n") if line and line != BEAT.strip()]
    error = json.loads(events[-1].removeprefix(b"data: "))["error"]
    assert error["code"] == "timeout_headers"
    assert DONE not in answer.body
    assert (await serving.record()).outcome == "timeout"


MESSAGES = b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}'
RESPONSES = b'{"model":"m","stream":true,"input":"hi"}'
GEMINI = b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
CLIENTS = {
    "/v1/messages": (MESSAGES, b'event: ping\ndata: {"type": "ping"}\n\n', b"event: error\n", b"message_stop"),
    "/v1/responses": (RESPONSES, BEAT, b"response.failed", b"response.completed"),
    "/v1beta/models/m:streamGenerateContent?alt=sse": (GEMINI, b"\n", b'"error"', b"finishReason"),
    "/v1beta/models/m:streamGenerateContent": (GEMINI, b"\n", b'"error"', b"finishReason"),
}


@pytest.mark.parametrize("path", CLIENTS)
async def test_each_dialect_is_kept_alive_and_failed_in_its_own_words(world: World, path: str) -> None:
    body, beat, failure, success = CLIENTS[path]
    upstream = await world.upstream(silent)
    plan = to_provider(upstream.port, streaming=SOON, deadlines=Deadlines(headers_s=0.15))
    serving = await world.gateway(_unified(plan))
    answer = await (await world.client(serving)).ask(request(body, path=path))
    assert answer.status == 200
    assert answer.body.startswith(beat)
    assert failure in answer.body
    assert success not in answer.body


def _unified(plan: Plan) -> Plan:
    """Serve the unified addresses by model."""
    listener = plan.listeners[0]
    rule = listener.entries[0].rule
    entries = unified_entries("test/by-model", by_model=rule, model_list=rule)
    return msgspec.structs.replace(plan, listeners=(msgspec.structs.replace(listener, entries=entries),))


async def test_a_target_that_fails_behind_keep_alives_is_still_anothers_turn(world: World) -> None:
    first = await world.upstream(later(ROLE, ERROR))
    second = await world.upstream(streamed(*WHOLE_STREAM))
    plan = to_provider(0, backend=after(target("first", first.port), target("second", second.port)), streaming=SOON)
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(STREAM))
    beats = answer.body.count(BEAT)
    assert beats >= 3
    assert answer.body == BEAT * beats + b"".join(WHOLE_STREAM), "one role, and nothing of the first"
    record = await serving.record()
    assert (record.outcome, record.tried) == ("completed", (("first", "529"), ("second", "200")))


async def test_when_all_fail_behind_keep_alives_the_event_names_who_was_asked(world: World) -> None:
    first = await world.upstream(later(ROLE, ERROR))
    second = await world.upstream(sized(b'{"error":{"message":"no","code":"busy"}}', status="503 X"))
    plan = to_provider(0, backend=after(target("first", first.port), target("second", second.port)), streaming=SOON)
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert b"first;529, second;" in answer.body
    assert answer.body.count(b'"error"') == 1
    assert DONE not in answer.body
    record = await serving.record()
    assert (record.outcome, record.status, record.error) == ("upstream_error", 200, "no")
    assert record.request_id == answer.header("x-request-id")


async def test_an_answer_that_is_no_stream_is_not_opened_early(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        await asyncio.sleep(0.15)
        call.send(b"HTTP/1.1 503 X\r\ncontent-length: 2\r\n\r\n{}")

    _, _, client = await world.between(play, streaming=SOON)
    assert (await client.ask(request(CHAT))).status == 503


async def test_silence_in_the_midst_is_filled_between_events(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE + HELLO[:20]))
        await asyncio.sleep(0.02)
        call.send(chunk(HELLO[20:] + HELLO[:15]))
        await asyncio.sleep(0.15)
        call.send(chunk(HELLO[15:] + STOP + DONE), chunk(b""))

    _, _, client = await world.between(play, streaming=SOON)
    body = (await client.ask(request(STREAM))).body
    assert body.replace(BEAT, b"") == ROLE + HELLO + HELLO + STOP + DONE
    assert body.count(BEAT) >= 3
    assert body.startswith(ROLE + HELLO + BEAT)


async def test_a_client_who_leaves_while_it_is_kept_waiting_frees_the_provider(world: World) -> None:
    upstream, serving, client = await world.between(silent, streaming=SOON)
    client.send(request(STREAM))
    await client.read_until(BEAT)
    client.close()
    assert (await serving.record()).outcome == "client_gone"
    await upstream.calls[0].gone()


def test_every_dialect_of_clients_has_something_to_say() -> None:
    for module_id in set(CLIENT_DIALECTS.values()):
        assert STANDARD.get(module_id, Dialect).facts.keep_alive  # type: ignore[type-abstract]  # a protocol
