"""Amazon Bedrock Guardrails."""

from collections.abc import Sequence

import pytest

from sluice.providers.judge_bedrock import BedrockGuardrail
from sluice.providers.text_judge import APART, FINE, BadAnswer, Flagged, Masked
from tests.providers.judging import asked, finding, questions

GUARDRAIL = BedrockGuardrail(identifier="g", version="1")


_PII = {"sensitiveInformationPolicy": {"piiEntities": [{"type": "EMAIL", "match": "x", "action": "ANONYMIZED"}]}}
_TOPIC = {"topicPolicy": {"topics": [{"name": "Finance", "type": "DENY", "action": "BLOCKED"}]}}


def intervened(*assessments: object, outputs: Sequence[str] = ()) -> object:
    texts = [{"text": text} for text in outputs]
    return {"action": "GUARDRAIL_INTERVENED", "assessments": assessments, "outputs": texts, "usage": {}}


def test_a_guardrail_is_applied_to_input_or_output() -> None:
    arn = BedrockGuardrail(identifier="arn:aws:bedrock:us-east-1:1:guardrail/g", version="DRAFT")
    path = "/guardrail/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aguardrail%2Fg/version/DRAFT/apply"
    content = [{"text": {"text": "a"}}, {"text": {"text": "b"}}]
    assert questions(arn, asked("a", "", "b")) == [(path, {"source": "INPUT", "content": content})]
    ((_, body),) = questions(arn, asked("a", side="response"))
    assert isinstance(body, dict)
    assert body["source"] == "OUTPUT"


@pytest.mark.parametrize(
    ("texts", "answer", "means"),
    [
        (("a",), {"action": "NONE", "outputs": [], "assessments": [_TOPIC]}, FINE),
        (("a",), intervened(_TOPIC, outputs=["Sorry."]), Flagged("topicPolicy")),
        (("a",), intervened(_PII, _TOPIC, outputs=["Sorry."]), Flagged("topicPolicy")),
        (("a",), intervened(outputs=["Sorry."]), Flagged("")),
        (("a",), intervened(_PII, outputs=["{EMAIL}"]), Masked(("{EMAIL}",))),
        (("a", "", "b"), intervened(_PII, outputs=["{EMAIL}", "b"]), Masked(("{EMAIL}", "", "b"))),
        (("a", "b"), intervened(_PII, outputs=["{EMAIL} b"]), APART),
    ],
)
def test_an_intervention_blocks_unless_it_only_anonymized(
    texts: tuple[str, ...], answer: object, means: object
) -> None:
    assert finding(GUARDRAIL, asked(*texts), answer) == means


@pytest.mark.parametrize("answer", [{"action": "SOMETHING"}, intervened(_PII), intervened(_PII, outputs=["a", "b"])])
def test_an_intervention_that_cannot_be_followed_is_no_verdict(answer: object) -> None:
    with pytest.raises(BadAnswer):
        finding(GUARDRAIL, asked("a"), answer)
