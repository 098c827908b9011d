"""The guardrail webhook."""

import pytest

from sluice.providers.judge_webhook import Webhook
from sluice.providers.text_judge import FINE, BadAnswer, Flagged, Masked
from tests.providers.judging import asked, finding, questions


def test_a_webhook_is_asked_about_messages_or_choices() -> None:
    about = asked("be brief", "hi", roles=["system", "user"])
    rows = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert questions(Webhook(), about) == [("/request", {"body": {"messages": rows}})]
    about = asked("hello", side="response", roles=["assistant"])
    choice = {"message": {"role": "assistant", "content": "hello"}}
    assert questions(Webhook(), about) == [("/response", {"body": {"choices": [choice]}})]


def test_a_webhook_that_is_asked_about_a_window_is_told_what_went_before() -> None:
    about = asked("b", side="response", context=["a"])
    ((_, body),) = questions(Webhook(), about)
    assert isinstance(body, dict)
    assert body["context"] == ["a"]


@pytest.mark.parametrize("action", [{}, {"reason": "fine"}, {"pass": {}}, {"body": None}, {"reason": None}])
def test_a_webhook_passes_with_an_action_without_a_body(action: object) -> None:
    assert finding(Webhook(), asked("a"), {"action": action}) == FINE


def test_a_webhook_rejects_with_a_text_and_a_status() -> None:
    action = {"body": "no way", "status_code": 418, "reason": "tea"}
    assert finding(Webhook(), asked("a"), {"action": action}) == Flagged("tea", 418, "no way")
    assert finding(Webhook(), asked("a"), {"action": {"body": "no"}}) == Flagged("", 403, "no")


def test_a_webhook_masks_as_many_texts_as_it_was_asked_about() -> None:
    rows = [{"role": "user", "content": "****"}, {"role": "user", "content": None}]
    assert finding(Webhook(), asked("a", "b"), {"action": {"body": {"messages": rows}}}) == Masked(("****", ""))
    choices = [{"message": {"role": "assistant", "content": "x"}}]
    about = asked("a", side="response")
    assert finding(Webhook(), about, {"action": {"body": {"choices": choices}}}) == Masked(("x",))


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"messages": [{"role": "user", "content": "x"}] * 2},
        {"choices": [{"message": {"content": "x"}}]},
        {"messages": [{"content": 1}]},
        {"messages": "x"},
        [],
        7,
    ],
)
def test_a_webhook_that_masks_something_else_gives_no_verdict(body: object) -> None:
    with pytest.raises(BadAnswer):
        finding(Webhook(), asked("a"), {"action": {"body": body}})


@pytest.mark.parametrize("status", [0, 100, 199, 600, "403", 4.5])
def test_a_webhook_that_rejects_with_no_status_gives_no_verdict(status: object) -> None:
    with pytest.raises(BadAnswer):
        finding(Webhook(), asked("a"), {"action": {"body": "no", "status_code": status}})
