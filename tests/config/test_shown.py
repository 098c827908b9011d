"""What `sluice check` says of traffic and health: what differs from the defaults, in the words of the files."""

import msgspec
import pytest

from sluice.config.plan import Rule
from sluice.config.shown import HEALTH, admission_line, clocks_line, health_line, rule_lines
from sluice.policies.admission import Admission
from sluice.policies.deadlines import OwnClocks
from sluice.policies.health import Health
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming

from .loading import plan

PLAIN = Rule(name="a", backends=())


def test_defaults_are_not_shown() -> None:
    assert (rule_lines(PLAIN), admission_line(Admission()), health_line(Health())) == ((), "", "")
    assert (clocks_line(None), clocks_line(OwnClocks())) == ("", "")


def test_everything_of_a_rule_that_differs() -> None:
    streaming = Streaming(
        on_disconnect="drain",
        drain_s=60,
        drain_tokens=0,
        drain_concurrent=1,
        keep_alive_s=0,
        commit_after_s=0.5,
        slow_reader_s=90,
        max_buffer_bytes=1 << 20,
        max_event_bytes=1000,
    )
    retry = Retry(attempts=0, backoff_s=0.2, codes=frozenset([503, 429]), condition="a" * 73, precondition="true")
    rule = msgspec.structs.replace(PLAIN, error_format="text", streaming=streaming, retry=retry)
    assert rule_lines(rule) == (
        "errorFormat: text",
        (
            "stream: onDisconnect Drain, drain.maxDuration 1m, drain.maxTokens 0, drain.maxConcurrent 1, "
            "keepAlive.interval 0s, keepAlive.commitAfter 500ms, slowReaderTimeout 1m30s, maxBufferBytes 1Mi, "
            "maxEventBytes 1000"
        ),
        f"retry: attempts 0, backoff 200ms, codes 429 503, condition {'a' * 72}…, precondition true",
    )


def test_admission() -> None:
    found = Admission(max_concurrent=5, max_queue=0, queue_timeout_s=0.25, max_memory_bytes=2 << 30)
    assert admission_line(found) == "admission: maxConcurrent 5, maxQueue 0, queueTimeout 250ms, maxMemory 2Gi"


def test_health() -> None:
    found = Health(
        unhealthy="response.code == 500",
        duration_s=60,
        consecutive_failures=0,
        health_threshold=0.55,
        restore_health=0.0,
    )
    assert health_line(found) == (
        "health: unhealthyCondition response.code == 500, eviction.duration 1m, eviction.consecutiveFailures 0, "
        "eviction.healthThreshold 55, eviction.restoreHealth 0"
    )
    assert set(HEALTH.values()) == set(Health.__struct_fields__)


def test_the_clocks_of_a_target() -> None:
    found = OwnClocks(connect_s=0.25, headers_s=20, first_token_s=90, idle_s=0, attempt_s=600)
    expected = "timeouts: connect 250ms, responseHeaders 20s, firstToken 1m30s, responseIdle 0s, attempt 10m"
    assert clocks_line(found) == expected


@pytest.mark.parametrize(
    "text",
    [
        "stream: {onDisconnect: Continue, drain: {maxDuration: 1h}, keepAlive: {commitAfter: 2s}, maxEventBytes: 3Ki}",
        "retry: {attempts: 4, backoff: 1s, codes: [500, 501]}",
    ],
)
def test_what_is_shown_can_be_written_again(text: str) -> None:
    """`key value` pairs, put back into a file, give the same rule."""

    def rule(policies: str) -> Rule:
        loaded = plan(f"llm:\n  models: [{{name: m, provider: fake}}]\n  policies:\n    {policies}\n")
        return loaded.listeners[0].entries[-1].rule

    first = rule(text)
    (line,) = rule_lines(first)
    section, _, pairs = line.partition(": ")
    nested: dict[str, object] = {}
    for pair in pairs.split(", "):
        key, _, value = pair.partition(" ")
        outer, _, inner = key.rpartition(".")
        written: object = value.split(" ") if key == "codes" else value
        if isinstance(written, list):
            written = [int(code) for code in written]
        elif value.isdigit():
            written = int(value)
        if outer:
            mapping = nested.setdefault(outer, {})
            assert isinstance(mapping, dict)
            mapping[inner] = written
        else:
            nested[key] = written
    assert rule(f"{section}: {msgspec.json.encode(nested).decode()}") == first
