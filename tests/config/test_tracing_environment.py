"""What the environment says of tracing, over files and without any."""

import pytest

from sluice.config.compile import load
from sluice.config.environment import from_environment
from sluice.config.plan import Plan
from sluice.config.source import Source
from sluice.errors import ConfigError
from sluice.policies.observing import Tracing
from sluice.standard import STANDARD
from tests.config.test_tracing_policy import POLICY

FILE = "config: {tracing: {otlpEndpoint: 'http://file:1', otlpProtocol: grpc, randomSampling: 0.5}}\n"
MODELS = "llm:\n  models: [{name: '*', provider: fake}]\n"
BASE, OWN = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def filed(env: dict[str, str], text: str = FILE) -> Plan:
    return load([Source("a.yaml", f"{text}{MODELS}")], env, STANDARD)


def test_nobody_traces_where_nobody_says_so() -> None:
    assert from_environment({}, STANDARD).observing.tracing is None
    assert filed({"OTEL_TRACES_SAMPLER": "always_on"}, "").observing.tracing is None


@pytest.mark.parametrize("name", [BASE, OWN])
def test_without_a_file_the_environment_is_enough(name: str) -> None:
    plan = from_environment({name: "http://c:4317/"}, STANDARD)
    assert plan.observing.tracing == Tracing(endpoint="http://c:4317")


@pytest.mark.parametrize(
    ("env", "endpoint", "path"),
    [
        ({BASE: "http://c:1"}, "http://c:1", "/v1/traces"),
        ({BASE: "http://c:1", OWN: "http://own:1"}, "http://own:1", "/v1/traces"),
        (
            {BASE: "http://c:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t:2/api/spans"},
            "https://t:2",
            "/api/spans",
        ),
        ({BASE: "c:4317"}, "http://c:4317", "/v1/traces"),
        ({BASE: ""}, "http://file:1", "/v1/traces"),
    ],
)
def test_it_stands_over_a_file(env: dict[str, str], endpoint: str, path: str) -> None:
    tracing = filed(env).observing.tracing
    assert tracing is not None
    assert (tracing.endpoint, tracing.path, tracing.random_sampling) == (endpoint, path, "0.5")


@pytest.mark.parametrize(
    ("env", "protocol"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, "http"),
        ({}, "grpc"),
    ],
)
def test_it_names_the_protocol(env: dict[str, str], protocol: str) -> None:
    tracing = filed(env).observing.tracing
    assert tracing is not None
    assert tracing.protocol == protocol


@pytest.mark.parametrize(
    ("sampler", "argument", "sampling"),
    [
        ("always_on", "", ("true", "true")),
        ("always_off", "", ("false", "false")),
        ("traceidratio", "0.2", ("0.2", "0.2")),
        ("parentbased_traceidratio", "0.2", ("0.2", "true")),
        ("parentbased_always_off", "", ("false", "true")),
    ],
)
def test_it_names_the_sampler(sampler: str, argument: str, sampling: tuple[str, str]) -> None:
    tracing = filed({"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}).observing.tracing
    assert tracing is not None
    assert (tracing.random_sampling, tracing.client_sampling) == sampling


@pytest.mark.parametrize("env", [{"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_it_turns_tracing_off(env: dict[str, str]) -> None:
    assert filed(env).observing.tracing is None


def test_a_policys_own_collector_stays() -> None:
    plan = load([Source("a.yaml", POLICY)], {BASE: "http://c:1"}, STANDARD)
    assert plan.observing.tracing == Tracing(endpoint="http://c:1")
    first, other = plan.listeners
    assert first.observing is not None
    assert first.observing.tracing is not None
    assert first.observing.tracing.endpoint == "http://collector:4317"
    assert other.observing is None


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({BASE: "ftp://user:canary@c"}, BASE),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "7"}, "OTEL_TRACES_SAMPLER_ARG"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_name_and_not_repeated(env: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigError, match=f"environment: {name}: ") as failure:
        filed(env)
    assert "canary" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "inf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "deflate"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-5"),
    ],
)
def test_what_the_sdk_would_fall_over_is_refused_where_somebody_traces(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        filed({name: text})
    filed({name: text}, "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ],
)
def test_what_the_sdk_takes_is_taken(name: str, text: str) -> None:
    assert filed({name: text}).observing.tracing is not None
