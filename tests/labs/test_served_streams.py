"""What the pages say of guards on streams, and what Sluice does: C8, 2.1 and 3.8, at a whole gateway.

The product that the pages describe masks no stream, tells nobody, and drops streams once a guard exists (its issues
2956 and 3603); each of these is a test here.
"""

import json

import pytest

from tests.labs.served import META, ROUTE, Lab, always, content, lab
from tests.support.http_answer import Answer
from tests.support.world import World

TOKEN = "glpat-abcdefghij0123456789XYZ"


def guards(said: str) -> str:
    head = (
        f"---\napiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\n{META % 'guards'}\nspec:\n  {ROUTE}\n"
    )
    return f"{head}  backend: {{ai: {{promptGuard: {said}}}}}\n"


MASK = "response: [{regex: {action: Mask, matches: ['glpat-[0-9A-Za-z_-]{20,}']}}]"
REJECT = MASK.replace("Mask", "Reject")


def finish(answer: Answer) -> list[str]:
    events = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: {")]
    reasons = [choice["finish_reason"] for event in events for choice in event.get("choices", ())]
    return [reason for reason in reasons if reason]


@pytest.mark.parametrize("streaming", ["", "streaming: Enabled, "])
async def test_c8_a_mask_works_on_a_stream_and_is_logged_and_counted(world: World, streaming: str) -> None:
    said = f"Use {TOKEN} for the clone."
    found = await lab(world, guards(f"{{{streaming}{MASK}}}"), model=always(said))
    answer = await found.curl(stream=True)
    assert content(answer) == "Use <masked> for the clone."
    assert b"glpat" not in answer.body
    assert finish(answer) == ["stop"]
    assert answer.body.endswith(b"data: [DONE]\n\n")
    (line,) = found.serving.log_lines()
    assert line["guardrail.masked"] == 1
    assert found.serving.metric("guardrail_checks_total", 'phase="Response"', 'action="Mask"') == 1


async def test_c8_a_rejection_ends_a_stream_legally_and_nothing_of_the_match_is_seen(world: World) -> None:
    found = await lab(world, guards(f"{{{REJECT}}}"), model=always(f"Well then. Use {TOKEN}, and nothing else."))
    answer = await found.curl(stream=True)
    assert answer.status == 200
    assert content(answer).startswith("Well then. Use ")
    assert b"glpat" not in answer.body
    assert b"nothing else" not in answer.body
    assert finish(answer) == ["content_filter"]
    assert found.record.outcome == "blocked"
    assert found.serving.metric("guardrail_checks_total", 'phase="Response"', 'action="Reject"') == 1


async def test_c8_disabled_is_honoured_on_streams_and_on_nothing_else(world: World) -> None:
    found = await lab(world, guards(f"{{streaming: Disabled, {MASK}}}"), model=always(f"Use {TOKEN}."))
    assert content(await found.curl(stream=True)) == f"Use {TOKEN}."
    assert content(await found.curl()) == "Use <masked>."


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("action", ["Mask", "Reject"])
async def test_c8_guards_of_requests_do_not_care_whether_the_answer_streams(
    world: World, action: str, stream: bool
) -> None:
    guard = f"{{request: [{{regex: {{action: {action}, matches: ['glpat-[0-9A-Za-z_-]{{20,}}']}}}}]}}"
    found = await lab(world, guards(guard))
    answer = await found.curl(prompt=f"Is {TOKEN} good?", stream=stream)
    assert answer.status == (403 if action == "Reject" else 200)
    assert [TOKEN.encode() in asked.body for asked in found.asked] == ([] if action == "Reject" else [False])


VIRTUAL = """
gateways: {default: {port: 4000}}
llm:
  models:
  - name: own
    provider: openAI
    visibility: internal
    params: {baseUrl: "http://127.0.0.1:%d/v1", apiKey: k}
    guardrails: {streaming: disabled, response: [{regex: {action: mask, rules: [{builtin: email}]}}]}
  virtualModels: [{name: smart, routing: {weighted: {targets: [{model: own, weight: 1}]}}}]
"""


async def test_2_1_a_stream_through_a_virtual_model_arrives_although_there_is_a_guard(world: World) -> None:
    found = await lab(world, short=VIRTUAL, model=always("Write to ada@example.com now."))
    answer = await found.curl(path="/v1/chat/completions", model="smart", stream=True)
    assert content(answer) == "Write to ada@example.com now."
    assert answer.body.endswith(b"data: [DONE]\n\n")
    whole = await found.curl(path="/v1/chat/completions", model="smart")
    assert content(whole) == "Write to <EMAIL_ADDRESS> now."


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("我的邮箱是ada@example.com。谢谢。", "我的邮箱是<EMAIL_ADDRESS>。谢谢。"),
        ("Key: 4111\u00a01111 no. Card 4111. 1111 no. 5105 1051 0510 5100!", None),
        ("-----BEGIN KEY-----\nMIIE\nvQIB\n-----END KEY-----\nDone. More.", "<masked>\nDone. More."),
    ],
)
async def test_3_8_no_boundary_of_a_sentence_hides_a_match(
    world: World, said: str, seen: str | None, stream: bool
) -> None:
    pem = "(?s)-----BEGIN KEY-----.{0,200}?-----END KEY-----"
    rules = f"{{builtins: [Email, CreditCard], matches: ['{pem}']}}"
    found = await lab(world, guards(f"{{response: [{{regex: {rules}}}]}}"), model=always(said))
    answer = await found.curl(stream=stream)
    expected = said.replace("5105 1051 0510 5100", "<CREDIT_CARD>") if seen is None else seen
    assert content(answer) == expected


async def test_3_8_what_cannot_be_read_is_refused_and_never_passed_unguarded(world: World) -> None:
    found: Lab = await lab(world, guards("{request: [{regex: {matches: [secret]}}]}"))
    answer = await found.curl(messages="my secret")
    assert answer.status == 400
    assert not found.asked
