"""What a collector gets of an exchange, over the wire: complete, with the right parents and times, whatever its end."""

import asyncio
import time
from collections.abc import Iterator

import msgspec
import pytest

from sluice.config.plan import AiBackend, Target
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.guards import Guards, TextRules
from sluice.policies.retry import Retry
from sluice.policies.server import Server
from sluice.providers.openai import OPENAI
from tests.gateway.judged import at, hangs, saying
from tests.gateway.limiting import limiting, rate
from tests.journeys.traced import PARENT, SAMPLED, TRACE, Traced, traced
from tests.support.events import DONE, ERROR, HELLO, ROLE, STOP, USAGE, WHOLE_STREAM, WORLD, completion
from tests.support.otlp_receiver import OtlpReceiver, Received
from tests.support.plans import ai, here, plan, route, static, to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import LAST, Call, Play, chunk, chunked_head, sized, streamed
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

TRUE_S = 0.005
"""How far a time may be from the truth."""
SECRET = "the prompt that nobody asked for"
SAYS = CHAT.replace(b'"hi"', f'"{SECRET}"'.encode())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")


@pytest.fixture(scope="module")
def collector() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


def parents(spans: list[Received]) -> dict[str, str]:
    """The name of each span and of its parent."""
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent_id, span.parent_id) for span in spans}


def within(span: Received, other: Received) -> bool:
    """One span lies in another's time, but for the rounding of a clock."""
    return other.began_s - 1e-5 <= span.began_s <= span.ended_s <= other.ended_s + 1e-5


def worst(deviations: list[float]) -> float:
    return max(map(abs, deviations))


class Scripted:
    """A stream whose provider says when each piece left: role at 50 ms, a comment, tokens at 120 and 200, the end at
    260."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}

    async def play(self, call: Call) -> None:
        await call.request()
        began = time.monotonic()
        steps = [
            ("role", 0.05, chunked_head() + chunk(ROLE)),
            ("comment", 0.08, chunk(b": ping\n\n")),
            ("first", 0.12, chunk(HELLO)),
            ("second", 0.2, chunk(WORLD)),
            ("end", 0.26, chunk(STOP + USAGE + DONE) + LAST),
        ]
        for name, due_s, data in steps:
            await asyncio.sleep(began + due_s - time.monotonic())
            self.sent[name] = time.time()
            call.send(data)


async def deviations(gateway: Traced, world: World, script: Scripted, number: int) -> list[float]:
    """How far a stream's spans are from a stopwatch, in seconds; the rest of them is as it should be."""
    client = await world.client(gateway.serving)
    asked_at = time.time()
    await client.ask(request(STREAM))
    over_at = time.time()
    server, attempt = await gateway.spans(number)
    assert (server.name, server.kind, attempt.name, attempt.kind) == ("POST /openai", "server", "chat m", "client")
    assert server.parent_id == ""
    assert attempt.parent_id == server.span_id
    ((name, at, _),) = server.events
    assert name == "gen_ai.first_token"
    assert attempt.attributes["gen_ai.usage.output_tokens"] == 2
    assert attempt.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert {server.status, attempt.status} == {"unset"}
    assert within(attempt, server)
    first_chunk_s = attempt.attributes["gen_ai.response.time_to_first_chunk"]
    return [
        server.began_s - asked_at,
        server.ended_s - over_at,
        attempt.ended_s - script.sent["end"],
        at - script.sent["first"],
        first_chunk_s - (script.sent["role"] - attempt.began_s),
    ]


@pytest.mark.timed
async def test_a_streams_spans_match_a_stopwatch(world: World, collector: OtlpReceiver) -> None:
    """One of five streams to the end: what else runs on the machine stands in the way of clock and stopwatch."""
    script = Scripted()
    upstream = await world.upstream(script.play)
    async with traced(world, to_provider(upstream.port), collector) as gateway:
        rounds: list[list[float]] = []
        while not rounds or (len(rounds) < 5 and worst(rounds[-1]) > TRUE_S):
            rounds.append(await deviations(gateway, world, script, len(rounds) + 1))
    assert min(map(worst, rounds)) <= TRUE_S, rounds


async def test_the_clients_trace_goes_on_and_each_attempt_is_the_parent_of_what_its_target_does(
    world: World, collector: OtlpReceiver
) -> None:
    first = await world.upstream(sized(b'{"error":{"message":"x"}}', status="500 X"))
    second = await world.upstream(sized(completion()))
    targets = [Target(name=name, provider=OPENAI, endpoint=here(up.port)) for name, up in (("a", first), ("b", second))]
    backend = AiBackend(name="test/several", groups=tuple((each,) for each in targets))
    async with traced(world, to_provider(0, backend=backend), collector) as gateway:
        client = await world.client(gateway.serving)
        headers = (SAMPLED, "tracestate: vendor=1", "tracestate: other=2", "baggage: tenant=9")
        assert (await client.ask(request(CHAT, headers=headers))).status == 200
        server, failed, answered = await gateway.spans()
    assert (server.trace_id, server.parent_id, server.state) == (TRACE, PARENT, "vendor=1,other=2")
    for span, upstream in ((failed, first), (answered, second)):
        assert span.parent_id == server.span_id
        asked = upstream.asked[0]
        assert asked.header("traceparent") == f"00-{TRACE}-{span.span_id}-01"
        assert [value for name, value in asked.headers if name == "tracestate"] == ["vendor=1", "other=2"]
        assert asked.header("baggage") == "tenant=9"
    assert (failed.status, failed.why, failed.attributes["error.type"]) == ("error", "500", "500")
    assert failed.attributes["http.response.status_code"] == 500
    assert failed.ended_s <= answered.began_s
    assert answered.attributes["http.request.resend_count"] == 1
    assert "gen_ai.usage.output_tokens" not in failed.attributes
    assert (server.status, answered.status) == ("unset", "unset")
    assert answered.attributes["server.port"] == second.port


async def reset(call: Call) -> None:
    await call.request()
    call.reset()


async def silent(call: Call) -> None:
    await call.request()
    await call.gone()


FAILURES: dict[str, tuple[Play | bytes, bytes, str, str]] = {
    "refused": (sized(b'{"error":{"message":"x"}}', status="500 X"), CHAT, "upstream_error", "500"),
    "not found": (sized(b'{"error":{"message":"x"}}', status="404 X"), CHAT, "upstream_error", "404"),
    "an error in the stream": (streamed(ROLE, HELLO, ERROR), STREAM, "upstream_error", "529"),
    "cut": (streamed(ROLE, HELLO), STREAM, "upstream_truncated", "upstream_truncated"),
    "reset": (reset, CHAT, "upstream_truncated", "upstream_truncated"),
    "no HTTP": (b"nonsense\r\n\r\n", CHAT, "upstream_error", "upstream_protocol_error"),
    "silent": (silent, CHAT, "timeout", "timeout_headers"),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_each_failure_ends_both_spans_as_errors(world: World, collector: OtlpReceiver, case: str) -> None:
    play, asks, outcome, kind = FAILURES[case]
    upstream = await world.upstream(play)
    whole = to_provider(upstream.port, deadlines=Deadlines(headers_s=0.2))
    async with traced(world, whole, collector) as gateway:
        client = await world.client(gateway.serving)
        client.send(request(asks))
        server, attempt = await gateway.spans()
    assert (server.status, attempt.status) == ("error", "error")
    assert server.attributes["stream.outcome"] == attempt.attributes["stream.outcome"] == outcome
    assert attempt.attributes["error.type"] == kind
    assert server.attributes["error.type"]
    assert attempt.parent_id == server.span_id
    assert within(attempt, server)


async def test_a_target_that_cannot_be_reached_has_a_span(world: World, collector: OtlpReceiver) -> None:
    (gone,) = free_ports(1)
    async with traced(world, to_provider(gone), collector) as gateway:
        assert (await (await world.client(gateway.serving)).ask(request(CHAT))).status == 503
        server, attempt = await gateway.spans()
    assert attempt.attributes["error.type"] == "upstream_unreachable"
    assert attempt.attributes["server.port"] == gone
    assert "http.response.status_code" not in attempt.attributes
    assert (server.status, server.why) == ("error", "upstream_unreachable")


async def test_a_client_that_leaves_ends_its_spans_and_is_no_error(world: World, collector: OtlpReceiver) -> None:
    async def endless(call: Call) -> None:
        await call.request()
        call.send(chunked_head() + chunk(ROLE) + chunk(HELLO))
        await call.gone()

    upstream = await world.upstream(endless)
    async with traced(world, to_provider(upstream.port), collector) as gateway:
        client = await world.client(gateway.serving)
        client.send(request(STREAM))
        await client.read_until(b"Hello")
        client.reset()
        left_at = time.time()
        server, attempt = await gateway.spans()
    assert server.attributes["stream.outcome"] == attempt.attributes["stream.outcome"] == "client_gone"
    assert (server.attributes["http.status"], server.status, attempt.status) == (499, "unset", "unset")
    assert server.ended_s == pytest.approx(left_at, abs=TRUE_S)
    assert [name for name, _, _ in server.events] == ["gen_ai.first_token"]


async def test_a_request_that_leads_nowhere_has_one_span(world: World, collector: OtlpReceiver) -> None:
    async with traced(world, to_provider(1), collector) as gateway:
        assert (await (await world.client(gateway.serving)).ask(request(path="/nowhere"))).status == 404
        (server,) = await gateway.spans()
    assert (server.name, server.status) == ("POST", "unset")
    assert server.attributes["error.type"] == "route_not_found"
    assert "http.route" not in server.attributes


async def test_a_guard_of_the_request_is_a_span_in_which_its_judge_is_another(
    world: World, collector: OtlpReceiver
) -> None:
    judge = await world.upstream(saying({"action": {"body": "no", "status_code": 403, "reason": "because"}}))
    upstream = await world.upstream(sized(completion()))
    guards = Guards(request=(TextRules(builtins=("email",)), at(judge.port)))
    async with traced(world, to_provider(upstream.port, ai=AiPolicy(guards=guards)), collector) as gateway:
        asks = request(SAYS.replace(b"asked for", b"a@example.com"), headers=(SAMPLED,))
        assert (await (await world.client(gateway.serving)).ask(asks)).status == 403
        spans = await gateway.spans()
    server, guard, asked = spans
    assert parents(spans) == {"POST /openai": PARENT, "guard request": "POST /openai", "guard judge": "guard request"}
    assert (guard.kind, asked.kind) == ("internal", "client")
    assert guard.attributes["sluice.policy.result"] == asked.attributes["sluice.policy.result"] == "Reject"
    assert guard.attributes["guardrail.hits.regex"] == 1
    assert judge.asked[0].header("traceparent") == f"00-{TRACE}-{asked.span_id}-01"
    assert asked.attributes["server.port"] == judge.port
    ((name, at_s, said),) = server.events
    assert (name, said) == ("guardrail.block", {"guardrail.phase": "request"})
    assert at_s == pytest.approx(guard.ended_s, abs=1e-5)
    assert (server.status, guard.status, asked.status) == ("unset", "unset", "unset")
    assert server.attributes["stream.outcome"] == "blocked"
    assert within(asked, guard)
    assert within(guard, server)


async def test_a_guard_that_ends_an_answer_is_an_event_of_it(world: World, collector: OtlpReceiver) -> None:
    upstream = await world.upstream(streamed(*WHOLE_STREAM))
    guards = Guards(response=(TextRules(patterns=("world",), action="reject"),))
    async with traced(world, to_provider(upstream.port, ai=AiPolicy(guards=guards)), collector) as gateway:
        await (await world.client(gateway.serving)).ask(request(STREAM))
        server, attempt = await gateway.spans()
    assert [(name, said) for name, _, said in server.events][-1] == (
        "guardrail.block",
        {"guardrail.phase": "response"},
    )
    assert server.attributes["guardrail.blocked_by"] == "regex"
    assert (server.status, attempt.status) == ("unset", "unset")


async def test_a_judge_that_cannot_be_asked_is_an_error_in_its_span_only(world: World, collector: OtlpReceiver) -> None:
    judge = await world.upstream(sized(b"{}", status="500 X"))
    upstream = await world.upstream(sized(completion()))
    guards = Guards(request=(at(judge.port, fails_open=True),))
    async with traced(world, to_provider(upstream.port, ai=AiPolicy(guards=guards)), collector) as gateway:
        assert (await (await world.client(gateway.serving)).ask(request(CHAT))).status == 200
        server, guard, asked, _ = await gateway.spans()
    assert (asked.status, asked.attributes["error.type"]) == ("error", "judge_failed")
    assert guard.attributes["sluice.policy.result"] == "FailOpen"
    assert (server.status, guard.status) == ("unset", "unset")


async def test_a_limit_that_is_reached_is_a_span(world: World, collector: OtlpReceiver) -> None:
    upstream = await world.upstream(sized(completion()))
    entry = route("/openai", ai(upstream.port))
    entry = msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, limits=limiting(rate(1))))
    async with traced(world, plan(entry), collector) as gateway:
        client = await world.client(gateway.serving)
        assert (await client.ask(request(CHAT))).status == 200
        passed = await gateway.spans()
        assert (await client.ask(request(CHAT))).status == 429
        refused = await gateway.spans(2)
    assert [span.name for span in passed] == ["POST /openai", "limit rate_limit", "chat m"]
    server, limit = refused
    assert limit.attributes == {"sluice.policy.result": "Reject", "error.type": "rate_limit_exceeded"}
    assert (server.status, server.attributes["stream.outcome"]) == ("unset", "limited")


@pytest.mark.parametrize("status", [200, 403])
async def test_an_external_authorization_is_asked_inside_the_span_of_identity(
    world: World, collector: OtlpReceiver, status: int
) -> None:
    service = await world.upstream(sized(b"", status=f"{status} X"))
    upstream = await world.upstream(sized(completion()))
    access = Access(external=(ExternalAuth(server=Server(host="127.0.0.1", port=service.port)),))
    async with traced(world, to_provider(upstream.port, access=access), collector) as gateway:
        assert (await (await world.client(gateway.serving)).ask(request(CHAT, headers=(SAMPLED,)))).status == status
        spans = await gateway.spans()
    _, auth, asked, *_ = spans
    assert parents(spans)["auth ext_authz"] == "auth"
    assert asked.attributes["sluice.policy.result"] == ("Allow" if status == 200 else "Reject")
    assert asked.attributes["agentgateway.outbound.subtype"] == "ExtAuthz"
    assert service.asked[0].header("traceparent") == f"00-{TRACE}-{asked.span_id}-01"
    assert auth.attributes.get("error.type", "") == ("" if status == 200 else "external_authorization_denied")


async def test_each_try_of_plain_http_is_a_span_and_its_own_parent(world: World, collector: OtlpReceiver) -> None:
    answers = iter([sized(b"", status="503 X"), sized(b"done")])

    async def play(call: Call) -> None:
        while True:
            await call.request()
            call.send(next(answers))

    upstream = await world.upstream(play)
    entry = route("/plain", static(upstream.port), retry=Retry(attempts=1, backoff_s=0.001))
    async with traced(world, plan(entry), collector) as gateway:
        answer = await (await world.client(gateway.serving)).ask(request(path="/plain", headers=(SAMPLED,)))
        assert answer.body == b"done"
        server, failed, answered = await gateway.spans()
    assert [asked.header("traceparent") for asked in upstream.asked] == [
        f"00-{TRACE}-{span.span_id}-01" for span in (failed, answered)
    ]
    assert (failed.name, failed.attributes["error.type"], failed.status) == ("POST test/static", "503", "error")
    assert (server.status, answered.status) == ("unset", "unset")
    assert answered.attributes["agentgateway.outbound.subtype"] == "Http"


async def test_a_prompt_is_in_no_span_unless_an_expression_names_it(world: World, collector: OtlpReceiver) -> None:
    upstream = await world.upstream(sized(completion("a secret answer")))
    whole = to_provider(upstream.port)
    async with traced(world, whole, collector) as gateway:
        await (await world.client(gateway.serving)).ask(request(SAYS))
        text = repr(await gateway.spans())
    assert SECRET not in text
    assert "a secret answer" not in text
    add = (("gen_ai.prompt", "llm.prompt"), ("who", 'request.headers["x-who"]'), ("gone", 'request.headers["no"]'))
    async with traced(world, whole, collector, add=add, remove=("src.addr", "http.version")) as gateway:
        await (await world.client(gateway.serving)).ask(request(SAYS, headers=("x-who: me",)))
        server, attempt = await gateway.spans()
    assert SECRET in server.attributes["gen_ai.prompt"]
    assert server.attributes["who"] == "me"
    assert not {"gone", "src.addr", "http.version"} & set(server.attributes)
    assert "gen_ai.prompt" not in attempt.attributes


async def test_an_exchange_that_is_not_sampled_says_so_and_leaves_nothing(
    world: World, collector: OtlpReceiver
) -> None:
    upstream = await world.upstream(sized(completion()))
    async with traced(
        world, to_provider(upstream.port), collector, random_sampling="false", client_sampling="false"
    ) as gateway:
        client = await world.client(gateway.serving)
        await client.ask(request(CHAT, headers=(SAMPLED, "tracestate: a=b")))
        record = await gateway.serving.record()
    assert record.trace is None
    assert upstream.asked[0].header("traceparent") == f"00-{TRACE}-{record.span_id}-00"
    assert upstream.asked[0].header("tracestate") == "a=b"


async def test_a_client_that_leaves_while_a_judge_is_asked_ends_the_judges_span_too(
    world: World, collector: OtlpReceiver
) -> None:
    judge = await world.upstream(hangs)
    upstream = await world.upstream(streamed(*WHOLE_STREAM))
    guards = Guards(response=(at(judge.port),))
    async with traced(world, to_provider(upstream.port, ai=AiPolicy(guards=guards)), collector) as gateway:
        client = await world.client(gateway.serving)
        client.send(request(STREAM))
        await until(lambda: len(judge.asked) == 1)
        client.reset()
        spans = await gateway.spans()
    names = {span.name: span.attributes.get("error.type", "") for span in spans}
    assert names == {"POST /openai": "", "chat m": "", "guard judge": "cancelled"}
    assert all(within(span, spans[0]) for span in spans)
