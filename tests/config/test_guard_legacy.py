"""The older forms of `promptGuard`."""

import pytest

from sluice.config.judging import JudgeService, RemoteJudge
from sluice.config.plan import Endpoint
from sluice.policies.guards import Rejection, TextRules
from sluice.providers.credential import Secret
from sluice.providers.judge_moderation import Moderation
from sluice.providers.judge_webhook import Webhook
from tests.config.guards import legacy, refused
from tests.config.loading import secret


def test_a_mapping_holds_all_kinds_and_one_response() -> None:
    read = legacy(
        """
        request:
          customResponse: {message: "Rejected due to inappropriate content", statusCode: 400}
          regex:
            action: REJECT
            builtins: [SSN, CREDIT_CARD, PHONE_NUMBER, EMAIL]
            matches: [{pattern: "credit card", name: CC}, plain]
          moderation: {openAIModeration: {model: m, authToken: {kind: SecretRef, secretRef: {name: s}}}}
          webhook: {host: {host: hook.internal, port: 8000}}
        response:
          regex: {action: MASK, builtins: [CREDIT_CARD]}
        """,
        secret(string_data="{Authorization: Bearer sk-1}"),
    ).guards
    regex, moderation, webhook = read.request
    rejection = Rejection(status=400, message="Rejected due to inappropriate content")
    assert regex == TextRules(
        name="default/p request regex",
        action="reject",
        builtins=("ssn", "credit_card", "phone_number", "email"),
        patterns=("credit card", "plain"),
        rejection=rejection,
    )
    assert isinstance(moderation, RemoteJudge)
    assert (moderation.form, moderation.service.credential) == (Moderation(model="m"), Secret("Bearer sk-1"))
    assert isinstance(webhook, RemoteJudge)
    assert (webhook.form, webhook.service) == (
        Webhook(),
        JudgeService(endpoint=Endpoint(host="hook.internal", port=8000)),
    )
    assert moderation.rejection == webhook.rejection == rejection
    assert read.response == (TextRules(name="default/p response regex", builtins=("credit_card",)),)


def test_the_oldest_forms_say_the_same() -> None:
    (guard,) = legacy("request: {customResponseMessage: never, regex: {action: reject, matches: [x]}}").guards.request
    assert guard.rejection == Rejection(message="never")
    (webhook,) = legacy("request: {webhook: {host: 10.0.0.1, port: 81}}").guards.request
    assert isinstance(webhook, RemoteJudge)
    assert webhook.service.endpoint == Endpoint(host="10.0.0.1", port=81)


def test_headers_that_match_are_forwarded() -> None:
    forward = "forwardHeaders: [{name: x-a, type: Exact, value: '1'}]"
    (guard,) = legacy(f"response: {{webhook: {{host: {{host: h, port: 1}}, {forward}}}}}").guards.response
    assert isinstance(guard, RemoteJudge)
    assert [(row.name, row.value, row.regex) for row in guard.forwards] == [("x-a", "1", False)]


def test_lists_of_a_later_edition_are_taken_too() -> None:
    (guard,) = legacy(
        "request: [{response: {message: never}, regex: {action: REJECT, matches: [{pattern: x, name: X}]}}]"
    ).guards.request
    assert isinstance(guard, TextRules)
    assert (guard.action, guard.rejection.message) == ("reject", "never")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("request: {customResponse: {message: x}}", "expected `regex`, `moderation` or `webhook`"),
        ("response: {customResponse: {message: x}}", "unknown field"),
        ("request: {regex: {matches: ['(']}}", "request.regex.matches[0]"),
        ("request: {moderation: {}}", "expected `openAIModeration`"),
        ("request: {moderation: {openAIModeration: {authToken: {kind: Passthrough}}}}", "the client's credential"),
        ("request: {webhook: {host: h}}", "expected `host` with `host` and `port`"),
        ("request: {regex: {matches: [x]}, customResponse: {}, customResponseMessage: m}", "are one setting"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, says: str) -> None:
    assert says in refused(text, form="legacy")
