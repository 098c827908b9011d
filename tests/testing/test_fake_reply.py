"""What the fake decides to say, and how its tokens are counted."""

import msgspec
import pytest

from sluice.testing import fake_words
from sluice.testing.fake_reply import Choice, Reply, reply
from sluice.testing.fake_request import read

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "get_time"}},
]


def answer(question: str = "hi", /, **members: object) -> Reply:
    body = {"model": "m", "messages": [{"role": "user", "content": question}]} | members
    return reply(read(msgspec.json.encode(body)))


def only(whole: Reply) -> Choice:
    assert len(whole.choices) == 1
    return whole.choices[0]


def text(choice: Choice) -> str:
    return "".join(choice.content or ())


def test_the_same_request_gets_the_same_reply_and_another_another() -> None:
    assert answer() == answer()
    assert answer() != answer(seed=2)


def test_tokens_are_counted_piece_by_piece() -> None:
    whole = answer("one two three", fake={"content": "a b c", "reasoning": "d e"})
    assert whole.prompt_tokens == 3 + 3 + 3
    assert (whole.completion_tokens, whole.reasoning_tokens) == (5, 2)
    assert answer(tools=TOOLS).prompt_tokens > answer().prompt_tokens


@pytest.mark.parametrize("member", ["max_tokens", "max_completion_tokens"])
def test_the_limit_cuts_the_answer_with_length(member: str) -> None:
    def limited(tokens: int) -> Reply:
        return answer("hi", **{member: tokens})

    cut = limited(4)
    assert only(cut).finish == "length"
    assert cut.completion_tokens == 4
    assert only(limited(10_000)).finish == "stop"


def test_the_limit_counts_reasoning_first() -> None:
    choice = only(answer(max_tokens=3, fake={"content": "x y", "reasoning": "a b"}))
    assert (choice.reasoning, choice.content, choice.finish) == (("a", " b"), ("x",), "length")


def test_every_limit_gives_that_many_tokens_of_a_tool_call() -> None:
    whole = only(answer("Use get_weather", tools=TOOLS)).tokens
    for most in range(fake_words.count("get_weather"), whole):
        cut = only(answer("Use get_weather", tools=TOOLS, max_tokens=most))
        assert (cut.tokens, cut.finish) == (most, "length")
    assert only(answer("Use get_weather", tools=TOOLS, max_tokens=1)).calls == ()


def test_the_request_may_prescribe_the_answer() -> None:
    assert text(only(answer(fake={"content": "exactly  this\n"}))) == "exactly  this\n"
    assert text(only(answer(httpbun={"content": "or this"}))) == "or this"
    refused = only(answer(fake={"refusal": "I will not"}))
    assert (refused.content, "".join(refused.refusal or ())) == (None, "I will not")


@pytest.mark.parametrize(
    ("question", "members", "names"),
    [
        ("hi", {}, []),
        ("please get_weather now", {}, ["get_weather"]),
        ("get_weather and get_time", {}, ["get_weather", "get_time"]),
        ("get_weather and get_time", {"parallel_tool_calls": False}, ["get_weather"]),
        ("forget_weather_now", {}, []),
        ("get_weather", {"tool_choice": "none"}, []),
        ("hi", {"tool_choice": "required"}, ["get_weather"]),
        ("hi", {"tool_choice": {"type": "function", "function": {"name": "get_time"}}}, ["get_time"]),
    ],
)
def test_which_tools_are_called(question: str, members: dict[str, object], names: list[str]) -> None:
    choice = only(answer(question, tools=TOOLS, **members))
    assert [call.name for call in choice.calls] == names
    assert choice.finish == ("tool_calls" if names else "stop")
    assert (choice.content is None) == bool(names)


def test_arguments_are_json_of_the_tools_schema_in_pieces() -> None:
    call = only(answer("get_weather", tools=TOOLS)).calls[0]
    assert msgspec.json.decode("".join(call.arguments)) == {"city": "Paris"}
    assert len(call.arguments) > 1
    assert call.id.startswith("call_")


def test_calls_have_different_ids_in_every_choice() -> None:
    whole = answer("get_weather get_time", tools=TOOLS, n=2)
    ids = [call.id for choice in whole.choices for call in choice.calls]
    assert len(ids) == len(set(ids)) == 4


def test_a_tools_result_is_quoted_whatever_is_required() -> None:
    history = [
        {"role": "user", "content": "get_weather"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {}}]},
        {"role": "tool", "tool_call_id": "c", "content": "21 degrees"},
    ]
    choice = only(answer(messages=history, tools=TOOLS, tool_choice="required"))
    assert "21 degrees" in text(choice)
    assert (choice.calls, choice.finish) == ((), "stop")


def test_structured_answers_are_json_of_their_schema() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER}}
    assert msgspec.json.decode(text(only(answer(response_format=form)))) == {"city": "Paris"}
    assert isinstance(msgspec.json.decode(text(only(answer(response_format={"type": "json_object"})))), dict)
