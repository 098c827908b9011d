"""How a request prescribes its answer, and what the fake takes for the question."""

import msgspec
import pytest

from sluice.testing.fake_asked import Asked, Turn, Wanted, said_last, steps, wanted
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import called, reply
from sluice.testing.fake_request import read


def turns(*said: str) -> tuple[Turn, ...]:
    """`u:hello a: t:result`."""
    roles = {"u": "user", "a": "assistant", "t": "tool", "s": "system"}
    return tuple(msgspec.convert({"role": roles[each[0]], "text": each[2:]}, Turn) for each in said)


@pytest.mark.parametrize(
    ("said", "question", "count"),
    [
        (("u:one",), "one", 0),
        (("s:rules", "u:one", "u:two"), "one\ntwo", 0),
        (("u:one", "s:rules", "u:two"), "one\ntwo", 0),
        (("u:one", "a:", "u:two"), "two", 0),
        (("u:one", "a:", "t:r"), "one", 1),
        (("u:one", "a:", "t:r", "t:s", "a:", "t:q"), "one", 2),
        (("u:one", "a:", "t:r", "u:two"), "two", 0),
        (("s:rules",), "", 0),
    ],
)
def test_the_question_and_the_step(said: tuple[str, ...], question: str, count: int) -> None:
    assert (said_last(turns(*said)), steps(turns(*said))) == (question, count)


def test_a_prescription_in_the_message_is_no_part_of_the_question() -> None:
    asked = Asked(model="m", turns=turns('u:Say it. [[fake {"content": "[[x]]"}]] Please.'), seed=b"")
    assert asked.question == "Say it.  Please."
    found = wanted(asked.turns, None)
    assert found is not None
    assert found.content == "[[x]]"


def test_one_answer_in_the_message_is_for_the_first_step_and_one_in_the_body_for_each() -> None:
    marked = 'u:[[fake {"content": "x"}]]'
    assert wanted(turns(marked), None) == Wanted(content="x")
    assert wanted(turns(marked, "a:", "t:r"), None) is None
    assert wanted(turns("u:hi", "a:", "t:r"), Wanted(content="y")) == Wanted(content="y")


def test_a_list_has_an_answer_for_each_step() -> None:
    listed = [Wanted(content="x"), Wanted(content="y")]
    assert wanted(turns("u:hi"), listed) == listed[0]
    assert wanted(turns("u:hi", "a:", "t:r"), listed) == listed[1]
    assert wanted(turns("u:hi", "a:", "t:r", "a:", "t:r"), listed) is None


@pytest.mark.parametrize("wish", ["{", '{"contents": "x"}', "[1]", '{"finish": "maybe"}'])
def test_what_cannot_be_read_of_a_prescription_is_refused(wish: str) -> None:
    with pytest.raises(Refusal, match="The prescription in the last message cannot be read") as caught:
        wanted(turns(f"u:[[fake {wish}]]"), None)
    assert caught.value.status == 400


@pytest.mark.parametrize("text", ["[[fake ", "]] [[fake {}", "[[faked {}]]"])
def test_what_only_looks_like_one_is_text(text: str) -> None:
    assert wanted(turns(f"u:{text}"), None) is None


def test_calls_that_may_not_be_parallel_come_one_in_each_step() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("one", "two")]
    body: dict[str, object] = {"model": "m", "tools": tools, "parallel_tool_calls": False}
    said: list[dict[str, object]] = [{"role": "user", "content": "one and two"}]
    for step, names in enumerate((["one"], ["two"], [])):
        asked = read(msgspec.json.encode(body | {"messages": said}))
        assert [function.name for function in called(asked)] == names
        for call in reply(asked).choices[0].calls:
            said.append({"role": "assistant", "tool_calls": [{"id": call.id}]})
            said.append({"role": "tool", "tool_call_id": call.id, "content": f"result {step}"})
    text = "".join(reply(read(msgspec.json.encode(body | {"messages": said}))).choices[0].content or ())
    assert "result 1" in text


def test_all_results_of_a_step_are_quoted() -> None:
    calls = [{"id": "a"}, {"id": "b"}]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": f"from {call['id']}"} for call in calls]
    said = [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": calls}, *results]
    text = "".join(reply(read(msgspec.json.encode({"model": "m", "messages": said}))).choices[0].content or ())
    assert "from a; from b" in text


def test_a_stop_sequence_ends_the_text_before_itself() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "fake": {"content": "one two three"}}
    choice = reply(read(msgspec.json.encode(body | {"stop": ["three", "two"]}))).choices[0]
    assert ("".join(choice.content or ()), choice.stopped, choice.finish) == ("one ", "two", "stop")
    choice = reply(read(msgspec.json.encode(body | {"stop": "four"}))).choices[0]
    assert choice.stopped is None
