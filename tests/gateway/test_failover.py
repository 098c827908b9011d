"""Several targets: what the client never sees, what it sees all the same, and how both are recorded."""

import json

import pytest

from sluice.config.plan import AiBackend, Target
from sluice.errors import BadRequest, InBandFailure, Refused, TimedOut, Truncated, Unreachable
from sluice.gateway.attempts import may_try_another
from sluice.providers.credential import Secret
from sluice.providers.openai import OPENAI
from sluice.providers.provider import Served
from tests.support.events import DONE, ERROR, HELLO, ROLE, STOP, WHOLE_STREAM, completion
from tests.support.http_answer import error_of
from tests.support.plans import here, to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Play, answering, sized, streamed
from tests.support.sockets import free_ports
from tests.support.world import World

SECRET = "sk-canary-failing"
MESSAGES = Served(dialect="dialect.anthropic_messages", path="/messages")


def target(name: str, port: int, *serves: Served) -> Target:
    return Target(name=name, provider=OPENAI, endpoint=here(port), serves=serves, credential=Secret(SECRET))


def after(*targets: Target) -> AiBackend:
    """Each target in a group of its own: asked in this order."""
    return AiBackend(name="test/several", groups=tuple((each,) for each in targets))


def frame(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **members}).encode())


CLAUDE = b"".join(
    [
        frame("message_start", message={"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3}}),
        frame("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        frame("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello world"}),
        frame("content_block_stop", index=0),
        frame("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
        frame("message_stop"),
    ]
)
FAILING: dict[str, tuple[Play | bytes, str]] = {
    "500": (sized(b'{"error":{"message":"x","type":"server_error"}}', status="500 X"), "500"),
    "429": (sized(b'{"error":{"message":"slow down"}}', status="429 X"), "429"),
    "an error before any token": (streamed(ROLE, ERROR), "529"),
    "cut before any token": (streamed(ROLE), "upstream_truncated"),
    "only the terminator": (streamed(DONE), "upstream_truncated"),
    "a page": (sized(b"<html>", content_type="text/html"), "upstream_protocol_error"),
}


@pytest.mark.parametrize("case", FAILING)
@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["whole", "stream"])
async def test_a_failure_that_nobody_saw_is_another_targets_turn(world: World, case: str, asks: bytes) -> None:
    play, what = FAILING[case]
    if asks is CHAT and case.startswith(("an error", "cut", "only")):
        play = sized(b'{"error":{"message":"x","type":"overloaded_error"}}' if "error" in case else b"{")
        what = "529" if "error" in case else "upstream_protocol_error"
    first = await world.upstream(play)
    second = await world.upstream(streamed(*WHOLE_STREAM) if asks is STREAM else sized(completion()))
    plan = to_provider(0, backend=after(target("first", first.port), target("second", second.port)))
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(asks))
    assert (answer.status, answer.body) == (200, b"".join(WHOLE_STREAM) if asks is STREAM else completion())
    assert answer.header("x-sluice-attempts") == f"first;{what}, second;200"
    record = await serving.record()
    assert (record.outcome, record.attempts, record.endpoint) == ("completed", 2, f"127.0.0.1:{second.port}")
    assert len(serving.heard.records) == 1
    assert serving.heard.metrics.streams_active == 0


async def test_the_next_target_may_speak_another_dialect(world: World) -> None:
    (gone,) = free_ports(1)
    claude = await world.upstream(streamed(CLAUDE))
    plan = to_provider(0, backend=after(target("gone", gone), target("claude", claude.port, MESSAGES)))
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.header("x-sluice-attempts") == "gone;upstream_unreachable, claude;200"
    assert b'"content":"Hello world"' in answer.body
    assert answer.body.endswith(DONE)
    assert claude.asked[0].header("anthropic-version") == "2023-06-01"
    record = await serving.record()
    assert (record.client_dialect, record.provider_dialect) == ("dialect.openai_chat", "dialect.anthropic_messages")


async def test_when_all_fail_the_last_one_is_heard(world: World) -> None:
    first = await world.upstream(sized(b'{"error":{"message":"a"}}', status="500 X"))
    second = await world.upstream(sized(b'{"error":{"message":"no ' + SECRET.encode() + b'"}}', status="503 X"))
    plan = to_provider(0, backend=after(target("first", first.port), target("second", second.port)))
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.status == 503
    assert error_of(answer).message == "no ***"
    assert answer.header("x-sluice-attempts") == "first;500, second;503"
    assert (await serving.record()).outcome == "upstream_error"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_is_wrong_with_the_request_is_the_clients(world: World, status: int) -> None:
    first = await world.upstream(sized(b'{"error":{"message":"a"}}', status=f"{status} X"))
    second = await world.upstream(sized(completion()))
    plan = to_provider(0, backend=after(target("first", first.port), target("second", second.port)))
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(CHAT))
    assert answer.status == status
    assert second.asked == []
    assert answer.head.all("x-sluice-attempts") == []


async def test_after_the_first_token_the_failure_is_the_clients(world: World) -> None:
    first = await world.upstream(streamed(ROLE, HELLO, ERROR))
    second = await world.upstream(streamed(*WHOLE_STREAM))
    plan = to_provider(0, backend=after(target("first", first.port), target("second", second.port)))
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.body.startswith(ROLE + HELLO)
    assert b'"error"' in answer.body
    assert STOP not in answer.body
    assert second.asked == []


async def test_a_group_is_begun_at_random_and_gone_through(world: World) -> None:
    bad = await world.upstream(answering(sized(b"{}", status="500 X")))
    good = await world.upstream(answering(sized(completion())))
    group = AiBackend(name="test/group", groups=((target("bad", bad.port), target("good", good.port)),))
    serving = await world.gateway(to_provider(0, backend=group))
    serving.gateway.die = lambda: 0.0
    client = await world.client(serving)
    assert (await client.ask(request(CHAT))).header("x-sluice-attempts") == "bad;500, good;200"
    serving.gateway.die = lambda: 0.99
    assert (await client.ask(request(CHAT))).head.all("x-sluice-attempts") == []
    assert (len(bad.asked), len(good.asked)) == (1, 2)


def test_what_may_be_tried_elsewhere() -> None:
    elsewhere = [Unreachable("x"), TimedOut("headers"), Truncated("x"), InBandFailure("x", status=529)]
    elsewhere += [Refused("x", status=status) for status in (408, 429, 500, 503, 529)]
    assert all(map(may_try_another, elsewhere))
    nowhere = [BadRequest("x"), InBandFailure("x", status=400), Refused("x", status=401), Refused("x", status=422)]
    nowhere += [TimedOut("total")]
    assert not any(map(may_try_another, nowhere))
    assert may_try_another(TimedOut("total"), one_attempt=True)
