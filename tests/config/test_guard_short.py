"""`guardrails` of the short form."""

import pytest

from sluice.config.judging import Forwarded, JudgeService, RemoteJudge
from sluice.config.plan import Endpoint
from sluice.policies.guards import HeaderChange, Rejection, TextRules
from sluice.providers.credential import Secret
from sluice.providers.judge_bedrock import BedrockGuardrail
from tests.config.guards import refused, short


def test_rules_are_built_ins_and_patterns() -> None:
    read = short(
        """
        request:
        - regex: {action: reject, rules: [{pattern: SSN}, {pattern: "Social Security"}, {builtin: creditCard}]}
          scope: [systemPrompt]
          rejection:
            status: 400
            headers: {set: {content-type: application/json}}
            body: {error: {message: "Request rejected: Content contains sensitive information",
                           type: invalid_request_error, code: content_policy_violation}}
        response:
        - regex: {action: mask, rules: [{builtin: phoneNumber}]}
        """
    ).guards
    body = (
        '{"error":{"message":"Request rejected: Content contains sensitive information",'
        '"type":"invalid_request_error","code":"content_policy_violation"}}'
    )
    headers = HeaderChange(set=(("content-type", "application/json"),))
    assert read.request == (
        TextRules(
            name="llm request[0] regex",
            action="reject",
            builtins=("credit_card",),
            patterns=("SSN", "Social Security"),
            scopes=("system",),
            rejection=Rejection(status=400, message=body, headers=headers),
        ),
    )
    assert read.response == (TextRules(name="llm response[0] regex", builtins=("phone_number",)),)


@pytest.mark.parametrize(
    ("target", "endpoint"),
    [
        ("{host: '127.0.0.1:8080'}", Endpoint(host="127.0.0.1", port=8080)),
        ("'127.0.0.1:8000'", Endpoint(host="127.0.0.1", port=8000)),
        ("{host: hook}", Endpoint(host="hook", port=80)),
        ("{service: {name: default/hook, port: 81}}", Endpoint(host="hook", port=81)),
        ("{service: {name: other/hook, port: 81}}", Endpoint(host="hook.other", port=81)),
    ],
)
def test_a_webhook_is_where_it_is_said_to_be(target: str, endpoint: Endpoint) -> None:
    (guard,) = short(f"request: [{{webhook: {{target: {target}, failureMode: failOpen}}}}]").guards.request
    assert isinstance(guard, RemoteJudge)
    assert guard.service == JudgeService(endpoint=endpoint)
    assert guard.fails_open


def test_forwarded_headers_match_exactly_or_by_a_pattern() -> None:
    rows = "[{name: X-A, value: {exact: '1'}}, {name: x-b, value: {regex: v2.*}}, {name: x-c, value: '3'}, {name: x-d}]"
    (guard,) = short(f"request: [{{webhook: {{url: 'http://h', forwardHeaderMatches: {rows}}}}}]").guards.request
    assert isinstance(guard, RemoteJudge)
    assert guard.forwards == (
        Forwarded(name="x-a", value="1"),
        Forwarded(name="x-b", value="v2.*", regex=True),
        Forwarded(name="x-c", value="3"),
        Forwarded(name="x-d", value=".*", regex=True),
    )


def test_services_have_their_own_words() -> None:
    read = short(
        """
        request:
        - openAIModeration: {model: m, policies: {backendAuth: {key: k}}}
        - bedrockGuardrails: {guardrailIdentifier: g, guardrailVersion: "1", region: us-west-2}
        - googleModelArmor: {templateId: t, projectId: p}
        - azureContentSafety: {endpoint: safety.test}
        """
    ).guards.request
    moderation, bedrock, *_ = read
    assert len(read) == 4
    assert isinstance(moderation, RemoteJudge)
    assert moderation.service.credential == Secret("k")
    assert isinstance(bedrock, RemoteJudge)
    assert bedrock.form == BedrockGuardrail(identifier="g", version="1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("request: [{regex: {rules: []}}]", "length >= 1"),
        ("request: [{regex: {rules: [{}]}}]", "expected exactly one of `builtin`, `pattern`"),
        ("request: [{regex: {rules: [{pattern: '('}]}}]", "request[0].regex.rules[0].pattern"),
        ("request: [{webhook: {target: {backend: b}}}]", "not implemented"),
        ("request: [{webhook: {target: {}}}]", "expected exactly one of `host`, `service`"),
        ("request: [{webhook: {target: 'h:0'}}]", "request[0].webhook.target"),
        ("request: [{regex: {rules: [{pattern: x}]}, rejection: {body: .inf}}]", "not JSON"),
        ("response: [{openAIModeration: {}}]", "unknown field"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, says: str) -> None:
    assert says in refused(text, form="short")
