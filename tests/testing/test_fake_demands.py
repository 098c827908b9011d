"""What the fake demands of a history, as its vendors do: seals to the byte, every call answered, and nothing else."""

import pytest

from tests.testing.spoken import ASK, SPOKEN, Json, accepted, altered, loop, obj, refused, rows, whole

# -- Messages ---------------------------------------------------------------------------------------------------------


def blocks(answer: Json) -> list[Json]:
    return rows(answer["content"])


def test_messages_demand_the_thought_before_a_call_in_a_turn_under_way() -> None:
    body, answer = loop("messages")
    bare = answer | {"content": [b for b in blocks(answer) if b["type"] != "thinking"]}
    said = refused("messages", SPOKEN["messages"].go_on(body, bare, "21"))
    assert said.startswith("messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_u")
    without = {key: value for key, value in body.items() if key != "thinking"}
    accepted("messages", SPOKEN["messages"].go_on(without, bare, "21"))
    adaptive = body | {"thinking": {"type": "adaptive"}}
    accepted("messages", SPOKEN["messages"].go_on(adaptive, bare, "21"))


def test_messages_demand_no_thought_of_a_turn_that_is_over() -> None:
    body, answer = loop("messages")
    bare = answer | {"content": [b for b in blocks(answer) if b["type"] != "thinking"]}
    over = SPOKEN["messages"].go_on(body, bare, "21")
    last = [{"role": "assistant", "content": "21 degrees"}, {"role": "user", "content": "thanks"}]
    accepted("messages", over | {"messages": [*rows(over["messages"]), *last]})


@pytest.mark.parametrize("what", ["signature", "thinking"])
def test_messages_refuse_a_thought_that_was_changed(what: str) -> None:
    body, answer = loop("messages")
    changed = [b | ({what: altered(b[what])} if b["type"] == "thinking" else {}) for b in blocks(answer)]
    said = refused("messages", SPOKEN["messages"].go_on(body, answer | {"content": changed}, "21"))
    assert said == "messages.1.content.0: Invalid `signature` in `thinking` block"


def test_messages_take_redacted_and_omitted_thoughts_back() -> None:
    body = SPOKEN["messages"].ask(ASK, tools=True, thinks=True)
    calls = [{"name": "get_weather"}]
    redacted = body | {"fake": [{"reasoning": "hm", "redacted": True, "calls": calls}]}
    answer = whole("messages", redacted)
    assert [b["type"] for b in blocks(answer)] == ["redacted_thinking", "tool_use"]
    accepted("messages", SPOKEN["messages"].go_on(redacted, answer, "21"))
    changed = [b | ({"data": altered(b["data"])} if "data" in b else {}) for b in blocks(answer)]
    said = refused("messages", SPOKEN["messages"].go_on(redacted, answer | {"content": changed}, "21"))
    assert said == "messages.1.content.0: Invalid `data` in `redacted_thinking` block"
    omitted = body | {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}}
    answer = whole("messages", omitted)
    assert blocks(answer)[0]["thinking"] == ""
    accepted("messages", SPOKEN["messages"].go_on(omitted, answer, "21"))


def test_messages_demand_a_result_for_each_call_and_no_other() -> None:
    body, answer = loop("messages", thinks=False)
    history = SPOKEN["messages"].go_on(body, answer, "21")
    asked, called, result = rows(history["messages"])
    ending = {"role": "user", "content": "well?"}
    assert "`tool_use` ids were found without `tool_result`" in refused(
        "messages", body | {"messages": [asked, called, ending]}
    )
    stray = [{"type": "tool_result", "tool_use_id": "toolu_other", "content": "21"}]
    both = [*rows(result["content"]), *stray]
    assert "unexpected `tool_use_id`" in refused(
        "messages", body | {"messages": [asked, called, {"role": "user", "content": both}]}
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"model": None}, "model: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: Input should be valid"),
        ({"messages": [{"role": "user", "content": " "}]}, "text content blocks must contain non-whitespace text"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0: user messages must have non-empty content"),
        ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "`max_tokens` must be greater than"),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        ({"thinking": {"type": "adaptive"}, "temperature": 0.5}, "`temperature` may only be set to 1"),
        ({"tools": [{"name": "t"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"name": "t", "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({"tools": [{"name": "t", "input_schema": {"type": "object"}}] * 2}, "Tool names must be unique"),
        ({"tool_choice": {"type": "any"}}, "tool_choice may only be specified while providing tools"),
        ({"system": [{"type": "text", "text": "x", "cache_control": {}}] * 5}, "A maximum of 4 blocks"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ],
)
def test_messages_name_what_is_wrong(change: Json, said: str) -> None:
    body = {key: value for key, value in (SPOKEN["messages"].ask("hi") | change).items() if value is not None}
    assert said in refused("messages", body)


# -- Converse ---------------------------------------------------------------------------------------------------------


def test_converse_demands_the_thought_before_a_call_and_its_signature() -> None:
    body, answer = loop("converse")
    message = obj(obj(answer["output"])["message"])

    def history(content: list[Json]) -> Json:
        changed: Json = {"output": {"message": message | {"content": content}}}
        return SPOKEN["converse"].go_on(body, changed, "21")

    parts = rows(message["content"])
    accepted("converse", history(parts))
    assert "Expected `thinking`" in refused("converse", history(parts[1:]))
    thought = obj(obj(parts[0]["reasoningContent"])["reasoningText"])
    forged: Json = {"reasoningContent": {"reasoningText": thought | {"signature": altered(thought["signature"])}}}
    assert "Invalid `signature`" in refused("converse", history([forged, *parts[1:]]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"messages": []}, "The value at messages is not valid"),
        ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "must start with a user message"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}] * 2}, "roles must alternate"),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "messages.0.content.0 is blank"),
        ({"messages": [{"content": []}]}, "'messages.0.role' failed to satisfy constraint"),
        ({"toolConfig": {"tools": []}}, "The value at toolConfig.tools is not valid"),
        (
            {"messages": [{"role": "user", "content": [{"text": "x"}, *[{"document": {"name": "d"}}] * 2]}]},
            "Duplicate document name",
        ),
    ],
)
def test_converse_names_what_is_wrong(change: Json, said: str) -> None:
    assert said in refused("converse", SPOKEN["converse"].ask("hi") | change)


def test_converse_demands_tools_for_a_history_that_has_them() -> None:
    body, answer = loop("converse", thinks=False)
    history = SPOKEN["converse"].go_on(body, answer, "21")
    del history["toolConfig"]
    assert "The toolConfig field must be defined" in refused("converse", history)
    body, answer = loop("converse", thinks=False)
    history = SPOKEN["converse"].go_on(body, answer, "21")
    asked, called, _ = rows(history["messages"])
    ending = {"role": "user", "content": [{"text": "well?"}]}
    assert "Expected toolResult blocks at messages.2.content for the following Ids: tooluse_" in refused(
        "converse", history | {"messages": [asked, called, ending]}
    )


# -- chat completions -------------------------------------------------------------------------------------------------


def test_chat_demands_a_result_for_each_call_and_no_other() -> None:
    body, answer = loop("chat", thinks=False)
    asked, called, result = rows(SPOKEN["chat"].go_on(body, answer, "21")["messages"])
    unanswered = body | {"messages": [asked, called, {"role": "user", "content": "well?"}]}
    assert "did not have response messages: call_" in refused("chat", unanswered)
    assert "did not have response messages: call_" in refused("chat", body | {"messages": [asked, called]})
    stray = result | {"tool_call_id": "call_other"}
    assert "must be a response to a preceeding message" in refused("chat", body | {"messages": [asked, stray]})
    assert "must be a response to a preceeding message" in refused(
        "chat", body | {"messages": [asked, called, result, stray]}
    )
