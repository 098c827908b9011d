"""What went wrong around attempts before: each of these was found by somebody who tried to break it."""

import asyncio
from itertools import pairwise

import msgspec
import pytest

from sluice.config.plan import AiBackend
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming
from tests.gateway.test_failover import MESSAGES, after, target
from tests.gateway.test_keep_alive import BEAT, SOON
from tests.support.events import DONE, ROLE, WHOLE_STREAM, completion
from tests.support.http_answer import error_of
from tests.support.plans import ai, plan, route, static, to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, answering, chunk, chunked_head, silent, sized, streamed
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

BUSY = sized(b'{"error":{"message":"busy"}}', status="503 X")


@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["whole", "stream"])
async def test_an_answer_in_a_coding_that_nobody_knows_is_let_go_of(world: World, asks: bytes) -> None:
    async def brotli(call: Call) -> None:
        await call.request()
        call.send(chunked_head("Content-Encoding: br"), chunk(b"x"))
        await call.gone()

    first = await world.upstream(brotli)
    second = await world.upstream(streamed(*WHOLE_STREAM) if asks is STREAM else sized(completion()))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    assert (await (await world.client(serving)).ask(request(asks))).status == 200
    await until(lambda: first.open_connections == 0)
    await serving.record()
    assert serving.heard.metrics.streams_active == 0


async def test_the_body_of_a_refusal_has_no_more_time_than_the_request(world: World) -> None:
    async def stalls(call: Call) -> None:
        await call.request()
        call.send(b"HTTP/1.1 503 X\r\ncontent-length: 99\r\n\r\n{")
        await call.gone()

    _, serving, client = await world.between(stalls, deadlines=Deadlines(total_s=0.1))
    assert (await client.ask(request(CHAT))).status in (503, 504)
    assert (await serving.record()).duration_s < 1.0
    first, second = await world.upstream(stalls), await world.upstream(sized(completion()))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend, deadlines=Deadlines(idle_s=0.1)))
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 200


async def test_a_wish_for_less_time_wears_nobody_out(world: World) -> None:
    _, serving, client = await world.between(silent)
    for _ in range(6):
        answer = await client.ask(request(CHAT, headers=["x-sluice-timeout-total: 20ms"]))
        assert answer.status == 504
    assert serving.heard.rested == []


async def test_the_quota_of_a_client_with_a_key_of_its_own_is_its_own(world: World) -> None:
    full = sized(b'{"error":{"message":"no"}}', "Retry-After: 3600", status="429 X")
    upstream = await world.upstream(answering(full))
    serving = await world.gateway(to_provider(0, backend=ai(upstream.port, key=None, passthrough=True)))
    client = await world.client(serving)
    for _ in range(6):
        await client.ask(request(CHAT, headers=["Authorization: Bearer sk-theirs"]))
    assert serving.heard.rested == []


async def test_a_clients_own_key_is_no_more_quoted_than_ours(world: World) -> None:
    quoting = sized(b'{"error":{"message":"Incorrect API key provided: sk-poor-canary"}}', status="401 X")
    upstream = await world.upstream(quoting)
    serving = await world.gateway(to_provider(0, backend=ai(upstream.port, key=None, passthrough=True)))
    answer = await (await world.client(serving)).ask(request(CHAT, headers=["Authorization: Bearer sk-poor-canary"]))
    assert answer.status == 401
    assert "canary" not in (await serving.record()).error
    assert b"canary" not in answer.body


async def test_an_answer_that_needs_no_provider_says_nothing_of_its_health(world: World) -> None:
    upstream = await world.upstream(answering(sized(completion())))
    serving = await world.gateway(upstream.port)
    health = serving.gateway.active.groups(_only(serving.gateway.active.plan.models[0].backend), "completions")[0][
        0
    ].health
    before = (health.pending, health.score(0.0))
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
    answer = await (await world.client(serving)).ask(request(body, path="/openai/v1/messages/count_tokens"))
    assert answer.status == 200
    assert upstream.asked == []
    assert (health.pending, health.score(0.0)) == before


def _only(backend: AiBackend | None) -> AiBackend:
    assert backend is not None
    return backend


async def test_a_condition_of_retries_is_about_answers_and_does_not_forbid_fail_over(world: World) -> None:
    (nobody,) = free_ports(1)
    second = await world.upstream(sized(completion()))
    backend = after(target("dead", nobody), target("second", second.port))
    retry = Retry(attempts=1, condition="response.code == 503")
    serving = await world.gateway(to_provider(0, backend=backend, retry=retry))
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 200


async def test_a_target_that_cannot_be_asked_so_is_passed_by(world: World) -> None:
    first, other = await world.upstream(answering(BUSY)), await world.upstream(answering(BUSY))
    third = await world.upstream(answering(sized(completion())))
    asks = CHAT[:-1] + b',"n":2}'
    backend = after(target("first", first.port), target("claude", other.port, MESSAGES), target("third", third.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(asks))
    assert (answer.status, answer.header("x-sluice-attempts")) == (200, "first;503, third;200")
    assert other.asked == []
    backend = after(target("first", first.port), target("claude", other.port, MESSAGES))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(asks))
    assert (answer.status, answer.head.all("x-sluice-attempts")) == (503, [])
    assert (await serving.record()).attempts == 1
    only = AiBackend(name="test/claude", groups=((target("claude", other.port, MESSAGES),),))
    serving = await world.gateway(to_provider(0, backend=only))
    answer = await (await world.client(serving)).ask(request(asks))
    assert (answer.status, error_of(answer).param) == (400, "n")


async def test_a_backoff_beyond_the_requests_time_is_no_attempt(world: World) -> None:
    retry, clocks = Retry(attempts=3, backoff_s=5.0), Deadlines(total_s=0.1)
    upstream, serving, client = await world.between(answering(BUSY), retry=retry, deadlines=clocks)
    answer = await client.ask(request(CHAT))
    assert (answer.status, error_of(answer).code) == (504, "timeout_total")
    record = await serving.record()
    assert (record.attempts, len(upstream.asked)) == (1, 1)
    assert record.duration_s < 1.0


async def test_embeddings_without_a_byte_are_no_answer(world: World) -> None:
    first, second = await world.upstream(sized(b"")), await world.upstream(sized(b'{"data":[]}'))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    body = b'{"model":"m","input":"x"}'
    answer = await (await world.client(serving)).ask(request(body, path="/openai/v1/embeddings"))
    assert (answer.status, answer.body) == (200, b'{"data":[]}')


async def test_a_static_backend_is_retried_too(world: World) -> None:
    left = [BUSY, BUSY, sized(b"hello", content_type="text/plain")]

    async def play(call: Call) -> None:
        while True:
            await call.request()
            call.send(left.pop(0))

    upstream = await world.upstream(play)
    retry = Retry(attempts=2, backoff_s=0.001)
    serving = await world.gateway(plan(route("/", static(upstream.port), retry=retry)))
    answer = await (await world.client(serving)).ask(request(b"x", path="/any"))
    assert (answer.status, answer.body, len(upstream.asked)) == (200, b"hello", 3)


async def test_the_first_token_clock_runs_for_a_stream_that_comes_as_a_whole(world: World) -> None:
    async def drips(call: Call) -> None:
        await call.request()
        call.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{")
        while not call.writer.transport.is_closing():
            call.send(b" ")
            await asyncio.sleep(0.02)

    _, serving, client = await world.between(drips, deadlines=Deadlines(first_token_s=0.15))
    answer = await client.ask(request(STREAM))
    assert (answer.status, error_of(answer).code) == (504, "timeout_first_token")
    assert (await serving.record()).outcome == "timeout"


async def test_what_the_operator_makes_whole_is_not_kept_alive(world: World) -> None:
    async def slow(call: Call) -> None:
        await call.request()
        await asyncio.sleep(0.15)
        call.send(sized(completion()))

    upstream = await world.upstream(slow)
    one = ai(upstream.port).groups[0][0]
    whole = msgspec.structs.replace(one, ai=AiPolicy(overrides=(("stream", msgspec.Raw(b"false")),)))
    backend = AiBackend(name="test/whole", groups=((whole,),))
    serving = await world.gateway(to_provider(0, backend=backend, streaming=SOON))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert (answer.status, answer.body) == (200, completion())


async def test_the_gap_between_keep_alives_holds_over_a_fail_over(world: World) -> None:
    async def silent_then_fails(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE))
        await asyncio.sleep(0.5)
        call.reset()

    first = await world.upstream(silent_then_fails)
    second = await world.upstream(silent)
    backend = after(target("first", first.port), target("second", second.port))
    streaming = Streaming(keep_alive_s=0.3, commit_after_s=0.3)
    serving = await world.gateway(to_provider(0, backend=backend, streaming=streaming))
    client = await world.client(serving)
    client.send(request(STREAM))
    loop, heard = asyncio.get_running_loop(), []
    for _ in range(4):
        await client.read_until(BEAT)
        heard.append(loop.time())
    gaps = [later - earlier for earlier, later in pairwise(heard)]
    assert max(gaps) < 0.45


@pytest.mark.parametrize(
    ("client", "body"),
    [
        (
            "/openai/v1/chat/completions",
            b'{"id":"c","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":null}]}',
        ),
        ("/openai/v1/chat/completions", b'{"id":"c","choices":[{"index":0,"message":{"content":"Hi"}}]}'),
    ],
)
async def test_a_stream_made_of_a_whole_answer_needs_the_providers_word_for_its_end(
    world: World, client: str, body: bytes
) -> None:
    _, serving, connection = await world.between(sized(body))
    answer = await connection.ask(request(STREAM, path=client))
    assert answer.status == 502
    assert DONE not in answer.body
    assert (await serving.record()).outcome == "upstream_truncated"
    _, _, connection = await world.between(sized(body))
    assert (await connection.ask(request(CHAT, path=client))).body == body, "what was not asked as a stream crosses"
