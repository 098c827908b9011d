"""Real exchanges as operators see them: the record that the gateway makes is one that the views can read."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from sluice.errors import BodyTooLarge, Unavailable
from sluice.gateway.ports import ClientObserver, Request
from sluice.net.side_doors import gateway_gauges
from sluice.policies.admission import Admission
from sluice.policies.deadlines import Deadlines
from sluice.policies.health import Health
from sluice.policies.streaming import Streaming
from sluice.relay.outcome import Outcome
from sluice.wire.http1 import Header
from tests.gateway.test_failover import after, target
from tests.support.events import HELLO, ROLE, WHOLE_STREAM
from tests.support.plans import to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, chunk, chunked_head, silent, sized, streamed
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World


async def begun(call: Call) -> None:
    """A provider that begins a stream and then says nothing."""
    await call.request()
    call.send(chunked_head(), chunk(ROLE + HELLO))
    await call.gone()


async def endless(call: Call) -> None:
    """One that says more than a client who does not read can take."""
    await call.request()
    call.send(chunked_head(), chunk(ROLE))
    while True:
        call.send(chunk(HELLO * 200))
        await call.writer.drain()


def shown(serving: Serving) -> tuple[object, object, float, float]:
    """Outcome and phase of the only line; how often the metrics have them."""
    (line,) = serving.log_lines()
    outcome, phase = line["stream.outcome"], line.get("timeout.phase")
    label = f'outcome="{outcome}"'
    assert serving.metric("exchange_outcomes_total") == serving.metric("exchange_outcomes_total", label) == 1
    assert serving.metric("timeouts_total", f'phase="{phase}"') == (1 if phase else 0)
    return outcome, phase, serving.metric("stream_outcomes_total", label), serving.metric("timeouts_total")


@pytest.mark.parametrize(
    ("clocks", "phase"),
    [
        (Deadlines(headers_s=0.05), "headers"),
        (Deadlines(first_token_s=0.05), "first_token"),
        (Deadlines(total_s=0.05), "total"),
    ],
)
async def test_a_clock_that_runs_out_before_the_answer_is_named(world: World, clocks: Deadlines, phase: str) -> None:
    _, serving, client = await world.between(silent, deadlines=clocks)
    assert (await client.ask(request(STREAM))).status == 504
    assert shown(serving) == ("timeout", phase, 1, 1)


@pytest.mark.parametrize(("clocks", "phase"), [(Deadlines(idle_s=0.05), "idle"), (Deadlines(total_s=0.1), "total")])
async def test_a_clock_that_runs_out_in_a_stream_is_named(world: World, clocks: Deadlines, phase: str) -> None:
    _, serving, client = await world.between(begun, deadlines=clocks)
    assert (await client.ask(request(STREAM))).status == 200
    assert shown(serving) == ("timeout", phase, 1, 1)


async def test_a_clock_that_runs_out_behind_keep_alives_at_the_second_target_is_named(world: World) -> None:
    first = await world.upstream(sized(b"{}", status="503 X"))
    second = await world.upstream(silent)
    backend = after(target("first", first.port), target("second", second.port))
    early = Streaming(keep_alive_s=0.02, commit_after_s=0.02)
    plan = to_provider(0, backend=backend, streaming=early, deadlines=Deadlines(headers_s=0.15))
    serving = await world.gateway(plan)
    await (await world.client(serving)).ask(request(STREAM))
    assert shown(serving)[:2] == ("timeout", "headers")
    (line,) = serving.log_lines()
    assert line["retry.targets"] == "first;503, second;timeout_headers"
    assert serving.metric("abandoned_attempts_total", 'target="first"', 'result="503"') == 1


async def test_a_slow_reader_is_an_outcome_of_its_stream(world: World) -> None:
    upstream = await world.upstream(endless)
    serving = await world.gateway(upstream.port, streaming=Streaming(slow_reader_s=0.2))
    client = await world.client(serving, receive_buffer=4096)
    client.send(request(STREAM))
    await client.read_until(HELLO)
    client.stop_reading()
    await serving.record()
    assert shown(serving) == ("slow_reader", None, 1, 0)


async def test_a_drained_stream_is_an_outcome_of_its_stream(world: World) -> None:
    _, serving, client = await world.between(begun)
    client.send(request(STREAM))
    await client.read_until(HELLO)
    serving.gateway.cut_all(Outcome("drained", Unavailable("the server is shutting down")))
    await serving.record()
    assert shown(serving) == ("drained", None, 1, 0)


async def test_a_client_who_leaves_is_an_outcome_of_its_stream(world: World) -> None:
    _, serving, client = await world.between(begun)
    client.send(request(STREAM))
    await client.read_until(HELLO)
    client.close()
    await serving.record()
    assert shown(serving) == ("client_gone", None, 1, 0)


async def test_what_is_shed_at_the_door_is_counted_though_nothing_of_it_was_read(world: World) -> None:
    upstream = await world.upstream(silent)
    serving = await world.gateway(to_provider(upstream.port, admission=Admission(max_concurrent=1, max_queue=0)))
    (await world.client(serving)).send(request(STREAM))
    await until(lambda: len(serving.gateway.exchanges) == 1)
    assert (await (await world.client(serving)).ask(request(STREAM))).status == 503
    assert shown(serving) == ("shed", None, 0, 0)
    assert serving.metric("requests_total", 'reason="Overloaded"', 'status="503"') == 1


async def test_a_target_that_rests_is_counted_and_so_is_what_fail_over_hides(world: World) -> None:
    first = await world.upstream(sized(b"{}", status="503 X"))
    second = await world.upstream(streamed(*WHOLE_STREAM))
    tired = msgspec.structs.replace(target("first", first.port), health=Health(consecutive_failures=1, duration_s=60.0))
    serving = await world.gateway(to_provider(0, backend=after(tired, target("second", second.port))))
    for _ in range(3):
        client = await world.client(serving)
        assert (await client.ask(request(STREAM))).status == 200
    assert serving.metric("target_rests_total", 'target="first"') == serving.metric("target_rests_total") == 1
    assert serving.metric("abandoned_attempts_total", 'target="first"', 'result="503"') == 1
    assert serving.metric("stream_outcomes_total", 'outcome="completed"') == 3


async def test_the_gauges_show_what_is_under_way(world: World) -> None:
    go = asyncio.Event()

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE + HELLO))
        await go.wait()
        call.send(*map(chunk, WHOLE_STREAM), chunk(b""))

    upstream = await world.upstream(play)
    onward = Streaming(on_disconnect="continue")
    plan = to_provider(upstream.port, admission=Admission(max_concurrent=2, max_queue=2), streaming=onward)
    serving = await world.gateway(plan)

    def gauges() -> list[float]:
        return list(gateway_gauges(serving.gateway, serving.pool).values())

    assert gauges() == [0, 0, 0, 0]
    clients = [await world.client(serving) for _ in range(5)]
    for client in clients[:2]:
        client.send(request(STREAM))
        await client.read_until(HELLO)
    assert gauges() == [2, 0, 0, 2]
    for client in clients[2:4]:
        client.send(request(CHAT))
    await until(lambda: len(serving.gateway.exchanges) == 4)
    assert (await clients[4].ask(request(CHAT))).status == 503
    assert gauges() == [2, 2, 0, 2], "one that was refused neither waits nor is under way"
    clients[0].close()
    await until(lambda: gauges() == [2, 2, 1, 2])
    go.set()
    await until(lambda: gauges()[:3] == [0, 0, 0])


class NeverTaking:
    """A client that takes nothing, not even the end of its answer."""

    observer: ClientObserver | None = None

    def start(self, status: int, headers: Sequence[Header], length: int | None) -> None: ...

    def write(self, data: bytes) -> None: ...

    def finish(self, data: bytes = b"") -> bool:
        return False

    def unread(self) -> int:
        return 1

    def abort(self) -> None: ...


async def test_one_that_was_refused_and_does_not_read_that_is_not_taken_for_one_that_waits(world: World) -> None:
    serving = await world.gateway(to_provider(1))
    asked = Request(
        method="POST",
        path="/openai",
        query="",
        headers=(),
        body=b"",
        http_version="HTTP/1.1",
        peer="127.0.0.1:9",
        port=serving.port,
        received_at=serving.gateway.clock(),
    )
    client = NeverTaking()
    serving.gateway.refuse(BodyTooLarge("too large"), asked, client)
    assert gateway_gauges(serving.gateway, serving.pool) == {
        "exchanges": 1,
        "admission_waiting": 0,
        "reading_on": 0,
        "upstream_connections": 0,
    }
    assert client.observer is not None
    client.observer.client_gone()
    assert (await serving.record()).outcome == "rejected"
