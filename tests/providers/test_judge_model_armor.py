"""Google Cloud Model Armor."""

import pytest

from sluice.providers.judge_model_armor import ModelArmor
from sluice.providers.text_judge import APART, FINE, BadAnswer, Flagged, Masked
from tests.providers.judging import asked, finding, questions

ARMOR = ModelArmor(project="p", location="l", template="t")


def sanitized(state: str, *, invocation: str = "SUCCESS", **filters: object) -> object:
    result = {"filterMatchState": state, "invocationResult": invocation, "filterResults": filters}
    return {"sanitizationResult": result}


def sdp(text: str) -> object:
    return {"sdpFilterResult": {"deidentifyResult": {"matchState": "MATCH_FOUND", "data": {"text": text}}}}


def test_model_armor_is_asked_about_the_texts_as_one() -> None:
    base = "/v1/projects/p/locations/l/templates/t"
    said = questions(ARMOR, asked("a", "", "b"))
    assert said == [(f"{base}:sanitizeUserPrompt", {"userPromptData": {"text": "a\nb"}})]
    said = questions(ARMOR, asked("a", side="response"))
    assert said == [(f"{base}:sanitizeModelResponse", {"modelResponseData": {"text": "a"}})]


_RAI = {"raiFilterResult": {"raiFilterTypeResults": {"hate": {"matchState": "MATCH_FOUND"}}}}
_SDP_FOUND = {"sdpFilterResult": {"inspectResult": {"matchState": "MATCH_FOUND"}}}


@pytest.mark.parametrize(
    ("texts", "answer", "means"),
    [
        (("a",), sanitized("NO_MATCH_FOUND"), FINE),
        (("a",), sanitized("MATCH_FOUND", rai=_RAI), Flagged("rai")),
        (("a",), sanitized("MATCH_FOUND", rai=_RAI, sdp=sdp("x")), Flagged("rai, sdp")),
        (("a",), sanitized("MATCH_FOUND", sdp=_SDP_FOUND), Flagged("sdp")),
        (("a",), sanitized("MATCH_FOUND"), Flagged("")),
        (("a",), sanitized("MATCH_FOUND", sdp=sdp("[EMAIL]")), Masked(("[EMAIL]",))),
        (("a", "b"), sanitized("MATCH_FOUND", sdp=sdp("[EMAIL]\nb")), APART),
    ],
)
def test_model_armor_flags_unless_it_only_deidentified(texts: tuple[str, ...], answer: object, means: object) -> None:
    assert finding(ARMOR, asked(*texts), answer) == means


@pytest.mark.parametrize("invocation", ["PARTIAL", "FAILURE"])
def test_a_filter_that_could_not_run_is_no_verdict(invocation: str) -> None:
    with pytest.raises(BadAnswer, match="not all of its filters"):
        finding(ARMOR, asked("a"), sanitized("NO_MATCH_FOUND", invocation=invocation))
    assert finding(ARMOR, asked("a"), sanitized("MATCH_FOUND", invocation=invocation, rai=_RAI)) == Flagged("rai")
