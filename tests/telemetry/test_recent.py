"""What has just happened: bounded, true to the record, and silent about what was said."""

from collections.abc import Sequence

import msgspec
import pytest

from sluice.telemetry.recent import KEPT, MAX_TTFT, SECONDS, Recent, went_wrong
from tests.telemetry.records import STREAM


def tick(recent: Recent, at: float, *, open_tokens: int = 0, first_s: Sequence[float] = ()) -> None:
    recent.tick(at, exchanges=3, streams=2, waiting=1, open_tokens=open_tokens, first_s=first_s)


def test_an_end_says_what_its_record_says() -> None:
    recent = Recent()
    recent.record(STREAM)
    (end,) = recent.ended
    assert (end.key, end.id, end.status, end.outcome) == (STREAM.span_id, "req-1", 200, "completed")
    assert (end.ttft_s, end.duration_s, end.tokens) == (0.3123, 2.2424, 298)
    assert end.tokens_per_s == pytest.approx(1 / 0.00635574, abs=0.01)
    assert end.at == pytest.approx(STREAM.started_at + STREAM.duration_s, abs=0.001)
    assert not recent.failed


def test_what_a_provider_says_of_its_failure_is_not_kept_for_it_may_quote_the_prompt() -> None:
    recent = Recent()
    failed = msgspec.structs.replace(
        STREAM, outcome="upstream_error", status=502, error="cannot answer 'my canary'", error_code="overloaded"
    )
    recent.record(failed)
    assert recent.failed[0].error == "overloaded"
    recent.record(msgspec.structs.replace(failed, error_code="cannot answer 'my canary'"))
    assert recent.failed[1].error == "", "a sentence in the place of a code"
    assert b"canary" not in msgspec.json.encode([*recent.ended, *recent.failed])


def test_failures_are_not_pushed_out_by_the_many_that_go_well() -> None:
    recent = Recent()
    recent.record(msgspec.structs.replace(STREAM, outcome="timeout", status=504))
    for _ in range(3 * KEPT):
        recent.record(STREAM)
    assert len(recent.ended) == KEPT
    assert [end.outcome for end in recent.failed] == ["timeout"]


@pytest.mark.parametrize(
    ("outcome", "status", "wrong"),
    [
        ("completed", 200, False),
        ("completed", 404, True),
        ("client_gone", 499, False),
        ("rejected", 400, True),
        ("limited", 429, True),
        ("upstream_truncated", 200, True),
    ],
)
def test_a_client_that_leaves_is_no_failure_and_a_truncated_200_is_one(outcome: str, status: int, wrong: bool) -> None:
    assert went_wrong(outcome, status) is wrong


def test_a_second_holds_what_ended_in_it_and_the_next_begins_with_nothing() -> None:
    recent = Recent()
    recent.record(STREAM)
    recent.record(msgspec.structs.replace(STREAM, outcome="upstream_error", status=502))
    recent.lag(0.004)
    recent.lag(0.002)
    tick(recent, 100)
    tick(recent, 101)
    first, second = recent.samples
    assert (first.at, first.requests, first.errors, first.lag_ms) == (100, 2, 1, 4.0)
    assert first.ttft_ms == (312.3, 312.3)
    assert (first.exchanges, first.streams, first.waiting) == (3, 2, 1)
    assert (second.requests, second.errors, second.tokens, second.ttft_ms, second.lag_ms) == (0, 0, 0, (), 0.0)


def test_a_token_counts_in_the_second_that_it_came_in_not_when_its_stream_ends() -> None:
    recent = Recent()
    tick(recent, 1, open_tokens=100)
    tick(recent, 2, open_tokens=290)
    recent.record(STREAM)  # of 298 tokens, 290 of them counted already
    tick(recent, 3, open_tokens=0)
    assert [sample.tokens for sample in recent.samples] == [100, 190, 8]


def test_a_first_token_counts_once_and_in_the_second_that_it_came_in() -> None:
    recent = Recent()
    came_at = STREAM.started_at + 0.3123
    tick(recent, came_at - 0.9)
    tick(recent, came_at + 0.1, first_s=[0.3123])
    recent.record(STREAM)
    tick(recent, came_at + 1.1)
    assert [sample.ttft_ms for sample in recent.samples] == [(), (312.3,), ()]


def test_a_clock_that_is_set_back_leaves_one_line_to_a_second() -> None:
    recent = Recent()
    for at in (100.0, 101.0, 99.001, 99.9999):
        tick(recent, at)
    assert [sample.at for sample in recent.samples] == [99, 100]


def test_an_attempt_that_was_given_up_makes_no_negative_second() -> None:
    recent = Recent()
    tick(recent, 1, open_tokens=50)
    tick(recent, 2, open_tokens=0)
    assert [sample.tokens for sample in recent.samples] == [50, 0]


def test_memory_is_bounded_whatever_comes() -> None:
    recent = Recent()
    long = msgspec.structs.replace(STREAM, path="/" + "x" * 100_000, request_model="m" * 100_000, status=502)
    for second in range(2 * SECONDS):
        for _ in range(MAX_TTFT if second == 2 * SECONDS - 1 else 1):
            recent.record(long)
        recent.record(long)
        tick(recent, second)
    assert len(recent.samples) == SECONDS
    assert len(recent.samples[-1].ttft_ms) == MAX_TTFT
    assert len(msgspec.json.encode([*recent.ended, *recent.failed])) < 2 * KEPT * 800
