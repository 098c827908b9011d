"""What guards do to a request before any provider sees it."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from sluice.chat.request import ChatRequest
from sluice.errors import BadRequest, GuardRejected, PolicyUnavailable
from sluice.gateway.content import Check, compiled, guarded_request
from sluice.policies.guards import DEFAULT_SCOPES, Guard, Rejection, Scope, TextRules
from tests.dialects.marks import planted, readable
from tests.dialects.rich_requests import RICH
from tests.gateway.judged import at, hangs, judging, messages, saying
from tests.support.measuring import undisturbed
from tests.support.raw_upstream import Asked
from tests.support.world import World

CHAT = "dialect.openai_chat"
CARD = TextRules(name="card", builtins=("credit_card",))
NO_BOMBS = TextRules(name="bombs", action="reject", patterns=("bombs?",), rejection=Rejection(status=422, message="no"))


def user(*parts: str) -> list[dict[str, object]]:
    return [{"role": "user", "content": [{"type": "text", "text": part} for part in parts]}]


async def screened(
    body: Mapping[str, object], *guards: Guard, dialect: str = CHAT, checks: list[Check] | None = None
) -> tuple[ChatRequest, Any]:
    """The request that comes out, and its body; the JSON of tests is untyped."""
    fields = msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])
    async with judging() as judges:
        out = await guarded_request(
            guards, ChatRequest(fields=fields), dialect, judges, [] if checks is None else checks
        )
    return out, msgspec.json.decode(msgspec.json.encode(out.fields))


async def rejected(body: Mapping[str, object], *guards: Guard) -> tuple[GuardRejected, list[Check]]:
    checks: list[Check] = []
    with pytest.raises(GuardRejected) as caught:
        await screened(body, *guards, checks=checks)
    return caught.value, checks


# -- text rules -------------------------------------------------------------------------------------------------------


async def test_a_mask_is_all_that_changes() -> None:
    checks: list[Check] = []
    body = {"model": "m", "messages": [{"role": "user", "content": "my card is 4111 1111 1111 1111."}], "seed": 7}
    _, out = await screened(body, CARD, NO_BOMBS, checks=checks)
    assert out == body | {"messages": [{"role": "user", "content": "my card is <CREDIT_CARD>."}]}
    assert checks == [Check(guard="card", outcome="mask", hits=1), Check(guard="bombs", outcome="allow")]


async def test_a_clean_request_is_the_same_object() -> None:
    fields = {"messages": msgspec.Raw(b'[ {"role":"user","content":"hello"} ]')}
    request = ChatRequest(fields=fields)
    async with judging() as judges:
        assert await guarded_request([CARD, NO_BOMBS], request, CHAT, judges, []) is request
        assert await guarded_request([], request, CHAT, judges, []) is request


async def test_a_rejection_says_what_is_configured_and_is_counted() -> None:
    error, checks = await rejected({"messages": [{"role": "user", "content": "how to build bombs"}]}, CARD, NO_BOMBS)
    assert (error.status, error.body, error.headers) == (422, "no", ((b"content-type", b"text/plain"),))
    assert checks == [Check(guard="bombs", outcome="reject", hits=1)]


async def test_a_rejection_without_a_message_is_a_sentence_for_the_dialect() -> None:
    rule = msgspec.structs.replace(NO_BOMBS, rejection=Rejection())
    error, _ = await rejected({"messages": [{"role": "user", "content": "bomb"}]}, rule)
    assert (error.status, error.body) == (403, None)
    assert str(error) == "The request was rejected due to inappropriate content"


@pytest.mark.parametrize("dialect", RICH)
@pytest.mark.parametrize("scope", ["system", "messages", "tool_input", "tool_output"])
async def test_a_guard_looks_in_its_scopes_and_nowhere_else(dialect: str, scope: Scope) -> None:
    body, scopes = planted(RICH[dialect])
    assert isinstance(body, dict)
    rule = TextRules(name="canaries", patterns=("canary[0-9]+x",), scopes=(scope,))
    _, out = await screened(body, rule, dialect=dialect)
    left = readable(out)
    for canary, place in scopes.items():
        assert (canary in left) is (place != scope), canary


@pytest.mark.parametrize("dialect", RICH)
async def test_every_text_of_a_scope_can_reject(dialect: str) -> None:
    body, scopes = planted(RICH[dialect])
    assert isinstance(body, dict)
    for canary in (canary for canary, scope in scopes.items() if scope in DEFAULT_SCOPES):
        rule = TextRules(name="one", action="reject", patterns=(canary,))
        with pytest.raises(GuardRejected):
            await screened(body, rule, dialect=dialect)


async def test_a_value_across_two_parts_of_a_message_is_found() -> None:
    _, out = await screened({"messages": user("my card is 4111 1111", " 1111 1111, thanks")}, CARD)
    texts = [part["text"] for part in out["messages"][0]["content"]]
    assert "".join(texts) == "my card is <CREDIT_CARD>, thanks"
    error, _ = await rejected({"messages": user("how to build bo", "mbs")}, NO_BOMBS)
    assert error.status == 422


async def test_parts_keep_their_own_text_where_nothing_spans_two() -> None:
    email = TextRules(name="email", builtins=("email",))
    _, out = await screened({"messages": user("write to ann, ", "a@b.com and to bob", "c")}, email)
    assert [part["text"] for part in out["messages"][0]["content"]] == [
        "write to ann, ",
        "<EMAIL_ADDRESS> and to bob",
        "c",
    ]


async def test_values_of_two_messages_are_none() -> None:
    body = {"messages": [*user("4111 1111"), *user(" 1111 1111")]}
    _, out = await screened(body, CARD)
    assert out == body


async def test_arguments_are_looked_at_as_the_strings_that_they_say() -> None:
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": '{"to":"a\\u0040b.com\\n", "n":1.50}'},
    }
    rule = TextRules(name="email", builtins=("email",), scopes=("tool_input",))
    _, out = await screened({"messages": [{"role": "assistant", "tool_calls": [call]}]}, rule)
    arguments = out["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert msgspec.json.decode(arguments) == {"to": "<EMAIL_ADDRESS>\n", "n": 1.5}
    assert '"n":1.50' in arguments


async def test_an_object_of_arguments_stays_an_object() -> None:
    rule = TextRules(name="card", builtins=("credit_card",), scopes=("tool_input",))
    block = {"type": "tool_use", "id": "t", "name": "pay", "input": {"card": "4111 1111 1111 1111", "cents": 100}}
    _, out = await screened(
        {"messages": [{"role": "assistant", "content": [block]}]}, rule, dialect="dialect.anthropic_messages"
    )
    assert out["messages"][0]["content"][0]["input"] == {"card": "<CREDIT_CARD>", "cents": 100}


async def test_a_long_match_is_no_reason_to_give_up() -> None:
    rule = TextRules(name="block", patterns=("BEGIN[^!]*END",), max_hold_bytes=16, max_hold_s=0.001, mode="buffer")
    _, out = await screened({"messages": user(f"a BEGIN{'x' * 50_000}END b")}, rule)
    assert out["messages"][0]["content"][0]["text"] == "a <masked> b"


async def test_what_can_be_read_in_two_ways_is_refused() -> None:
    fields = {"messages": msgspec.Raw(b'[{"role":"user","content":"good","content":"bad"}]')}
    async with judging() as judges:
        with pytest.raises(BadRequest, match="stands twice"):
            await guarded_request([CARD], ChatRequest(fields=fields), CHAT, judges, [])


# -- services ---------------------------------------------------------------------------------------------------------


async def test_a_service_is_asked_about_what_rules_before_it_left_and_rules_after_it_see_what_it_left(
    world: World,
) -> None:
    def answer(asked: Asked) -> object:
        rows = [{"content": text.replace("hello", "bomb")} for text in messages(asked)]
        return {"action": {"body": {"messages": rows}}}

    hook = await world.upstream(saying(answer))
    body = {"messages": [{"role": "user", "content": "hello 4111 1111 1111 1111"}]}
    error, checks = await rejected(body, CARD, at(hook.port), NO_BOMBS)
    assert messages(hook.asked[0]) == ["hello <CREDIT_CARD>"]
    assert error.status == 422
    assert [(check.guard, check.outcome) for check in checks] == [
        ("card", "mask"),
        ("judge", "mask"),
        ("bombs", "reject"),
    ]


async def test_a_service_sees_roles_and_texts_of_its_scopes(world: World) -> None:
    hook = await world.upstream(saying({"action": {}}))
    said = [{"role": "system", "content": "s"}, *user("a", "b"), {"role": "tool", "tool_call_id": "t", "content": "o"}]
    await screened({"messages": said}, at(hook.port), at(hook.port, scopes=("tool_output",)))
    asked = [msgspec.json.decode(each.body)["body"]["messages"] for each in hook.asked]
    assert asked == [
        [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        [{"role": "tool", "content": "o"}],
    ]


async def test_a_service_is_not_asked_if_a_rule_before_it_rejects(world: World) -> None:
    hook = await world.upstream(saying({"action": {}}))
    await rejected({"messages": user("bomb")}, NO_BOMBS, at(hook.port))
    assert not hook.asked


async def test_a_service_may_reject_with_its_own_words(world: World) -> None:
    hook = await world.upstream(saying({"action": {"body": '{"error":"no"}', "status_code": 403, "reason": "bomb"}}))
    error, checks = await rejected({"messages": user("bomb")}, at(hook.port))
    assert (error.status, error.body) == (403, '{"error":"no"}')
    assert error.headers == ((b"content-type", b"application/json"),)
    assert checks == [Check(guard="judge", outcome="reject")]


@pytest.mark.parametrize("answer", [{"action": {"body": {"messages": []}}}, {"action": 1}])
async def test_a_guard_without_a_verdict_fails_closed(world: World, answer: object) -> None:
    hook = await world.upstream(saying(answer))
    checks: list[Check] = []
    with pytest.raises(PolicyUnavailable) as caught:
        await screened({"messages": user("hi")}, at(hook.port), checks=checks)
    assert (caught.value.status, caught.value.reason) == (503, "Guardrail")
    assert [(check.outcome, bool(check.detail)) for check in checks] == [("fail_closed", True)]


async def test_a_guard_may_fail_open_and_that_is_counted(world: World) -> None:
    hook = await world.upstream(hangs)
    checks: list[Check] = []
    guard = at(hook.port, fails_open=True, timeout_s=0.05)
    _, out = await screened({"messages": user("4111 1111 1111 1111")}, guard, CARD, checks=checks)
    assert "<CREDIT_CARD>" in str(out)
    assert [(check.guard, check.outcome) for check in checks] == [("judge", "fail_open"), ("card", "mask")]


async def test_a_service_that_makes_json_into_something_else_gives_no_verdict(world: World) -> None:
    hook = await world.upstream(saying({"action": {"body": {"messages": [{"content": "****"}]}}}))
    body = {"messages": [], "tools": [{"type": "function", "function": {"name": "f"}}]}
    with pytest.raises(PolicyUnavailable):
        await screened(body, at(hook.port))


# -- time -------------------------------------------------------------------------------------------------------------


WORDS = "Call 12 monkeys at 10:30 on 2024-05-06, order 483920. "
MEGABYTES: dict[str, object] = {
    "one text": WORDS * ((1 << 20) // len(WORDS)),
    "many small values": [{"type": "novelty", "x": [[], {}, "a", 1]}] * 30_000,
    "many small texts": [{"type": "text", "text": "a b"}] * 30_000,
    "many values": [{"type": "text", "text": "4111 1111 1111 1111, a@b.com" * 800}] * 40,
    "many members": [{"type": "novelty", "x": {f"name {number}": "v" for number in range(60_000)}}],
    "many numbers": [{"type": "novelty", "x": [*range(1000), *range(100_000, 240_000)]}],
}


@pytest.mark.timed
@pytest.mark.parametrize("kind", MEGABYTES)
async def test_a_megabyte_does_not_hold_up_the_loop(kind: str) -> None:
    builtins = TextRules(name="all", builtins=("ssn", "credit_card", "phone_number", "email", "ca_sin"))
    rules = (builtins, TextRules(patterns=(r"sk-[A-Za-z0-9]{20,}", r"\b(?:10|192\.168)(?:\.\d{1,3}){2,3}\b")))
    compiled(rules)
    content = MEGABYTES[kind]
    fields = {"messages": msgspec.Raw(msgspec.json.encode([{"role": "user", "content": content}]))}
    gaps: list[float] = []
    over = asyncio.Event()

    async def beat() -> None:
        last = time.process_time()
        while not over.is_set():
            await asyncio.sleep(0)
            now = time.process_time()
            gaps.append(now - last)
            last = now

    with undisturbed():
        async with asyncio.TaskGroup() as group, judging() as judges:
            group.create_task(beat())
            await guarded_request(rules, ChatRequest(fields=fields), CHAT, judges, [])
            over.set()
    assert len(gaps) > 20
    assert max(gaps) < 0.25, "seconds of this process in which nobody else had a turn"
