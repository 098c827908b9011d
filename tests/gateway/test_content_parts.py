"""What guards do to the parts of a request's messages: what stands beside a value, what is emptied, what is sealed."""

from collections.abc import Mapping

import msgspec
import pytest

from sluice.chat.request import ChatRequest
from sluice.errors import BadRequest, GuardRejected
from sluice.gateway.content import guarded_request
from sluice.policies.guards import TextRules
from tests.gateway.judged import at, judging, saying
from tests.gateway.test_content import CHAT, screened, user
from tests.support.world import World

MESSAGES, RESPONSES, GEMINI = "dialect.anthropic_messages", "dialect.openai_responses", "dialect.gemini"
SECRET = TextRules(name="secret", patterns=("TOPSECRET",), scopes=("system", "messages", "tool_input", "tool_output"))
EMAIL = TextRules(name="email", builtins=("email",))
ALL = TextRules(builtins=("ssn", "credit_card", "phone_number", "email"), patterns=(r"\bTOPSECRET\b",))
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def texts(*parts: str, **more: object) -> list[dict[str, object]]:
    return [{"type": "text", "text": part, **more} for part in parts]


def said(*content: object, role: str = "user") -> dict[str, object]:
    return {"messages": [{"role": role, "content": [*content]}]}


@pytest.mark.parametrize(
    "parts",
    [
        ("expires 12", "4111 1111 1111 1111"),
        ("123-45-6789", "1. Summarise"),
        ("Customer id 7", "123-45-6789"),
        ("212-555-0123", "7"),
        ("TOPSECRET", "then"),
    ],
)
async def test_a_part_beside_a_value_does_not_hide_it(parts: tuple[str, ...]) -> None:
    _, out = await screened({"messages": user(*parts)}, ALL)
    left = [part["text"] for part in out["messages"][0]["content"]]
    assert sum(one == other for one, other in zip(left, parts, strict=True)) == 1, left
    with pytest.raises(GuardRejected):
        await screened({"messages": user(*parts)}, msgspec.structs.replace(ALL, action="reject"))


@pytest.mark.parametrize("beside", [{"annotations": []}, {"citations": {"enabled": False}}, {"zz": "q"}, {"x": None}])
async def test_a_member_beside_a_text_does_not_cut_what_is_read_as_one(beside: dict[str, object]) -> None:
    _, out = await screened(said(*texts("a TOP", **beside), *texts("SECRET b", **beside)), SECRET)
    assert [part["text"] for part in out["messages"][0]["content"]] == ["a <masked>", " b"]
    item = {"role": "assistant", "content": [{"type": "output_text", "text": t, **beside} for t in ("TOP", "SECRET b")]}
    _, out = await screened({"input": [item]}, SECRET, dialect=RESPONSES)
    assert [part["text"] for part in out["input"][0]["content"]] == ["<masked>", " b"]
    result = {"type": "tool_result", "tool_use_id": "t", "content": texts("TOP", "SECRET b", **beside)}
    _, out = await screened(said(*texts("TOP", **beside), result, *texts("SECRET")), SECRET, dialect=MESSAGES)
    assert [part["text"] for part in out["messages"][0]["content"][1]["content"]] == ["<masked>", " b"]
    assert out["messages"][0]["content"][0]["text"] == "<masked>"


async def test_a_mask_moves_no_other_part_and_leaves_no_empty_one() -> None:
    refusal = {"type": "refusal", "refusal": "TOPSECRET"}
    body = said(refusal, *texts("one", "TOP"), IMAGE, *texts("SEC", "RET", "last"))
    _, out = await screened(body, SECRET)
    assert out["messages"][0]["content"] == [
        {"type": "refusal", "refusal": "<masked>"},
        *texts("one", "<masked>"),
        IMAGE,
        *texts("last"),
    ]


async def test_a_reading_as_one_that_finds_nothing_more_changes_nothing_more() -> None:
    _, out = await screened({"messages": user("write to ", "a@b.com", ", and to ", "c@d.com")}, EMAIL)
    left = [part["text"] for part in out["messages"][0]["content"]]
    assert left == ["write to ", "<EMAIL_ADDRESS>", ", and to ", "<EMAIL_ADDRESS>"]


NOTHING = TextRules(name="nothing", patterns=("gone",), mask="", scopes=SECRET.scopes)
A = {"role": "user", "content": "a"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("dialect", "body", "left"),
    [
        (CHAT, {"messages": [*user("gone"), *user("b")]}, {"messages": user("b")}),
        (CHAT, {"messages": [{"role": "user", "content": "gone"}, *user("b")]}, {"messages": user("b")}),
        (
            CHAT,
            {"messages": [{"role": "assistant", "content": "gone", "tool_calls": [CALL]}]},
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [CALL]}]},
        ),
        (
            CHAT,
            {"messages": [{"role": "tool", "tool_call_id": "c", "content": texts("gone")}]},
            {"messages": [{"role": "tool", "tool_call_id": "c", "content": ""}]},
        ),
        (CHAT, {"messages": [{"role": "user", "name": "gone", "content": "a"}]}, {"messages": [A]}),
        (MESSAGES, {"system": "gone", **said(*texts("a"))}, said(*texts("a"))),
        (MESSAGES, {"system": texts("gone"), **said(*texts("a"))}, said(*texts("a"))),
        (MESSAGES, {"system": texts("gone", "b"), "max_tokens": 1}, {"system": texts("b"), "max_tokens": 1}),
        (
            MESSAGES,
            said({"type": "tool_result", "tool_use_id": "t", "content": texts("gone")}, *texts("gone")),
            said({"type": "tool_result", "tool_use_id": "t", "content": []}),
        ),
        (RESPONSES, {"instructions": "gone", "input": "a"}, {"input": "a"}),
        (
            RESPONSES,
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "gone"}]}, A]},
            {"input": [A]},
        ),
        (
            RESPONSES,
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "gone"}]},
            {"input": [{"type": "function_call_output", "call_id": "c", "output": ""}]},
        ),
        (
            GEMINI,
            {"contents": [{"parts": [{"text": "gone"}, {"text": "a"}]}, {"role": "user", "parts": [{"text": "gone"}]}]},
            {"contents": [{"parts": [{"text": "a"}]}]},
        ),
        (GEMINI, {"systemInstruction": {"parts": [{"text": "gone"}]}, "contents": []}, {"contents": []}),
        (GEMINI, {"system_instruction": {"parts": {"text": "gone"}}, "contents": []}, {"contents": []}),
    ],
)
async def test_what_is_emptied_is_taken_away(dialect: str, body: Mapping[str, object], left: object) -> None:
    _, out = await screened(body, NOTHING, dialect=dialect)
    assert out == left


async def test_what_a_service_empties_is_deleted(world: World) -> None:
    hook = await world.upstream(saying({"action": {"body": {"messages": [{"content": ""}, {"content": "kept"}]}}}))
    body = {"messages": [{"role": "user", "content": "delete me"}, {"role": "user", "content": "x"}]}
    _, out = await screened(body, at(hook.port))
    assert out == {"messages": [{"role": "user", "content": "kept"}]}


async def test_a_thought_that_is_changed_goes_with_its_signature() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "clean", "signature": "s1"},
        {"type": "thinking", "thinking": "user is TOPSECRET", "signature": "s2"},
        {"type": "thinking", "thinking": "user is TOPSECRET"},
    ]
    _, out = await screened(said(*thoughts, *texts("a"), role="assistant"), SECRET, dialect=MESSAGES)
    unsigned = {"type": "thinking", "thinking": "user is <masked>"}
    assert out["messages"][0]["content"] == [thoughts[0], unsigned, *texts("a")]


async def test_a_changed_text_of_gemini_has_no_signature_and_a_call_keeps_its_own() -> None:
    call = {"functionCall": {"name": "f", "args": {"x": "TOPSECRET"}}, "thoughtSignature": "s3"}
    parts = [
        {"text": "clean", "thoughtSignature": "s1"},
        {"text": "TOPSECRET", "thought": True, "thought_signature": "s2"},
        call,
    ]
    _, out = await screened({"contents": [{"role": "model", "parts": parts}]}, SECRET, dialect=GEMINI)
    assert out["contents"][0]["parts"] == [
        parts[0],
        {"text": "<masked>", "thought": True},
        {"functionCall": {"name": "f", "args": {"x": "<masked>"}}, "thoughtSignature": "s3"},
    ]


@pytest.mark.parametrize("body", [b'{"input":"TOPSECRET","input":"x"}', b'{"input":["a"],"\\u0069nput":["a"]}'])
async def test_a_member_of_the_body_that_stands_twice_is_refused(body: bytes) -> None:
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    async with judging() as judges:
        with pytest.raises(BadRequest, match="'input' stands twice"):
            await guarded_request([SECRET], ChatRequest(fields=fields), "operation", judges, [], body=body)
