"""Which exchanges are traced, and what the flag says that goes on."""

import random
import time

import pytest

from sluice.config.plan import Listener, Plan
from sluice.gateway.identity import Identity, identify
from sluice.gateway.ports import Request
from sluice.gateway.sampling import Tracers, tracers_of
from sluice.gateway.tracing import Trace
from sluice.policies.observing import Observing, Tracing
from tests.gateway.asking import asked_with

SAMPLED, UNSAMPLED = (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-" + flag for flag in (b"01", b"00"))


def request(*headers: tuple[bytes, bytes]) -> Request:
    return asked_with(headers=headers)


def begin(told: Request, random_sampling: str, client_sampling: str = "true") -> tuple[Request, Identity, Trace | None]:
    tracing = Tracing(endpoint="http://c", random_sampling=random_sampling, client_sampling=client_sampling)
    return Tracers(tracing, {}).begin(told, identify(told), None, time.monotonic)


@pytest.mark.parametrize(("random_sampling", "taken"), [("true", 1), ("1", 1), ("1.0", 1), ("false", 0), ("0", 0)])
def test_those_without_a_trace_are_taken_by_random_sampling(random_sampling: str, taken: int) -> None:
    _, identity, trace = begin(request(), random_sampling, "false")
    assert (trace is not None, identity.flags) == (bool(taken), f"0{taken}")


@pytest.mark.parametrize("client_sampling", ["true", "false"])
def test_those_that_come_sampled_are_taken_by_client_sampling(client_sampling: str) -> None:
    _, identity, trace = begin(request((b"traceparent", SAMPLED)), "false", client_sampling)
    assert (trace is not None, identity.flags) == ((True, "01") if client_sampling == "true" else (False, "00"))
    assert identity.trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_a_trace_that_its_client_did_not_sample_is_taken_by_random_sampling_and_keeps_its_parent() -> None:
    _, identity, trace = begin(request((b"traceparent", UNSAMPLED)), "true", "false")
    assert trace is not None
    assert (identity.parent_id, identity.flags) == ("b7ad6b7169203331", "01")


def test_a_share_is_the_share_of_trace_ids_and_the_same_everywhere() -> None:
    random.seed(1)
    told = [request() for _ in range(4000)]
    tracers = [Tracers(Tracing(endpoint="http://c", random_sampling="0.1"), {}) for _ in range(2)]
    identities = [identify(each) for each in told]
    first, second = (
        [tracer.begin(r, i, None, time.monotonic)[2] is not None for r, i in zip(told, identities, strict=True)]
        for tracer in tracers
    )
    assert first == second
    assert 320 < sum(first) < 480


@pytest.mark.parametrize(
    ("expression", "taken"),
    [
        ('request.headers["x-debug"] == "1"', True),
        ('request.headers["x-debug"] == "1" ? 1.0 : 0.0', True),
        ('request.path == "/other"', False),
        ('request.headers["x-not-there"]', False),
        ('"a text"', False),
    ],
)
def test_an_expression_looks_at_the_request(expression: str, taken: bool) -> None:
    assert (begin(request((b"x-debug", b"1")), expression)[2] is not None) is taken


def test_state_and_baggage_go_on_with_the_trace_they_came_with() -> None:
    carried = ((b"tracestate", b"a=1"), (b"baggage", b"b=2"), (b"tracestate", b"c=3"))
    told, _, trace = begin(request((b"traceparent", SAMPLED), (b"accept", b"x"), *carried), "false")
    assert told.trail == carried
    assert trace is not None
    told, _, trace = begin(request((b"traceparent", b"nonsense"), *carried), "true")
    assert told.trail == ()
    assert trace is not None


def test_what_a_listener_says_stands_over_what_the_plan_says() -> None:
    tracing = Tracing(endpoint="http://c", random_sampling="true")
    quiet = Listener(name="quiet", gateway="g", port=1, observing=Observing(tracing=None))
    usual = Listener(name="usual", gateway="g", port=2)
    tracers = tracers_of(Plan(listeners=(quiet, usual), observing=Observing(tracing=tracing)))
    assert tracers is not None
    assert tracers.by_listener
    told = request()
    taken = {each.name: tracers.begin(told, identify(told), each, time.monotonic)[2] for each in (quiet, usual)}
    assert taken["quiet"] is None
    assert taken["usual"] is not None


def test_where_nobody_traces_there_are_no_tracers() -> None:
    assert tracers_of(Plan(listeners=(Listener(name="l", gateway="g", port=1, observing=Observing()),))) is None
