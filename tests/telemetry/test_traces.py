"""Spans on their way to a collector: both protocols, and one that refuses, is slow, or is not there."""

import asyncio
import logging
import socket
import time
from collections.abc import Iterator

import msgspec
import pytest

from sluice.config.plan import Listener, Plan
from sluice.errors import ConfigError
from sluice.policies.observing import Observed, Observing, Tracing
from sluice.relay.record import ExchangeRecord, SpanFacts, TraceFacts
from sluice.telemetry import otlp, traces
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.traces import Traces
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.telemetry.records import stream


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")


class Desk:
    """Traces, and what they say."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.traces = Traces(ProcessLog(self.lines.append, "json"), asyncio.get_running_loop().call_soon_threadsafe)

    def messages(self) -> list[object]:
        return [msgspec.json.decode(line)["message"] for line in self.lines]


@pytest.fixture
async def desk() -> Desk:
    return Desk()


@pytest.fixture(params=["grpc", "http"])
def collector(request: pytest.FixtureRequest) -> Iterator[OtlpReceiver]:
    with OtlpReceiver(request.param) as receiver:
        yield receiver


def to(collector: OtlpReceiver, **members: object) -> Tracing:
    return Tracing(endpoint=collector.endpoint, protocol=collector.protocol, **members)  # type: ignore[arg-type]


def plan(*tracings: Tracing) -> Plan:
    """The first is the process's; each further one is a listener's."""
    listeners = tuple(
        Listener(name=f"l{n}", gateway="g", port=n, observing=Observing(tracing=each))
        for n, each in enumerate(tracings[1:])
    )
    return Plan(listeners=listeners, observing=Observing(tracing=tracings[0] if tracings else None))


def record(tracing: Tracing, spans: int = 1) -> ExchangeRecord:
    asked = tuple(
        SpanFacts(kind="attempt", name="first", span_id=f"{n + 1:016x}", began_s=0.1, ended_s=0.2, endpoint="a:1")
        for n in range(spans)
    )
    return stream(trace=TraceFacts(tracing=tracing, spans=asked))


async def test_spans_arrive_with_what_is_said_of_the_process(desk: Desk, collector: OtlpReceiver) -> None:
    resources = (("service.name", '"agentgateway"'), ("deployment.environment.name", '"production"'), ("n", "1 + 1"))
    tracing = to(collector, resources=resources, headers=(("Authorization", "Bearer canary"),))
    desk.traces.follow(plan(tracing))
    desk.traces.record(record(tracing))
    server, attempt = await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
    assert {server.name, attempt.name} == {"POST", "chat"}
    assert collector.headers[0]["authorization"] == "Bearer canary"
    said = server.resource
    assert (said["service.name"], said["deployment.environment.name"], said["n"]) == ("agentgateway", "production", 2)
    assert said["telemetry.sdk.name"] == "opentelemetry"
    assert {"host.name", "process.pid", "service.instance.id", "service.version"} <= set(said)
    await until(lambda: desk.traces.exported["sent"] == 2)
    assert desk.messages() == []
    assert collector.paths == ([] if collector.protocol == "grpc" else ["/v1/traces"])
    desk.traces.close()


async def test_the_environment_names_the_service_where_the_configuration_does_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "edge")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=blue")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=canary")
    with OtlpReceiver("http") as collector:
        desk.traces.follow(plan(tracing := to(collector, path="/otlp/spans")))
        desk.traces.record(record(tracing))
        (one, _) = await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
        desk.traces.close()
    assert (one.resource["service.name"], one.resource["team"]) == ("edge", "blue")
    assert (collector.paths, collector.headers[0]["x-key"]) == (["/otlp/spans"], "canary")


async def test_our_name_is_the_services_where_nobody_says_another(desk: Desk, collector: OtlpReceiver) -> None:
    desk.traces.follow(plan(tracing := to(collector)))
    desk.traces.record(record(tracing))
    (one, _) = await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
    assert one.resource["service.name"] == "sluice"
    desk.traces.close()


async def test_what_a_collector_refuses_is_counted_and_said_once_at_each_change(
    desk: Desk, collector: OtlpReceiver
) -> None:
    collector.refuses = True
    desk.traces.follow(plan(tracing := to(collector)))
    for number in range(1, 4):
        desk.traces.record(record(tracing))
        await until(lambda number=number: desk.traces.exported["failed"] == 2 * number)
    assert desk.messages() == ["a collector does not take spans: they are given up until it does"]
    collector.refuses = False
    desk.traces.record(record(tracing))
    await until(lambda: desk.traces.exported["sent"] == 2)
    assert desk.messages()[1:] == ["the collector takes spans again"]
    assert desk.traces.exported == {"sent": 2, "failed": 6, "dropped": 0}
    desk.traces.close()


class Listens(logging.Handler):
    """What the process log would hear of libraries."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


async def test_the_sdk_says_nothing_by_itself(desk: Desk, collector: OtlpReceiver) -> None:
    collector.refuses = True
    desk.traces.follow(plan(tracing := to(collector)))
    log = Listens()
    logging.getLogger().addHandler(log)
    try:
        desk.traces.record(record(tracing))
        await until(lambda: desk.traces.exported["failed"] == 2)
    finally:
        logging.getLogger().removeHandler(log)
    assert log.heard == []
    desk.traces.close()


@pytest.mark.timed
async def test_beyond_the_bound_whole_exchanges_are_dropped_and_nothing_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector takes connections and says nothing."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    mute = socket.create_server(("127.0.0.1", 0))
    endpoint = f"http://127.0.0.1:{mute.getsockname()[1]}"
    tracing = Tracing(endpoint=endpoint, protocol="http")
    desk.traces.follow(plan(tracing))
    began = time.perf_counter()
    for _ in range(100):
        desk.traces.record(record(tracing, spans=2))
    assert time.perf_counter() - began < 0.5
    assert desk.traces.exported["dropped"] == (100 - 8 // 3) * 3
    began = time.perf_counter()
    await asyncio.to_thread(desk.traces.close, 0.3)
    assert time.perf_counter() - began < 1.0
    mute.close()


def said(tracing: Tracing, chars: int) -> ExchangeRecord:
    """An exchange whose span has so long an attribute."""
    observed = Observed(attributes=(("gen_ai.prompt", "x" * chars),))
    return msgspec.structs.replace(record(tracing, spans=0), observed=observed)


async def test_what_waits_is_bounded_by_its_texts_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MAX_CHARS", 100_000)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    with OtlpReceiver() as collector:
        desk.traces.follow(plan(tracing := to(collector)))
        for _ in range(10):
            desk.traces.record(said(tracing, 40_000))
        assert desk.traces.exported["dropped"] == 8
        await asyncio.to_thread(desk.traces.close)
        await until(lambda: desk.traces.exported["sent"] == 2)
        desk.traces.record(said(tracing, 1))
        assert desk.traces.exported["dropped"] == 9


async def test_one_exchange_is_sent_however_long_its_texts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MAX_CHARS", 1000)
    with OtlpReceiver() as collector:
        desk.traces.follow(plan(tracing := to(collector)))
        for number in range(1, 4):
            desk.traces.record(said(tracing, 5000))
            await until(lambda number=number: desk.traces.exported["sent"] == number)
        desk.traces.close()


async def test_no_message_is_larger_than_a_collector_takes(desk: Desk, collector: OtlpReceiver) -> None:
    """A receiver over gRPC takes 4 MiB, as the Collector does."""
    desk.traces.follow(plan(tracing := to(collector)))
    for _ in range(12):
        desk.traces.record(said(tracing, 700_000))
    await until(lambda: sum(desk.traces.exported.values()) == 12)
    assert desk.traces.exported["sent"] == 12
    desk.traces.close()


async def test_what_a_collector_that_is_let_go_did_not_take_is_counted(
    desk: Desk, collector: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "FLUSH_S", 0.2)
    mute = socket.create_server(("127.0.0.1", 0))
    gone = Tracing(endpoint=f"http://127.0.0.1:{mute.getsockname()[1]}", protocol="http")
    desk.traces.follow(plan(gone))
    desk.traces.record(record(gone, spans=3))
    desk.traces.follow(plan(to(collector)))
    desk.traces.follow(plan(to(collector)))
    await until(lambda: desk.traces.exported["dropped"] == 4)
    assert desk.traces.exported["failed"] == 0
    mute.close()
    desk.traces.close()


@pytest.mark.timed
async def test_what_is_given_up_at_the_end_is_said(desk: Desk) -> None:
    mute = socket.create_server(("127.0.0.1", 0))
    ways = [
        Tracing(endpoint=f"http://127.0.0.1:{mute.getsockname()[1]}", protocol="http", path=p) for p in ("/a", "/b")
    ]
    desk.traces.follow(plan(*ways))
    for way in ways:
        desk.traces.record(record(way))
    began = time.perf_counter()
    await asyncio.to_thread(desk.traces.close, 0.3)
    assert time.perf_counter() - began < 0.55, "the bound is of all collectors together"
    assert [(line["message"], line["spans"]) for line in map(msgspec.json.decode, desk.lines)] == [
        ("spans were given up at the end: their collector did not take them in time", 4)
    ]
    mute.close()


@pytest.mark.parametrize(
    ("room", "batch"), [("100", ""), ("8", "4096"), ("2048", "4096")], ids=["small queue", "both", "large batch"]
)
async def test_a_batch_is_never_larger_than_the_queue(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, room: str, batch: str
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", room)
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batch)
    with OtlpReceiver() as collector:
        desk.traces.follow(plan(tracing := to(collector)))
        desk.traces.record(record(tracing))
        await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
        desk.traces.close()


@pytest.mark.parametrize("word", ["none", "gzip"])
async def test_batches_are_packed_as_the_environment_says(
    desk: Desk, collector: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", word)
    desk.traces.follow(plan(tracing := to(collector)))
    desk.traces.record(record(tracing))
    await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
    if collector.protocol == "http":
        assert collector.headers[0].get("content-encoding", "none") == word
    desk.traces.close()


async def test_a_whole_url_is_not_made_longer(desk: Desk) -> None:
    with OtlpReceiver("http") as collector:
        tracing = Tracing(endpoint=f"{collector.endpoint}/v1/traces", protocol="http")
        desk.traces.follow(plan(tracing))
        desk.traces.record(record(tracing))
        await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
        desk.traces.close()
    assert collector.paths == ["/v1/traces"]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("http://c", "http://c:4317"),
        ("http://[::1]", "http://[::1]:4317"),
        ("http://c:80", "http://c:80"),
        ("https://c", "https://c"),
    ],
)
def test_grpc_without_tls_has_its_own_port(said: str, asked: str) -> None:
    assert otlp._with_port(said) == asked


async def test_a_certificate_that_is_not_there_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/not/there")
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_CERTIFICATE: there is no such file"):
        desk.traces.follow(plan(Tracing(endpoint="https://127.0.0.1:1")))


@pytest.mark.timed
async def test_a_collector_that_is_not_there_holds_up_nobody(desk: Desk, collector: OtlpReceiver) -> None:
    (gone,) = free_ports(1)
    desk.traces.follow(plan(tracing := Tracing(endpoint=f"http://127.0.0.1:{gone}", protocol=collector.protocol)))  # type: ignore[arg-type]
    began = time.perf_counter()
    desk.traces.record(record(tracing))
    assert time.perf_counter() - began < 0.05
    began = time.perf_counter()
    await asyncio.to_thread(desk.traces.close, 0.3)
    assert time.perf_counter() - began < 1.0


async def test_each_listeners_spans_go_where_it_says_also_after_a_reload(desk: Desk) -> None:
    with OtlpReceiver("http") as here, OtlpReceiver("http") as there:
        desk.traces.follow(plan(to(here)))
        desk.traces.follow(plan(to(here), to(there)))
        desk.traces.record(record(to(there)))
        await asyncio.to_thread(there.wait, lambda spans: len(spans) == 2)
        assert here.spans == []
        desk.traces.follow(plan(to(here)))
        desk.traces.record(record(to(there)))  # it began under the plan before
        await asyncio.to_thread(there.wait, lambda spans: len(spans) == 4)
        desk.traces.follow(plan(to(here)))
        desk.traces.record(record(to(there)))
        assert desk.traces.exported["dropped"] == 2
        desk.traces.record(record(to(here)))
        await asyncio.to_thread(here.wait, lambda spans: len(spans) == 2)
        desk.traces.close()


async def test_an_exchange_that_is_not_sampled_is_not_looked_at(desk: Desk) -> None:
    desk.traces.record(stream())
    assert set(desk.traces.exported.values()) == {0}


async def test_without_its_packages_tracing_is_refused_with_a_hint(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "_is_installed", lambda name: False)
    with pytest.raises(ConfigError) as failure:
        desk.traces.follow(plan(Tracing(endpoint="http://127.0.0.1:1")))
    assert "pip install 'sluice-ai[tracing]'" in str(failure.value)


def test_a_package_that_is_missing_is_seen_to_be() -> None:
    assert otlp._is_installed("opentelemetry.sdk")
    assert not otlp._is_installed("opentelemetry.nowhere")
    assert not otlp._is_installed("nowhere.at.all")
