"""What the fake demands of a history in Responses and in Gemini, as their vendors do."""

import msgspec
import pytest

from tests.testing.spoken import SPOKEN, Json, accepted, altered, loop, obj, refused, rows, script, whole

# -- Responses --------------------------------------------------------------------------------------------------------


def test_responses_refuse_encrypted_content_that_the_fake_did_not_make() -> None:
    body, answer = loop("responses")
    for item in rows(answer["output"]):
        if item["type"] == "reasoning":
            changed = item | {"encrypted_content": altered(item["encrypted_content"])}
    output = [changed if item["type"] == "reasoning" else item for item in rows(answer["output"])]
    said = refused("responses", SPOKEN["responses"].go_on(body, answer | {"output": output}, "21"))
    assert "could not be verified" in said


def test_responses_know_reasoning_by_its_id_only_where_it_is_stored() -> None:
    body, answer = loop("responses")
    output = [{k: v for k, v in item.items() if k != "encrypted_content"} for item in rows(answer["output"])]
    history = SPOKEN["responses"].go_on(body, answer | {"output": output}, "21")
    assert "Items are not persisted when `store` is set to false" in refused("responses", history)
    accepted("responses", history | {"store": True})
    foreign = [item | ({"id": "rs_" + "0" * 50} if item["type"] == "reasoning" else {}) for item in output]
    history = SPOKEN["responses"].go_on(body, answer | {"output": foreign}, "21")
    assert refused("responses", history | {"store": True}).endswith("not found.")


def test_responses_demand_the_reasoning_that_came_before_a_call() -> None:
    body, answer = loop("responses")
    bare = [item for item in rows(answer["output"]) if item["type"] != "reasoning"]
    said = refused("responses", SPOKEN["responses"].go_on(body, answer | {"output": bare}, "21"))
    assert "was provided without its required 'reasoning' item" in said
    anonymous = [{k: v for k, v in item.items() if k != "id"} for item in bare]
    accepted("responses", SPOKEN["responses"].go_on(body, answer | {"output": anonymous}, "21"))


def test_responses_demand_an_output_for_each_call_and_no_other() -> None:
    body, answer = loop("responses", thinks=False)
    history = rows(SPOKEN["responses"].go_on(body, answer, "21")["input"])
    assert "No tool output found for function call call_" in refused("responses", body | {"input": history[:-1]})
    stray = {"type": "function_call_output", "call_id": "call_other", "output": "21"}
    assert "No tool call found for function call output" in refused("responses", body | {"input": [*history, stray]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": None}, "Missing required parameter: 'model'."),
        ({"input": None}, "Missing required parameter: 'input'."),
        ({"input": [{"type": "message", "content": "x"}]}, "Missing required parameter: 'input[0].role'."),
        (
            {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]},
            "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
        ),
        ({"previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found."),
        ({"top_logprobs": 21}, "Expected a value <= 20."),
    ],
)
def test_responses_name_what_is_wrong(change: Json, said: str) -> None:
    body = {key: value for key, value in (SPOKEN["responses"].ask("hi") | change).items() if value is not None}
    assert said in refused("responses", body)


# -- Gemini -----------------------------------------------------------------------------------------------------------


def with_parts(answer: Json, **change: object) -> Json:
    """The answer with other members in its calls; None takes one away."""
    content = obj(rows(answer["candidates"])[0]["content"])
    parts = [part | change if "functionCall" in part else part for part in rows(content["parts"])]
    kept = [{key: value for key, value in part.items() if value is not None} for part in parts]
    return {"candidates": [{"content": content | {"parts": kept}}]}


def gemini_seal(answer: Json) -> str:
    parts = rows(obj(rows(answer["candidates"])[0]["content"])["parts"])
    return next(str(part["thoughtSignature"]) for part in parts if "functionCall" in part)


def test_gemini_demands_the_signature_of_the_first_call_of_a_turn_under_way() -> None:
    body, answer = loop("gemini")
    bare = with_parts(answer, thoughtSignature=None)
    history = SPOKEN["gemini"].go_on(body, bare, "21")
    assert "Function call is missing a thought_signature" in refused("gemini", history)
    over = [{"role": "model", "parts": [{"text": "21"}]}, {"role": "user", "parts": [{"text": "thanks"}]}]
    accepted("gemini", history | {"contents": [*rows(history["contents"]), *over]})


def test_gemini_demands_no_signature_of_a_model_that_does_not() -> None:
    body, answer = loop("gemini")
    history = SPOKEN["gemini"].go_on(body, with_parts(answer, thoughtSignature=None), "21")
    assert script("/v1beta/models/gemini-2.5-flash:generateContent", history).status == 200


def test_gemini_takes_a_signature_in_either_alphabet_and_no_other() -> None:
    body, answer = loop("gemini")
    seal = gemini_seal(answer)
    for spelled in (seal.replace("+", "-").replace("/", "_"), seal.rstrip("="), "skip_thought_signature_validator"):
        accepted("gemini", SPOKEN["gemini"].go_on(body, with_parts(answer, thoughtSignature=spelled), "21"))
    changed = with_parts(answer, thoughtSignature=altered(seal))
    assert "Corrupted thought signature" in refused("gemini", SPOKEN["gemini"].go_on(body, changed, "21"))
    other = {"name": "get_weather", "args": {"city": "Rome"}}
    moved = with_parts(answer, functionCall=other, thoughtSignature=seal)
    assert "Corrupted thought signature" in refused("gemini", SPOKEN["gemini"].go_on(body, moved, "21"))


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([], "contents is not specified"),
        ([{"role": "user", "parts": []}], "contents.parts must not be empty"),
        ([{"role": "user", "parts": [{}]}], "required oneof field 'data'"),
        ([{"role": "assistant", "parts": [{"text": "x"}]}], "Please use a valid role: user, model."),
        ([{"role": "user", "parts": [{"functionResponse": {"name": "f"}}]}], "comes immediately after a function call"),
        (
            [{"role": "model", "parts": [{"functionCall": {"name": "f"}}]}],
            "function call turn comes immediately after a user turn",
        ),
        (
            [
                {"role": "user", "parts": [{"text": "x"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f"}}]},
            ],
            "number of function response parts is equal",
        ),
        ([{"role": "user", "parts": [{"text": 1}]}], "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), int"),
    ],
)
def test_gemini_names_what_is_wrong_with_contents(contents: list[Json], said: str) -> None:
    assert said in refused("gemini", {"contents": contents})


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ({"name": "1x"}, "Invalid function name"),
        ({"name": "f", "parameters": {"type": "OBJECT", "$schema": "x"}}, 'Unknown name "$schema"'),
        (
            {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"const": 1}}}},
            "Unknown name \"const\" at 'tools[0].function_declarations[0].parameters.properties[0].value'",
        ),
    ],
)
def test_gemini_names_what_is_wrong_with_tools(declaration: Json, said: str) -> None:
    body = SPOKEN["gemini"].ask("hi") | {"tools": [{"function_declarations": [declaration]}]}
    assert said in refused("gemini", body)


def test_gemini_reads_both_spellings_of_its_names_and_its_own_types() -> None:
    parameters = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER"}}}
    body = SPOKEN["gemini"].ask("f") | {"tools": [{"function_declarations": [{"name": "f", "parameters": parameters}]}]}
    found = SPOKEN["gemini"].read(whole("gemini", body))
    assert found.calls == (("f", {"city": "Paris", "days": 1}),)
    wish = {"generation_config": {"response_mime_type": "application/json", "response_schema": parameters}}
    said = SPOKEN["gemini"].read(whole("gemini", SPOKEN["gemini"].ask("hi") | wish)).text
    assert msgspec.json.decode(said) == {"city": "Paris", "days": 1}
