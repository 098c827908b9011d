"""Estimates of tokens, limits of models, and what is left out when a conversation is too long."""

import pytest

from sluice.agents.tokens import (
    DEFAULT_LIMIT,
    PER_MESSAGE,
    TokenBudget,
    count_messages,
    count_tokens,
    token_limit,
    truncate,
)
from sluice.runs.messages import FilePart, Message, ToolCallPart, ToolResultPart, said


def test_the_larger_estimate_counts() -> None:
    assert count_tokens("") == 0
    assert count_tokens("one two three") == 4  # words x 1.3
    assert count_tokens("x" * 400) == 100  # characters / 4
    assert count_messages([said("one two three")]) == 4 + PER_MESSAGE


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gpt-4", 8_192),
        ("gpt-4-turbo-2024-04-09", 128_000),
        ("openai/gpt-4o-mini", 128_000),
        ("GPT-3.5-turbo", 16_385),
        ("gpt-3.5-turbo-instruct", 4_096),
        ("gemini-pro", 32_760),
        ("gemini-2.5-flash", 1_048_576),
        ("claude-3-sonnet-20240229", 200_000),
        ("nobody-knows", DEFAULT_LIMIT),
    ],
)
def test_the_longest_prefix_tells_the_limit(model: str, limit: int) -> None:
    assert token_limit(model) == limit


def test_system_messages_stay_and_of_the_others_the_newest_in_their_order() -> None:
    talk = [said("rules", "system"), said("a " * 100), said("old", "assistant"), said("new"), said("more", "system")]
    kept = truncate(talk, 4 * (PER_MESSAGE + 2))
    assert [message.text for message in kept] == ["rules", "old", "new", "more"]


def test_a_result_never_stays_without_its_call() -> None:
    call = Message(role="assistant", parts=(ToolCallPart(id="1", name="look", input={"at": "x" * 400}),))
    result = Message(role="tool", parts=(ToolResultPart(id="1", output="seen"),))
    assert truncate([said("hi"), call, result, said("ok")], 40) == [said("ok")]
    assert truncate([said("hi"), call, result, said("ok")], 400) == [said("hi"), call, result, said("ok")]


def test_files_count() -> None:
    picture = Message(role="user", parts=(FilePart(url="https://x/y.png", media_type="image/png"),))
    assert count_messages([picture]) > 500


def test_a_budget_is_spent_whole_or_not_at_all() -> None:
    budget = TokenBudget(10, reserved=2)
    assert budget.fits("one two three")
    assert budget.spend("one two three")
    assert budget.left == 4
    assert not budget.spend(5)
    assert (budget.left, budget.used) == (4, 4)
    assert TokenBudget.of("gpt-4").left == 8_192
    with pytest.raises(ValueError, match="below 0"):
        TokenBudget(-1)
