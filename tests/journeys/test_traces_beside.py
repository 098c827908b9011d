"""Spans of what an exchange does not wait for, or waits for inside a policy: copies for mirrors, rate-limit services.
And requests whose client says strange things."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from sluice.policies.limiting import LimitSet, Part, Remote, RemoteDescriptor
from sluice.policies.mirroring import Mirror
from sluice.policies.server import Server
from tests.gateway.limiting import limiting
from tests.journeys.traced import PARENT, SAMPLED, TRACE, Traced, traced
from tests.support.events import completion
from tests.support.otlp_receiver import OtlpReceiver, Received
from tests.support.plans import ai, plan, route, static, to_provider
from tests.support.rate_limit_server import RateLimitServer
from tests.support.raw_client import CHAT, request
from tests.support.raw_upstream import Call, sized
from tests.support.sockets import free_ports
from tests.support.world import World

USER = (("user", "u"),)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


async def named(gateway: Traced, name: str) -> Received:
    """Return the span of this name when it is there."""
    gateway.serving.heard.flush()
    spans = await asyncio.to_thread(gateway.collector.wait, lambda spans: any(span.name == name for span in spans))
    (found,) = [span for span in spans if span.name == name]
    return found


@pytest.mark.parametrize("to_model", [True, False], ids=["a model", "plain HTTP"])
async def test_a_copy_has_a_span_of_its_own_that_ends_when_it_ends(
    world: World, collector: OtlpReceiver, to_model: bool
) -> None:
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(call: Call) -> None:
        await call.request()
        asked.set()
        await go_on.wait()
        call.send(sized(completion()))

    first, copy = await world.upstream(sized(completion())), await world.upstream(slow)
    to = ai(copy.port, "copy") if to_model else static(copy.port, "copy")
    entry = route("/openai", ai(first.port), mirrors=(Mirror(backend=to),))
    async with traced(world, plan(entry), collector) as gateway:
        client = await world.client(gateway.serving)
        assert (await client.ask(request(CHAT, headers=(SAMPLED, "tracestate: a=b")))).status == 200
        server, *_ = await gateway.spans()
        await asked.wait()
        go_on.set()
        span = await named(gateway, f"mirror {to.name}")
    assert copy.asked[0].header("traceparent") == f"00-{TRACE}-{span.span_id}-01"
    assert (span.kind, span.trace_id, span.parent_id, span.state) == ("client", TRACE, server.span_id, "a=b")
    assert span.attributes == {
        "agentgateway.outbound.kind": "Mirror",
        "sluice.mirror.result": "sent",
        "server.address": "127.0.0.1",
        "server.port": copy.port,
        "http.response.status_code": 200,
    }
    assert server.began_s <= span.began_s < server.ended_s < span.ended_s
    assert span.status == "unset"


async def test_a_copy_of_plain_http_is_the_parent_of_what_its_mirror_does(
    world: World, collector: OtlpReceiver
) -> None:
    first, copy = await world.upstream(sized(b"done")), await world.upstream(sized(b"", status="503 X"))
    entry = route("/plain", static(first.port), mirrors=(Mirror(backend=static(copy.port, "copy")),))
    async with traced(world, plan(entry), collector) as gateway:
        await (await world.client(gateway.serving)).ask(request(path="/plain", headers=(SAMPLED,)))
        span = await named(gateway, "mirror test/copy")
    parents = [value for name, value in copy.asked[0].headers if name == "traceparent"]
    assert parents == [f"00-{TRACE}-{span.span_id}-01"]
    assert (span.status, span.why, span.attributes["error.type"]) == ("error", "503", "503")


async def test_a_mirror_that_is_not_there_is_an_error_of_its_span_only(world: World, collector: OtlpReceiver) -> None:
    (gone,) = free_ports(1)
    first = await world.upstream(sized(completion()))
    entry = route("/openai", ai(first.port), mirrors=(Mirror(backend=static(gone, "copy")),))
    async with traced(world, plan(entry), collector) as gateway:
        await (await world.client(gateway.serving)).ask(request(CHAT))
        server, *_ = await gateway.spans()
        span = await named(gateway, "mirror test/copy")
    assert (server.status, span.status) == ("unset", "error")
    assert span.attributes["error.type"] == "upstream_unreachable"
    assert span.attributes["sluice.mirror.result"] == "failed"


def limited(port: int, *, opens: bool = False) -> Any:
    parts = (Part("user", '"u"'),)
    service = Remote(
        name="svc",
        server=Server(host="127.0.0.1", port=port),
        domain="d",
        descriptors=(RemoteDescriptor(parts=parts),),
        fails_open=opens,
    )
    return limiting(LimitSet(remotes=(service,)))


async def test_a_rate_limit_service_is_asked_inside_the_span_of_the_limit(
    world: World, collector: OtlpReceiver
) -> None:
    upstream = await world.upstream(sized(completion()))
    with RateLimitServer({USER: 1}) as service:
        entry = route("/openai", ai(upstream.port))
        rule = msgspec.structs.replace(entry.rule, limits=limited(service.port))
        async with traced(world, plan(msgspec.structs.replace(entry, rule=rule)), collector) as gateway:
            client = await world.client(gateway.serving)
            assert (await client.ask(request(CHAT))).status == 200
            passed = await gateway.spans()
            assert (await client.ask(request(CHAT))).status == 429
            refused = await gateway.spans(2)
    for spans, result in ((passed, "Allow"), (refused, "Reject")):
        _, limit, asked, *_ = spans
        assert (limit.name, limit.kind, asked.name, asked.kind) == (
            *("limit rate_limit", "internal"),
            *("limit svc", "client"),
        )
        assert asked.parent_id == limit.span_id
        assert limit.began_s <= asked.began_s <= asked.ended_s <= limit.ended_s
        assert asked.attributes == {
            "sluice.policy.result": result,
            "agentgateway.outbound.kind": "Policy",
            "agentgateway.outbound.subtype": "RateLimit",
            "server.address": "127.0.0.1",
            "server.port": service.port,
        }
        assert asked.status == "unset"


async def test_a_rate_limit_service_that_is_gone_is_an_error_of_its_span(world: World, collector: OtlpReceiver) -> None:
    upstream = await world.upstream(sized(completion()))
    (gone,) = free_ports(1)
    entry = route("/openai", ai(upstream.port))
    rule = msgspec.structs.replace(entry.rule, limits=limited(gone, opens=True))
    async with traced(world, plan(msgspec.structs.replace(entry, rule=rule)), collector) as gateway:
        assert (await (await world.client(gateway.serving)).ask(request(CHAT))).status == 200
        server, limit, asked, _ = await gateway.spans()
    assert (server.status, limit.status, asked.status) == ("unset", "unset", "error")
    assert asked.attributes["error.type"] == "rate_limit_service_gone"


@pytest.mark.parametrize("host", ["a:\xb2", f"a:{'1' * 5000}"], ids=["no digit", "many digits"])
async def test_what_a_client_calls_its_host_spoils_no_record(world: World, collector: OtlpReceiver, host: str) -> None:
    upstream = await world.upstream(sized(completion()))
    async with traced(world, to_provider(upstream.port), collector) as gateway:
        client = await world.client(gateway.serving)
        answer = await client.ask(request(CHAT, host=host))
        server, *_ = await gateway.spans()
    assert server.attributes["http.status"] == answer.status
    assert "server.port" not in server.attributes


@pytest.mark.parametrize(
    "state", ["a=b," * 2500, "no pair", "a=1,a=2", "\xe9=1", ",".join(f"k{n}=v" for n in range(40)), "a=b\x01"]
)
async def test_whatever_state_a_client_sends_its_spans_arrive(
    world: World, collector: OtlpReceiver, state: str
) -> None:
    upstream = await world.upstream(sized(completion()))
    async with traced(world, to_provider(upstream.port), collector) as gateway:
        client = await world.client(gateway.serving)
        answer = await client.ask(request(CHAT, headers=(SAMPLED, f"tracestate: {state}", f"baggage: {'x' * 9000}")))
        server, *_ = await gateway.spans()
    if answer.status == 200:
        assert (server.trace_id, server.parent_id) == (TRACE, PARENT)
        assert server.state == ""


@pytest.mark.parametrize(
    ("sent", "name", "status", "kind"),
    [
        (b"FOO BAR\r\n\r\n", "HTTP", 400, "invalid_http"),
        (b"POST /openai HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", "POST", 400, "invalid_http"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "GET", 431, "request_head_too_large"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", "POST", 413, "request_body_too_large"),
        (request(b"{"), "POST /openai", 400, "invalid_request_body"),
    ],
    ids=["no HTTP", "no length", "a long head", "a long body", "no JSON"],
)
async def test_what_is_refused_before_it_has_come_far_has_one_span(
    world: World, collector: OtlpReceiver, sent: bytes, name: str, status: int, kind: str
) -> None:
    async with traced(world, to_provider(1), collector) as gateway:
        client = await world.client(gateway.serving)
        client.send(sent)
        (server,) = await gateway.spans()
    assert (server.name, server.status) == (name, "unset")
    said = server.attributes
    assert (said["http.status"], said["error.type"], said["stream.outcome"]) == (status, kind, "rejected")
    assert said["http.request.method"] == (name.split()[0] if name != "HTTP" else "_OTHER")
