"""A stream that is waited for: what the client hears meanwhile, and what a failure looks like after that."""

import asyncio
import json

import msgspec
import pytest

from sluice.chat.request import ChatRequest
from sluice.config.plan import Plan
from sluice.config.unified import unified_entries
from sluice.dialects.dialect import Dialect
from sluice.errors import Unavailable
from sluice.gateway import answers
from sluice.gateway.reply import Reply
from sluice.net import answer as client_side
from sluice.policies.admission import Admission
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.policies.fault_injection import Delay
from sluice.policies.guards import Guards
from sluice.policies.shaping import Shaping
from sluice.policies.streaming import OnDisconnect, Streaming
from sluice.relay.outcome import Outcome
from sluice.standard import CLIENT_DIALECTS, STANDARD
from tests.gateway.judged import at, saying
from tests.gateway.test_failover import after, target
from tests.gateway.test_faults import cut_as_internal
from tests.support.events import DONE, ERROR, HELLO, ROLE, STOP, WHOLE_STREAM, completion
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, get, request
from tests.support.raw_upstream import Call, Play, chunk, chunked_head, silent, sized, streamed
from tests.support.waiting import until
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


async def test_a_head_that_is_given_early_names_nobody_who_may_still_be_given_up(world: World) -> None:
    first = await world.upstream(sized(b'{"error":{"message":"no"}}', status="429 X"))
    second = await world.upstream(later(ROLE, ERROR))
    third = await world.upstream(streamed(*WHOLE_STREAM))
    targets = (target("first", first.port), target("second", second.port), target("third", third.port))
    serving = await world.gateway(to_provider(0, backend=after(*targets), streaming=SOON))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.body.endswith(b"".join(WHOLE_STREAM))
    assert answer.head.all("x-sluice-attempts") == []
    assert (await serving.record()).tried == (("first", "429"), ("second", "529"), ("third", "200"))


@pytest.mark.parametrize("head_first", [True, False])
async def test_a_stream_that_the_policy_asks_for_is_given_as_one_however_early(world: World, head_first: bool) -> None:
    policy = AiPolicy(overrides=(("stream", msgspec.Raw(b"true")),))
    upstream = await world.upstream(later(*WHOLE_STREAM, head_first=head_first))
    backend = after(msgspec.structs.replace(target("only", upstream.port), ai=policy))
    serving = await world.gateway(to_provider(0, backend=backend, streaming=SOON))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert answer.body.startswith(BEAT)
    assert answer.body.endswith(b"".join(WHOLE_STREAM))
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"


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


# -- before anybody is asked -------------------------------------------------------------------------------------------

SLOW_S = 0.25
FINE = {"action": {"reason": "fine"}}


async def thinks(call: Call) -> None:
    """A judge who takes its time."""
    await call.request()
    await asyncio.sleep(SLOW_S)
    call.send(sized(msgspec.json.encode(FINE)))
    await call.gone()


async def judged(world: World, play: Play = thinks, **members: object) -> AiPolicy:
    """What asks such a judge about a request."""
    return msgspec.structs.replace(AiPolicy(guards=Guards(request=(at((await world.upstream(play)).port),))), **members)


def forced(*, stream: bool) -> AiPolicy:
    return AiPolicy(overrides=(("stream", msgspec.Raw(b"true" if stream else b"false")),))


@pytest.mark.parametrize("waits_for", ["a judge", "a delay"])
async def test_a_client_has_company_while_policies_make_it_wait(world: World, waits_for: str) -> None:
    ai = await judged(world) if waits_for == "a judge" else AiPolicy()
    delays = () if waits_for == "a judge" else (Delay(duration_s=SLOW_S),)
    upstream = await world.upstream(streamed(*WHOLE_STREAM))
    serving = await world.gateway(to_provider(upstream.port, ai=ai, shaping=Shaping(delays=delays), streaming=SOON))
    client = await world.client(serving)
    client.send(request(STREAM))
    await client.read_until(BEAT)
    assert upstream.asked == []
    rest = await client.read_until(b"0\r\n\r\n")
    assert rest.count(BEAT) >= 2
    assert rest.count(HELLO) == 1
    record = await serving.record()
    assert (record.outcome, record.status, record.streaming) == ("completed", 200, True)
    assert record.stream.first_token_s is not None
    assert record.stream.first_token_s > SLOW_S


async def test_time_that_is_over_meanwhile_is_an_event(world: World) -> None:
    ai = await judged(world, silent)
    _, serving, client = await world.between(b"", ai=ai, streaming=SOON, deadlines=Deadlines(total_s=0.15))
    answer = await client.ask(request(STREAM))
    assert (answer.status, answer.body.startswith(BEAT)) == (200, True)
    assert b'"timeout_total"' in answer.body
    assert (await serving.record()).outcome == "timeout"


STREAMS: dict[str, tuple[bytes, tuple[AiPolicy, ...], bool]] = {
    "the client asks for one": (STREAM, (AiPolicy(),), True),
    "and the policies say the same": (STREAM, (forced(stream=True), AiPolicy()), True),
    "a policy makes it one": (CHAT, (forced(stream=True),), True),
    "a policy makes it none": (STREAM, (forced(stream=False),), False),
    "one would, another would not": (STREAM, (forced(stream=False), forced(stream=True)), False),
    "none by default, and the client has asked": (STREAM, (AiPolicy(defaults=forced(stream=False).overrides),), True),
    "one by default, and the client is silent": (CHAT, (AiPolicy(defaults=forced(stream=True).overrides),), True),
    "it is computed": (STREAM, (AiPolicy(transformations=(("stream", "false"),)),), False),
    "the client asks for none": (CHAT, (AiPolicy(),), False),
}


@pytest.mark.parametrize("case", STREAMS)
async def test_a_head_is_given_early_only_if_all_who_may_be_asked_are_asked_for_a_stream(
    world: World, case: str
) -> None:
    """Under a judge, before there is a target."""
    asked, policies, streams = STREAMS[case]
    upstream = await world.upstream(streamed(*WHOLE_STREAM) if streams else sized(completion()))
    targets = [
        msgspec.structs.replace(target(f"t{number}", upstream.port), ai=policy)
        for number, policy in enumerate(policies)
    ]
    serving = await world.gateway(to_provider(0, backend=after(*targets), ai=await judged(world), streaming=SOON))
    answer = await (await world.client(serving)).ask(request(asked))
    if streams:
        assert answer.header("content-type") == "text/event-stream; charset=utf-8"
        assert answer.body.startswith(BEAT * 2)
        assert answer.body.endswith(DONE)
    else:
        assert (answer.header("content-type"), answer.body) == ("application/json", completion())


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_what_the_address_asks_for_no_policy_changes(world: World, verb: str) -> None:
    streams = verb.startswith("stream")
    upstream = await world.upstream(streamed(*WHOLE_STREAM) if streams else sized(completion()))
    ai = await judged(world, overrides=forced(stream=not streams).overrides)
    serving = await world.gateway(_unified(to_provider(upstream.port, ai=ai, streaming=SOON)))
    answer = await (await world.client(serving)).ask(request(GEMINI, path=f"/v1beta/models/m:{verb}"))
    assert answer.header("content-type").startswith("text/event-stream" if streams else "application/json")
    assert answer.body.startswith(b"\n\n" if streams else b"{")


async def test_whoever_is_asked_next_for_no_stream_ends_the_company(world: World) -> None:
    """The first is asked for a stream and refuses before a head had to be given."""
    busy = await world.upstream(sized(b"{}", status="503 X"))
    whole = await world.upstream(later_whole)
    second = msgspec.structs.replace(target("second", whole.port), ai=forced(stream=False))
    backend = after(target("first", busy.port), second)
    serving = await world.gateway(to_provider(0, backend=backend, streaming=SOON))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert (answer.header("content-type"), answer.body) == ("application/json", completion())


async def test_who_is_asked_for_no_stream_gets_no_turn_once_the_client_has_the_head_of_one(world: World) -> None:
    first = await world.upstream(later(ROLE, ERROR))
    whole = await world.upstream(sized(completion()))
    third = await world.upstream(streamed(*WHOLE_STREAM))
    second = msgspec.structs.replace(target("second", whole.port), ai=forced(stream=False))
    backend = after(target("first", first.port), second, target("third", third.port))
    serving = await world.gateway(to_provider(0, backend=backend, streaming=SOON))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.body == BEAT * answer.body.count(BEAT) + b"".join(WHOLE_STREAM)
    assert (await serving.record()).tried == (("first", "529"), ("third", "200"))
    assert whole.asked == []


async def test_where_only_such_are_left_the_client_hears_of_the_last_failure(world: World) -> None:
    first = await world.upstream(later(ROLE, ERROR))
    whole = await world.upstream(sized(completion()))
    second = msgspec.structs.replace(target("second", whole.port), ai=forced(stream=False))
    serving = await world.gateway(to_provider(0, backend=after(target("first", first.port), second), streaming=SOON))
    answer = await (await world.client(serving)).ask(request(STREAM))
    beats = answer.body.count(BEAT)
    assert answer.body.startswith(BEAT * beats + b"data: {")
    assert (answer.body.count(b'"error"'), DONE in answer.body) == (1, False)
    assert whole.asked == []
    assert (await serving.record()).outcome == "upstream_error"


async def later_whole(call: Call) -> None:
    await call.request()
    await asyncio.sleep(SLOW_S)
    call.send(sized(completion()))


@pytest.mark.parametrize("opened", [False, True], ids=["in silence", "with company"])
@pytest.mark.parametrize("on_disconnect", ["cancel", "drain", "continue"])
async def test_a_client_who_leaves_its_judge_frees_it_at_once(
    world: World, on_disconnect: OnDisconnect, opened: bool
) -> None:
    """Nobody was asked: there is no answer that could be read on."""
    judge = await world.upstream(silent)
    streaming = msgspec.structs.replace(SOON if opened else Streaming(), on_disconnect=on_disconnect)
    ai = AiPolicy(guards=Guards(request=(at(judge.port),)))
    upstream, serving, client = await world.between(b"", ai=ai, streaming=streaming)
    client.send(request(STREAM))
    await until(lambda: len(judge.asked) == 1)
    if opened:
        await client.read_until(BEAT)
    client.close()
    record = await serving.record()
    assert (record.outcome, record.status, serving.gateway.reading_on) == ("client_gone", 499, 0)
    await until(lambda: serving.pool.open_connections == 0)
    assert upstream.asked == []


ENDS = ["finished", "refused", "left", "cut"]


@pytest.mark.parametrize("end", ENDS)
async def test_no_timer_outlives_an_exchange_that_was_kept_company(
    world: World, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    armed: list[Reply] = []
    keep_company = Reply.keep_company

    def keeps(reply: Reply, chat: ChatRequest) -> None:
        armed.append(reply)
        keep_company(reply, chat)

    monkeypatch.setattr(Reply, "keep_company", keeps)
    play = saying({"action": {"body": "no", "status_code": 451}}) if end == "refused" else silent
    ai = await judged(world, saying(FINE) if end == "finished" else play)
    _, serving, client = await world.between(streamed(*WHOLE_STREAM), ai=ai)
    client.send(request(STREAM))
    await until(lambda: bool(armed))
    if end == "left":
        client.close()
    elif end == "cut":
        serving.gateway.cut_all(Outcome("drained", Unavailable("the server is shutting down")))
    await serving.record()
    assert {reply._timer for reply in armed} == {None}


# -- a fault of ours in a keep-alive -----------------------------------------------------------------------------------


def ours(*args: object) -> bytes:
    raise ValueError("ours")


FAULTS = {
    "the head": (answers, "chat_headers"),
    "its bytes": (client_side, "fields"),
    "its body": (client_side.ServerStream, "write"),
}


@pytest.mark.parametrize("on_disconnect", ["cancel", "drain"])
@pytest.mark.parametrize("waits_for", ["a target", "a judge"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_keep_alive_that_cannot_be_written_ends_its_exchange_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str, waits_for: str, on_disconnect: OnDisconnect
) -> None:
    asked = await world.upstream(silent)
    ai = AiPolicy(guards=Guards(request=(at(asked.port),))) if waits_for == "a judge" else AiPolicy()
    streaming = msgspec.structs.replace(SOON, on_disconnect=on_disconnect)
    admission = Admission(max_concurrent=1, max_queue=0)
    serving = await world.gateway(to_provider(asked.port, ai=ai, streaming=streaming, admission=admission))
    with monkeypatch.context() as broken:
        broken.setattr(*FAULTS[fault], ours)
        client = await world.client(serving)
        client.send(request(STREAM))
        assert await client.rest() == b"", "cut, and nothing that could be taken for an answer"
        await cut_as_internal(serving)
    assert serving.gateway.reading_on == 0
    await until(lambda: serving.pool.open_connections == 0)
    client = await world.client(serving)
    await client.ask(get("/nowhere"), "GET")
    assert (await serving.record(2)).status == 404, "there is room at the door again"


def test_every_dialect_of_clients_has_something_to_say() -> None:
    for module_id in set(CLIENT_DIALECTS.values()):
        assert STANDARD.get(module_id, Dialect).facts.keep_alive  # type: ignore[type-abstract]  # a protocol
