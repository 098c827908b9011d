"""Labs with guards that look for patterns: A011, C5 (its first page), D2 and the older forms of E5."""

import msgspec
import pytest

from tests.labs.guard_lab import content, lab, policy, rejected
from tests.support.http_answer import error_of
from tests.support.world import World

CREDIT_CARD = """
        request:
        - response: {message: Rejected due to inappropriate content, statusCode: 403}
          regex: {action: Reject, matches: ["credit card"]}
        response:
        - regex: {action: Mask, builtins: [CreditCard]}
"""
OLDER = """---
apiVersion: gateway.kgateway.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: guards}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: openai}]
  ai:
    promptGuard:
      request:
        customResponse: {message: Rejected due to inappropriate content}
        regex: {action: REJECT, matches: [{pattern: credit card, name: CC}]}
      response:
        regex: {action: MASK, builtins: [CREDIT_CARD]}
"""
NUMBER = "What type of number is 5105105105105100?"
FORMS = {"A011": policy(CREDIT_CARD), "E5": OLDER}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_prompt_is_rejected_with_the_message_as_its_body(world: World, form: str, stream: bool) -> None:
    found = await lab(world, form)
    answer = await found.ask("Can you give me some examples of Mastercard credit card numbers?", stream=stream)
    assert rejected(answer) == (403, "text/plain", "Rejected due to inappropriate content")
    assert not found.sent()
    record = await found.serving.record()
    assert (record.status, record.outcome) == (403, "blocked")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_number_in_the_answer_is_masked(world: World, form: str, stream: bool) -> None:
    found = await lab(world, form, model=lambda _: "5105105105105100 is an even number.")
    answer = await found.ask(NUMBER, stream=stream)
    assert (answer.status, content(answer)) == (200, "<CREDIT_CARD> is an even number.")
    assert b"5105" not in answer.body


async def test_without_a_message_the_sentence_is_in_the_clients_dialect(world: World) -> None:
    found = await lab(world, policy('        request: [{regex: {action: Reject, matches: ["credit card"]}}]\n'))
    answer = await found.ask("my credit card")
    assert answer.status == 403
    assert error_of(answer).message == "The request was rejected due to inappropriate content"


async def test_guards_of_the_gateway_hold_beside_those_of_a_route(world: World) -> None:
    target = "  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]\n"
    above = policy('        request: [{regex: {action: Reject, matches: ["bomb"]}}]\n', "above", target)
    below = policy("        streaming: Disabled\n        request: [{regex: {builtins: [Email]}}]\n", "below")
    found = await lab(world, above, below)
    for stream in (False, True):
        assert (await found.ask("a bomb for a@b.com", stream=stream)).status == 403
        assert content(await found.ask("write to a@b.com", stream=stream)) == "write to <EMAIL_ADDRESS>"


SHORT = """
gateways: {default: {port: 4000}}
llm:
  models:
  - name: "*"
    provider: openAI
    params: {baseUrl: "http://127.0.0.1:%d/v1", apiKey: k}
    guardrails:
      request:
      - regex: {action: reject, rules: [{pattern: SSN}, {pattern: "Social Security"}]}
        rejection:
          status: 400
          headers: {set: {content-type: application/json}}
          body: {error: {message: "Request rejected: Content contains sensitive information",
                         type: invalid_request_error, code: content_policy_violation}}
      - regex: {action: reject, rules: [{builtin: email}]}
        rejection:
          status: 400
          body: {error: {message: "Request blocked: Contains email address", type: invalid_request_error,
                         code: pii_detected}}
      response:
      - regex: {action: mask, rules: [{builtin: phoneNumber}]}
"""


@pytest.mark.parametrize("stream", [False, True])
async def test_d2_a_rejection_is_json_of_the_operators(world: World, stream: bool) -> None:
    found = await lab(world, short=SHORT, model=lambda _: "The number +1 212 555 0187 appears in a book.")
    path = "/v1/chat/completions"
    answer = await found.ask("My SSN is 123-45-6789", stream=stream, path=path)
    assert (answer.status, answer.header("content-type")) == (400, "application/json")
    assert answer.json()["error"] == {
        "message": "Request rejected: Content contains sensitive information",
        "type": "invalid_request_error",
        "code": "content_policy_violation",
    }
    answer = await found.ask("write to a@example.com", stream=stream, path=path)
    assert (answer.status, answer.header("content-type")) == (400, "application/json")
    assert msgspec.json.decode(answer.body)["error"]["code"] == "pii_detected"
    answer = await found.ask("Which number?", stream=stream, path=path)
    assert content(answer) == "The number <PHONE_NUMBER> appears in a book."
