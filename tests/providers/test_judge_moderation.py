"""OpenAI's moderation endpoint."""

import pytest

from sluice.providers.judge_moderation import Moderation
from sluice.providers.text_judge import FINE, BadAnswer, Flagged
from tests.providers.judging import asked, finding, questions


def test_moderation_is_asked_about_all_texts_at_once() -> None:
    said = questions(Moderation(), asked("a", "", "b"))
    assert said == [("/moderations", {"model": "omni-moderation-latest", "input": ["a", "b"]})]


def test_moderation_flags_if_any_text_is_flagged() -> None:
    def results(*flags: bool) -> object:
        return {"results": [{"flagged": flag, "categories": {"violence": flag, "hate": None}} for flag in flags]}

    assert finding(Moderation(), asked("a", "b"), results(False, False)) == FINE
    assert finding(Moderation(), asked("a", "b"), results(False, True)) == Flagged("violence")
    with pytest.raises(BadAnswer):
        finding(Moderation(), asked("a", "b"), results(False))
