"""Each outcome as operators see it: the end of its log line, exact, and the series that it adds to."""

import json
from typing import get_args

import pytest

from sluice.errors import (
    BadRequest,
    InBandFailure,
    Internal,
    Overloaded,
    Phase,
    SluiceError,
    TimedOut,
    Truncated,
    Unavailable,
)
from sluice.relay.outcome import OutcomeKind
from sluice.relay.record import ExchangeRecord, Route, StreamFacts
from sluice.telemetry.access_log import AccessLog

from .records import NOT_FOUND, STREAM, plain, stream
from .test_metrics import counted, scrape, total


def cut(kind: OutcomeKind, error: SluiceError | None, **changes: object) -> ExchangeRecord:
    """A stream that ended so after its first tokens: no usage, no finish reason, the status that was sent."""
    told = {"error": str(error), "error_code": error.code, "reason": error.reason} if error is not None else {}
    facts = StreamFacts(first_token_s=0.3, last_token_s=0.5, chunks=7, tokens=6, bytes_to_client=700)
    return stream(usage=None, tpot_s=None, finish_reason="", stream=facts, outcome=kind, **told | changes)


def refused(kind: OutcomeKind, error: SluiceError, **changes: object) -> ExchangeRecord:
    """An exchange that ended before a provider answered: a status with a body."""
    told = {
        "error": str(error),
        "error_code": error.code,
        "reason": error.reason,
        "status": error.status,
        "outcome": kind,
    }
    nothing = {"usage": None, "response_model": "", "finish_reason": "", "stream": StreamFacts()}
    return plain(**nothing | told | changes)


SHED = ExchangeRecord(
    request_id="req-3",
    trace_id=NOT_FOUND.trace_id,
    span_id=NOT_FOUND.span_id,
    started_at=0.0,
    duration_s=0.0002,
    route=Route(),
    src_addr="127.0.0.1:60862",
    method="POST",
    path="/v1/chat/completions",
    status=503,
    outcome="shed",
    reason=Overloaded.reason,
    error="This server is busy. Try again in a moment.",
)
"""Refused at the door: nothing of the request was read, so nothing is known of its route and its model."""

ENDS: list[tuple[str, ExchangeRecord, int, str]] = [
    (
        "completed",
        STREAM,
        200,
        (
            '"stream.outcome":"completed","stream.chunks":300,"gen_ai.response.finish_reason":"stop",'
            '"reason":"Upstream","duration":"2242ms"}'
        ),
    ),
    (
        "completed-by-the-second-target",
        stream(attempts=2, tried=(("first", "429"), ("second", "200"))),
        200,
        (
            '"stream.outcome":"completed","stream.chunks":300,"gen_ai.response.finish_reason":"stop",'
            '"retry.attempt":1,"retry.targets":"first;429, second;200","reason":"Upstream","duration":"2242ms"}'
        ),
    ),
    (
        "upstream_error",
        cut("upstream_error", InBandFailure("Overloaded", status=529)),
        200,
        (
            '"stream.outcome":"upstream_error","stream.chunks":7,'
            '"error":"Overloaded","reason":"UpstreamFailure","duration":"2242ms"}'
        ),
    ),
    (
        "upstream_truncated",
        cut("upstream_truncated", Truncated("the provider's stream ended before its answer did")),
        200,
        (
            '"stream.outcome":"upstream_truncated","stream.chunks":7,'
            '"error":"the provider\'s stream ended before its answer did","reason":"UpstreamFailure",'
            '"duration":"2242ms"}'
        ),
    ),
    (
        "timeout-in-the-midst",
        cut("timeout", TimedOut("idle")),
        200,
        (
            '"stream.outcome":"timeout","timeout.phase":"idle","stream.chunks":7,'
            '"error":"the provider fell silent in the middle of its answer","reason":"Timeout","duration":"2242ms"}'
        ),
    ),
    (
        "timeout-before-an-answer",
        refused(
            "timeout",
            TimedOut("headers"),
            attempts=2,
            tried=(("first", "timeout_connect"), ("second", "timeout_headers")),
        ),
        504,
        (
            '"stream.outcome":"timeout","timeout.phase":"headers",'
            '"retry.attempt":1,"retry.targets":"first;timeout_connect, second;timeout_headers",'
            '"error":"the provider did not answer in time","reason":"Timeout","duration":"2242ms"}'
        ),
    ),
    (
        "client_gone",
        cut("client_gone", None, status=499, reason="ClientGone"),
        499,
        '"stream.outcome":"client_gone","stream.chunks":7,"reason":"ClientGone","duration":"2242ms"}',
    ),
    (
        "slow_reader",
        cut("slow_reader", None, status=499, reason="SlowReader"),
        499,
        '"stream.outcome":"slow_reader","stream.chunks":7,"reason":"SlowReader","duration":"2242ms"}',
    ),
    (
        "blocked",
        refused("blocked", SluiceError("The request was rejected."), status=403, reason="PromptGuard"),
        403,
        '"stream.outcome":"blocked","error":"The request was rejected.","reason":"PromptGuard","duration":"2242ms"}',
    ),
    (
        "limited",
        refused("limited", SluiceError("Rate limit exceeded."), status=429, reason="RateLimit"),
        429,
        '"stream.outcome":"limited","error":"Rate limit exceeded.","reason":"RateLimit","duration":"2242ms"}',
    ),
    (
        "shed-at-the-door",
        SHED,
        503,
        (
            '"stream.outcome":"shed","error":"This server is busy. Try again in a moment.",'
            '"reason":"Overloaded","duration":"0ms"}'
        ),
    ),
    (
        "shed-in-the-midst",
        cut("shed", Overloaded("This server is short of memory.")),
        200,
        (
            '"stream.outcome":"shed","stream.chunks":7,'
            '"error":"This server is short of memory.","reason":"Overloaded","duration":"2242ms"}'
        ),
    ),
    (
        "drained",
        cut("drained", Unavailable("the server is shutting down")),
        200,
        (
            '"stream.outcome":"drained","stream.chunks":7,'
            '"error":"the server is shutting down","reason":"Draining","duration":"2242ms"}'
        ),
    ),
    (
        "rejected",
        refused("rejected", BadRequest("messages must not be empty")),
        400,
        (
            '"stream.outcome":"rejected","error":"messages must not be empty","reason":"InvalidRequest",'
            '"duration":"2242ms"}'
        ),
    ),
    (
        "internal",
        cut("internal", Internal("internal error")),
        200,
        (
            '"stream.outcome":"internal","stream.chunks":7,"error":"internal error","reason":"Internal",'
            '"duration":"2242ms"}'
        ),
    ),
]
RECORDS = [pytest.param(*rest, id=name) for name, *rest in ENDS]


def test_no_outcome_is_missing_here() -> None:
    assert {record.outcome for _, record, _, _ in ENDS} == set(get_args(OutcomeKind))


@pytest.mark.parametrize(("record", "status", "end"), RECORDS)
def test_the_end_of_its_line_is_exact(record: ExchangeRecord, status: int, end: str) -> None:
    written: list[bytes] = []
    AccessLog(written.append, "json").record(record)
    (line,) = written
    start, outcome, rest = line.decode().partition('"stream.outcome"')
    assert outcome + rest == end + "\n"
    assert f'"http.status":{status},' in start
    assert list(json.loads(line))[:4] == ["level", "time", "scope", "request.id"]


@pytest.mark.parametrize(("record", "status", "end"), RECORDS)
def test_it_is_counted_once_under_its_own_name(record: ExchangeRecord, status: int, end: str) -> None:
    samples = scrape(counted(record, record))
    place = {"backend": record.route.backend, "route": record.route.route, "protocol": record.protocol}
    assert total(samples, "exchange_outcomes_total") == 2
    assert total(samples, "exchange_outcomes_total", outcome=record.outcome, **place) == 2
    assert total(samples, "requests_total", status=str(status), reason=record.reason, **place) == 2
    streams = 2 if record.streaming else None
    assert total(samples, "stream_outcomes_total") == streams
    assert total(samples, "stream_outcomes_total", outcome=record.outcome) == streams


@pytest.mark.parametrize(("record", "status", "end"), RECORDS)
def test_only_a_clock_that_ran_out_is_counted_as_one(record: ExchangeRecord, status: int, end: str) -> None:
    samples = scrape(counted(record, record))
    phase = json.loads("{" + end).get("timeout.phase")
    assert (phase is None) is (record.outcome != "timeout")
    assert total(samples, "timeouts_total") == (2 if phase else None)
    if phase:
        assert total(samples, "timeouts_total", phase=phase, gen_ai_system="openai", route=record.route.route) == 2


@pytest.mark.parametrize("phase", get_args(Phase))
def test_each_clock_has_its_own_series(phase: Phase) -> None:
    every = [cut("timeout", TimedOut(each)) for each in get_args(Phase)]
    samples = scrape(counted(*every, cut("timeout", TimedOut(phase))))
    assert total(samples, "timeouts_total") == 6
    assert total(samples, "timeouts_total", phase=phase) == 2


def test_what_a_provider_says_is_no_clock() -> None:
    record = cut("upstream_error", InBandFailure(str(TimedOut("total"))))
    assert total(scrape(counted(record)), "timeouts_total") is None


def test_attempts_that_fail_over_hides_are_counted_by_target_and_result() -> None:
    record = stream(
        attempts=4, tried=(("first", "429"), ("first", "429"), ("second", "timeout_connect"), ("third", "200"))
    )
    samples = scrape(counted(record, stream(attempts=2, tried=(("first", "503"), ("second", "429"))), STREAM))
    found = {
        (dict(labels)["target"], dict(labels)["result"]): value
        for (name, labels), value in samples.items()
        if name == "abandoned_attempts_total"
    }
    assert found == {("first", "429"): 2, ("second", "timeout_connect"): 1, ("first", "503"): 1}
    assert total(samples, "abandoned_attempts_total", backend=STREAM.route.backend) == 4
    assert total(samples, "retries_total") == 4


def test_models_of_clients_do_not_multiply_the_series_of_outcomes() -> None:
    crowd = [cut("timeout", TimedOut("idle"), request_model=f"m{number}") for number in range(500)]
    lines = counted(*crowd).render("")[1].decode().split("\n")  # 50,000 samples: a parser would take six seconds
    kept = [line for line in lines if line.startswith(("agentgateway_exchange_outcomes_", "agentgateway_timeouts_"))]
    assert [line.rpartition(" ")[2] for line in kept] == ["500", "500"]
