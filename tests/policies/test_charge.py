"""What an exchange is charged for, whatever became of it."""

import pytest

from sluice.chat.usage import Usage
from sluice.policies.charge import MOST, NOTHING, Answered, Charge, charged

SAID = Usage(input_tokens=100, output_tokens=50, cache_read_tokens=20)


def test_what_the_provider_reported_is_charged() -> None:
    assert charged(Answered(outcome="completed", asked=True, usage=SAID, streamed=49), 90) == Charge(SAID, "provider")


def test_a_report_counts_even_if_more_pieces_came_than_tokens() -> None:
    answered = Answered(outcome="completed", asked=True, usage=SAID, streamed=70)
    assert charged(answered, 90) == Charge(SAID, "provider")


@pytest.mark.parametrize("outcome", ["client_gone", "upstream_error", "upstream_truncated", "timeout", "limited"])
def test_an_abort_before_usage_is_charged_by_what_was_streamed(outcome: str) -> None:
    found = charged(Answered(outcome=outcome, asked=True, streamed=30), 90)
    assert found == Charge(Usage(input_tokens=90, output_tokens=30), "counted")


def test_a_report_from_the_beginning_of_an_answer_that_broke_off_is_filled_in() -> None:
    early = Usage(input_tokens=100, output_tokens=1, cache_read_tokens=20)
    found = charged(Answered(outcome="client_gone", asked=True, usage=early, streamed=30), 90)
    assert found == Charge(Usage(input_tokens=100, output_tokens=30, cache_read_tokens=20), "counted")


def test_one_that_lacks_the_input_gets_the_estimate() -> None:
    early = Usage(output_tokens=1)
    found = charged(Answered(outcome="client_gone", asked=True, usage=early, streamed=30), 90)
    assert found.usage == Usage(input_tokens=90, output_tokens=30)


def test_a_whole_answer_without_usage_is_estimated_by_its_length() -> None:
    found = charged(Answered(outcome="completed", asked=True, body=401), 90)
    assert found == Charge(Usage(input_tokens=90, output_tokens=101), "estimated")


def test_a_client_that_leaves_before_the_answer_pays_its_prompt() -> None:
    assert charged(Answered(outcome="client_gone", asked=True), 90) == Charge(Usage(input_tokens=90), "estimated")


@pytest.mark.parametrize("outcome", ["rejected", "limited", "internal", "blocked", "upstream_error"])
def test_who_gets_no_word_of_an_answer_pays_nothing(outcome: str) -> None:
    assert charged(Answered(outcome=outcome, asked=True), 90) == NOTHING


def test_who_never_asked_a_provider_pays_nothing() -> None:
    assert charged(Answered(outcome="client_gone", asked=False), 90) == NOTHING


def test_a_report_beyond_reason_is_bounded() -> None:
    said = Usage(input_tokens=1 << 62, output_tokens=5)
    assert charged(Answered(outcome="completed", asked=True, usage=said), 9).usage.total_tokens == MOST + 5


@pytest.mark.parametrize("outcome", ["timeout", "shed", "drained", "client_gone", "slow_reader"])
def test_who_does_not_wait_for_an_answer_pays_its_prompt(outcome: str) -> None:
    assert charged(Answered(outcome=outcome, asked=True), 90) == Charge(Usage(input_tokens=90), "estimated")
    assert charged(Answered(outcome=outcome, asked=False), 90) == NOTHING


@pytest.mark.parametrize("early", [None, Usage(input_tokens=90, output_tokens=1)])
def test_what_is_known_by_its_length_alone_is_flagged(early: Usage | None) -> None:
    answered = Answered(outcome="client_gone", asked=True, usage=early, streamed=1000, by_length=True)
    assert charged(answered, 90) == Charge(Usage(input_tokens=90, output_tokens=1000), "estimated")
