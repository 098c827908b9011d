"""What a client hears when every attempt failed, and that nothing else of an attempt that was given up reaches it."""

import asyncio

import pytest

from sluice.policies.deadlines import Deadlines
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming
from tests.gateway.test_failover import after, target
from tests.gateway.test_keep_alive import BEAT, SOON
from tests.journeys.traced import SAMPLED, traced
from tests.support.events import ERROR, ROLE, WHOLE_STREAM, completion
from tests.support.http_answer import error_of
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.plans import plan, route, static, to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, Play, answering, chunk, chunked_head, sized, streamed
from tests.support.sockets import free_ports
from tests.support.world import World

FULL = sized(b'{"error":{"message":"slow down"}}', "Retry-After: 7", "x-request-id: req_first", status="429 X")


async def hangs_up(call: Call) -> None:
    await call.request()
    call.fin()


async def nobody(world: World, how: str) -> int:
    """The port of a target that gives no status."""
    if how == "nobody":
        return free_ports(1)[0]
    return (await world.upstream(hangs_up)).port


@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize(("how", "word"), [("nobody", "upstream_unreachable"), ("hangs up", "upstream_truncated")])
async def test_a_status_that_a_provider_gave_says_more_than_none(
    world: World, how: str, word: str, asks: bytes
) -> None:
    first, port = await world.upstream(FULL), await nobody(world, how)
    serving = await world.gateway(to_provider(0, backend=after(target("first", first.port), target("second", port))))
    answer = await (await world.client(serving)).ask(request(asks))
    assert (answer.status, error_of(answer).message) == (429, "slow down")
    assert answer.header("retry-after") == "7"
    assert answer.header("x-sluice-attempts") == f"first;429, second;{word}"
    record = await serving.record()
    assert (record.outcome, record.status, record.attempts) == ("upstream_error", 429, 2)
    assert record.tried == (("first", "429"), ("second", word))


async def test_so_does_an_error_inside_a_stream_that_nobody_saw(world: World) -> None:
    first, port = await world.upstream(streamed(ROLE, ERROR)), await nobody(world, "hangs up")
    serving = await world.gateway(to_provider(0, backend=after(target("first", first.port), target("second", port))))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.status == 503
    assert answer.header("x-sluice-attempts") == "first;529, second;upstream_truncated"
    assert (await serving.record()).outcome == "upstream_error"


async def test_one_that_broke_after_its_head_has_no_last_word_either(world: World) -> None:
    first, second = await world.upstream(FULL), await world.upstream(streamed(ROLE))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert (answer.status, answer.header("retry-after")) == (429, "7")
    assert answer.header("x-sluice-attempts") == "first;429, second;upstream_truncated"
    record = await serving.record()
    assert (record.outcome, record.attempts, serving.heard.metrics.streams_active) == ("upstream_error", 2, 0)


async def test_the_last_of_two_statuses_is_heard(world: World) -> None:
    first, second = await world.upstream(FULL), await world.upstream(sized(b"{}", status="500 X"))
    targets = target("a", first.port), target("b", second.port), target("c", await nobody(world, "nobody"))
    serving = await world.gateway(to_provider(0, backend=after(*targets)))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert (answer.status, answer.head.all("retry-after")) == (500, [])
    assert answer.header("x-sluice-attempts") == "a;429, b;500, c;upstream_unreachable"


async def test_where_nobody_gave_one_the_last_failure_is_heard(world: World) -> None:
    ports = await nobody(world, "hangs up"), await nobody(world, "nobody")
    serving = await world.gateway(to_provider(0, backend=after(target("a", ports[0]), target("b", ports[1]))))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert (answer.status, error_of(answer).code) == (503, "upstream_unreachable")
    assert answer.header("x-sluice-attempts") == "a;upstream_truncated, b;upstream_unreachable"


async def test_time_that_is_over_is_what_it_is(world: World) -> None:
    """The provider would have had room in seven seconds, and the request has a tenth of one."""
    retry, clocks = Retry(attempts=3, backoff_s=5.0), Deadlines(total_s=0.1)
    _, _, client = await world.between(answering(FULL), retry=retry, deadlines=clocks)
    answer = await client.ask(request(CHAT))
    assert (answer.status, error_of(answer).code) == (504, "timeout_total")
    assert answer.head.all("retry-after") == []


async def test_the_request_id_is_not_that_of_an_attempt_that_was_given_up(world: World) -> None:
    first, second = await world.upstream(FULL), await world.upstream(sized(completion()))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend))
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert answer.status == 200
    assert answer.header("x-request-id") == (await serving.record()).request_id
    assert answer.header("x-request-id") != "req_first"


def talks_then_dies(wait_s: float) -> Play:
    """Says who it is, nothing else, and breaks."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head("x-ratelimit-remaining-requests: 5", "x-request-id: req_first"), chunk(ROLE))
        await asyncio.sleep(wait_s)
        call.reset()

    return play


async def test_keep_alives_say_nothing_of_a_target_that_may_be_given_up(world: World) -> None:
    first, second = await world.upstream(talks_then_dies(0.2)), await world.upstream(streamed(*WHOLE_STREAM))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend, streaming=SOON))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.status == 200
    assert answer.body.startswith(BEAT)
    assert answer.body.endswith(b"".join(WHOLE_STREAM))
    assert answer.head.all("x-ratelimit-remaining-requests") == []
    assert answer.header("x-request-id") == (await serving.record()).request_id
    assert answer.header("x-request-id") != "req_first"


async def test_of_the_only_target_they_say_all(world: World) -> None:
    _, _, client = await world.between(talks_then_dies(0.2), streaming=SOON)
    answer = await client.ask(request(STREAM))
    assert answer.body.startswith(BEAT)
    assert answer.header("x-ratelimit-remaining-requests") == "5"
    assert answer.header("x-request-id") == "req_first"


async def test_the_client_has_company_in_the_pause_between_two_attempts(world: World) -> None:
    """The first attempt ends after its head, when a relay had kept the client company."""
    left = [streamed(ROLE), streamed(*WHOLE_STREAM)]

    async def play(call: Call) -> None:
        await call.request()
        call.send(left.pop(0))
        call.fin()

    retry = Retry(attempts=1, backoff_s=0.4)
    _, _, client = await world.between(play, retry=retry, streaming=Streaming(keep_alive_s=0.05, commit_after_s=0.05))
    answer = await client.ask(request(STREAM))
    assert answer.status == 200
    assert answer.body.count(BEAT) >= 3
    assert answer.body.endswith(b"".join(WHOLE_STREAM))


@pytest.mark.parametrize("fails", ["by its status", "unreachable"])
async def test_the_attempts_at_a_static_backend_are_recorded(world: World, fails: str) -> None:
    left = [sized(b"busy", status="503 X"), sized(b"busy", status="503 X"), sized(b"hello")]

    async def play(call: Call) -> None:
        while True:
            await call.request()
            call.send(left.pop(0))

    port = (await world.upstream(play)).port if fails == "by its status" else free_ports(1)[0]
    backend = static(port)
    serving = await world.gateway(plan(route("/", backend, retry=Retry(attempts=2, backoff_s=0.001))))
    answer = await (await world.client(serving)).ask(request(b"x", path="/any"))
    record = await serving.record()
    name, words = backend.name, ["503", "503", "200"]
    if fails == "unreachable":
        words = ["upstream_unreachable"] * 3
    assert answer.status == (200 if fails == "by its status" else 503)
    assert (record.attempts, record.tried) == (3, tuple((name, word) for word in words))
    assert answer.header("x-sluice-attempts") == ", ".join(f"{name};{word}" for word in words)


# -- a static backend, asked again -------------------------------------------------------------------------------------

OVER = sized(b"<h1>over</h1>", "Retry-After: 9", "x-secret-of-theirs: yes", status="503 X", content_type="text/html")


def one_by_one(*answers: bytes | None) -> Play:
    """A backend whose answers follow each other; None = it hangs up, and after the last it says nothing."""
    left = [*answers]

    async def play(call: Call) -> None:
        while True:
            await call.request()
            if not left:
                await call.gone()
            elif (answer := left.pop(0)) is None:
                call.fin()
            else:
                call.send(answer)

    return play


@pytest.mark.parametrize(
    ("answers", "status", "retry_after"),
    [
        ((FULL, None), 429, ["7"]),
        ((FULL, None, OVER, None), 503, ["9"]),
        ((OVER, sized(b"", status="500 X"), None), 500, []),
    ],
)
async def test_of_a_static_backend_too_the_last_status_is_heard(
    world: World, answers: tuple[bytes | None, ...], status: int, retry_after: list[str]
) -> None:
    upstream = await world.upstream(one_by_one(*answers))
    retry = Retry(attempts=len(answers) - 1, backoff_s=0.001)
    serving = await world.gateway(plan(route("/", static(upstream.port), retry=retry)))
    answer = await (await world.client(serving)).ask(request(b"x", path="/any"))
    assert (answer.status, answer.head.all("retry-after")) == (status, retry_after)
    assert error_of(answer).message == f"the backend answered with status {status}"
    assert answer.head.all("x-secret-of-theirs") == [], "no more of them than of a provider"
    words = [each.split()[1].decode() if each else "upstream_truncated" for each in answers]
    assert answer.header("x-sluice-attempts") == ", ".join(f"test/static;{word}" for word in words)
    record = await serving.record()
    assert (record.outcome, record.status, record.error_code) == ("upstream_error", status, "upstream_refused")
    assert (record.attempts, record.tried) == (len(words), tuple(("test/static", word) for word in words))
    assert len(upstream.asked) == len(words)


async def test_a_static_backends_last_refusal_is_its_own(world: World) -> None:
    upstream = await world.upstream(one_by_one(FULL, None, OVER))
    serving = await world.gateway(plan(route("/", static(upstream.port), retry=Retry(attempts=2, backoff_s=0.001))))
    answer = await (await world.client(serving)).ask(request(b"x", path="/any"))
    assert (answer.status, answer.body, answer.header("x-secret-of-theirs")) == (503, b"<h1>over</h1>", "yes")
    assert answer.header("x-sluice-attempts") == "test/static;429, test/static;upstream_truncated, test/static;503"


async def test_where_a_static_backend_gave_no_status_the_last_failure_is_heard(world: World) -> None:
    upstream = await world.upstream(one_by_one(None, None))
    serving = await world.gateway(plan(route("/", static(upstream.port), retry=Retry(attempts=1, backoff_s=0.001))))
    answer = await (await world.client(serving)).ask(request(b"x", path="/any"))
    assert (answer.status, error_of(answer).code) == (502, "upstream_truncated")
    assert answer.header("x-sluice-attempts") == "test/static;upstream_truncated, test/static;upstream_truncated"


@pytest.mark.parametrize("clock", ["headers", "total"])
async def test_at_a_static_backend_too_time_that_is_over_is_what_it_is(world: World, clock: str) -> None:
    clocks = Deadlines(headers_s=0.1) if clock == "headers" else Deadlines(total_s=0.1)
    upstream = await world.upstream(one_by_one(FULL))
    entry = route("/", static(upstream.port), retry=Retry(attempts=1, backoff_s=0.001), deadlines=clocks)
    serving = await world.gateway(plan(entry))
    answer = await (await world.client(serving)).ask(request(b"x", path="/any"))
    assert (answer.status, error_of(answer).code) == (504, f"timeout_{clock}")
    assert answer.head.all("retry-after") == []
    assert answer.header("x-sluice-attempts") == f"test/static;429, test/static;timeout_{clock}"
    assert (await serving.record()).outcome == "timeout"


async def test_each_attempt_at_a_static_backend_is_traced_as_it_went(world: World) -> None:
    upstream = await world.upstream(one_by_one(FULL, None))
    whole = plan(route("/", static(upstream.port), retry=Retry(attempts=1, backoff_s=0.001)))
    with OtlpReceiver() as collector:
        async with traced(world, whole, collector) as gateway:
            answer = await (await world.client(gateway.serving)).ask(request(b"x", path="/any", headers=(SAMPLED,)))
            assert answer.status == 429
            _, *attempts = await gateway.spans()
    assert [span.attributes["error.type"] for span in attempts] == ["429", "upstream_truncated"]
