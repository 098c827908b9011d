"""The fake in all its dialects: one reply whatever it is asked in, streamed and whole the same, tool loops that end."""

import msgspec
import pytest

from sluice.testing.fake_desk import Options
from sluice.testing.fake_script import Pause
from tests.testing.spoken import DIALECTS, SPOKEN, Json, Plain, obj, rows, script, sent, streamed, whole

WISHES: dict[str, Json] = {
    "plain": {},
    "reasoned": {"thinks": True},
    "called": {"tools": True, "question": "get_weather and get_time"},
    "reasoned and called": {"tools": True, "thinks": True, "question": "get_weather"},
    "prescribed": {"fake": {"content": "x y", "reasoning": "a b", "calls": [{"name": "f", "arguments": '{"a": 1}'}]}},
    "refused": {"fake": {"refusal": "I will not"}},
    "cut": {"fake": {"content": "no end", "finish": "length"}},
    "odd text": {"fake": {"content": 'quote " nul \u0000 line \r\n\u2028 \U0001f600'}},
    "counted": {"fake": {"content": "x", "cached_tokens": 40, "cache_write_tokens": 5}},
}


def asked(name: str, wish: Json) -> Json:
    ask = SPOKEN[name].ask
    body = ask(str(wish.get("question", "hi")), tools="tools" in wish, thinks="thinks" in wish)
    return body | ({"fake": wish["fake"]} if "fake" in wish else {})


@pytest.mark.parametrize("wish", WISHES)
def test_every_dialect_says_the_same(wish: str) -> None:
    said = {name: SPOKEN[name].read(whole(name, asked(name, WISHES[wish]))) for name in DIALECTS}
    assert len(set(map(repr, said.values()))) == 1, said


def test_the_same_is_not_nothing() -> None:
    called = SPOKEN["chat"].read(whole("chat", asked("chat", WISHES["reasoned and called"])))
    assert called.calls == (("get_weather", {"city": "Paris"}),)
    assert "get_weather" in called.reasoning
    assert "“hi”" in SPOKEN["chat"].read(whole("chat", asked("chat", {}))).text


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("wish", WISHES)
def test_stream_and_whole_answer_are_the_same(name: str, wish: str) -> None:
    body = asked(name, WISHES[wish])
    live, at_once = streamed(name, body), whole(name, body)
    assert SPOKEN[name].read(live) == SPOKEN[name].read(at_once)
    for word in ("usage", "usageMetadata", "stop_reason", "stopReason", "status", "incomplete_details"):
        assert live.get(word) == at_once.get(word)
    if name in ("messages", "responses", "converse"):
        assert live == at_once  # ids and seals included
    if name == "chat":
        finish = [rows(each["choices"])[0]["finish_reason"] for each in (live, at_once)]
    elif name == "gemini":
        finish = [rows(each["candidates"])[0]["finishReason"] for each in (live, at_once)]
    else:
        finish = []
    assert len(set(map(str, finish))) <= 1


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("thinks", [False, True])
def test_a_loop_of_three_steps_ends_with_the_last_result(name: str, *, thinks: bool) -> None:
    first: Json = {"reasoning": "one", "calls": [{"name": "get_weather", "arguments": '{"city":"Oslo"}'}]}
    second: Json = {"reasoning": "two", "calls": [{"name": "get_time"}]}
    marker = msgspec.json.encode([first, second] if thinks else [first | {"reasoning": None}]).decode()
    body = SPOKEN[name].ask(f"Go. [[fake {marker}]]", tools=True, thinks=thinks)
    answer = whole(name, body)
    assert SPOKEN[name].read(answer).calls == (("get_weather", {"city": "Oslo"}),)
    body = SPOKEN[name].go_on(body, answer, "4 degrees")
    answer = whole(name, body)
    if thinks:
        assert SPOKEN[name].read(answer) == Plain(reasoning="two", calls=(("get_time", {}),))
        body = SPOKEN[name].go_on(body, answer, "noon")
        answer = whole(name, body)
    assert ("noon" if thinks else "4 degrees") in SPOKEN[name].read(answer).text


@pytest.mark.parametrize("name", DIALECTS)
def test_an_error_is_prescribed_before_and_inside_the_stream(name: str) -> None:
    spoken = SPOKEN[name]
    wish: Json = {"fake": {"content": "a b c", "error": {"status": 503, "message": "too much", "after": 4}}}
    body = asked(name, wish)
    assert script(spoken.path, body, spoken.headers).status == 503
    live = script(spoken.stream_path or spoken.path, body | {"stream": True}, spoken.headers)
    chunks = [chunk for chunk in live.chunks if isinstance(chunk, bytes)]
    assert (live.status, len(chunks)) == (200, 5)
    assert b"too much" in chunks[-1]


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"\\ud800"', b"[" * 100_000, b'{"a":' * 100_000, b"\xff"])
def test_what_is_no_request_is_refused(name: str, body: bytes) -> None:
    answer = script(SPOKEN[name].path, body, SPOKEN[name].headers)
    assert answer.status == 400
    msgspec.json.decode(sent(answer), type=Json)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_first_token_takes_its_time_and_every_other_the_gap(name: str) -> None:
    spoken = SPOKEN[name]
    body = spoken.ask("hi") | {"fake": {"content": "first second third"}, "stream": True}
    options = Options(first_token_s=2.0, gap_s=0.5)
    items = list(script(spoken.stream_path or spoken.path, body, spoken.headers, options).chunks)
    assert items[0] == Pause(2.0)
    end = items.index(Pause(0.5))
    opening = [chunk for chunk in items[1:end] if isinstance(chunk, bytes)]
    assert [b"first" in chunk for chunk in opening] == [False] * (len(opening) - 1) + [True]
    assert all(item == Pause(0.5) for item in items[end::2])
    at_once = list(script(spoken.path, body | {"stream": False}, spoken.headers, options).chunks)
    assert at_once[0] == Pause(2.0 + 2 * 0.5)


def test_items_that_are_no_functions_are_accepted() -> None:
    """What Codex sends besides functions: custom tools, shells, references."""
    items: list[Json] = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "patch it"}]},
        {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin Patch"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "patched"},
        {"type": "item_reference", "id": "msg_1"},
    ]
    tools = [{"type": "custom", "name": "apply_patch"}, {"type": "local_shell"}, {"type": "web_search"}]
    found = whole("responses", {"model": "m", "input": items, "tools": tools, "prompt_cache_key": "k"})
    assert "patched" in SPOKEN["responses"].read(found).text
    assert (found["prompt_cache_key"], found["tools"]) == ("k", tools)


def test_what_claude_code_sends_is_accepted() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}}
    body: Json = {
        "model": "claude-opus-5-5",
        "max_tokens": 32000,
        "stream": False,
        "system": [{"type": "text", "text": "You are", **mark}, {"type": "text", "text": "a tool", **mark}],
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "<system-reminder>"}, {"type": "text", "text": "go"}],
            },
        ],
        "tools": [
            {"name": "Bash", "description": "Run", "input_schema": schema, "eager_input_streaming": True},
            {"type": "web_search_20250305", "name": "web_search", **mark},
        ],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "metadata": {"user_id": "u"},
        "context_management": {"edits": []},
    }
    found = whole("messages", body)
    assert SPOKEN["messages"].read(found).reasoning.startswith("The user says “<system-reminder> go”")
    assert obj(found["usage"])["cache_creation_input_tokens"]
