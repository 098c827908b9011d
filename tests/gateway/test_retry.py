"""One request, several attempts: how many, how far apart, after which failures, and what rests meanwhile."""

import msgspec
import pytest

from sluice.config.plan import AiBackend
from sluice.policies.deadlines import Deadlines
from sluice.policies.health import Health
from sluice.policies.retry import Retry
from tests.gateway.test_failover import after, target
from tests.support.events import WHOLE_STREAM, completion
from tests.support.http_answer import error_of
from tests.support.plans import ai, plan, route, static, to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, Play, answering, sized, streamed
from tests.support.sockets import free_ports
from tests.support.world import World

BUSY = sized(b'{"error":{"message":"busy"}}', status="503 X")


def in_turn(*answers: bytes) -> Play:
    """A provider whose answers follow each other; the last one is given for ever."""
    left = list(answers)

    async def play(call: Call) -> None:
        while True:
            await call.request()
            call.send(left.pop(0) if len(left) > 1 else left[0])

    return play


async def test_a_target_is_asked_again_as_often_as_the_policy_says_and_no_more(world: World) -> None:
    upstream, serving, client = await world.between(answering(BUSY), retry=Retry(attempts=3, backoff_s=0.001))
    answer = await client.ask(request(CHAT))
    assert answer.status == 503
    assert len(upstream.asked) == 4
    assert answer.header("x-sluice-attempts") == ", ".join(["openai;503"] * 4)
    record = await serving.record()
    assert (record.attempts, record.tried) == (4, (("openai", "503"),) * 4)


async def test_the_client_sees_nothing_of_the_attempts_that_failed(world: World) -> None:
    upstream, serving, client = await world.between(
        in_turn(BUSY, BUSY, sized(completion())), retry=Retry(attempts=5, backoff_s=0.001)
    )
    answer = await client.ask(request(CHAT))
    assert (answer.status, answer.body) == (200, completion())
    assert [asked.body for asked in upstream.asked] == [CHAT] * 3, "the body is sent again whole"
    assert (await serving.record()).attempts == 3


@pytest.mark.parametrize(
    ("status", "codes", "times"),
    [
        (503, frozenset[int](), 3),
        (429, frozenset[int](), 3),
        (404, frozenset[int](), 1),
        (503, frozenset([500]), 1),
        (404, frozenset([404]), 3),
    ],
)
async def test_only_these_statuses_are_tried_again(
    world: World, status: int, codes: frozenset[int], times: int
) -> None:
    play = answering(sized(b"{}", status=f"{status} X"))
    upstream, _, client = await world.between(play, retry=Retry(attempts=2, backoff_s=0.001, codes=codes))
    assert (await client.ask(request(CHAT))).status == status
    assert len(upstream.asked) == times


@pytest.mark.parametrize(("total_s", "backoff_s", "few", "many"), [(0.1, 0.025, 2, 4), (0.5, 0.05, 6, 10)])
async def test_lab_a023_attempts_end_with_the_time_of_the_request(
    world: World, total_s: float, backoff_s: float, few: int, many: int
) -> None:
    (nobody,) = free_ports(1)
    retry = Retry(attempts=10, backoff_s=backoff_s, codes=frozenset([503]))
    serving = await world.gateway(nobody, deadlines=Deadlines(total_s=total_s), retry=retry, error_format="text")
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert (answer.status, answer.body) == (504, b"request timeout")
    assert answer.header("content-type").startswith("text/plain")
    record = await serving.record()
    assert (record.outcome, record.status, record.error) == ("timeout", 504, "request timeout")
    assert few <= record.attempts - 1 <= many
    assert total_s - 0.002 <= record.duration_s < total_s + 0.05


async def test_a_bound_of_attempts_holds_for_several_targets_too(world: World) -> None:
    bad = [await world.upstream(answering(BUSY)) for _ in range(4)]
    backend = after(*(target(f"t{n}", each.port) for n, each in enumerate(bad)))
    for attempts, asked in ((0, 1), (1, 2), (None, 4), (5, 6)):
        serving = await world.gateway(to_provider(0, backend=backend, retry=Retry(attempts=attempts, backoff_s=0.001)))
        await (await world.client(serving)).ask(request(CHAT))
        assert (await serving.record()).attempts == asked


async def test_each_target_has_its_turn_before_any_has_a_second(world: World) -> None:
    first, second = [await world.upstream(answering(BUSY)) for _ in range(2)]
    backend = after(target("first", first.port), target("second", second.port))
    plan = to_provider(0, backend=backend, retry=Retry(attempts=3, backoff_s=0.001))
    answer = await (await world.client(await world.gateway(plan))).ask(request(STREAM))
    assert answer.header("x-sluice-attempts") == "first;503, second;503, first;503, second;503"


async def test_conditions_decide_too(world: World) -> None:
    upstream = await world.upstream(answering(BUSY))
    for retry, times in (
        (Retry(attempts=2, backoff_s=0.001, condition="response.code == 503"), 3),
        (Retry(attempts=2, backoff_s=0.001, condition="response.code == 429"), 1),
        (Retry(attempts=2, backoff_s=0.001, precondition='request.method == "POST"'), 3),
        (Retry(attempts=2, backoff_s=0.001, precondition='request.method == "GET"'), 1),
    ):
        upstream.asked.clear()
        serving = await world.gateway(upstream.port, retry=retry)
        await (await world.client(serving)).ask(request(CHAT))
        assert len(upstream.asked) == times


@pytest.mark.parametrize("kind", ["provider", "static"])
@pytest.mark.parametrize(
    ("condition", "answers", "times"),
    [
        ("response.code == 503", (BUSY,), 3),
        ("response.code == 429", (BUSY,), 1),
        ('response.headers["x-again"] == "yes"', (sized(b"{}", "X-Again: yes", status="503 X"), BUSY), 2),
        ("response.code == 429", (sized(b"{}", status="404 X"),), 1),
        ("response.code == 404", (sized(b"{}", status="404 X"),), 1),
    ],
)
async def test_a_static_backend_is_asked_again_on_the_same_conditions(
    world: World, kind: str, condition: str, answers: tuple[bytes, ...], times: int
) -> None:
    upstream = await world.upstream(answering(*answers))
    to = static(upstream.port) if kind == "static" else ai(upstream.port)
    retry = Retry(attempts=2, backoff_s=0.001, condition=condition)
    serving = await world.gateway(plan(route("/openai", to, retry=retry)))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert len(upstream.asked) == times
    assert (await serving.record()).attempts == times
    if kind == "static":
        assert answer.body == answers[-1].partition(b"\r\n\r\n")[2], "what nobody follows is passed on as it is"


@pytest.mark.parametrize("kind", ["provider", "static"])
async def test_a_condition_says_nothing_of_a_failure_without_a_status(world: World, kind: str) -> None:
    (nobody,) = free_ports(1)
    retry = Retry(attempts=2, backoff_s=0.001, condition="response.code == 429")
    serving = await world.gateway(
        plan(route("/openai", static(nobody) if kind == "static" else ai(nobody), retry=retry))
    )
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 503
    assert (await serving.record()).attempts == 3


# -- health ------------------------------------------------------------------------------------------------------------


def judged(name: str, port: int, health: Health) -> AiBackend:
    one = ai(port, name).groups[0][0]
    return AiBackend(name=f"test/{name}", groups=((msgspec.structs.replace(one, health=health),),))


async def test_lab_a024_a_target_without_quota_is_left_alone_for_as_long_as_it_says(world: World) -> None:
    """Without a health policy too: what a provider asks for is done where there is another."""
    first = await world.upstream(answering(sized(b"{}", "Retry-After: 60", status="429 X")))
    second = await world.upstream(answering(sized(completion())))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).header("x-sluice-attempts") == "first;429, second;200"
    for _ in range(3):
        answer = await client.ask(request(CHAT))
        assert (answer.status, answer.head.all("x-sluice-attempts")) == (200, [])
    assert len(first.asked) == 1
    assert [name for name, _ in serving.heard.rested] == ["first"]
    assert 59 < serving.heard.rested[0][1] <= 60


async def test_a_target_that_keeps_failing_rests_and_comes_back(world: World) -> None:
    health = Health(consecutive_failures=2, duration_s=0.1)
    answers = in_turn(BUSY, BUSY, sized(completion()))
    first = await world.upstream(answers)
    second = await world.upstream(answering(sized(completion())))
    groups = (*judged("first", first.port, health).groups, *judged("second", second.port, health).groups)
    serving = await world.gateway(to_provider(0, backend=AiBackend(name="test/two", groups=groups)))
    client = await world.client(serving)
    for asked in (1, 2, 2, 2):
        assert (await client.ask(request(CHAT))).status == 200
        assert len(first.asked) == asked
    health_of_first = serving.gateway.active.groups(
        serving.gateway.active.plan.models[0].backend,
        "completions",  # type: ignore[arg-type]  # it has one
    )[0][0].health
    serving.gateway.clock = lambda: health_of_first.rests_until + 1.0
    assert (await client.ask(request(CHAT))).head.all("x-sluice-attempts") == []
    assert len(first.asked) == 3, "after its rest it is asked first again"


async def test_where_all_rest_they_are_asked_all_the_same(world: World) -> None:
    only = await world.upstream(in_turn(sized(b"{}", "Retry-After: 60", status="429 X"), sized(completion())))
    serving = await world.gateway(only.port)
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).status == 429
    assert (await client.ask(request(CHAT))).status == 200


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_is_the_clients_fault_does_not_wear_a_target_out(world: World, status: int) -> None:
    upstream = await world.upstream(answering(sized(b"{}", status=f"{status} X")))
    serving = await world.gateway(to_provider(0, backend=judged("one", upstream.port, Health(consecutive_failures=1))))
    client = await world.client(serving)
    for _ in range(3):
        await client.ask(request(CHAT))
    assert serving.heard.rested == []


async def test_the_operator_says_what_is_unhealthy(world: World) -> None:
    upstream = await world.upstream(answering(sized(b"{}", status="404 X")))
    health = Health(unhealthy="response.code == 404", consecutive_failures=1)
    serving = await world.gateway(to_provider(0, backend=judged("one", upstream.port, health)))
    await (await world.client(serving)).ask(request(CHAT))
    await serving.record()
    assert [name for name, _ in serving.heard.rested] == ["one"]


async def test_a_stream_that_breaks_after_its_first_token_wears_its_target_out(world: World) -> None:
    upstream = await world.upstream(streamed(*WHOLE_STREAM[:-1]))
    serving = await world.gateway(to_provider(0, backend=judged("one", upstream.port, Health(consecutive_failures=1))))
    await (await world.client(serving)).ask(request(STREAM))
    assert (await serving.record()).outcome == "upstream_truncated"
    assert len(serving.heard.rested) == 1


async def test_breakers_outlive_a_reload(world: World) -> None:
    first = await world.upstream(answering(sized(b"{}", "Retry-After: 60", status="429 X")))
    second = await world.upstream(answering(sized(completion())))
    plan = to_provider(0, backend=after(target("first", first.port), target("second", second.port)))
    serving = await world.gateway(plan)
    client = await world.client(serving)
    await client.ask(request(CHAT))
    serving.use(to_provider(0, backend=after(target("first", first.port), target("second", second.port))))
    await client.ask(request(CHAT))
    assert len(first.asked) == 1


# -- errors as text ----------------------------------------------------------------------------------------------------


async def test_errors_are_sentences_where_the_operator_wishes(world: World) -> None:
    _, _, client = await world.between(answering(BUSY), error_format="text")
    answer = await client.ask(request(b"{"))
    assert answer.status == 400
    assert answer.header("content-type") == "text/plain"
    assert not answer.body.startswith(b"{")
    _, _, client = await world.between(answering(BUSY))
    assert error_of(await client.ask(request(CHAT))).message == "busy"


# -- wishes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("x-sluice-timeout-total: 80ms", "timeout_total"),
        ("X-Sluice-Timeout-Response-Headers: 80ms", "timeout_headers"),
        ("x-sluice-timeout-first-token: 80ms", "timeout_first_token"),
    ],
)
async def test_a_request_may_ask_for_less_time(world: World, header: str, code: str) -> None:
    async def silent(call: Call) -> None:
        await call.request()
        await call.gone()

    _, serving, client = await world.between(silent)
    answer = await client.ask(request(STREAM, headers=[header]))
    assert (answer.status, error_of(answer).code) == (504, code)
    assert (await serving.record()).duration_s < 1.0


async def test_a_request_may_not_ask_for_more(world: World) -> None:
    async def silent(call: Call) -> None:
        await call.request()
        await call.gone()

    _, _, client = await world.between(silent, deadlines=Deadlines(total_s=0.08))
    answer = await client.ask(request(CHAT, headers=["x-sluice-timeout-total: 5m"]))
    assert (answer.status, error_of(answer).code) == (504, "timeout_total")


@pytest.mark.parametrize("header", ["x-sluice-timeout-total: soon", "x-sluice-timeout-whenever: 3s"])
async def test_a_wish_that_cannot_be_read_is_refused_by_its_name(world: World, header: str) -> None:
    _, _, client = await world.between(sized(completion()))
    answer = await client.ask(request(CHAT, headers=[header]))
    assert answer.status == 400
    assert header.split(":")[0] in error_of(answer).message


async def test_a_status_is_told_as_it_was_sent_and_an_attempt_as_it_went(world: World) -> None:
    first = await world.upstream(answering(sized(b"{}", status="429 X")))
    (nobody,) = free_ports(1)
    backend = after(target("first", first.port), target("second", nobody))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert (answer.status, answer.header("x-sluice-attempts")) == (429, "first;429, second;upstream_unreachable")
    record = await serving.record()
    assert record.status == 429
    assert record.tried == (("first", "429"), ("second", "upstream_unreachable"))
