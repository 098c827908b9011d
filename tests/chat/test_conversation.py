"""chat/conversation.py: words and budgets for reasoning, and the names of tools in results."""

import pytest

from sluice.chat.content import Message, Part, Text, ToolResult, ToolUse
from sluice.chat.conversation import BUDGETS, Effort, Thinking, budget_of, effort_of, with_tool_names


@pytest.mark.parametrize(
    ("thinking", "budget", "effort"),
    [
        (Thinking(), None, None),
        (Thinking(adaptive=True), None, None),
        (Thinking(effort="low"), 1024, "low"),
        (Thinking(effort="high"), 4096, "high"),
        (Thinking(effort="none"), 0, "none"),
        (Thinking(budget_tokens=0), 0, "none"),
        (Thinking(budget_tokens=1), 1, "low"),
        (Thinking(budget_tokens=1025), 1025, "medium"),
        (Thinking(budget_tokens=4096), 4096, "high"),
        (Thinking(budget_tokens=10**6), 10**6, "high"),
        (Thinking(effort="low", budget_tokens=9000), 9000, "low"),
    ],
)
def test_each_currency_for_the_other(thinking: Thinking, budget: int | None, effort: str | None) -> None:
    assert (budget_of(thinking), effort_of(thinking)) == (budget, effort)


@pytest.mark.parametrize("word", ["none", "low", "medium", "high"])
def test_a_words_budget_is_that_word(word: Effort) -> None:
    assert effort_of(Thinking(budget_tokens=BUDGETS[word])) == word
    assert Thinking(effort=word).off is Thinking(budget_tokens=BUDGETS[word]).off is (word == "none")


def test_results_name_their_tools_as_far_as_the_calls_before_them_tell() -> None:
    def message(*parts: Part) -> Message:
        return Message(role="user", parts=parts)

    def result(call_id: str, name: str = "") -> ToolResult:
        return ToolResult(call_id=call_id, name=name)

    call, again = ToolUse(id="t", name="f", arguments=""), ToolUse(id="t", name="g", arguments="")
    plain = message(Text(text="x"))
    before = (plain, message(result("t")), message(call), message(result("t"), result("u"), result("t", "own")))
    named = with_tool_names((*before, message(again, result("t"))))
    assert [part.name for m in named for part in m.parts if isinstance(part, ToolResult)] == ["", "f", "", "own", "g"]
    assert named[0] is plain
