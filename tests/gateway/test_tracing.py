"""What a sampled exchange notes of its way, with a clock that passes when told to."""

import asyncio

import pytest

from sluice.errors import Forbidden, TimedOut, Unreachable
from sluice.gateway.identity import Identity
from sluice.gateway.tracing import Trace
from sluice.policies.judges import JudgeFailed
from sluice.policies.observing import Tracing
from sluice.relay.outcome import CLIENT_GONE, COMPLETED, Outcome
from sluice.relay.record import SpanFacts, StreamFacts, TraceFacts

TRACING = Tracing(endpoint="http://c")


class Watch:
    """A trace, and the clock that it looks at."""

    def __init__(self) -> None:
        self.now = 100.0
        self.trace = Trace(
            TRACING, Identity("r", "0" * 31 + "1", "a" * 16, "01", "b" * 16), "", 100.0, lambda: self.now
        )

    def facts(self, outcome: Outcome = COMPLETED, stream: StreamFacts = StreamFacts()) -> TraceFacts:  # noqa: B008
        return self.trace.facts(outcome, stream, self.now)

    def attempt(self, outcome: Outcome, *, status: int = 0, lasts_s: float = 1.0) -> None:
        self.trace.ahead()
        self.trace.asks("first", "h:1", ())
        if status:
            self.trace.answered(status)
        self.now += lasts_s
        self.trace.ended(outcome, self.now)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def only(facts: TraceFacts) -> SpanFacts:
    (span,) = facts.spans
    return span


def test_steps_nest_and_are_told_in_the_order_in_which_they_began(watch: Watch) -> None:
    with watch.trace.step("guard", "request") as outer:
        watch.now += 1
        with watch.trace.step("guard", "judge", "h:1") as inner:
            watch.now += 2
    with watch.trace.step("limit", "rate_limit") as later:
        watch.now += 4
    spans = watch.facts().spans
    assert [(s.name, s.began_s, s.ended_s, s.parent_id) for s in spans] == [
        ("request", 0, 3, ""),
        ("judge", 1, 3, outer.id),
        ("rate_limit", 3, 7, ""),
    ]
    assert [span.span_id for span in spans] == [outer.id, inner.id, later.id]


@pytest.mark.parametrize(
    ("error", "result", "code"),
    [
        (Forbidden("no"), "Reject", "forbidden"),
        (JudgeFailed("no"), "Failed", "judge_failed"),
        (RuntimeError("no"), "Failed", "internal"),
        (asyncio.CancelledError(), "Failed", "cancelled"),
    ],
)
def test_a_step_that_fails_is_noted_and_lets_the_failure_go_on(
    watch: Watch, error: BaseException, result: str, code: str
) -> None:
    with pytest.raises(type(error)), watch.trace.step("auth", "auth"):
        raise error
    span = only(watch.facts())
    assert (span.result, span.error_code) == (result, code)


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (COMPLETED, 200, ""),
        (Outcome("upstream_error", Unreachable("no")), 0, "upstream_unreachable"),
        (Outcome("timeout", TimedOut("idle")), 200, "timeout_idle"),
        (CLIENT_GONE, 200, ""),
        (Outcome("upstream_error"), 503, "503"),
    ],
)
def test_an_attempt_says_how_it_ended(watch: Watch, outcome: Outcome, status: int, code: str) -> None:
    watch.attempt(outcome, status=status)
    span = only(watch.facts(outcome))
    assert (span.result, span.status, span.error_code, span.ended_s) == (outcome.kind, status, code, 1.0)


def test_an_attempt_ends_with_its_answer_and_not_with_its_client(watch: Watch) -> None:
    watch.trace.ahead()
    watch.trace.asks("first", "h:1", ())
    watch.now += 1
    watch.trace.ended_at = watch.now
    watch.now += 5
    assert only(watch.facts()).ended_s == 1.0


def test_each_attempt_has_an_id_of_its_own_that_its_header_names(watch: Watch) -> None:
    headers = []
    for _ in range(2):
        headers.append(watch.trace.ahead())
        watch.trace.asks("first", "h:1", ())
        watch.trace.ended(COMPLETED, watch.now)
    assert headers == [f"00-{'0' * 31}1-{span.span_id}-01".encode() for span in watch.facts().spans]
    assert len(set(headers)) == 2


def test_a_step_that_nobody_waits_for_any_more_ends_with_its_exchange_and_only_once(watch: Watch) -> None:
    with watch.trace.step("guard", "judge", "h:1"):
        watch.now += 2
        span = only(watch.facts(CLIENT_GONE))
        watch.now += 2
    assert (span.ended_s, span.error_code, span.result) == (2.0, "cancelled", "Failed")
    assert len(watch.facts().spans) == 1


def test_first_token_and_stalls_are_events(watch: Watch) -> None:
    facts = watch.facts(stream=StreamFacts(first_token_s=0.3, stalled_at=((2.0, 4.5), (9.0, 1.5))))
    assert facts.events == (
        ("gen_ai.first_token", 0.3, ()),
        ("stream.stall", 2.0, (("stream.stall.duration", 4.5),)),
        ("stream.stall", 9.0, (("stream.stall.duration", 1.5),)),
    )


def test_what_the_client_said_of_its_trace_is_kept(watch: Watch) -> None:
    facts = watch.facts()
    assert (facts.parent_id, facts.tracing) == ("b" * 16, TRACING)
