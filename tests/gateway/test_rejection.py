"""The answer that says a rejection, in each dialect; and what of it is logged."""

import asyncio

import msgspec
import pytest

from sluice.dialects.dialect import Dialect
from sluice.errors import GuardRejected
from sluice.gateway.rejection import reply_of
from sluice.policies.ai import AiPolicy
from sluice.policies.guards import Guard, Guards, HeaderChange, Rejection, TextRules
from sluice.policies.rejection import error_of
from sluice.policies.streaming import Streaming
from sluice.standard import CLIENT_DIALECTS, STANDARD
from tests.gateway.judged import at, saying
from tests.support.events import WHOLE_STREAM, completion
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Call, sized, streamed
from tests.support.world import World

DIALECTS = sorted(set(CLIENT_DIALECTS.values()))
DEFAULT = "The request was rejected due to inappropriate content"


def dialect(module_id: str) -> Dialect:
    return STANDARD.get(module_id, Dialect)


@pytest.mark.parametrize("module_id", DIALECTS)
def test_a_configured_message_is_the_body_in_every_dialect(module_id: str) -> None:
    error = error_of(Rejection(status=422, message="no: ö"), "request")
    assert reply_of(error, dialect(module_id)) == (
        422,
        [(b"content-type", b"text/plain; charset=utf-8")],
        "no: ö".encode(),
    )


@pytest.mark.parametrize("module_id", DIALECTS)
def test_the_default_sentence_is_an_error_of_the_dialect(module_id: str) -> None:
    status, headers, body = reply_of(error_of(Rejection(), "request"), dialect(module_id))
    assert (status, headers) == (403, [(b"content-type", b"application/json")])
    assert DEFAULT in str(msgspec.json.decode(body)["error"]["message"])


def test_the_default_sentence_may_be_plain_text() -> None:
    said = reply_of(error_of(Rejection(), "request"), dialect(DIALECTS[0]), text=True)
    assert said == (403, [(b"content-type", b"text/plain")], DEFAULT.encode())


def test_headers_of_the_rejection_go_along() -> None:
    change = HeaderChange(set=(("x-a", "1"), ("content-type", "text/markdown")))
    status, headers, body = reply_of(error_of(Rejection(message="{}", headers=change), "request"), dialect(DIALECTS[0]))
    assert (status, headers, body) == (403, [(b"content-type", b"text/markdown"), (b"x-a", b"1")], b"{}")


def test_an_error_that_somebody_else_made_has_a_type_too() -> None:
    error = GuardRejected("no", status=400, body='{"a":1}')
    assert reply_of(error, dialect(DIALECTS[0])) == (400, [(b"content-type", b"application/json")], b'{"a":1}')


TOLD = "it contains 4111 1111 1111 1111"
REJECTED = {"action": {"body": TOLD, "status_code": 451}}


@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize("by", ["service", "rule"])
async def test_what_a_client_is_told_is_not_what_is_logged(world: World, by: str, side: str) -> None:
    guard: Guard = TextRules(action="reject", patterns=("hi|Hello",), rejection=Rejection(status=451, message=TOLD))
    if by == "service":
        guard = at((await world.upstream(saying(REJECTED))).port)
    policy = AiPolicy(guards=Guards(**{side: (guard,)}))
    _, serving, client = await world.between(sized(completion()), ai=policy)
    answer = await client.ask(request(CHAT))
    assert (answer.status, answer.body) == (451, TOLD.encode())
    assert (await serving.record()).outcome == "blocked"
    (line,) = serving.log_lines()
    assert line["error"] == f"The {side} was rejected due to inappropriate content"
    assert "4111" not in str(serving.heard.lines)


async def test_a_stream_that_keep_alives_have_opened_is_told_the_same(world: World) -> None:
    async def late(call: Call) -> None:
        await call.request()
        await asyncio.sleep(0.2)
        call.send(sized(msgspec.json.encode(REJECTED)))
        await call.gone()

    policy = AiPolicy(guards=Guards(response=(at((await world.upstream(late)).port),)))
    soon = Streaming(keep_alive_s=0.03, commit_after_s=0.05)
    _, serving, client = await world.between(streamed(*WHOLE_STREAM), ai=policy, streaming=soon)
    answer = await client.ask(request(STREAM))
    assert answer.status == 200
    assert answer.body.startswith(b": keep-alive")
    assert TOLD in answer.body.decode()
    assert (await serving.record()).outcome == "blocked"
    assert "4111" not in str(serving.log_lines())


@pytest.mark.parametrize(("wait_s", "status"), [(0.2, 200), (0.0, 451)], ids=["late", "in time"])
async def test_so_is_one_whose_request_is_rejected_and_one_in_time_keeps_its_status(
    world: World, wait_s: float, status: int
) -> None:
    async def judge(call: Call) -> None:
        await call.request()
        await asyncio.sleep(wait_s)
        call.send(sized(msgspec.json.encode(REJECTED)))
        await call.gone()

    policy = AiPolicy(guards=Guards(request=(at((await world.upstream(judge)).port),)))
    soon = Streaming(keep_alive_s=0.03, commit_after_s=0.1)
    upstream, serving, client = await world.between(streamed(*WHOLE_STREAM), ai=policy, streaming=soon)
    answer = await client.ask(request(STREAM))
    assert answer.status == status
    assert answer.body.startswith(b": keep-alive") is (status == 200)
    assert TOLD in answer.body.decode()
    assert b"[DONE]" not in answer.body
    assert upstream.asked == []
    record = await serving.record()
    assert (record.outcome, record.status, record.attempts) == ("blocked", status, 1)
    assert "4111" not in str(serving.log_lines())
