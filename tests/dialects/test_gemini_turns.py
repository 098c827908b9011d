"""gemini/turns.py: what is one part, where reasoning comes back to, and that thousands of parts are read at once."""

import time
from collections.abc import Callable

import pytest

from sluice.chat.content import Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, Seal, pack
from sluice.dialects.gemini.turns import Turn
from tests.dialects.gemini import Json, conversation, messages
from tests.support.measuring import slowness, undisturbed

FOREIGN = Reasoning("why", Seal("dialect.x", "reasoning", "proof"))
OTHER = Reasoning("", Seal("dialect.x", "redacted", "proof"))
CALL = ToolUse(id="a", name="f", arguments="{}")
OF_A_CALL = Reasoning("", Seal("dialect.gemini", "call", "sig"))
PARTS = 4000
"""Of each shape; the bound of a request lets no more than some thousands through."""


def turn(*say: Callable[[Turn], None]) -> tuple[object, ...]:
    found = Turn("assistant")
    for each in say:
        each(found)
    message = found.message()
    return () if message is None else message.parts


def test_texts_and_thoughts_that_follow_each_other_are_one() -> None:
    said = (lambda t: t.say("a"), lambda t: t.say("b"), lambda t: t.say("c"), lambda t: t.think("d"))
    assert turn(*said, lambda t: t.think("e"), lambda t: t.say("f")) == (
        Text(text="abc"),
        Reasoning("de"),
        Text(text="f"),
    )
    assert turn() == ()


def test_a_seal_closes_the_thought_that_was_shown() -> None:
    assert turn(
        lambda t: t.think("a"), lambda t: t.think("b"), lambda t: t.seal(OF_A_CALL), lambda t: t.think("c")
    ) == (
        Reasoning("ab", OF_A_CALL.seal),
        Reasoning("c"),
    )
    assert turn(lambda t: t.say("a"), lambda t: t.seal(OF_A_CALL)) == (Text(text="a"), OF_A_CALL)


def test_what_comes_back_stands_where_its_step_began_and_takes_the_place_of_what_was_shown() -> None:
    assert turn(
        lambda t: t.add(CALL),
        lambda t: t.think("why"),
        lambda t: t.say("b"),
        lambda t: t.restore([FOREIGN]),
        lambda t: t.think("again"),
        lambda t: t.restore([OTHER, OF_A_CALL]),
        lambda t: t.add(CALL),
        lambda t: t.say("c"),
    ) == (CALL, OTHER, FOREIGN, Text(text="b"), OF_A_CALL, CALL, Text(text="c"))


def text(index: int) -> Json:
    return {"text": "x" * 2000}


def thought(index: int) -> Json:
    return {"text": "x" * 2000, "thought": True}


def sealed_text(index: int) -> Json:
    return {"text": "x", "thoughtSignature": pack([FOREIGN])}


def sealed_call(index: int) -> Json:
    return {"functionCall": {"name": "f"}, "thoughtSignature": pack([FOREIGN])}


@pytest.mark.timed
@pytest.mark.parametrize("part", [text, thought, sealed_text, sealed_call])
def test_no_kind_of_part_costs_more_for_what_stands_before_it(part: Callable[[int], Json]) -> None:
    read_in_time({"role": "model", "parts": [part(index) for index in range(PARTS)]})


@pytest.mark.timed
@pytest.mark.parametrize("named", ["id", "name"])
def test_results_find_their_calls_at_once(named: str) -> None:
    calls = [{"functionCall": {"name": "f"} | {named: f"x{index}"}} for index in range(PARTS)]
    results = [{"functionResponse": {named: f"x{index}"}} for index in reversed(range(PARTS))]
    read_in_time({"role": "model", "parts": calls}, {"parts": results})
    (_, answered) = messages({"role": "model", "parts": calls}, {"parts": results})
    assert [part.name for part in answered.parts[:1] if isinstance(part, ToolResult)] == [
        "f" if named == "id" else f"x{PARTS - 1}"
    ]


@pytest.mark.timed
def test_allowed_names_are_looked_up() -> None:
    declarations = [{"name": f"f{index}"} for index in range(PARTS)]
    calling = {"mode": "ANY", "allowedFunctionNames": [f"f{index}" for index in range(PARTS)]}
    with undisturbed():
        bound, began = 0.25 * slowness(), time.thread_time()
        got = conversation(
            tools=[{"functionDeclarations": declarations}], toolConfig={"functionCallingConfig": calling}
        )
        assert time.thread_time() - began < bound
    assert len(got.tools) == PARTS


def read_in_time(*contents: Json) -> None:
    """Before, each of these took seconds: the square of their number."""
    with undisturbed():
        bound, began = 0.4 * slowness(), time.thread_time()
        messages(*contents)
        assert time.thread_time() - began < bound
