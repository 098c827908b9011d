"""gateway/ending.py: what an error says about how its exchange ended, row by row of stream-life section 1."""

import pytest

from sluice.errors import (
    BudgetExceeded,
    Denied,
    Forbidden,
    GuardRejected,
    HeadTooLarge,
    Internal,
    NoBackend,
    Overloaded,
    PolicyUnavailable,
    ProtocolError,
    RateLimited,
    Refused,
    SluiceError,
    TimedOut,
    Truncated,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from sluice.gateway.ending import outcome_of, passed_on
from sluice.policies.access import Access
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.server import Server
from sluice.relay.outcome import CLIENT_GONE, COMPLETED
from tests.support.events import completion
from tests.support.raw_client import CHAT, request
from tests.support.raw_upstream import sized
from tests.support.world import World


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unauthenticated("who?", reason="JwtAuth"), "rejected"),
        (Forbidden("no"), "rejected"),
        (Denied("no"), "rejected"),
        (HeadTooLarge("long"), "rejected"),
        (RateLimited(), "limited"),
        (BudgetExceeded("spent"), "limited"),
        (GuardRejected("no"), "blocked"),
        (PolicyUnavailable("not asked", reason="Guardrail"), "blocked"),
        (PolicyUnavailable("not asked", reason="ExtAuth"), "internal"),
        (PolicyUnavailable("not asked", reason="ExtAuth", status=403), "internal"),
        (PolicyUnavailable("no keys", reason="JwtAuth"), "internal"),
        (PolicyUnavailable("no store", reason="RateLimit"), "internal"),
        (PolicyUnavailable("no ledger", reason="Budget"), "internal"),
        (TimedOut("idle"), "timeout"),
        (Truncated("cut"), "upstream_truncated"),
        (Refused("no", status=404), "upstream_error"),
        (Unreachable("no"), "upstream_error"),
        (NoBackend("none"), "upstream_error"),
        (ProtocolError("what?"), "upstream_error"),
        (Overloaded("busy"), "shed"),
        (Unavailable("later"), "drained"),
        (Internal("ours"), "internal"),
    ],
    ids=lambda value: f"{type(value).__name__}-{value}" if isinstance(value, SluiceError) else None,
)
def test_each_error_is_one_outcome(error: SluiceError, kind: str) -> None:
    assert (outcome_of(error).kind, outcome_of(error).error) == (kind, error)


@pytest.mark.parametrize("status", [0, 200, 204, 304, 399])
def test_an_answer_that_was_passed_on_is_complete(status: int) -> None:
    assert passed_on(COMPLETED, status) is COMPLETED


@pytest.mark.parametrize("status", [400, 404, 429, 500, 599])
def test_a_refusal_that_was_passed_on_is_a_failure_of_its_status(status: int) -> None:
    outcome = passed_on(COMPLETED, status)
    assert outcome.kind == "upstream_error"
    assert isinstance(outcome.error, Refused)
    assert outcome.error.status == status
    assert passed_on(CLIENT_GONE, status) is CLIENT_GONE


async def test_a_policy_whose_service_is_down_counts_among_the_failures(world: World) -> None:
    """It was `rejected`, which says that the request was wrong, and which no alert looks at."""
    nobody = ExternalAuth(server=Server(host="127.0.0.1", port=9))
    upstream = await world.upstream(sized(completion()))
    serving = await world.gateway(upstream.port, access=Access(external=(nobody,)))
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 503
    record = await serving.record()
    assert (record.outcome, record.status, record.reason) == ("internal", 503, "ExtAuth")
    serving.heard.flush()
    assert serving.metric("exchange_outcomes_total", 'outcome="internal"') == 1
    assert upstream.asked == []
