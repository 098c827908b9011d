"""Policies on the road, with real sockets: what the client sees, what the provider sees, what is recorded."""

import hashlib
import json

import msgspec
import pytest

from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.api_key import ApiKey, ApiKeys
from sluice.policies.cors import Cors
from sluice.policies.guards import Guards, HeaderChange, Rejection, TextRules
from sluice.policies.hidden import Hidden
from sluice.policies.limiting import AtOnce, Bounds, Choice, Limiting, LimitSet, Rate
from sluice.policies.mirroring import Mirror
from sluice.policies.retry import Retry
from sluice.policies.shaping import Shaping
from tests.support.events import DONE, ROLE, STOP, WHOLE_STREAM, completion, delta
from tests.support.http_answer import error_of
from tests.support.plans import KEY, ai, plan, route, static
from tests.support.raw_client import CHAT, STREAM, RawClient, request
from tests.support.raw_upstream import Call, Play, RawUpstream, chunk, chunked_head, sized, streamed
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

SECRET = "sk-team-a-canary-91c2"
TEAM_A = ApiKey(id="team-a", digest=Hidden(hashlib.sha256(SECRET.encode()).digest()), allowed_models=("m",))
KEYS = Access(api_keys=ApiKeys(keys=(TEAM_A,)))
MINE = f"Authorization: Bearer {SECRET}"
CARD = "4111 1111 1111 1111"


def limited(**bounds: object) -> Limiting:
    here = Bounds(**bounds)  # type: ignore[arg-type]
    return Limiting(groups=((Choice(limits=LimitSet(machine=here)),),))


async def under(world: World, limits: Limiting, play: Play | bytes) -> tuple[RawUpstream, Serving, RawClient]:
    """A provider behind limits, and a client."""
    upstream = await world.upstream(play)
    entry = route("/openai", ai(upstream.port))
    entry = msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, limits=limits))
    serving = await world.gateway(plan(entry))
    return upstream, serving, await world.client(serving)


def guarded(*, request: tuple[TextRules, ...] = (), response: tuple[TextRules, ...] = ()) -> AiPolicy:
    return AiPolicy(guards=Guards(request=request, response=response))


def rate(measure: str = "requests", capacity: int = 1) -> Rate:
    return Rate(id=measure, name=measure, measure=measure, capacity=capacity, fill=1, interval_us=60_000_000)  # type: ignore[arg-type]


# -- who asks ---------------------------------------------------------------------------------------------------------


async def test_without_a_key_nobody_is_asked(world: World) -> None:
    upstream, serving, client = await world.between(sized(completion()), access=KEYS)
    answer = await client.ask(request(CHAT))
    assert answer.status == 401
    assert "no API Key found" in error_of(answer).message
    record = await serving.record()
    assert (record.outcome, record.reason) == ("rejected", "APIKeyAuth")
    assert upstream.asked == []


async def test_a_key_lets_in_and_goes_no_further(world: World) -> None:
    upstream, serving, client = await world.between(sized(completion()), access=KEYS)
    assert (await client.ask(request(CHAT, headers=[MINE]))).status == 200
    asked = upstream.asked[0]
    assert SECRET not in str(asked)
    assert KEY in (asked.header("authorization") or "")
    assert (await serving.record()).principal == "api_key:team-a"
    assert SECRET not in str(serving.heard.lines)


async def test_a_key_may_ask_for_its_models_alone(world: World) -> None:
    _, serving, client = await world.between(sized(completion()), access=KEYS)
    answer = await client.ask(request(CHAT.replace(b'"m"', b'"other"'), headers=[MINE]))
    assert answer.status == 403
    assert error_of(answer).code == "model_not_allowed"
    assert (await serving.record()).reason == "Authorization"


# -- how much ---------------------------------------------------------------------------------------------------------


async def test_the_request_beyond_a_limit_is_told_when_to_come_back(world: World) -> None:
    upstream, serving, client = await under(world, limited(rates=(rate(),)), sized(completion()))
    first = await client.ask(request(CHAT))
    assert (first.status, first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")) == (200, "1", "0")
    second = await client.ask(request(CHAT))
    assert second.status == 429
    assert 0 < int(second.header("retry-after")) <= 60
    assert error_of(second).code == "rate_limit_exceeded"
    record = await serving.record(2)
    assert (record.outcome, record.reason) == ("limited", "RateLimit")
    assert len(upstream.asked) == 1


async def test_what_an_answer_used_is_owed_by_the_next(world: World) -> None:
    _, serving, client = await under(world, limited(rates=(rate("tokens", 5),)), sized(completion()))
    assert (await client.ask(request(CHAT))).status == 200
    await serving.record()
    assert (await client.ask(request(CHAT))).status == 429


async def test_a_place_is_held_to_the_last_byte(world: World) -> None:
    async def slow(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE), chunk(delta(content="Hello")))
        await call.gone()

    one = limited(at_once=(AtOnce(id="one", name="one", most=1),))
    _, serving, client = await under(world, one, slow)
    client.send(request(STREAM))
    await client.read_until(b"Hello")
    other = await world.client(serving)
    assert (await other.ask(request(STREAM))).status == 429
    client.reset()
    await serving.record(2)
    third = await world.client(serving)
    third.send(request(STREAM))
    await third.read_until(b"Hello")


# -- what may pass ----------------------------------------------------------------------------------------------------


async def test_the_provider_sees_the_mask_and_not_the_number(world: World) -> None:
    rules = TextRules(builtins=("credit_card",))
    upstream, serving, client = await world.between(sized(completion()), ai=guarded(request=(rules,)))
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": f"My card is {CARD}."}]}).encode()
    assert (await client.ask(request(body))).status == 200
    said = json.loads(upstream.asked[0].body)["messages"][0]["content"]
    assert said == "My card is <CREDIT_CARD>."
    assert (await serving.record()).guards == (("regex", "Mask", 1),)


async def test_each_target_gets_what_its_own_guards_let_pass_and_alike_ones_look_once(world: World) -> None:
    first, second, third = [
        await world.upstream(sized(completion(), status=status)) for status in ("500 No", "500 No", "200 OK")
    ]
    card = guarded(request=(TextRules(builtins=("credit_card",)),))
    targets = [ai(upstream.port).groups[0][0] for upstream in (first, second, third)]
    groups = tuple(
        (msgspec.structs.replace(target, name=f"p{place}", ai=card if place < 2 else AiPolicy()),)
        for place, target in enumerate(targets)
    )
    backend = msgspec.structs.replace(ai(first.port), groups=groups)
    below = guarded(request=(TextRules(name="bombs", patterns=("bomb",)),))
    serving = await world.gateway(plan(route("/openai", backend, ai=below, retry=Retry(attempts=2))))
    client = await world.client(serving)
    assert (await client.ask(request(CHAT.replace(b"hi", CARD.encode())))).status == 200
    seen = [json.loads(each.asked[0].body)["messages"][0]["content"] for each in (first, second, third)]
    assert seen == ["<CREDIT_CARD>", "<CREDIT_CARD>", CARD]
    assert (await serving.record()).guards == (("bombs", "Allow", 0), ("regex", "Mask", 1), ("bombs", "Allow", 0))


async def test_a_rejected_request_reaches_nobody_and_the_message_is_the_body(world: World) -> None:
    rules = TextRules(action="reject", patterns=("credit card",), rejection=Rejection(status=422, message="No cards."))
    upstream, serving, client = await world.between(sized(completion()), ai=guarded(request=(rules,)))
    answer = await client.ask(request(CHAT.replace(b"hi", b"my credit card")))
    assert (answer.status, answer.body) == (422, b"No cards.")
    assert answer.header("content-type").startswith("text/plain")
    record = await serving.record()
    assert (record.outcome, record.reason, record.status) == ("blocked", "Guardrail", 422)
    assert upstream.asked == []


async def test_a_value_in_pieces_is_masked_in_a_stream(world: World) -> None:
    pieces = [delta(content=part) for part in ("It is 41", "11 1111 1", "111 1111", " indeed.")]
    rules = TextRules(builtins=("credit_card", "email"))
    answer_ = streamed(ROLE, *pieces, STOP, DONE)
    _, serving, client = await world.between(answer_, ai=guarded(response=(rules,)))
    answer = await client.ask(request(STREAM))
    assert _text(answer.body) == "It is <CREDIT_CARD> indeed."
    assert b"[DONE]" in answer.body
    record = await serving.record()
    assert record.outcome == "completed"
    assert record.guard.hits == (("regex", "mask", 1),)


async def test_a_stream_that_says_the_word_ends_legally_and_its_provider_is_closed(world: World) -> None:
    async def talks(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE))
        call.send(chunk(delta(content="All is well. ")), chunk(delta(content="a secret b")))
        await call.gone()

    rules = TextRules(action="reject", patterns=("secret",))
    upstream, serving, client = await world.between(talks, ai=guarded(response=(rules,)))
    answer = await client.ask(request(STREAM))
    assert _text(answer.body) == "All is well. a "
    assert b'"finish_reason":"content_filter"' in answer.body
    assert answer.body.endswith(b"data: [DONE]\n\n")
    await until(lambda: upstream.open_connections == 0)
    assert (await serving.record()).outcome == "blocked"


async def test_a_whole_answer_that_says_it_is_refused_with_the_status_of_its_guard(world: World) -> None:
    rules = TextRules(action="reject", patterns=("world",), rejection=Rejection(status=451, message='{"no": true}'))
    _, _, client = await world.between(sized(completion()), ai=guarded(response=(rules,)))
    answer = await client.ask(request(CHAT))
    assert (answer.status, answer.body, answer.header("content-type")) == (451, b'{"no": true}', "application/json")


async def test_what_guards_cannot_look_into_does_not_cross(world: World) -> None:
    rules = TextRules(builtins=("email",))
    upstream, _, client = await world.between(sized(b"{}"), ai=guarded(response=(rules,)))
    assert (await client.ask(request(b"{}", path="/openai/v1/images/edits"))).status == 403
    assert upstream.asked == []


# -- what becomes of it -----------------------------------------------------------------------------------------------


async def test_a_preflight_needs_no_key(world: World) -> None:
    shaping = Shaping(cors=Cors(allow_origins=("https://app.example",), allow_headers=("authorization",)))
    _, _, client = await world.between(sized(completion()), access=KEYS, shaping=shaping)
    asks = ["Origin: https://app.example", "Access-Control-Request-Method: POST"]
    answer = await client.ask(request(b"", method="OPTIONS", headers=asks), method="OPTIONS")
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == "https://app.example"
    again = await client.ask(request(CHAT, headers=[asks[0]]))
    assert (again.status, again.header("access-control-allow-origin")) == (401, "https://app.example")


async def test_headers_are_set_both_ways(world: World) -> None:
    shaping = Shaping(
        request_headers=HeaderChange(set=(("x-team", "blue"),)), response_headers=HeaderChange(set=(("x-by", "me"),))
    )
    upstream, _, client = await world.between(sized(completion()), shaping=shaping)
    answer = await client.ask(request(CHAT))
    assert (answer.header("x-by"), upstream.asked[0].header("x-team")) == ("me", "blue")


@pytest.mark.parametrize("kind", ["provider", "plain"])
async def test_a_mirror_gets_a_copy_and_says_nothing(world: World, kind: str) -> None:
    first, copy = await world.upstream(sized(completion())), await world.upstream(sized(b"{}", status="500 X"))
    to = ai(copy.port, "copy") if kind == "provider" else static(copy.port, "copy")
    entry = route("/openai", ai(first.port), mirrors=(Mirror(backend=to),))
    serving = await world.gateway(plan(entry))
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 200
    await until(lambda: len(copy.asked) == 1)
    assert json.loads(copy.asked[0].body)["messages"] == json.loads(CHAT)["messages"]


async def test_a_stream_that_nobody_polices_is_still_the_providers_own_bytes(world: World) -> None:
    upstream = await world.upstream(streamed(*WHOLE_STREAM))
    rules = guarded(response=(TextRules(builtins=("email",)),))
    entries = (route("/openai", ai(upstream.port)), route("/other", ai(upstream.port), ai=rules))
    serving = await world.gateway(plan(*entries))
    answer = await (await world.client(serving)).ask(request(STREAM))
    assert answer.body == b"".join(WHOLE_STREAM)


def _text(body: bytes) -> str:
    chunks = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks if each["choices"])


async def test_where_tokens_are_counted_nothing_crosses_uncounted(world: World) -> None:
    upstream, _, client = await under(world, limited(rates=(rate("tokens", 100),)), sized(b"{}"))
    assert (await client.ask(request(b"{}", path="/openai/v1/images/edits"))).status == 403
    assert upstream.asked == []
